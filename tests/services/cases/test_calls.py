"""Calls: nobody gives up too early, and a stranger's number is left alone. Source: story S3."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Phone
from models.engine import Message
from models.vocabulary import CallResult, HouseholdAnswer, SuspensionReason, VisitState
from services.cases import calls, closing, household_answers, suspension, visits
from services.cases.household_answers import HouseholdWord
from services.forms import CallForm, LostVisit, NumberForm, Suspension
from services.foundation.errors import GuardRefused, InvalidInput, LinkExpired, TransitionRefused
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.links import open_task_link, task_url
from tests.services.rules.situations import ADA, BO, Office, paris


@pytest.mark.parametrize(
    ("moments", "lacking"),
    [
        (["07T10:00"], "3 appels (il y en a eu 1), sur 3 jours différents, à 2 moments de la journée"),
        (["07T10:00", "07T12:30", "07T17:30"], "des appels sur 3 jours différents"),
        (["07T10:00", "08T10:00", "09T10:00"], "des appels à 2 moments de la journée"),
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


def sought(office: Office, **given: Any) -> UUID:
    """A household that did not answer three calls, the first on 7 October."""
    case_id = office.accepted(**given)
    for moment in ("07T10:00", "08T17:30", "09T10:00"):
        office.at(f"2025-10-{moment}")
        office.call(case_id, "no_answer")
    office.drain()
    return case_id


def test_after_the_calls_the_household_has_time_to_answer_the_sms_and_the_letter(office: Office) -> None:
    case_id = sought(office)

    with pytest.raises(GuardRefused, match="laissez le temps de répondre à ce qui a été écrit : jusqu’au jeudi 6"):
        office.do(calls.give_up, ADA, case_id)


def test_nobody_gives_up_before_the_sms_and_the_letter_are_planned(office: Office) -> None:
    case_id = office.accepted()
    for moment in ("07T10:00", "08T17:30"):
        office.at(f"2025-10-{moment}")
        office.call(case_id, "no_answer")
    office.at("2025-10-09T10:00")
    office.call(case_id, "no_answer")  # the engine has not seen it yet

    with pytest.raises(GuardRefused, match="il faut encore appeler"):
        office.do(calls.give_up, BO, case_id)


def test_a_household_that_nobody_reaches_is_not_closed_as_one_that_stopped_answering(office: Office) -> None:
    case_id = sought(office)

    with pytest.raises(GuardRefused, match="que personne ne joint : renoncez"):
        office.close(case_id, "stopped_answering")


def test_a_household_that_was_absent_may_be_closed_as_one_that_stopped_answering(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-11-05T14:00")
    office.at("2025-11-05T16:00")
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.HOUSEHOLD_ABSENT))

    office.close(case_id, "stopped_answering")

    assert office.case(case_id).outcome == "stopped_answering"


def test_three_calls_on_three_days_at_two_times_then_a_month_are_enough(office: Office) -> None:
    case_id = sought(office)
    office.at("2025-11-06T18:00")

    office.do(calls.give_up, BO, case_id)

    assert (office.case(case_id).state, office.tasks(case_id)) == ("unreachable", [])


def test_attempts_before_a_reopening_do_not_count(office: Office) -> None:
    case_id = sought(office)
    office.at("2025-11-07T10:00")
    office.do(calls.give_up, BO, case_id)
    office.at("2025-11-17T10:00")
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    with pytest.raises(GuardRefused, match="il y en a eu 0"):
        office.do(calls.give_up, BO, case_id)
    assert [task.kind for task in office.tasks(case_id)] == ["call_again"]


def test_where_no_number_is_left_nobody_has_to_call_before_giving_up(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-07T10:00")
    office.call(case_id, "wrong_number")
    office.at("2025-10-22T10:00")
    assert {task.kind for task in office.tasks(case_id)} == {"correct_number", "find_number"}

    with pytest.raises(GuardRefused, match="jusqu’au mercredi 5"):
        office.do(calls.give_up, BO, case_id)
    office.at("2025-11-05T18:00")
    office.do(calls.give_up, BO, case_id)

    assert (office.case(case_id).state, office.tasks(case_id)) == ("unreachable", [])


def test_where_nobody_can_give_another_number_the_household_is_written_to_at_once(office: Office) -> None:
    case_id = office.accepted(giver_email=None)
    office.call(case_id, "wrong_number")
    office.drain()

    assert office.due(case_id) == {"find_number": "2025-10-20 18:00"}  # its time to get the letter and to answer
    assert [each.channel for each in office.sent(case_id, "please_call")] == ["letter"]


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


def call_as_ada(office: Office, case_id: UUID, result: str) -> None:
    office.do(calls.record_call, ADA, case_id, CallForm.model_validate({"result": result}))
    office.drain()


def brought_to(office: Office, situation: str) -> UUID:
    found = getattr(office, situation)()
    case_id: UUID = found[0] if isinstance(found, tuple) else found
    return case_id


def planned(office: Office) -> UUID:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()
    return case_id


def to_whom(office: Office, text: str) -> list[str]:
    with office.database.read() as unit:
        return list(unit.session.scalars(select(Message.address).where(Message.text == text, Message.channel == "sms")))


def test_a_wrong_number_is_blocked_while_a_visit_is_planned_and_another_is_asked_for(office: Office) -> None:
    case_id = planned(office)

    call_as_ada(office, case_id, "wrong_number")

    assert office.case(case_id).state == "visit_planned"
    assert set(office.due(case_id)) == {"hold_visit", "correct_number"}
    assert office.events(case_id)[-1] == "number.found_wrong"


@pytest.mark.parametrize("situation", ["triaged", "visited", "referred", "followed"])
def test_a_wrong_number_is_blocked_at_every_stage_and_moves_nothing(office: Office, situation: str) -> None:
    case_id = brought_to(office, situation)
    state, asked = office.case(case_id).state, set(office.due(case_id))

    call_as_ada(office, case_id, "wrong_number")

    with office.database.read() as unit:
        assert unit.session.scalars(select(Phone)).one().blocked_at is not None
    assert (office.case(case_id).state, set(office.due(case_id))) == (state, asked | {"correct_number"})


def test_with_another_number_known_nobody_is_asked_for_one(office: Office) -> None:
    case_id = planned(office)
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639980155"))
    office.drain()

    call_as_ada(office, case_id, "wrong_number")

    assert set(office.due(case_id)) == {"hold_visit"}


def test_the_newest_number_is_the_first_to_get_an_sms(office: Office) -> None:
    case_id = office.qualified(sms_agreed=True)
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639980155"))
    office.plan(case_id, "2025-10-08T10:00")
    office.drain()

    assert to_whom(office, "visit_confirmation") == ["+33639980155"]


def test_a_refusal_calls_the_planned_visit_off_and_ends_the_case(office: Office) -> None:
    case_id = planned(office)

    call_as_ada(office, case_id, "refused")

    assert (office.case(case_id).state, office.tasks(case_id)) == ("refused", [])
    assert office.events(case_id)[-2:] == ["visit.cancelled", "household.refused"]


def test_a_household_on_hold_may_refuse_too(office: Office) -> None:
    case_id = office.qualified()
    form = Suspension(reason=SuspensionReason.OTHER, until=paris("2025-11-20T10:00").date())
    office.do(suspension.suspend, BO, case_id, form)

    call_as_ada(office, case_id, "refused")

    assert (office.case(case_id).state, office.tasks(case_id)) == ("refused", [])


@pytest.mark.parametrize("situation", ["visited", "reported", "followed"])
def test_a_household_that_was_visited_and_stops_is_for_somebody_to_close(office: Office, situation: str) -> None:
    case_id = brought_to(office, situation)
    state = office.case(case_id).state

    call_as_ada(office, case_id, "refused")

    assert office.case(case_id).state == state
    assert {"close_case"} <= set(office.due(case_id)) <= {"close_case", "deliver_report", "report_outcome"}


def test_a_second_visit_that_a_household_refuses_is_called_off_and_not_sought_again(office: Office) -> None:
    case_id = office.visited()
    office.plan(case_id, "2025-10-28T10:00")
    office.drain()

    call_as_ada(office, case_id, "refused")

    assert (office.case(case_id).state, "plan_visit" in office.due(case_id)) == ("visited", False)


def test_a_refusal_before_the_triage_is_for_the_triage(office: Office) -> None:
    case_id = office.triaged()

    with pytest.raises(TransitionRefused):
        call_as_ada(office, case_id, "refused")
