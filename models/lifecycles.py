"""What may follow what: the transition tables of cases, referrals and visits, and nothing else moves them."""

from enum import StrEnum
from typing import Final

from models.refusals import TransitionRefused
from models.vocabulary import CLOSED_STATES, Loop
from models.vocabulary import CaseState as C
from models.vocabulary import ReferralState as R
from models.vocabulary import VisitState as V


class CaseAction(StrEnum):
    """What can be done to a case."""

    EXAMINE = "examine"
    ACCEPT = "accept"
    REJECT = "reject"
    ATTEMPT = "attempt"
    REACH = "reach"
    REFUSE = "refuse"
    PLAN_VISIT = "plan_visit"
    MOVE_VISIT = "move_visit"
    LOSE_VISIT = "lose_visit"
    LOSE_NEXT_VISIT = "lose_next_visit"
    HOLD_VISIT = "hold_visit"
    FINISH_DIAGNOSIS = "finish_diagnosis"
    DELIVER_REPORT = "deliver_report"
    REFER = "refer"
    FOLLOW_UP = "follow_up"
    GIVE_UP = "give_up"
    CLOSE = "close"
    DISQUALIFY = "disqualify"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    MERGE = "merge"
    UNMERGE = "unmerge"
    REOPEN = "reopen"
    REOPEN_TO_CONTACT = "reopen_to_contact"
    REOPEN_TO_REPORT = "reopen_to_report"


class ReferralAction(StrEnum):
    """What can be done to a referral."""

    SEND = "send"
    RECALL = "recall"
    ACKNOWLEDGE = "acknowledge"
    ASK = "ask"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    PROPOSE = "propose"
    START = "start"
    REPORT_PROGRESS = "report_progress"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    VOID = "void"


class VisitAction(StrEnum):
    """What can be done to a planned visit."""

    MOVE = "move"
    HOLD = "hold"
    MISS = "miss"
    MISS_BY_VISITOR = "miss_by_visitor"
    CANCEL_BY_HOUSEHOLD = "cancel_by_household"
    CANCEL_BY_SERVICE = "cancel_by_service"


A = CaseAction
UNDER_THE_TEAM: Final = frozenset(C) - CLOSED_STATES - {C.SUBMITTED}
"""Open, and past the engine's own look: what a person may suspend, merge or send elsewhere."""
CASE_MOVES: Final[dict[tuple[C, CaseAction], C]] = {
    (C.SUBMITTED, A.EXAMINE): C.TRIAGE,
    (C.TRIAGE, A.ACCEPT): C.TO_CONTACT,
    (C.TRIAGE, A.REJECT): C.REJECTED,
    (C.TO_CONTACT, A.ATTEMPT): C.CONTACTING,
    (C.CONTACTING, A.ATTEMPT): C.CONTACTING,
    (C.QUALIFIED, A.ATTEMPT): C.CONTACTING,
    (C.TO_CONTACT, A.REACH): C.QUALIFIED,
    (C.CONTACTING, A.REACH): C.QUALIFIED,
    (C.QUALIFIED, A.REACH): C.QUALIFIED,
    (C.TO_CONTACT, A.REFUSE): C.REFUSED,
    (C.CONTACTING, A.REFUSE): C.REFUSED,
    (C.QUALIFIED, A.REFUSE): C.REFUSED,
    (C.SUSPENDED, A.REFUSE): C.REFUSED,
    (C.QUALIFIED, A.PLAN_VISIT): C.VISIT_PLANNED,
    (C.VISIT_PLANNED, A.MOVE_VISIT): C.VISIT_PLANNED,
    (C.VISIT_PLANNED, A.LOSE_VISIT): C.QUALIFIED,
    (C.VISIT_PLANNED, A.LOSE_NEXT_VISIT): C.VISITED,  # the first was held, a second one was not
    (C.VISIT_PLANNED, A.HOLD_VISIT): C.VISITED,
    (C.VISITED, A.PLAN_VISIT): C.VISIT_PLANNED,
    (C.DIAGNOSED, A.PLAN_VISIT): C.VISIT_PLANNED,
    (C.VISITED, A.FINISH_DIAGNOSIS): C.DIAGNOSED,
    (C.VISITED, A.DELIVER_REPORT): C.REPORT_DELIVERED,
    (C.DIAGNOSED, A.DELIVER_REPORT): C.REPORT_DELIVERED,
    (C.REPORT_DELIVERED, A.REFER): C.ORIENTING,
    (C.ORIENTING, A.REFER): C.ORIENTING,
    (C.IN_FOLLOW_UP, A.REFER): C.ORIENTING,
    (C.ORIENTING, A.FOLLOW_UP): C.IN_FOLLOW_UP,
    (C.REPORT_DELIVERED, A.FOLLOW_UP): C.IN_FOLLOW_UP,
    (C.IN_FOLLOW_UP, A.FOLLOW_UP): C.IN_FOLLOW_UP,  # a help that failed later is not tried again
    (C.CONTACTING, A.GIVE_UP): C.UNREACHABLE,
    (C.MERGED, A.UNMERGE): C.TRIAGE,
    (C.REJECTED, A.REOPEN): C.TRIAGE,
    (C.NOT_ELIGIBLE, A.REOPEN): C.TRIAGE,
    (C.WITHDRAWN, A.REOPEN): C.TRIAGE,
    (C.TRANSFERRED, A.REOPEN): C.TRIAGE,  # the other Slime does not take it
    (C.UNREACHABLE, A.REOPEN): C.CONTACTING,
    (C.REFUSED, A.REOPEN): C.CONTACTING,
    (C.CLOSED, A.REOPEN): C.IN_FOLLOW_UP,
    (C.CLOSED, A.REOPEN_TO_CONTACT): C.CONTACTING,  # it was closed before its visit
    (C.CLOSED, A.REOPEN_TO_REPORT): C.VISITED,  # or before its report
    (C.SUSPENDED, A.RESUME): C.SUSPENDED,  # stands for the state that it had: `next_case_state` is told which
    **{(state, A.WITHDRAW): C.WITHDRAWN for state in UNDER_THE_TEAM},
    **{(state, A.TRANSFER): C.TRANSFERRED for state in UNDER_THE_TEAM},
    **{(state, A.MERGE): C.MERGED for state in UNDER_THE_TEAM},
    **{(state, A.SUSPEND): C.SUSPENDED for state in UNDER_THE_TEAM},  # what waits already waits until another day
    **{(state, A.CLOSE): C.CLOSED for state in UNDER_THE_TEAM - {C.TRIAGE}},
    **{(state, A.DISQUALIFY): C.NOT_ELIGIBLE for state in (C.TO_CONTACT, C.CONTACTING, C.QUALIFIED)},
}

