"""Calls of the follow-up: the number that was dialled, and a household that wants no more."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Phone
from models.engine import Task
from models.vocabulary import HouseholdAnswer
from services.cases import calls, follow_up, household_answers
from services.cases.household_answers import HouseholdWord
from services.forms import FollowUpForm, NumberForm
from services.foundation.errors import InvalidInput
from tests.services.rules.situations import ADA, BO, Office


def phones(office: Office) -> dict[str, UUID]:
    with office.database.read() as unit:
        return {phone.number: phone.id for phone in unit.session.scalars(select(Phone))}


def blocked(office: Office) -> list[str]:
    with office.database.read() as unit:
        return list(unit.session.scalars(select(Phone.number).where(Phone.blocked_at.is_not(None))))


def record(office: Office, case_id: UUID, result: str, **given: object) -> None:
    form = FollowUpForm.model_validate({"result": result, **given})
    office.do(follow_up.record_follow_up, BO, case_id, form)
    office.drain()


def test_the_number_that_was_dialled_is_the_one_that_is_blocked(office: Office) -> None:
    case_id, _ = office.followed()
    (first,) = phones(office)
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639980155"))

    record(office, case_id, "wrong_number", phone_id=phones(office)[first])

    assert blocked(office) == [first]
    assert office.events(case_id)[-2:] == ["follow_up.attempted", "number.found_wrong"]
    assert "correct_number" not in office.due(case_id)


def test_a_wrong_number_at_the_follow_up_asks_for_another(office: Office) -> None:
    case_id, _ = office.followed()

    record(office, case_id, "wrong_number")

    assert {"follow_up_call", "correct_number"} <= set(office.due(case_id))
    with pytest.raises(InvalidInput, match="Quel numéro est faux"):
        record(office, case_id, "wrong_number")


def test_a_household_that_wants_no_more_is_asked_nothing_later(office: Office) -> None:
    case_id, _ = office.followed()

    record(office, case_id, "refused")

    assert "follow_up_call" not in office.due(case_id)
    assert "close_case" in office.due(case_id)


@pytest.mark.parametrize(("situation", "state"), [("qualified", "refused"), ("visited", "visited")])
def test_a_household_that_asked_to_be_called_may_refuse_then(office: Office, situation: str, state: str) -> None:
    case_id = getattr(office, situation)()
    office.do(household_answers.note, BO, case_id, HouseholdWord(answer=HouseholdAnswer.CALL_ME))
    office.drain()

    record(office, case_id, "refused")

    assert office.case(case_id).state == state
    assert "call_back" not in office.due(case_id)
    assert ("close_case" in office.due(case_id)) == (state == "visited")


def test_a_help_that_did_not_help_is_called_about_and_contested_even_in_the_week_of_a_call(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.drain()
    with office.database.read() as unit:
        due_at = unit.session.scalars(select(Task.due_at).where(Task.kind == "follow_up_call")).one()
    office.clock.at = due_at - timedelta(days=3)

    office.do(household_answers.note, BO, case_id, HouseholdWord(answer=HouseholdAnswer.NOT_HELPED))
    office.drain()

    assert {"follow_up_call", "call_back", "settle_dispute"} == set(office.due(case_id))
    assert office.referral(referral_id).loop == "disputed"
