"""What may follow what."""

import pytest

from models.lifecycles import (
    CASE_MOVES,
    FHIR_STATUS_REASON,
    FHIR_TASK_STATUS,
    FINAL_REFERRALS,
    REFERRAL_MOVES,
    UNANSWERED,
    UNDER_WAY,
    VISIT_MOVES,
    CaseAction,
    ReferralAction,
    VisitAction,
    case_actions,
    next_case_state,
    next_referral_state,
    next_visit_state,
)
from models.refusals import TransitionRefused
from models.vocabulary import CLOSED_STATES, STAGE_OF, CaseState, ReferralState, Stage, VisitState


@pytest.mark.parametrize("state", sorted(CLOSED_STATES - {CaseState.MERGED, CaseState.TRANSFERRED}))
def test_a_closed_case_can_only_be_reopened(state: CaseState) -> None:
    where_it_stood = {CaseAction.REOPEN_TO_CONTACT, CaseAction.REOPEN_TO_REPORT} if state is CaseState.CLOSED else set()
    assert case_actions(state) == {CaseAction.REOPEN} | where_it_stood


def test_a_merged_case_comes_back_by_undoing_the_merge_and_a_transferred_one_if_nobody_took_it() -> None:
    assert case_actions(CaseState.MERGED) == {CaseAction.UNMERGE}
    assert case_actions(CaseState.TRANSFERRED) == {CaseAction.REOPEN}


@pytest.mark.parametrize("state", sorted(FINAL_REFERRALS))
@pytest.mark.parametrize("action", sorted(set(ReferralAction) - {ReferralAction.VOID}))
def test_a_final_referral_never_changes_but_for_a_correction(state: ReferralState, action: ReferralAction) -> None:
    with pytest.raises(TransitionRefused):
        next_referral_state(state, action)


def test_what_was_entered_in_error_stays_so() -> None:
    with pytest.raises(TransitionRefused):
        next_referral_state(ReferralState.ENTERED_IN_ERROR, ReferralAction.VOID)


def test_a_suspended_case_resumes_in_the_state_that_it_had() -> None:
    assert next_case_state(CaseState.SUSPENDED, CaseAction.RESUME, CaseState.CONTACTING) is CaseState.CONTACTING


def test_every_state_of_a_referral_has_its_fhir_code() -> None:
    assert set(FHIR_TASK_STATUS) == set(ReferralState)
    cancelled = [state for state, code in FHIR_TASK_STATUS.items() if code == "cancelled"]
    assert set(cancelled) == set(FHIR_STATUS_REASON)


@pytest.mark.parametrize("state", sorted(set(VisitState) - {VisitState.PLANNED}))
@pytest.mark.parametrize("action", VisitAction)
def test_a_visit_that_is_over_never_changes(state: VisitState, action: VisitAction) -> None:
    with pytest.raises(TransitionRefused):
        next_visit_state(state, action)


def test_every_state_of_a_case_has_its_stage() -> None:
    assert set(STAGE_OF) == set(CaseState) - {CaseState.SUSPENDED}


def test_every_state_of_a_case_can_be_reached_and_left() -> None:
    assert set(CASE_MOVES.values()) == set(CaseState) - {CaseState.SUBMITTED}
    assert {state for state, _ in CASE_MOVES} == set(CaseState)


def test_every_state_of_a_referral_can_be_reached() -> None:
    assert set(REFERRAL_MOVES.values()) == set(ReferralState)


def test_a_referral_is_unanswered_or_under_way_or_over() -> None:
    assert set(ReferralState) == UNANSWERED | UNDER_WAY | FINAL_REFERRALS
    assert not UNANSWERED & UNDER_WAY


def test_only_a_move_of_the_table_is_allowed() -> None:
    for state in CaseState:
        for action in set(CaseAction) - case_actions(state):
            with pytest.raises(TransitionRefused, match="situation"):
                next_case_state(state, action)


def test_a_case_goes_back_a_stage_for_a_new_orientation_another_visit_or_a_second_life_only() -> None:
    order = list(Stage)
    again = {
        CaseAction.REOPEN_TO_CONTACT,
        CaseAction.REOPEN_TO_REPORT,
        CaseAction.REOPEN,
        CaseAction.UNMERGE,
        CaseAction.REFER,
        CaseAction.PLAN_VISIT,
    }

    for (state, action), to in CASE_MOVES.items():
        if CaseState.SUSPENDED not in {state, to} and order.index(STAGE_OF[to]) < order.index(STAGE_OF[state]):
            assert action in again


def test_a_visit_can_be_lost_in_four_ways() -> None:
    assert set(VISIT_MOVES.values()) == set(VisitState)