B = ReferralAction
UNANSWERED: Final = frozenset({R.DRAFT, R.SENT, R.UNDER_REVIEW})
UNDER_WAY: Final = frozenset({R.ACCEPTED, R.IN_PROGRESS, R.ON_HOLD})
TAKEN_UP: Final = UNDER_WAY | {R.COMPLETED}
FINAL_REFERRALS: Final = frozenset(R) - UNANSWERED - UNDER_WAY
REFERRAL_MOVES: Final[dict[tuple[R, ReferralAction], R]] = {
    (R.DRAFT, B.SEND): R.SENT,
    (R.SENT, B.RECALL): R.DRAFT,  # within the minute in which nothing leaves
    (R.SENT, B.ACKNOWLEDGE): R.UNDER_REVIEW,
    (R.SENT, B.ASK): R.UNDER_REVIEW,
    (R.UNDER_REVIEW, B.ASK): R.UNDER_REVIEW,
    (R.SENT, B.ACCEPT): R.ACCEPTED,
    (R.UNDER_REVIEW, B.ACCEPT): R.ACCEPTED,
    **{(state, B.PROPOSE): R.ACCEPTED for state in (R.SENT, R.UNDER_REVIEW, R.ACCEPTED)},  # a day given is a yes
    **{(state, B.PROPOSE): state for state in (R.IN_PROGRESS, R.ON_HOLD)},
    (R.SENT, B.DECLINE): R.DECLINED,
    (R.UNDER_REVIEW, B.DECLINE): R.DECLINED,
    (R.SENT, B.EXPIRE): R.EXPIRED,
    (R.UNDER_REVIEW, B.EXPIRE): R.EXPIRED,
    (R.ACCEPTED, B.START): R.IN_PROGRESS,
    (R.ACCEPTED, B.REPORT_PROGRESS): R.IN_PROGRESS,
    (R.IN_PROGRESS, B.REPORT_PROGRESS): R.IN_PROGRESS,
    (R.ACCEPTED, B.HOLD): R.ON_HOLD,
    (R.IN_PROGRESS, B.HOLD): R.ON_HOLD,
    (R.ON_HOLD, B.HOLD): R.ON_HOLD,  # until another day
    (R.ON_HOLD, B.RESUME): R.IN_PROGRESS,
    **{(state, B.COMPLETE): R.COMPLETED for state in UNDER_WAY},
    **{(state, B.FAIL): R.FAILED for state in UNDER_WAY},
    **{(state, B.WITHDRAW): R.WITHDRAWN for state in UNANSWERED | UNDER_WAY},
    **{(state, B.TRANSFER): R.SUPERSEDED for state in (UNANSWERED | UNDER_WAY) - {R.DRAFT}},
    **{(state, B.VOID): R.ENTERED_IN_ERROR for state in frozenset(R) - {R.ENTERED_IN_ERROR}},  # the one correction
}

