"""The one way to act: what it ends, and what it refuses."""

from models.vocabulary import CaseState, TaskState
from services.cases import triage
from services.forms import Rejection
from tests.services.rules.situations import ADA, Office


def test_an_ended_case_keeps_no_task_of_any_kind(office: Office) -> None:
    case_id = office.triaged()
    office.bounce("alert_receipt", unknown=True)
    office.drain()
    assert "check_message" in office.due(case_id)  # which no rule of a refusal completes
    office.do(triage.reject, ADA, case_id, Rejection.model_validate({"reason": "not_energy"}))

    assert office.case(case_id).state == CaseState.REJECTED
    assert office.tasks(case_id) == []
    (left,) = office.tasks(case_id, TaskState.SUPERSEDED)
    assert left.kind == "check_message"


def test_a_clock_that_is_armed_again_lives_another_life(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.at("2025-10-15 10:00")  # the soft reminder of the first life left
    office.answer(referral_id, "ask")
    office.at("2025-10-22 10:00")

    assert [step for step, _, _ in office.occurrences(case_id, "answer_referral")].count(0) == 2
    assert [state for _, _, state in office.told(case_id, "referral_soft_reminder")] == ["queued", "queued"]
