"""The list of cases and its file; and on the page of one, whether somebody or Relais has the ball."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.engine import Event, Work
from models.programmes import AccessEntry
from models.vocabulary import CallResult, CaseState, WorkState
from services import search
from services.cases import calls, complaints
from services.forms import CallForm, ComplaintForm
from services.rules.casework import Hand
from tests.factories import Office, deliver_mail, drain, make_case, number_of
from tests.services.web.browser import browser, send
from tests.services.web.test_owing import plain

HERE = "/situations"
IN_HAND, HELD_UP = "Relais s’en occupe", "Une suite est restée en chemin"


def test_each_case_says_whom_it_waits_for_and_until_when(office: Office) -> None:
    calling, asked = make_case(office, CaseState.TO_CONTACT), make_case(office, CaseState.ORIENTING)
    deliver_mail(office, asked)
    office.clock.at += timedelta(days=30)

    page = browser(office, "claire").get(HERE).text

    lines = {number: plain(line) for line in page.split("<tr>") for number in re.findall(r"\d{4}-\d{5}", line)[:1]}
    assert re.search(r"Énergence En retard", lines[number_of(office, calling)])
    assert re.search(r"ADIL du Finistère En retard", lines[number_of(office, asked)])


@pytest.mark.parametrize("asked", ["", "?etape=orientation", "?ouvertes=1", "?commune=29019"])
def test_the_file_is_the_list_by_reference_alone_and_taking_it_is_written_down(office: Office, asked: str) -> None:
    make_case(office, CaseState.TO_CONTACT, surname="Kermarrec")
    deliver_mail(office, make_case(office, CaseState.ORIENTING))
    client = browser(office, "claire")

    listed = client.get(f"{HERE}{asked}").text
    answer = client.get(f"{HERE}.csv{asked}")

    _, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert rows
    assert [row[0] for row in rows] == re.findall(r'<a[^>]*href="/situations/[0-9a-f-]{36}"[^>]*>([^<]+)', listed)
    assert "Kermarrec" not in answer.text
    assert f'href="{HERE}.csv{asked}"' in listed
    with office.runtime.database.read() as unit:
        noted = unit.session.scalars(select(AccessEntry.action).where(AccessEntry.allowed)).all()
    assert noted.count(f"export {HERE}") == 1


def test_nobody_takes_away_the_cases_of_others(office: Office) -> None:
    make_case(office, CaseState.TO_CONTACT)
    kept = browser(office, "nadia").get(f"{HERE}.csv").content.decode("utf-8-sig")

    assert len(kept.splitlines()) == 1
    assert browser(office, "claire").get(f"{HERE}.exe").status_code == 404


def test_until_the_engine_has_drawn_the_consequences_of_an_act_nobody_is_asked_anything(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    with office.runtime.database.write("test") as unit:
        calls.record_call(unit, Hand(office.karim), case_id, CallForm(result=CallResult.VOICEMAIL))
    client = browser(office, "karim")

    before = client.get(f"{HERE}/{case_id}").text
    drain(office)
    after = client.get(f"{HERE}/{case_id}").text

    assert (IN_HAND in before, "En attente de" in before) == (True, False)
    assert (IN_HAND in after, "En attente de" in after) == (False, True)


def test_what_is_parked_is_said_and_hides_nothing_of_what_is_to_be_done(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    with office.runtime.database.write("test") as unit:
        complaints.receive(unit, Hand(office.karim), case_id, ComplaintForm(said_by="Le ménage", text="Trop long."))
        unit.session.execute(update(Work).values(state=WorkState.PARKED.value, attempts=12, error="KeyError x:1"))

    page = browser(office, "karim").get(f"{HERE}/{case_id}").text

    assert HELD_UP in page
    assert "En attente de" in page
    assert IN_HAND not in page


def test_a_search_that_finds_too_many_says_how_to_find_the_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_case(office, surname="Le Goff")
    make_case(office, surname="Le Goff")
    monkeypatch.setattr(search, "MOST", 2)

    page = send(browser(office, "claire"), "/recherche", q="goff").text

    assert "Les 2 situations enregistrées en dernier : ajoutez un mot" in plain(page)


@pytest.mark.parametrize("spoilt", [{"payload": {}}, {"type": "task.of_a_later_version"}, {"type": "later.version"}])
def test_a_story_that_this_version_cannot_read_whole_is_told_all_the_same(
    office: Office, spoilt: dict[str, object]
) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    office.clock.at += timedelta(days=30)
    drain(office)  # reminders too
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Event).where(Event.case_id == case_id).values(**spoilt))

    page = browser(office, "claire").get(f"{HERE}/{case_id}")

    assert page.status_code == 200
    assert "Événement que cette version de Relais ne sait pas lire" in page.text