LOOP_MOVES: Final = frozenset(
    {
        (Loop.REPORTED, Loop.CONFIRMED),
        (Loop.REPORTED, Loop.DISPUTED),
        (Loop.REPORTED, Loop.UNVERIFIABLE),
        (Loop.DISPUTED, Loop.CONFIRMED),
        (Loop.DISPUTED, Loop.UNVERIFIABLE),
        (Loop.CONFIRMED, Loop.DISPUTED),
        (Loop.UNVERIFIABLE, Loop.CONFIRMED),
        (Loop.UNVERIFIABLE, Loop.DISPUTED),
    }
)
"""What may be said of a help that its partner calls done, after what was said before; what was heard stays heard."""

FHIR_TASK_STATUS: Final[dict[R, str]] = {
    R.DRAFT: "draft",
    R.SENT: "requested",
    R.UNDER_REVIEW: "received",
    R.ACCEPTED: "accepted",
    R.IN_PROGRESS: "in-progress",
    R.ON_HOLD: "on-hold",
    R.COMPLETED: "completed",
    R.DECLINED: "rejected",
    R.EXPIRED: "cancelled",
    R.FAILED: "failed",
    R.WITHDRAWN: "cancelled",
    R.SUPERSEDED: "cancelled",
    R.ENTERED_IN_ERROR: "entered-in-error",
}
"""The code of HL7 FHIR R4 `Task.status` for each state; the reason tells the three cancelled ones apart."""
FHIR_STATUS_REASON: Final[dict[R, str]] = {
    R.EXPIRED: "no-response",
    R.WITHDRAWN: "withdrawn",
    R.SUPERSEDED: "replaced",
}

D = VisitAction
VISIT_MOVES: Final[dict[tuple[V, VisitAction], V]] = {
    (V.PLANNED, D.MOVE): V.PLANNED,
    (V.PLANNED, D.HOLD): V.HELD,
    (V.PLANNED, D.MISS): V.HOUSEHOLD_ABSENT,
    (V.PLANNED, D.MISS_BY_VISITOR): V.VISITOR_ABSENT,
    (V.PLANNED, D.CANCEL_BY_HOUSEHOLD): V.CANCELLED_BY_HOUSEHOLD,
    (V.PLANNED, D.CANCEL_BY_SERVICE): V.CANCELLED_BY_SERVICE,
}
LOSSES: Final[dict[V, VisitAction]] = {
    state: action for (_, action), state in VISIT_MOVES.items() if state not in {V.PLANNED, V.HELD}
}
"""How a visit that is planned comes to each of the states that say it did not take place."""


def next_case_state(state: C, action: CaseAction, resumes_in: C | None = None) -> C:
    """Return the state a case takes, or raise `TransitionRefused`. A suspended case resumes in the state it had."""
    if action is CaseAction.RESUME and state is C.SUSPENDED and resumes_in is not None:
        return resumes_in
    try:
        return CASE_MOVES[state, action]
    except KeyError:
        raise TransitionRefused("case", state, action) from None


def next_referral_state(state: R, action: ReferralAction) -> R:
    """Return the state a referral takes, or raise `TransitionRefused`."""
    try:
        return REFERRAL_MOVES[state, action]
    except KeyError:
        raise TransitionRefused("referral", state, action) from None


def next_visit_state(state: V, action: VisitAction) -> V:
    """Return the state a visit takes, or raise `TransitionRefused`."""
    try:
        return VISIT_MOVES[state, action]
    except KeyError:
        raise TransitionRefused("visit", state, action) from None


def case_actions(state: C) -> frozenset[CaseAction]:
    """What the table allows from here; permissions and guards may still refuse."""
    return frozenset(action for from_state, action in CASE_MOVES if from_state is state)
