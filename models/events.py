"""The facts of the domain: each type with the payload it carries. Ids, codes, numbers, dates, booleans: never text.

Types are append-only: a stored event is read for ever.
"""

from datetime import date, datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from models.vocabulary import (
    AnsweredBy,
    CallResult,
    Channel,
    ClosureOutcome,
    ContactBy,
    Danger,
    DeclineReason,
    Derogation,
    Energy,
    ExitCriterion,
    FailureReason,
    FindingKind,
    FollowUpAnswer,
    GapReason,
    HoldReason,
    HouseholdAnswer,
    IncomeClass,
    LoanEnd,
    LossReason,
    Motive,
    Obstacle,
    Party,
    PermissionKind,
    ReferralOutcome,
    RejectionReason,
    ReturnReason,
    SkipReason,
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
    """Base of every payload; `type` is the event's name, `stage` the flow that handles it (None: a named flow).

    `may_need`: kinds of tasks without which nobody would own what follows; a pathway that lacks one refuses the event.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: ClassVar[str]
    stage: ClassVar[Stage | None] = None
    may_need: ClassVar[tuple[str, ...]] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The names under which a pathway may write what follows, the most precise first."""
        return (self.type,)

    @property
    def needs(self) -> tuple[str, ...]:
        """Those that this very event needs."""
        return self.may_need


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


class MatchNoted(_Detection):
    """How alike a request is to another case, in points of a hundred; for the coordination alone."""

    type: ClassVar[str] = "match.noted"
    other: UUID
    score: int


class DerogationAsked(_Detection):
    """Somebody asks that a household above the ceilings be taken up all the same; why is a note."""

    type: ClassVar[str] = "derogation.asked"


class DerogationDecided(_Detection):
    """The coordination granted or refused it."""

    type: ClassVar[str] = "derogation.decided"
    decision: Derogation


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
    """The case was a double: what it held is now followed on another one.

    `phone_ids` and `facts` name what that other household did not know, so that an undo takes it away again.
    """

    type: ClassVar[str] = "case.merged"
    into: UUID
    phone_ids: list[UUID] = []
    facts: list[Code] = []


class CaseAbsorbed(_Detection):
    """Another case was merged into this one: its alerts are followed here, with what it alone told.

    So that an undo knows what goes back: `danger` and `cut_ids` came with it, `urgency` is what this case had before.
    `was_in_danger`: one of its own stood already.
    """

    type: ClassVar[str] = "case.absorbed"
    merged: UUID
    danger: Danger | None = None
    was_in_danger: bool = False
    cut_ids: list[UUID] = []
    urgency: Urgency | None = None


class CaseUnmerged(_Detection):
    """The merge was a mistake: the case lives again, from triage on."""

    type: ClassVar[str] = "case.unmerged"
    out_of: UUID


class CaseReleased(_Detection):
    """A case that was merged into this one lives again by itself, with its alerts; `danger`: that it alone told.

    `number_lost`: the one number that answered was its own.
    """

    type: ClassVar[str] = "case.released"
    may_need: ClassVar[tuple[str, ...]] = ("correct_number", "find_number")
    merged: UUID
    danger: Danger | None = None
    number_lost: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Whom another number is asked of, once none is left."""
        return self.may_need if self.number_lost else ()


class CaseTransferred(_Detection):
    """Another Slime takes the household over; `received_as` is its case there, when it runs on this Relais."""

    type: ClassVar[str] = "case.transferred"
    to_programme_id: UUID | None = None
    received_as: UUID | None = None


class CaseHandedOver(_Detection):
    """A Slime that is not on this Relais has what it needs of a transferred household."""

    type: ClassVar[str] = "case.handed_over"
    may_need: ClassVar[tuple[str, ...]] = ("hand_case_over",)


class CallAttempted(_Visit):
    """A call that reached nobody: no answer or voicemail. `attempt` counts since the last contact."""

    type: ClassVar[str] = "call.attempted"
    call_id: UUID
    result: CallResult
    attempt: int


class CallBackAgreed(_Visit):
    """Somebody of the household answered and asks to be called again on a day."""

    type: ClassVar[str] = "call.back_agreed"
    may_need: ClassVar[tuple[str, ...]] = ("call_again",)  # somebody calls that day
    call_id: UUID
    until: date


class NumberBlocked(_Visit):
    """A call reached a stranger: the number is blocked for every channel."""

    type: ClassVar[str] = "number.blocked"
    call_id: UUID
    phone_id: UUID
    numbers_left: int


class NumberFoundWrong(_Visit):
    """The same once the household was reached, or before anybody calls it: what is under way goes on."""

    type: ClassVar[str] = "number.found_wrong"
    may_need: ClassVar[tuple[str, ...]] = ("correct_number", "find_number")
    call_id: UUID
    phone_id: UUID
    numbers_left: int

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody finds another one, unless there is one."""
        return () if self.numbers_left else self.may_need


class HouseholdCorrected(_Visit):
    """A number was given or put right."""

    type: ClassVar[str] = "household.corrected"
    phone_id: UUID


class HouseholdAddressMended(_Visit):
    """The household's mail address was given, put right or taken away; or kept although it refused (not `changed`).

    `visit_id`: the visit to come, of which it is told there. What leaves for it waits until `recall_until`.
    """

    type: ClassVar[str] = "household.address_mended"
    changed: bool
    removed: bool = False
    visit_id: UUID | None = None
    recall_until: datetime | None = None


class HouseholdAddressRecalled(_Visit):
    """Whoever gave the address took it back before anything left for it: none does until somebody puts it right."""

    type: ClassVar[str] = "household.address_recalled"
    may_need: ClassVar[tuple[str, ...]] = ("mend_household_address",)
    recalls: UUID


class CircumstancesRecorded(_Visit):
    """The household's means were written down: its class by the Anah's ceilings, and the day these apply from."""

    type: ClassVar[str] = "circumstances.recorded"
    income_class: IncomeClass | None = None
    ceilings_on: date | None = None


class HouseholdReached(_Visit):
    """Somebody of the household answered and agrees to go on."""

    type: ClassVar[str] = "household.reached"
    call_id: UUID


class HouseholdRefused(_Visit):
    """The household does not want the visit: it says so when it is called, or takes its agreement to one back."""

    type: ClassVar[str] = "household.refused"
    call_id: UUID | None = None


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
    noted_after: bool = False  # it had taken place already: nobody is invited to it


class VisitMoved(_OneVisit):
    """The date changed, or who comes, or what only the team reads. `relieved`: who was to make it and does no more."""

    type: ClassVar[str] = "visit.moved"
    starts_at: datetime
    same_time: bool = False
    same_officer: bool = False
    relieved: list[UUID] = []
    without_officer: bool = False


class VisitCancelled(_OneVisit):
    """The visit will not take place, told before. `for_good`: what ended it asks for no other."""

    type: ClassVar[str] = "visit.cancelled"
    state: VisitState
    reason: LossReason | None = None
    for_good: bool = False


class VisitMissed(_OneVisit):
    """Somebody was absent. `absences` counts the household's own."""

    type: ClassVar[str] = "visit.missed"
    state: VisitState
    absences: int
    reason: LossReason | None = None


class VisitHeld(_Diagnostic):
    """The visit took place: the report is due."""

    type: ClassVar[str] = "visit.held"
    visit_id: UUID
    ordinal: int


class DiagnosisFinished(_Diagnostic):
    """The diagnosis is done; only its report is still to be given."""

    type: ClassVar[str] = "diagnosis.finished"
    visit_id: UUID


class FindingsRecorded(_Diagnostic):
    """Figures of the household were noted: which ones. What they are is read beside the case, by whoever may."""

    type: ClassVar[str] = "findings.recorded"
    finding_ids: list[UUID]
    kinds: list[FindingKind]


class SurveyRecorded(_Diagnostic):
    """What was asked and seen at a visit was noted: how many answers were new. What they are is read beside the case,
    by whoever may.
    """

    type: ClassVar[str] = "survey.recorded"
    answers: int


class KitRecorded(_Diagnostic):
    """The small equipment of the household, as it stands: how many pieces are in place, and what they cost."""

    type: ClassVar[str] = "kit.recorded"
    pieces: int
    total_cents: int


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


class ReportReplaced(_Diagnostic):
    """A report was wrong: another file and other words stand in its place."""

    type: ClassVar[str] = "report.replaced"
    report_id: UUID


class NeedUnmet(Fact):
    """Nothing can be done here for a need: a dead end with its reason, which counts in the gaps of the programme."""

    type: ClassVar[str] = "need.unmet"
    stage: ClassVar[Stage | None] = Stage.ORIENTATION
    need_id: UUID
    theme: Theme
    reason: GapReason


class ReferralPrepared(_Orientation):
    """A request is being prepared; nothing has left."""

    type: ClassVar[str] = "referral.prepared"
    may_need: ClassVar[tuple[str, ...]] = ("finish_draft",)  # somebody finishes it


class ReferralSent(_Orientation):
    """A partner was asked to help, urgently or not; `until` is when an answer is looked for outside our mails.

    Until `recall_until` nothing of it leaves: whoever sent it may take it back.
    """

    type: ClassVar[str] = "referral.sent"
    may_need: ClassVar[tuple[str, ...]] = ("check_back", "follow_outside")
    until: date | None = None
    recall_until: datetime | None = None
    despite: list[Obstacle] = []  # the directory set the partner aside; a note says why he was asked all the same
    urgent: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody looks for the answer when no mail of ours will bring it."""
        return self.may_need if self.outside else ()


class ReferralRecalled(_Orientation):
    """Whoever sent it took it back before it left: it is in preparation again. `recalls`: the event of its sending."""

    type: ClassVar[str] = "referral.recalled"
    may_need: ClassVar[tuple[str, ...]] = ("finish_draft",)  # somebody finishes it
    recalls: UUID


class ReferralDelivered(_Orientation):
    """The partner's mail server took the request: the answer's clock starts."""

    type: ClassVar[str] = "referral.delivered"
    delivered_at: datetime


class ReferralAcknowledged(_Orientation):
    """The partner has seen the request and studies it."""

    type: ClassVar[str] = "referral.acknowledged"


class AddressMended(_Orientation):
    """The address that refused the partner's mail was given anew, or kept (not `changed`), to write there again.

    Until `recall_until` nothing of it leaves.
    """

    type: ClassVar[str] = "referral.address_mended"
    changed: bool
    recall_until: datetime | None = None


class AddressRecalled(_Orientation):
    """Whoever let the request leave again took that back: the address is to be mended still."""

    type: ClassVar[str] = "referral.address_recalled"
    may_need: ClassVar[tuple[str, ...]] = ("mend_address",)
    recalls: UUID


class AccessAsked(_Orientation):
    """The partner asked for a sign-in link, to read who the household is."""

    type: ClassVar[str] = "referral.access_asked"
    link_id: UUID


class LinkAsked(_Orientation):
    """The partner asked for a new link to what he is asked: the one that he had is too old."""

    type: ClassVar[str] = "referral.link_asked"
    task_id: UUID


class QuestionAsked(_Orientation):
    """The partner wants to know more before answering."""

    type: ClassVar[str] = "referral.question_asked"


class QuestionAnswered(_Orientation):
    """The partner's question was answered. Until `recall_until` he is not told: it may be taken back."""

    type: ClassVar[str] = "referral.question_answered"
    recall_until: datetime | None = None


class AnswerRecalled(_Orientation):
    """Whoever answered took it back before the partner was told: his question waits again."""

    type: ClassVar[str] = "referral.answer_recalled"
    may_need: ClassVar[tuple[str, ...]] = ("answer_question",)
    recalls: UUID


class ReferralAccepted(_Orientation):
    """The partner takes it."""

    type: ClassVar[str] = "referral.accepted"
    urgent: bool = False


class MeetingProposed(_Orientation):
    """The partner says when he would meet the household, with his yes or later."""

    type: ClassVar[str] = "referral.meeting_proposed"
    meets_at: datetime
    with_answer: bool = False


class ReferralDeclined(_Orientation):
    """The partner cannot take it."""

    type: ClassVar[str] = "referral.declined"
    reason: DeclineReason
    others_asked: bool = False  # another partner may still take it


class ReferralExpired(_Orientation):
    """The partner never answered."""

    type: ClassVar[str] = "referral.expired"
    others_asked: bool = False


class ReferralPassedOn(_Orientation):
    """Somebody else of the partner follows the request from now on; None: whoever reads at his one address."""

    type: ClassVar[str] = "referral.passed_on"
    colleague_id: UUID | None


class ReferralStarted(_Orientation):
    """The partner met the household: his help has begun."""

    type: ClassVar[str] = "referral.started"


class ReferralHeld(_Orientation):
    """The help waits until a date of review; for a wait that is not the partner's, his clock waits too."""

    type: ClassVar[str] = "referral.held"
    may_need: ClassVar[tuple[str, ...]] = ("review_hold",)  # somebody looks again
    reason: HoldReason
    until: date


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
    may_need: ClassVar[tuple[str, ...]] = ("settle_dispute",)  # somebody finds out


class ReferralConfirmed(_Orientation):
    """The household confirms the help, or cannot be asked any more."""

    type: ClassVar[str] = "referral.confirmed"
    verified: bool


class HouseholdStops(_FollowUp):
    """The household that was visited says on the telephone that it does not want to go on: its case is closed next."""

    type: ClassVar[str] = "household.stops"
    may_need: ClassVar[tuple[str, ...]] = ("close_case",)
    call_id: UUID


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


class FollowUpAnswered(_FollowUp):
    """The household answered by itself the question of a follow-up: better, or the same."""

    type: ClassVar[str] = "follow_up.answered"
    ordinal: int
    answer: FollowUpAnswer
    channel: AnsweredBy
    is_last: bool = False  # no other call of the follow-up would come

    @property
    def rules(self) -> tuple[str, ...]:
        """Where nobody would hear of it again, "the same" asks for a call before the case is closed."""
        unheard = self.is_last and self.answer is FollowUpAnswer.SAME
        return (FollowUpCallAsked.type, self.type) if unheard else (self.type,)


class FollowUpCallAsked(_FollowUp):
    """The household answered that it wants to be called."""

    type: ClassVar[str] = "follow_up.call_asked"
    may_need: ClassVar[tuple[str, ...]] = ("call_back",)  # somebody calls
    ordinal: int
    channel: AnsweredBy


class HouseholdAnswered(_FollowUp):
    """The household said, while no question of the follow-up was open, whether it was helped, or to call it."""

    type: ClassVar[str] = "household.answered"
    may_need: ClassVar[tuple[str, ...]] = ("call_back",)
    answer: HouseholdAnswer

    @property
    def needs(self) -> tuple[str, ...]:
        """Somebody calls, unless all is well."""
        return () if self.answer is HouseholdAnswer.HELPED else self.may_need


class HouseholdCalledBack(_FollowUp):
    """The household that asked for a call was called, beside the calls of the follow-up."""

    type: ClassVar[str] = "household.called_back"
    call_id: UUID
    result: CallResult


class CallBackMissed(_FollowUp):
    """The household that asked for a call did not answer it; it will be tried again."""

    type: ClassVar[str] = "household.call_back_missed"
    call_id: UUID
    result: CallResult


class ContactChosen(_FollowUp):
    """How the household likes to be asked for news."""

    type: ClassVar[str] = "follow_up.contact_chosen"
    may_need: ClassVar[tuple[str, ...]] = ("call_back",)  # a pathway that asks nothing cannot be told how to ask
    contact_by: ContactBy


class SmsStopped(_FollowUp):
    """The household wants no SMS any more on one of its numbers."""

    type: ClassVar[str] = "number.sms_stopped"
    phone_id: UUID


class CaseClosed(_FollowUp):
    """The case is over."""

    type: ClassVar[str] = "case.closed"
    outcome: ClosureOutcome
    met: list[ExitCriterion] = []  # the exit scorecard, where one was filled; what is in neither is not known
    missed: list[ExitCriterion] = []


class ComplaintReceived(_FollowUp):
    """Somebody complains of the service; the words are a note."""

    type: ClassVar[str] = "complaint.received"
    may_need: ClassVar[tuple[str, ...]] = ("answer_complaint",)  # the coordination answers


class ComplaintAnswered(_FollowUp):
    """The complaint was answered; how is a note."""

    type: ClassVar[str] = "complaint.answered"


class CaseReopened(_FollowUp):
    """The case goes on."""

    type: ClassVar[str] = "case.reopened"
    state: Code


class CaseSuspended(_FollowUp):
    """The case waits, with every clock, until somebody looks again."""

    type: ClassVar[str] = "case.suspended"
    may_need: ClassVar[tuple[str, ...]] = ("review_suspension",)  # somebody looks again
    reason: SuspensionReason
    until: date


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
    may_need: ClassVar[tuple[str, ...]] = ("return_loan",)  # somebody asks for it back
    loan_id: UUID
    until: date


class LoanReturned(_Visit):
    """The device is back, or nobody asks for it any more."""

    type: ClassVar[str] = "loan.returned"
    loan_id: UUID
    end: LoanEnd = LoanEnd.RETURNED


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


class TaskReminded(_OneTask):
    """Somebody had whoever owes a task reminded of it, beside what its clock does."""

    type: ClassVar[str] = "task.reminded"
    party: Party
    recall_until: datetime | None = None


class ReminderRecalled(_OneTask):
    """Whoever asked for a reminder took it back before it left."""

    type: ClassVar[str] = "task.reminder_recalled"
    recalls: UUID


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


class _Cut(Fact):
    cut_id: UUID
    energy: Energy | None = None  # not said by events of the days when a case had one cut at a time


class _CutAhead(_Cut):
    until: date  # the first day on which the law lets the supply be cut


class CutAnnounced(_CutAhead):
    """A supplier announced a cut of electricity or gas."""

    type: ClassVar[str] = "cut.announced"
    energy: Energy


class CutStanding(_CutAhead):
    """A cut that is to be averted from now on, after what was done about it before."""

    supplier_called: bool
    aid_filed: bool


class CutMoved(CutStanding):
    """The day of the cut is another one."""

    type: ClassVar[str] = "cut.moved"


class CutFollowedAgain(CutStanding):
    """The case had ended with the cut still ahead, or its supply cut (`lasts`), and somebody has it again."""

    type: ClassVar[str] = "cut.followed_again"
    lasts: bool

    @property
    def rules(self) -> tuple[str, ...]:
        """A pathway that does not name it follows it as a cut whose day is given anew, or as one that happened."""
        return self.type, CutHappened.type if self.lasts else CutMoved.type


class CutSupplierCalled(_Cut):
    """The supplier's solidarity desk was called."""

    type: ClassVar[str] = "cut.supplier_called"


class CutAidFiled(_CutAhead):
    """A request for aid was filed: the supply is kept until its decision."""

    type: ClassVar[str] = "cut.aid_filed"


class CutAverted(_Cut):
    """The supply will not be cut."""

    type: ClassVar[str] = "cut.averted"


class CutHappened(_Cut):
    """The supply is cut."""

    type: ClassVar[str] = "cut.happened"
    may_need: ClassVar[tuple[str, ...]] = ("restore_supply",)  # somebody has it restored


class CutRestored(_Cut):
    """The supply is back."""

    type: ClassVar[str] = "cut.restored"


class ReplyReceived(Fact):
    """Somebody answered one of our messages, or wrote first (no `message_id`); the text is a note."""

    type: ClassVar[str] = "reply.received"
    reply_id: UUID
    message_id: UUID | None
    task_id: UUID | None = None
    referral_id: UUID | None = None


class ReminderDue(Fact):
    """A clock reached one step of its ladder; or somebody took it at once, and may undo it until `recall_until`."""

    type: ClassVar[str] = "reminder.due"
    obligation_id: UUID
    task_id: UUID
    ladder: Code
    generation: int
    step: int
    recall_until: datetime | None = None


class ReminderSkipped(Fact):
    """Somebody decided that one step of a clock does not leave."""

    type: ClassVar[str] = "reminder.skipped"
    obligation_id: UUID
    task_id: UUID
    ladder: Code
    generation: int
    step: int
    reason: SkipReason


class MessageFailed(Fact):
    """A message was refused for good, or nobody can tell whether it left; `party`: whom it was for (None: told before
    Relais wrote that down).
    """

    type: ClassVar[str] = "message.failed"
    message_id: UUID
    task_id: UUID | None
    referral_id: UUID | None
    unknown: bool
    party: Party | None = None
    channel: Channel | None = None


class MessageHastened(Fact):
    """Somebody let a message leave at once instead of at its hour, and may undo it until `recall_until`."""

    type: ClassVar[str] = "message.hastened"
    message_id: UUID
    was_due_at: datetime | None = None
    was_daily: bool = False
    recall_until: datetime | None = None


class HasteRecalled(Fact):
    """Whoever hastened a message let it wait for its hour after all."""

    type: ClassVar[str] = "message.haste_recalled"
    message_id: UUID
    recalls: UUID


class MessageSentAgain(Fact):
    """An administrator let a refused message leave once more, and may undo it until `recall_until`."""

    type: ClassVar[str] = "message.sent_again"
    message_id: UUID
    refused_at: datetime | None = None
    reply_code: int | None = None
    recall_until: datetime | None = None


class MessageKept(Fact):
    """Whoever sent a refused message again took that back: it is refused as before."""

    type: ClassVar[str] = "message.resend_recalled"
    message_id: UUID
    recalls: UUID


class MessageLost(Fact):
    """Its reader never had a message that was in doubt: it leaves again, which whoever said so may undo until
    `recall_until`. `message_id` is that of the mail, `message_ids` all that it carried, `started_at` when it left.
    """

    type: ClassVar[str] = "message.found_lost"
    message_id: UUID
    message_ids: list[UUID]
    started_at: datetime | None = None
    recall_until: datetime | None = None


class LossRecalled(Fact):
    """Whoever said that a message was lost took that back: it is in doubt as before."""

    type: ClassVar[str] = "message.loss_recalled"
    message_id: UUID
    recalls: UUID


def _leaves(base: type[Fact]) -> list[type[Fact]]:
    children = base.__subclasses__()
    return [base] if not children else [leaf for child in children for leaf in _leaves(child)]


FACTS: Final[dict[str, type[Fact]]] = {fact.type: fact for fact in _leaves(Fact)}
