"""The pipeline on its page: each figure leads to its cases, a card carries its act, it is refreshed when needed."""

import html
import re

from models.vocabulary import CaseState
from tests.factories import Office, drain, make_case
from tests.services.web.browser import browser, send

STAMP = re.compile(r'id="vu" name="vu" value="([^"]+)"')


def test_each_figure_leads_to_a_list_of_as_many_cases(office: Office) -> None:
    for state in (CaseState.TRIAGE, CaseState.TRIAGE, CaseState.TO_CONTACT, CaseState.ORIENTING):
        make_case(office, state)
    client = browser(office, "claire")

    page = html.unescape(client.get("/parcours").text)

    figures = re.findall(r'<p class="number"><a href="([^"]+)">(\d+)', page)
    assert [int(count) for _, count in figures] == [2, 1, 0, 1, 0]
    for href, count in figures:
        assert client.get(href).text.count('scope="row"') == int(count)


def test_a_card_carries_its_act_and_leads_back_to_the_board(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    page = html.unescape(client.get("/parcours").text)

    (act,) = re.findall(rf'href="(/situations/{case_id}/accepter[^"]*)"', page)
    done = send(client, act, operator_id=str(office.operator_id))

    assert done.headers["location"].startswith("/parcours")


def test_nothing_is_answered_while_nothing_has_changed(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    (seen,) = STAMP.findall(client.get("/parcours").text)

    assert client.get("/parcours", params={"vu": seen}).status_code == 204
    send(client, f"/situations/{case_id}/accepter", operator_id=str(office.operator_id))
    changed = client.get("/parcours", params={"vu": seen})
    (meanwhile,) = STAMP.findall(changed.text)
    drain(office)

    assert changed.status_code == 200
    assert client.get("/parcours", params={"vu": meanwhile}).status_code == 200


def test_what_happens_to_cases_that_one_does_not_see_refreshes_nothing(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client = browser(office, "karim")
    (seen,) = STAMP.findall(client.get("/parcours").text)

    make_case(office)
    assert client.get("/parcours", params={"vu": seen}).status_code == 204

    send(browser(office, "claire"), f"/situations/{case_id}/danger", danger="gas")
    assert client.get("/parcours", params={"vu": seen}).status_code == 200


def test_an_operator_sees_his_own_cases_only(office: Office) -> None:
    make_case(office)
    make_case(office, CaseState.TO_CONTACT)

    page = browser(office, "karim").get("/parcours").text

    assert re.findall(r'<p class="number"><a href="[^"]+">(\d+)', page) == ["0", "1", "0", "0", "0"]
