"""The facts of the domain: each type with the payload it carries. Ids, codes, numbers, dates, booleans: never text.

Types are append-only: a stored event is read for ever.
"""

from datetime import date, datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from models.vocabulary import (
    CallResult,
    ClosureOutcome,
    Danger,
    DeclineReason,
    FailureReason,
    HoldReason,
    Motive,
    PermissionKind,
    ReferralOutcome,
    RejectionReason,
    ReturnReason,
    SnoozeReason,
    Stage,
    SuspensionReason,
    Theme,
    Urgency,
    VisitState,
    VoidReason,
    WithdrawReason,
)

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,40}$")]


class Fact(BaseModel):
    """Base of every payload; `type` is the event's name, `stage` the flow that handles it (None: a named flow)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: ClassVar[str]
    stage: ClassVar[Stage | None] = None

    @property
    def rules(self) -> tuple[str, ...]:
        """The names under which a pathway may write what follows, the most precise first."""
        return (self.type,)

    @property
    def needs(self) -> tuple[str, ...]:
        """Kinds of tasks without which nobody would own what follows; a pathway that lacks one refuses the event."""
        return ()


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
    outside: bool = False  # asked through the partner's own portal: no mail, no link, no clock of ours


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


class CaseReassigned(_Visit):
    """Another operator has the case from now on."""

    type: ClassVar[str] = "case.reassigned"
    operator_id: UUID


class CaseRejected(_Detection):
    """The coordinator refused the case, with its reason."""

    type: ClassVar[str] = "case.rejected"
    reason: RejectionReason


class CaseDisqualified(_Detection):
    """Spoken with, the household turns out not to meet the conditions."""

    type: ClassVar[str] = "case.disqualified"
    reason: RejectionReason


class CaseMerged(_Detection):
    """The case was a double: what it held is now followed on another one."""

    type: ClassVar[str] = "case.merged"
    into: UUID


class CaseAbsorbed(_Detection):
    """Another case was merged into this one: its alerts are followed here."""

    type: ClassVar[str] = "case.absorbed"
    merged: UUID


class CaseUnmerged(_Detection):
    """The merge was a mistake: the case lives again, from triage on."""

    type: ClassVar[str] = "case.unmerged"
    out_of: UUID


class CaseReleased(_Detection):
    """A case that was merged into this one lives again by itself, with its alerts."""

    type: ClassVar[str] = "case.released"
    merged: UUID


class CaseTransferred(_Detection):
    """Another Slime takes the household over; `received_as` is its case there, when it runs on this Relais."""

    type: ClassVar[str] = "case.transferred"
    to_programme_id: UUID | None = None
    received_as: UUID | None = None


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


class DiagnosisFinished(_Diagnostic):
    """The diagnosis is done; only its report is still to be given."""

    type: ClassVar[str] = "diagnosis.finished"
    visit_id: UUID


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


class ReferralPrepared(_Orientation):
    """A request is being prepared; nothing has left."""

    type: ClassVar[str] = "referral.prepared"

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody finishes it."""
        return ("finish_draft",)


class ReferralSent(_Orientation):
    """A partner was asked to help; `until` is when an answer is looked for outside our mails."""

    type: ClassVar[str] = "referral.sent"
    until: date | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody looks for the answer when no mail of ours will bring it."""
        return ("check_back", "follow_outside") if self.outside else ()


class ReferralDelivered(_Orientation):
    """The partner's mail server took the request: the answer's clock starts."""

    type: ClassVar[str] = "referral.delivered"
    delivered_at: datetime


class ReferralAcknowledged(_Orientation):
    """The partner has seen the request and studies it."""

    type: ClassVar[str] = "referral.acknowledged"


class AddressMended(_Orientation):
    """The address that refused the partner's mail was given anew, or kept (not `changed`), to write there again."""

    type: ClassVar[str] = "referral.address_mended"
    changed: bool


class AccessAsked(_Orientation):
    """The partner asked for a sign-in link, to read who the household is."""

    type: ClassVar[str] = "referral.access_asked"
    link_id: UUID


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
    others_asked: bool = False  # another partner may still take it


class ReferralExpired(_Orientation):
    """The partner never answered."""

    type: ClassVar[str] = "referral.expired"
    others_asked: bool = False


class ReferralStarted(_Orientation):
    """The partner met the household: his help has begun."""

    type: ClassVar[str] = "referral.started"


