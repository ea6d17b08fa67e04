"""Suspension: every clock waits, somebody looks again, and dates move by the working time that was lost."""

from datetime import date
from uuid import UUID

import pytest

from models.engine import Pause
from models.vocabulary import CaseState, Stage, SuspensionReason
from services.cases import suspension, visits
from services.forms import HeldVisit, LostVisit, Suspension
from services.foundation.errors import GuardRefused, InvalidInput, TransitionRefused
from tests.services.rules.situations import ADA, BO, Office


def suspend(office: Office, case_id: UUID, until: date = date(2025, 12, 1)) -> None:
    form = Suspension(reason=SuspensionReason.HOSPITAL, until=until)
    office.do(suspension.suspend, BO, case_id, form)
    office.drain()


def test_a_suspended_case_keeps_its_stage_and_somebody_looks_again(office: Office) -> None:
    case_id = office.accepted()
    suspend(office, case_id)

    case = office.case(case_id)
    assert (case.state, case.stage) == (CaseState.SUSPENDED, Stage.VISIT)
    assert office.due(case_id)["review_suspension"] == "2025-12-01 18:00"


def test_no_clock_runs_while_a_case_waits(office: Office) -> None:
    case_id = office.accepted()
    suspend(office, case_id)
    office.at("2025-11-28 18:30")

    assert office.told(case_id, "task_late") == []


def test_the_review_of_a_suspension_is_chased_like_any_task(office: Office) -> None:
    case_id = office.accepted()
    suspend(office, case_id)
    office.at("2025-12-01 18:30")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["coordinator"]


def test_a_date_moves_by_the_working_days_that_were_lost(office: Office) -> None:
    case_id = office.accepted()
    assert office.due(case_id)["first_call"] == "2025-10-13 18:00"
    office.at("2025-10-08 10:00")  # three working days are left
    suspend(office, case_id)
    office.at("2025-11-12 09:00")  # All Saints, Armistice day and the Friday of nothing count as they should
    office.do(suspension.resume, ADA, case_id)
    office.drain()

    assert office.due(case_id) == {"first_call": "2025-11-17 18:00"}
    assert office.case(case_id).state == CaseState.TO_CONTACT


def test_a_clock_goes_on_from_where_it_stopped(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-08 10:00")
    suspend(office, case_id)
    office.at("2025-11-12 09:00")
    office.do(suspension.resume, ADA, case_id)
    office.at("2025-11-17 17:59")
    assert office.told(case_id, "task_late") == []
    office.at("2025-11-17 18:01")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]


def test_a_report_is_owed_though_its_case_was_suspended_before_the_engine_saw_the_visit(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")
    office.at("2025-10-08T12:00")
    office.do(visits.hold_visit, BO, case_id, HeldVisit())
    suspend(office, case_id)

    assert set(office.due(case_id)) == {"deliver_report", "review_suspension"}


def test_no_visit_is_owed_after_the_report_though_its_case_was_suspended_before_the_engine_saw(office: Office) -> None:
    case_id = office.reported()
    office.plan(case_id, "2025-10-24T10:00")
    office.do(visits.lose_visit, BO, case_id, LostVisit.model_validate({"state": "cancelled_by_household"}))
    suspend(office, case_id)

    assert "plan_visit" not in office.due(case_id)


def test_a_pause_is_kept_with_its_reason(office: Office) -> None:
    case_id = office.accepted()
    suspend(office, case_id)
    office.do(suspension.resume, ADA, case_id)

    with office.database.read() as unit:
        pauses = unit.session.query(Pause).all()
        assert [(pause.reason, pause.to_at is None) for pause in pauses] == [("case_suspended", False)]


def test_what_a_partner_answers_meanwhile_waits_with_the_case(office: Office) -> None:
    case_id, referral_id = office.referred()
    suspend(office, case_id, until=date(2025, 12, 15))
    office.answer(referral_id, "accept")
    office.drain()

    waiting = {task.kind: task.paused_at is not None for task in office.tasks(case_id)}
    assert waiting == {"report_outcome": True, "review_suspension": False}


def test_a_request_that_never_arrived_is_watched_again_once_the_case_goes_on(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    suspend(office, case_id)
    office.do(suspension.resume, ADA, case_id)
    office.at("2025-10-13 18:30")

    assert "mend_address" in office.due(case_id)


def test_a_case_whose_partners_all_answered_meanwhile_goes_on_to_the_follow_up(office: Office) -> None:
    case_id, referral_id = office.referred()
    suspend(office, case_id, until=date(2025, 12, 15))
    office.answer(referral_id, "accept")
    office.drain()
    office.do(suspension.resume, ADA, case_id)
    office.drain()

    assert office.case(case_id).state == CaseState.IN_FOLLOW_UP
    assert "follow_up_call" in office.due(case_id)


@pytest.mark.parametrize("until", [date(2025, 10, 6), date(2025, 10, 1), date(2026, 10, 6)])
def test_a_case_waits_for_a_day_to_come_within_six_months(office: Office, until: date) -> None:
    case_id = office.accepted()

    with pytest.raises(InvalidInput) as refusal:
        suspend(office, case_id, until)

    assert refusal.value.field == "until"


def test_a_case_with_a_visit_to_come_does_not_wait(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-10 14:00")

    with pytest.raises(GuardRefused, match="visite"):
        suspend(office, case_id)


def test_only_a_suspended_case_resumes(office: Office) -> None:
    case_id = office.accepted()

    with pytest.raises(TransitionRefused):
        office.do(suspension.resume, ADA, case_id)


def test_a_pause_is_made_longer_and_looked_at_on_its_new_day(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-08 10:00")
    suspend(office, case_id)
    office.at("2025-12-01 10:00")
    suspend(office, case_id, until=date(2026, 1, 12))

    assert office.due(case_id)["review_suspension"] == "2026-01-12 18:00"
    assert office.case(case_id).suspended_until == date(2026, 1, 12)
    office.do(suspension.resume, ADA, case_id)
    office.drain()
    assert office.case(case_id).state == CaseState.TO_CONTACT
    assert office.due(case_id) == {"first_call": "2025-12-04 18:00"}
