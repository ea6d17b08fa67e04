"""What may follow what."""

import pytest

from models.lifecycles import (
    CASE_MOVES,
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


@pytest.mark.parametrize("state", sorted(CLOSED_STATES))
def test_a_closed_case_can_only_be_reopened(state: CaseState) -> None:
    assert case_actions(state) == {CaseAction.REOPEN}


@pytest.mark.parametrize("state", sorted(FINAL_REFERRALS))
@pytest.mark.parametrize("action", ReferralAction)
def test_a_final_referral_never_changes(state: ReferralState, action: ReferralAction) -> None:
    with pytest.raises(TransitionRefused):
        next_referral_state(state, action)


@pytest.mark.parametrize("state", sorted(set(VisitState) - {VisitState.PLANNED}))
@pytest.mark.parametrize("action", VisitAction)
def test_a_visit_that_is_over_never_changes(state: VisitState, action: VisitAction) -> None:
    with pytest.raises(TransitionRefused):
        next_visit_state(state, action)


def test_every_state_of_a_case_has_its_stage() -> None:
    assert set(STAGE_OF) == set(CaseState)


def test_every_state_of_a_case_can_be_reached_and_left() -> None:
    assert set(CASE_MOVES.values()) == set(CaseState) - {CaseState.SUBMITTED}
    assert {state for state, _ in CASE_MOVES} == set(CaseState)


def test_every_state_of_a_referral_can_be_reached() -> None:
    assert set(REFERRAL_MOVES.values()) == set(ReferralState) - {ReferralState.DRAFT}


def test_a_referral_is_unanswered_or_under_way_or_over() -> None:
    assert set(ReferralState) == UNANSWERED | UNDER_WAY | FINAL_REFERRALS
    assert not UNANSWERED & UNDER_WAY


def test_only_a_move_of_the_table_is_allowed() -> None:
    for state in CaseState:
        for action in set(CaseAction) - case_actions(state):
            with pytest.raises(TransitionRefused, match="situation"):
                next_case_state(state, action)


def test_a_case_leaves_a_stage_backwards_only_for_a_new_orientation_or_a_reopening() -> None:
    order = list(Stage)
    back = {
        (from_state, action)
        for (from_state, action), to in CASE_MOVES.items()
        if order.index(STAGE_OF[to]) < order.index(STAGE_OF[from_state]) and action is not CaseAction.REOPEN
    }

    assert back == {(CaseState.IN_FOLLOW_UP, CaseAction.REFER)}


def test_a_visit_can_be_lost_in_four_ways() -> None:
    assert set(VISIT_MOVES.values()) == set(VisitState)
