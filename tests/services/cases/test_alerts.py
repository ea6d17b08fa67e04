"""What is found of new alerts, examined together: who is known already, who lives elsewhere."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.engine import Event, Message
from models.vocabulary import CaseState
from services.cases import alerts
from services.rules.rendering import render_message
from tests.services.rules.situations import KARIM, Office, alert_form


def test_alerts_that_come_together_are_compared_with_each_other_and_with_older_ones(office: Office) -> None:
    older = office.triaged(surname="Nguyen", phone="06 39 98 00 01", street="3 quai Sud")
    same_number = office.submit(surname="Durand", phone="06 39 98 00 01", street="1 place Haute")
    alike = office.submit(surname="N’Guyen", phone="06 39 98 00 02", street="3, quai sud")
    stranger = office.submit(surname="Kowalski", phone="06 39 98 00 03", street="8 rue Neuve")

    _examine(office, same_number, alike, stranger)

    assert _doubles(office, same_number) == {older}
    assert _doubles(office, alike) == {older}
    assert _doubles(office, stranger) == set()


def test_two_alerts_of_one_household_in_one_batch_find_each_other(office: Office) -> None:
    first, second = office.submit(), office.submit(phone="06 39 98 00 09")

    _examine(office, first, second)

    assert (_doubles(office, first), _doubles(office, second)) == ({second}, {first})
    assert {office.case(each).state for each in (first, second)} == {CaseState.TRIAGE}


def test_the_same_name_at_the_same_address_is_a_double_however_many_alerts_came_since(office: Office) -> None:
    known = office.submit(surname="Kowalski", phone="06 39 98 00 03", street="8 rue Neuve")
    others = [alert_form(surname=f"Autre {at}", phone=f"+3363998{at:04}", street="1 place") for at in range(205)]
    with office.database.write("test") as unit:
        alerts.submit_all(unit, [(KARIM, each) for each in others], origin="form", silent=True)
    again = office.submit(surname="KOWALSKI", phone="06 39 98 99 99", street="8, rue neuve")

    _examine(office, again)

    assert _doubles(office, again) == {known}


def test_alerts_are_examined_once_whatever_else_is_in_the_batch(office: Office) -> None:
    known, new = office.submit(), office.submit(surname="Kowalski", phone="06 39 98 00 03", street="8 rue Neuve")
    _examine(office, known)

    _examine(office, known, new)

    assert [_times_examined(office, each) for each in (known, new)] == [1, 1]


def _examine(office: Office, *case_ids: UUID) -> None:
    with office.database.write("test") as unit:
        query = select(Event).where(Event.case_id.in_(case_ids), Event.type == "alert.submitted")
        alerts.examine(unit, *unit.session.scalars(query))


def _doubles(office: Office, case_id: UUID) -> set[UUID]:
    numbers = office.case(case_id).checks["possible_duplicates"]
    return {each for each in _cases(office) if office.case(each).number in numbers}


def _cases(office: Office) -> list[UUID]:
    with office.database.read() as unit:
        return list(unit.session.scalars(select(Event.case_id).where(Event.type == "alert.submitted")))


def _times_examined(office: Office, case_id: UUID) -> int:
    with office.database.read() as unit:
        query = select(Event.id).where(Event.case_id == case_id, Event.type == "case.examined")
        return len(unit.session.scalars(query).all())


def test_what_is_pasted_keeps_its_words_and_loses_its_odd_blanks() -> None:
    form = alert_form(surname="  MARTIN\u00a0\u200b\tJean-Noël\n", giver_name="Anne  Kerbrat", people="")

    assert (form.surname, form.giver_name, form.people) == ("MARTIN Jean-Noël", "Anne Kerbrat", None)


@pytest.mark.parametrize(
    ("known", "greeting"),
    [
        ({}, "Bonjour Madame, Monsieur,"),
        ({"civility": "Mme"}, "Bonjour Mme Martin,"),
        ({"first_name": "Léa"}, "Bonjour Léa Martin,"),
    ],
)
def test_a_letter_calls_nobody_by_a_surname_alone(office: Office, known: dict[str, str], greeting: str) -> None:
    case_id = office.triaged(**known)

    with office.database.read() as unit:
        letter = unit.session.get_one(Message, office.sent(case_id, "household_notice")[-1].id)
        assert greeting in render_message(unit, letter).body.splitlines()
