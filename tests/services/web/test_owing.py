"""Who owes what by when: grouped by who owes, the oldest first, counted and saved by the question that lists it."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.engine import Task
from models.programmes import AccessEntry
from models.vocabulary import CaseState, Party
from services import listing
from services.listing import Filters
from services.overview import owing
from services.web.pages import exporting
from tests.factories import Office, deliver_mail, drain, make_case, task_of
from tests.services.web.browser import browser, send

HERE = "/qui-doit-quoi"


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


def test_each_debtor_stands_once_the_oldest_first_with_whom_to_call(office: Office) -> None:
    calls = [make_case(office, CaseState.TO_CONTACT) for _ in range(2)]
    asked = make_case(office, CaseState.ORIENTING)  # a visit later: the calls are late by now
    deliver_mail(office, asked)
    make_case(office)  # the coordination's own: not here

    page = browser(office, "claire").get(HERE).text

    names = re.findall(r'<h2>(?:<a href="([^"]+)">)?([^<]+)', page)
    assert [name for _, name in names] == ["Énergence", "ADIL du Finistère"]
    assert "3 choses attendues" in plain(page)
    assert "2 choses attendues, dont 2 en retard" in plain(page)
    narrowed = browser(office, "claire").get(names[1][0]).text
    assert "Une chose attendue" in plain(narrowed)
    assert str(asked) in narrowed
    assert not any(str(case_id) in narrowed for case_id in calls)


def test_every_figure_is_the_length_of_its_list(office: Office) -> None:
    make_case(office, CaseState.TO_CONTACT)
    deliver_mail(office, make_case(office, CaseState.ORIENTING))

    with office.runtime.database.read() as unit:
        for actor in (office.claire, office.karim):
            for asked in (
                Filters(),
                Filters(late=True),
                Filters(party=Party.PARTNER),
                Filters(organisation_id=office.adil_id),
            ):
                question, found = owing.owed(unit, actor, asked), owing.page(unit, actor, asked, 1)
                assert question.count(unit) == len(found.page.rows) == len(list(question.all(unit)))
                assert sum(debtor.due for debtor in found.debtors.values()) == found.page.total
                late = owing.owed(unit, actor, asked.but(late=True)).count(unit)
                assert sum(debtor.late for debtor in found.debtors.values()) == found.late == late
                assert found.sides == owing.owed(unit, actor, asked.but(party=None)).by(unit, Task.party)


@pytest.mark.parametrize("party", [None, Party.OPERATOR, Party.ALERT_GIVER])
def test_the_pages_one_after_the_other_are_the_list(
    office: Office, monkeypatch: pytest.MonkeyPatch, party: Party | None
) -> None:
    for _ in range(3):
        make_case(office, CaseState.TO_CONTACT)
        deliver_mail(office, make_case(office, CaseState.ORIENTING))
    monkeypatch.setattr(listing, "PAGE", 2)

    with office.runtime.database.read() as unit:
        for actor in (office.claire, office.karim):
            listed = list(owing.owed(unit, actor, asked := Filters(party=party)).all(unit))
            pages = [owing.page(unit, actor, asked, number) for number in range(1, max(1, -(-len(listed) // 2)) + 1)]
            assert [task for each in pages for task in each.page.rows] == listed
            for each in pages:
                assert set(each.debtors) == {owing.whom_of(actor, task) for task in each.page.rows}
            assert owing.page(unit, actor, asked, 99).page.number == len(pages)


def test_a_manager_sees_his_officers_and_their_load_and_hands_over(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client = browser(office, "karim")
    assert "Personne de l’équipe ne s’en occupe encore" in plain(client.get(HERE).text)

    taken = task_of(office, case_id, "first_call").id
    back = send(client, f"/situations/{case_id}/taches/{taken}/prendre?retour=%2Fqui-doit-quoi")
    drain(office)

    assert back.headers["location"] == f"{HERE}?fait=tache-prendre"
    assert "Karim Le Gall" in plain(client.get(f"{HERE}?personne={office.karim.id}").text.partition("</h1>")[2])
    assert str(case_id) in client.get(f"/a-faire?personne={office.karim.id}").text
    assert "Rien n’est attendu" in browser(office, "nadia").get(HERE).text


def test_the_file_is_the_list_and_taking_it_is_written_down(office: Office) -> None:
    make_case(office, CaseState.TO_CONTACT)
    office.clock.at += timedelta(hours=1)
    client = browser(office, "claire")

    answer = client.get(f"{HERE}.csv?attente=operator")

    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert (head[0], row[0], row[4]) == ("Qui", "Énergence", "Appeler le ménage une première fois")
    assert client.get(f"{HERE}.xlsx").content[:2] == b"PK"
    assert client.get(f"{HERE}.exe").status_code == 404
    with office.runtime.database.read() as unit:
        assert (
            unit.session.scalars(select(AccessEntry.action).where(AccessEntry.allowed)).all().count(f"export {HERE}")
            == 2
        )
        assert unit.session.scalar(select(Task.party)) is not None


def test_no_cell_of_a_file_is_a_formula() -> None:
    answer = exporting.file("csv", "liste", ["Qui"], [["=1+1"], ["ADIL"]])

    assert bytes(answer.body).decode("utf-8-sig").splitlines() == ["Qui", "'=1+1", "ADIL"]
