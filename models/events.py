"""The facts of the domain: each type with the payload it carries. Ids, codes, numbers, dates, booleans: never text.

Types are append-only: a stored event is read for ever.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from models.vocabulary import (
    CallResult,
    ClosureOutcome,
    Danger,
    DeclineReason,
    FailureReason,
    Motive,
    ReferralOutcome,
    RejectionReason,
    Stage,
    Theme,
    Urgency,
    VisitState,
)

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,40}$")]


class Fact(BaseModel):
    """Base of every payload; `type` is the event's name, `stage` the flow that handles it (None: a named flow)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: ClassVar[str]
    stage: ClassVar[Stage | None] = None


class _Detection(Fact):
    stage: ClassVar[Stage | None] = Stage.DETECTION


class _Visit(Fact):
    stage: ClassVar[Stage | None] = Stage.VISIT


class _Diagnostic(Fact):
    stage: ClassVar[Stage | None] = Stage.DIAGNOSTIC


class _Orientation(Fact):
    stage: ClassVar[Stage | None] = Stage.ORIENTATION
    referral_id: UUID
    partner_id: UUID
    theme: Theme


class _FollowUp(Fact):
    stage: ClassVar[Stage | None] = Stage.FOLLOW_UP


class AlertSubmitted(_Detection):
    """An alert giver asked for a visit. `silent`: taken from a file, so what follows at once is not sent."""

    type: ClassVar[str] = "alert.submitted"
    alert_id: UUID
    urgency: Urgency
    motives: list[Motive]
    silent: bool = False


class CaseExamined(_Detection):
    """The engine compared the alert with the territory and the known cases."""

    type: ClassVar[str] = "case.examined"
    in_territory: bool
    possible_duplicates: list[UUID]


class CaseAccepted(_Detection):
    """The coordinator took the case up and gave it to an operator."""

    type: ClassVar[str] = "case.accepted"
    operator_id: UUID


class CaseRejected(_Detection):
    """The coordinator refused the case, with its reason."""

    type: ClassVar[str] = "case.rejected"
    reason: RejectionReason


class CallAttempted(_Visit):
    """A call that reached nobody: no answer or voicemail. `attempt` counts since the last contact."""

    type: ClassVar[str] = "call.attempted"
    call_id: UUID
    result: CallResult
    attempt: int


class NumberBlocked(_Visit):
    """A call reached a stranger: the number is blocked for every channel."""

    type: ClassVar[str] = "number.blocked"
    call_id: UUID
    phone_id: UUID
    numbers_left: int


class HouseholdCorrected(_Visit):
    """A number was given or put right."""

    type: ClassVar[str] = "household.corrected"
    phone_id: UUID


class HouseholdReached(_Visit):
    """Somebody of the household answered and agrees to go on."""

    type: ClassVar[str] = "household.reached"
    call_id: UUID


class HouseholdRefused(_Visit):
    """The household does not want the visit."""

    type: ClassVar[str] = "household.refused"
    call_id: UUID


class CaseUnreachable(_Visit):
    """The operator or the coordinator gave up after enough attempts."""

    type: ClassVar[str] = "case.unreachable"
    attempts: int


class _OneVisit(_Visit):
    visit_id: UUID
    ordinal: int


class VisitPlanned(_OneVisit):
    """A date was agreed."""

    type: ClassVar[str] = "visit.planned"
    starts_at: datetime


class VisitMoved(_OneVisit):
    """The date changed."""

    type: ClassVar[str] = "visit.moved"
    starts_at: datetime


class VisitCancelled(_OneVisit):
    """The visit will not take place, told before."""

    type: ClassVar[str] = "visit.cancelled"
    state: VisitState


class VisitMissed(_OneVisit):
    """Somebody was absent. `absences` counts the household's own."""

    type: ClassVar[str] = "visit.missed"
    state: VisitState
    absences: int


