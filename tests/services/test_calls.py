"""Calls: nobody gives up too early, and a stranger's number is left alone. Source: story S3."""

from datetime import date

import pytest
from sqlalchemy import select

from models.cases import Phone
from models.vocabulary import CallResult, HouseholdAnswer
from services import calls, closing, household_answers
from services.forms import CallForm, NumberForm
from services.foundation.errors import GuardRefused, InvalidInput, LinkExpired, TransitionRefused
from services.foundation.runtime import Runtime
from services.household_answers import HouseholdWord
from services.rules.casework import Hand
from services.rules.links import open_task_link, task_url
from tests.services.rules.situations import ADA, BO, Office


@pytest.mark.parametrize(
    ("moments", "lacking"),
    [
        (["07T10:00"], "3 appels (il y en a eu 1), 3 jours différents, 2 moments de la journée"),
        (["07T10:00", "07T12:30", "07T17:30"], "3 jours différents"),
        (["07T10:00", "08T10:00", "09T10:00"], "2 moments de la journée"),
    ],
)
def test_giving_up_too_early_says_what_is_missing(office: Office, moments: list[str], lacking: str) -> None:
    case_id = office.accepted()
    for moment in moments:
        office.at(f"2025-10-{moment}")
        office.call(case_id, "no_answer")

    with pytest.raises(GuardRefused) as refusal:
        office.do(calls.give_up, BO, case_id)

    assert refusal.value.sentence == f"Avant de renoncer, il faut {lacking}."


def test_giving_up_before_triage_asks_for_no_call(office: Office) -> None:
    case_id = office.triaged()

    with pytest.raises(GuardRefused, match="pas encore acceptée : s’il n’y a rien à faire, refusez-la"):
        office.do(calls.give_up, ADA, case_id)


def test_giving_up_where_no_call_is_to_be_made_asks_for_none(office: Office) -> None:
    case_id = office.visited()

    with pytest.raises(TransitionRefused):
        office.do(calls.give_up, BO, case_id)


def test_three_calls_on_three_days_at_two_times_are_enough(office: Office) -> None:
    case_id = office.accepted()
    for moment in ("07T10:00", "08T17:30", "09T10:00"):
        office.at(f"2025-10-{moment}")
        office.call(case_id, "no_answer")

    office.do(calls.give_up, BO, case_id)

    assert (office.case(case_id).state, office.tasks(case_id)) == ("unreachable", [])


def test_attempts_before_a_reopening_do_not_count(office: Office) -> None:
    case_id = office.accepted()
    for moment in ("07T10:00", "08T17:30", "09T10:00"):
        office.at(f"2025-10-{moment}")
        office.call(case_id, "no_answer")
    office.do(calls.give_up, BO, case_id)
    office.at("2025-11-17T10:00")
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    with pytest.raises(GuardRefused, match="il y en a eu 0"):
        office.do(calls.give_up, BO, case_id)
    assert [task.kind for task in office.tasks(case_id)] == ["call_again"]


def test_a_wrong_number_is_blocked_at_once(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")

    with office.database.read() as unit:
        assert unit.session.scalars(select(Phone)).one().blocked_at is not None


def test_a_blocked_number_cannot_be_called_again(office: Office) -> None:
    case_id = office.accepted()
    with office.database.read() as unit:
        phone_id = unit.session.scalars(select(Phone.id)).one()
    office.call(case_id, "wrong_number")

    with pytest.raises(InvalidInput, match="bloqué"):
        office.do(calls.record_call, BO, case_id, CallForm(result=CallResult.REACHED, phone_id=phone_id))


def test_a_number_already_known_is_no_correction(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")

    with pytest.raises(InvalidInput, match="déjà connu"):
        office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639981234"))


def test_the_alert_giver_corrects_the_number_through_his_link_once(office: Office, runtime: Runtime) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")
    office.drain()
    (task,) = office.tasks(case_id)
    with office.database.write("test") as unit:
        actor, _ = open_task_link(unit, runtime, task_url(runtime, task).rpartition("/")[2])
    office.do(calls.correct_number, Hand(actor), None, NumberForm(phone="0639980155"))

    with pytest.raises(LinkExpired):
        office.do(calls.correct_number, Hand(actor), None, NumberForm(phone="0639980156"))


def test_a_call_cannot_be_noted_before_the_triage(office: Office) -> None:
    case_id = office.triaged()

    with pytest.raises(TransitionRefused):
        office.do(calls.record_call, ADA, case_id, CallForm(result=CallResult.REACHED))


@pytest.mark.parametrize("result", ["reached", "call_back"])
def test_reaching_a_household_that_asked_to_be_called_is_the_call_back(office: Office, result: str) -> None:
    case_id = office.accepted()
    office.do(household_answers.note, BO, case_id, HouseholdWord(answer=HouseholdAnswer.CALL_ME))
    office.call(case_id, "no_answer")
    office.drain()
    assert "call_back" in office.due(case_id)
    day = date(2025, 10, 15) if result == "call_back" else None
    office.do(calls.record_call, BO, case_id, CallForm(result=CallResult(result), call_back_on=day))
    office.drain()

    assert set(office.due(case_id)) == {"call_again" if day else "plan_visit"}
    assert office.events(case_id)[-1] == "household.called_back"