class ReferralHeld(_Orientation):
    """The help waits until a date of review; for a wait that is not the partner's, his clock waits too."""

    type: ClassVar[str] = "referral.held"
    reason: HoldReason
    until: date

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody looks again."""
        return ("review_hold",)


class ReferralResumed(_Orientation):
    """The help goes on."""

    type: ClassVar[str] = "referral.resumed"


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
    reason: WithdrawReason = WithdrawReason.OTHER
    sent: bool = True  # False: it was still being prepared, its partner never heard of it


class ReferralSuperseded(_Orientation):
    """The same need is now asked of another partner, or another partner was first to take it."""

    type: ClassVar[str] = "referral.superseded"
    by_referral_id: UUID
    taken: bool = False


class ReferralVoided(_Orientation):
    """It should never have existed; `sent`: a partner has read it and must forget it."""

    type: ClassVar[str] = "referral.voided"
    reason: VoidReason
    sent: bool


class ReferralDisputed(_Orientation):
    """The household says that the help which the partner reported did not come."""

    type: ClassVar[str] = "referral.disputed"

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody finds out."""
        return ("settle_dispute",)


class ReferralConfirmed(_Orientation):
    """The household confirms the help, or cannot be asked any more."""

    type: ClassVar[str] = "referral.confirmed"
    verified: bool


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


class CaseSuspended(_FollowUp):
    """The case waits, with every clock, until somebody looks again."""

    type: ClassVar[str] = "case.suspended"
    reason: SuspensionReason
    until: date

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody looks again."""
        return ("review_suspension",)


class CaseResumed(_FollowUp):
    """The case goes on where it was; its clocks run again, later by the time that they waited."""

    type: ClassVar[str] = "case.resumed"
    state: Code


class CaseRepinned(Fact):
    """The case follows another pathway from now on; dates and clocks of its open tasks are those of the new one."""

    type: ClassVar[str] = "case.repinned"
    from_name: Code
    from_version: int
    to_name: Code
    to_version: int
    moved: int  # how many of its open tasks have another date


class CaseWithdrawn(_FollowUp):
    """The household withdrew its agreement: everything stops."""

    type: ClassVar[str] = "case.withdrawn"


class PermissionGiven(_FollowUp):
    """The household agreed to something."""

    type: ClassVar[str] = "permission.given"
    permission_id: UUID
    kind: PermissionKind
    organisation_id: UUID | None = None


class PermissionRevoked(_FollowUp):
    """The household took an agreement back: whoever relied on it stops at once."""

    type: ClassVar[str] = "permission.revoked"
    permission_id: UUID
    kind: PermissionKind
    organisation_id: UUID | None = None


class LoanMade(_Visit):
    """A device was lent, to be given back by a date."""

    type: ClassVar[str] = "loan.made"
    loan_id: UUID
    until: date

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody asks for it back."""
        return ("return_loan",)


class LoanReturned(_Visit):
    """The device is back."""

    type: ClassVar[str] = "loan.returned"
    loan_id: UUID


class _OneTask(Fact):
    task_id: UUID
    kind: Code


class TaskTaken(_OneTask):
    """Somebody said: I do it."""

    type: ClassVar[str] = "task.taken"
    person_id: UUID


class TaskReturned(_OneTask):
    """Whose task it was gives it back: the coordination has it."""

    type: ClassVar[str] = "task.returned"
    reason: ReturnReason


class TaskHandedOver(_OneTask):
    """The task goes on with somebody else, by the same date."""

    type: ClassVar[str] = "task.handed_over"
    to_person_id: UUID | None = None
    to_organisation_id: UUID | None = None


class TaskSnoozed(_OneTask):
    """Reminders wait until a day; the date of the task does not move."""

    type: ClassVar[str] = "task.snoozed"
    reason: SnoozeReason
    until: date


class TaskCompleted(_OneTask):
    """A task that a pathway defines by itself (a committee, a document to ask for) is done.

    A pathway writes its rule as `task.completed/<kind>`, or `task.completed/<kind>/<outcome>`.
    """

    type: ClassVar[str] = "task.completed"
    outcome: Code = "done"

    @property
    def rules(self) -> tuple[str, ...]:
        """By kind and outcome, then by kind."""
        general = f"{self.type}/{self.kind}"
        return f"{general}/{self.outcome}", general


class ReplyReceived(Fact):
    """Somebody answered one of our mails; the text is a note."""

    type: ClassVar[str] = "reply.received"
    reply_id: UUID
    message_id: UUID
    task_id: UUID | None = None
    referral_id: UUID | None = None


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


class MessageHastened(Fact):
    """Somebody let a message leave at once instead of at its hour."""

    type: ClassVar[str] = "message.hastened"
    message_id: UUID


def _leaves(base: type[Fact]) -> list[type[Fact]]:
    children = base.__subclasses__()
    return [base] if not children else [leaf for child in children for leaf in _leaves(child)]


FACTS: Final[dict[str, type[Fact]]] = {fact.type: fact for fact in _leaves(Fact)}