class VisitHeld(_Diagnostic):
    """The visit took place: the report is due."""

    type: ClassVar[str] = "visit.held"
    visit_id: UUID
    ordinal: int


class DangerReported(_Diagnostic):
    """A danger was met: the coordinator is told at once, until somebody takes it in hand."""

    type: ClassVar[str] = "danger.reported"
    danger: Danger


class DangerAcknowledged(_Diagnostic):
    """Somebody took the danger in hand."""

    type: ClassVar[str] = "danger.acknowledged"
    danger: Danger


class ReportDelivered(_Diagnostic):
    """The report reached the household."""

    type: ClassVar[str] = "report.delivered"
    report_id: UUID
    to_alert_giver: bool


class ReferralSent(_Orientation):
    """A partner was asked to help."""

    type: ClassVar[str] = "referral.sent"


class ReferralDelivered(_Orientation):
    """The partner's mail server took the request: the answer's clock starts."""

    type: ClassVar[str] = "referral.delivered"
    delivered_at: datetime


class QuestionAsked(_Orientation):
    """The partner wants to know more before answering."""

    type: ClassVar[str] = "referral.question_asked"


class QuestionAnswered(_Orientation):
    """The partner's question was answered."""

    type: ClassVar[str] = "referral.question_answered"


class ReferralAccepted(_Orientation):
    """The partner takes it."""

    type: ClassVar[str] = "referral.accepted"


class ReferralDeclined(_Orientation):
    """The partner cannot take it."""

    type: ClassVar[str] = "referral.declined"
    reason: DeclineReason


class ReferralExpired(_Orientation):
    """The partner never answered."""

    type: ClassVar[str] = "referral.expired"


class ReferralProgressed(_Orientation):
    """The partner gave news."""

    type: ClassVar[str] = "referral.progressed"


class ReferralCompleted(_Orientation):
    """The partner's help came to an outcome."""

    type: ClassVar[str] = "referral.completed"
    outcome: ReferralOutcome


class ReferralFailed(_Orientation):
    """The partner tried, in vain."""

    type: ClassVar[str] = "referral.failed"
    reason: FailureReason


class ReferralWithdrawn(_Orientation):
    """The request was taken back."""

    type: ClassVar[str] = "referral.withdrawn"


class FollowUpStarted(_FollowUp):
    """Nothing is left to orient: the calls begin."""

    type: ClassVar[str] = "follow_up.started"


class FollowUpAttempted(_FollowUp):
    """A call of the follow-up reached nobody; it will be tried again."""

    type: ClassVar[str] = "follow_up.attempted"
    call_id: UUID
    ordinal: int
    result: CallResult


class FollowUpCalled(_FollowUp):
    """A call of the follow-up (1, 6 or 12 months) is over: reached, or tried often enough."""

    type: ClassVar[str] = "follow_up.called"
    call_id: UUID
    ordinal: int
    result: CallResult
    still_cold: bool | None = None
    still_in_arrears: bool | None = None


class CaseClosed(_FollowUp):
    """The case is over."""

    type: ClassVar[str] = "case.closed"
    outcome: ClosureOutcome


class CaseReopened(_FollowUp):
    """The case goes on."""

    type: ClassVar[str] = "case.reopened"
    state: Code


class ReminderDue(Fact):
    """A clock reached one step of its ladder."""

    type: ClassVar[str] = "reminder.due"
    obligation_id: UUID
    task_id: UUID
    ladder: Code
    generation: int
    step: int


class MessageFailed(Fact):
    """A message was refused for good, or nobody can tell whether it left."""

    type: ClassVar[str] = "message.failed"
    message_id: UUID
    task_id: UUID | None
    referral_id: UUID | None
    unknown: bool


def _leaves(base: type[Fact]) -> list[type[Fact]]:
    children = base.__subclasses__()
    return [base] if not children else [leaf for child in children for leaf in _leaves(child)]


FACTS: Final[dict[str, type[Fact]]] = {fact.type: fact for fact in _leaves(Fact)}
