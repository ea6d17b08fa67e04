"""What the events of a case say of it, told again from the first: its state, its requests' and its visits'. Pure."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from models.lifecycles import (
    CASE_MOVES,
    LOSSES,
    REFERRAL_MOVES,
    VISIT_MOVES,
    CaseAction,
    ReferralAction,
    VisitAction,
)
from models.vocabulary import AFTER_REPORT, CaseState, ReferralState, Theme, VisitState

MOVES_CASE: Final[dict[str, CaseAction]] = {
    "case.examined": CaseAction.EXAMINE,
    "case.accepted": CaseAction.ACCEPT,
    "case.rejected": CaseAction.REJECT,
    "call.attempted": CaseAction.ATTEMPT,
    "call.back_agreed": CaseAction.ATTEMPT,
    "number.blocked": CaseAction.ATTEMPT,
    "household.reached": CaseAction.REACH,
    "household.refused": CaseAction.REFUSE,
    "case.unreachable": CaseAction.GIVE_UP,
    "visit.planned": CaseAction.PLAN_VISIT,
    "visit.moved": CaseAction.MOVE_VISIT,
    "visit.cancelled": CaseAction.LOSE_VISIT,
    "visit.missed": CaseAction.LOSE_VISIT,
    "visit.held": CaseAction.HOLD_VISIT,
    "report.delivered": CaseAction.DELIVER_REPORT,
    "referral.sent": CaseAction.REFER,
    "follow_up.started": CaseAction.FOLLOW_UP,
    "case.closed": CaseAction.CLOSE,
    "case.reopened": CaseAction.REOPEN,
    "case.disqualified": CaseAction.DISQUALIFY,
    "case.suspended": CaseAction.SUSPEND,
    "case.resumed": CaseAction.RESUME,
    "case.withdrawn": CaseAction.WITHDRAW,
    "case.transferred": CaseAction.TRANSFER,
    "case.merged": CaseAction.MERGE,
    "case.unmerged": CaseAction.UNMERGE,
    "diagnosis.finished": CaseAction.FINISH_DIAGNOSIS,
    "referral.prepared": CaseAction.REFER,
}
MOVES_REFERRAL: Final[dict[str, ReferralAction]] = {
    "referral.sent": ReferralAction.SEND,
    "referral.question_asked": ReferralAction.ASK,
    "referral.accepted": ReferralAction.ACCEPT,
    "referral.meeting_proposed": ReferralAction.PROPOSE,
    "referral.declined": ReferralAction.DECLINE,
    "referral.expired": ReferralAction.EXPIRE,
    "referral.progressed": ReferralAction.REPORT_PROGRESS,
    "referral.completed": ReferralAction.COMPLETE,
    "referral.failed": ReferralAction.FAIL,
    "referral.withdrawn": ReferralAction.WITHDRAW,
    "referral.acknowledged": ReferralAction.ACKNOWLEDGE,
    "referral.started": ReferralAction.START,
    "referral.held": ReferralAction.HOLD,
    "referral.resumed": ReferralAction.RESUME,
    "referral.superseded": ReferralAction.TRANSFER,
    "referral.voided": ReferralAction.VOID,
    "referral.recalled": ReferralAction.RECALL,
}
_MOVES_VISIT: Final = {"visit.moved": VisitAction.MOVE, "visit.held": VisitAction.HOLD}
_REOPENS: Final[dict[str, CaseAction]] = {
    CaseState.CONTACTING: CaseAction.REOPEN_TO_CONTACT,
    CaseState.VISITED: CaseAction.REOPEN_TO_REPORT,
}


class History:
    """One case as its events tell it, one after the other; `astray` says which came where no table lets them."""

    def __init__(self) -> None:
        self.state = self._before = CaseState.SUBMITTED
        self.referrals: dict[UUID, ReferralState] = {}
        self.visits: dict[UUID, VisitState] = {}
        self.astray: list[str] = []
        self._visited = False

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """Add what happened next."""
        self._move_case(event, payload)
        self._move_referral(event, payload)
        self._move_visit(event, payload)
        self._visited = self._visited or event == "visit.held"

    def _move_case(self, event: str, payload: Mapping[str, Any]) -> None:
        action = self._action(event, payload)
        if action is None:
            return
        if (self.state, action) not in CASE_MOVES:
            self._stray("case", event, self.state)
            return
        resumed = self._before if action is CaseAction.RESUME else CASE_MOVES[self.state, action]
        if self.state is not CaseState.SUSPENDED:  # a pause may be made longer
            self._before = self.state
        self.state = resumed

    def _action(self, event: str, payload: Mapping[str, Any]) -> CaseAction | None:
        """A visit made while partners are at work moves nothing, nor an emergency before the report."""
        action = MOVES_CASE.get(event)
        early = action is CaseAction.REFER and (self.state, action) not in CASE_MOVES
        if early and payload["theme"] == Theme.EMERGENCY:
            return None
        if action is CaseAction.REOPEN and self.state is CaseState.CLOSED:
            return _REOPENS.get(payload["state"], action)
        if event.startswith("visit.") and self.state in AFTER_REPORT:
            return None
        return CaseAction.LOSE_NEXT_VISIT if action is CaseAction.LOSE_VISIT and self._visited else action

    def _move_referral(self, event: str, payload: Mapping[str, Any]) -> None:
        action = MOVES_REFERRAL.get(event)
        if action is None:
            return
        id_ = UUID(payload["referral_id"])
        state = self.referrals.get(id_, ReferralState.DRAFT)
        if (state, action) not in REFERRAL_MOVES:
            self._stray("referral", event, state)
        self.referrals[id_] = REFERRAL_MOVES.get((state, action), state)

    def _move_visit(self, event: str, payload: Mapping[str, Any]) -> None:
        lost = event in {"visit.cancelled", "visit.missed"}
        action = LOSSES[payload["state"]] if lost else _MOVES_VISIT.get(event)
        if action is None:
            return
        id_ = UUID(payload["visit_id"])
        state = self.visits.get(id_, VisitState.PLANNED)
        if (state, action) not in VISIT_MOVES:
            self._stray("visit", event, state)
        self.visits[id_] = VISIT_MOVES.get((state, action), state)

    def _stray(self, what: str, event: str, state: str) -> None:
        self.astray.append(f"{event} came to a {what} that was {state}")
