"""What an alert giver reads of his requests, and the sheet for the wall of his service."""

import asyncio
import re
from datetime import UTC, date, datetime
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from flows.monthly_news import write_letters
from models.cases import Alert
from models.engine import Message
from models.programmes import Organisation
from models.vocabulary import CaseState, PermissionKind
from services.cases import permissions
from services.forms import PermissionForm
from services.foundation.runtime import use
from services.overview import requests_made
from services.programme import organisations
from services.rules.casework import Hand
from services.rules.links import alert_url, letter_url, poster_url, requests_url
from services.rules.news import MONTHLY
from services.rules.rendering import render_message
from services.web.app import create_app
from tests.factories import Office, at, make_case
from tests.services.web.browser import browser


def page(office: Office, address: str) -> str:
    path = "/" + address.split("/", 3)[3]
    text = browser(office).get(path).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


def link(office: Office, case_id: object) -> str:
    with office.runtime.database.read() as unit:
        return requests_url(office.runtime, unit.session.scalars(select(Alert).filter_by(case_id=case_id)).one())


def test_an_alert_giver_reads_what_became_of_his_own_requests_and_names_nobody(office: Office) -> None:
    first = make_case(office, CaseState.ORIENTING)
    make_case(office, surname="Kermarrec", giver_email="Anne.Kerbrat@ccas-brest.fr")
    make_case(office, surname="Autre", giver_email="un.autre@ccas-brest.fr")

    found = page(office, link(office, first))

    assert "2 demandes, dont 2 en cours" in found
    assert "Des solutions sont demandées avec l’accord du ménage." in found
    assert "Médiation avec le bailleur En attente de réponse" in found
    assert not re.search("Le Goff|Kermarrec|Lucette|Siam|06 39|logement froid", found, re.IGNORECASE)


def test_an_alert_giver_may_ask_for_the_report_while_the_household_agrees(office: Office) -> None:
    offer, case_id = "vous lisiez le rapport de visite", make_case(office, CaseState.ORIENTING)
    address, hand = link(office, case_id), Hand(office.karim)
    assert offer not in page(office, address)

    form = PermissionForm(kind=PermissionKind.REPORT_TO_ALERT_GIVER)
    with office.runtime.database.write("agree") as unit:
        agreement = permissions.give(unit, hand, case_id, form)
    assert offer in page(office, address)

    with office.runtime.database.write("revoke") as unit:
        permissions.revoke(unit, hand, agreement.id)
    assert offer not in page(office, address)


def test_the_link_ends_with_the_link_of_the_service(office: Office) -> None:
    address = link(office, make_case(office))

    with office.runtime.database.write("renew") as unit:
        organisations.renew_link(unit, Hand(office.claire), office.giver_id)

    assert "2 demandes" not in page(office, address)
    assert "Ce lien" in page(office, address)


def test_the_news_carry_the_link_of_all_his_requests(office: Office) -> None:
    case_id = make_case(office)
    with office.runtime.database.read() as unit:
        query = select(Message).where(Message.case_id == case_id, Message.text == "alert_receipt")
        body = render_message(unit, unit.session.scalars(query).one()).body

    assert link(office, case_id) in body.splitlines()


def test_a_sheet_for_the_wall_has_the_link_as_a_code_and_no_figure_about_fewer_than_five(office: Office) -> None:
    for _ in range(4):
        make_case(office)
    with office.runtime.database.read() as unit:
        giver = unit.session.get_one(Organisation, office.giver_id)
        address = alert_url(office.runtime, giver)
        term = requests_made.last_term(date(2026, 1, 5))
        assert requests_made.of_organisation(unit, giver, term).requests is None

    make_case(office)
    now = browser(office, "claire").get(f"/organisations/{office.giver_id}/affiche").text
    assert "Grâce à vous" not in now  # a term is told once it has ended
    at(office, datetime(2026, 1, 5, 10, tzinfo=UTC))
    sheet = browser(office, "claire").get(f"/organisations/{office.giver_id}/affiche").text

    assert "<svg" in sheet
    assert address in sheet
    assert "d’octobre à décembre\N{NO-BREAK SPACE}2025" in sheet
    assert "<strong>5</strong> demandes de visite" in sheet
    assert "ménages visités" not in sheet
    theirs = browser(office).get("/" + address.split("/", 3)[3] + "/affiche").text
    assert "<strong>5</strong> demandes de visite" in theirs
    with office.runtime.database.write("renew") as unit:
        organisations.renew_link(unit, Hand(office.claire), office.giver_id)
    assert browser(office).get("/" + address.split("/", 3)[3] + "/affiche").status_code == HTTPStatus.GONE


@pytest.mark.parametrize(("month", "told"), [(11, False), (1, True)])
def test_the_letter_that_comes_after_a_term_announces_the_sheet_for_the_wall(
    office: Office, month: int, told: bool
) -> None:
    first = datetime(2025, month - 1 or 12, 3, 9, tzinfo=UTC)
    at(office, first)
    with use(office.runtime):
        asyncio.run(write_letters())
        case_id = make_case(office, CaseState.TO_CONTACT)
        at(office, datetime(2025 + (month == 1), month, 5, 9, tzinfo=UTC))
        asyncio.run(write_letters())
        with office.runtime.database.read() as unit:
            letter = unit.session.scalars(select(Message).where(Message.text == MONTHLY)).one()
            body = render_message(unit, letter).body
            sheet = poster_url(office.runtime, unit.session.get_one(Organisation, office.giver_id))

    assert (sheet in body.splitlines()) is told
    assert "L’affiche de votre équipe" in browser(office).get("/" + link(office, case_id).split("/", 3)[3]).text


def test_the_letter_of_the_month_is_stopped_by_a_button_of_the_mailbox_and_never_by_reading(office: Office) -> None:
    at(office, datetime(2025, 10, 6, 9, tzinfo=UTC))
    case_id = make_case(office, CaseState.ORIENTING)
    with use(office.runtime):
        asyncio.run(write_letters())
        at(office, datetime(2025, 11, 3, 9, tzinfo=UTC))
        asyncio.run(write_letters())
        with office.runtime.database.read() as unit:
            letter = unit.session.scalars(select(Message).where(Message.text == MONTHLY)).one()
            stop = letter_url(office.runtime, letter)
    path, mine = "/" + stop.split("/", 3)[3], link(office, case_id)
    mailbox = TestClient(create_app(office.runtime), base_url="http://testserver")

    def wanted() -> bool:
        return "Ne plus la recevoir" in page(office, mine)

    assert "Ne plus la recevoir" in mailbox.get(path).text
    assert wanted()
    assert mailbox.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == HTTPStatus.OK
    assert not wanted()
    assert mailbox.post("/demandes/" + mine.rpartition("/")[2] + "/lettre", data={"lettre": "oui"}).status_code == 403
    again = browser(office).post("/" + mine.split("/", 3)[3] + "/lettre", data={"lettre": "oui"})
    assert again.headers["location"].endswith("?fait=lettre-reprise")
    assert wanted()
    assert mailbox.post(path[:-1] + "!", data={"List-Unsubscribe": "One-Click"}).status_code == HTTPStatus.GONE
