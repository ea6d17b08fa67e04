"""What people can do, one by one: on which objects an act is in its place, and the act itself, by whoever does it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Loan, Permission, Phone, Referral, Report, SupplyCut, Visit
from models.engine import Event, Message, Obligation, Task
from models.lifecycles import CASE_MOVES, UNANSWERED, UNDER_THE_TEAM, UNDER_WAY, CaseAction
from models.vocabulary import (
    CLOSED_STATES,
    CaseState,
    Channel,
    ContactBy,
    CutOutcome,
    Energy,
    Equipment,
    FollowUpAnswer,
    GapReason,
    HoldReason,
    HouseholdAnswer,
    Loop,
    MessageState,
    Party,
    PermissionKind,
    ReferralKind,
    ReferralState,
    RejectionReason,
    ReturnReason,
    Role,
    SkipReason,
    SnoozeReason,
    Source,
    SuspensionReason,
    TaskState,
    Theme,
    VisitState,
    VoidReason,
)
from services.accounts import partner_access
from services.cases import (
    addresses,
    calls,
    circumstances,
    closing,
    complaints,
    derogations,
    endings,
    findings,
    follow_up,
    household_answers,
    kits,
    loans,
    merging,
    needs,
    partner_team,
    partner_work,
    permissions,
    recalling,
    referrals,
    reminding,
    reports,
    rerouting,
    supply_cuts,
    surveys,
    suspension,
    tasks,
    triage,
    visits,
)
from services.cases.circumstances import CircumstancesForm
from services.cases.findings import FindingsForm, MatchForm
from services.cases.household_answers import HouseholdWord
from services.cases.partner_team import ColleagueForm
from services.cases.supply_cuts import AidFiled, CutEnd, CutForm, NewDay, SupplierCall, WhichCut
from services.cases.surveys import SurveyForm
from services.correspondence import incoming_sms, messages, replies
from services.correspondence.incoming_sms import ReceivedSms
from services.forms import (
    Acceptance,
    AddressForm,
    Answer,
    CallForm,
    CaseReopening,
    ClosureForm,
    ComplaintForm,
    ContactForm,
    DangerForm,
    DerogationDecision,
    DerogationForm,
    Disqualification,
    FollowUpForm,
    FollowUpWord,
    GapForm,
    HandedOver,
    HandOver,
    HeldVisit,
    Hold,
    HouseholdAddressForm,
    KitForm,
    KitLine,
    LoanForm,
    LostVisit,
    Meeting,
    Merge,
    NoteForm,
    NumberForm,
    PassOn,
    PastVisit,
    PermissionForm,
    Question,
    Reassignment,
    Rejection,
    Remedy,
    Reopening,
    Skip,
    Snooze,
    Suspension,
    TaskReturn,
    Transfer,
    VisitForm,
    Voiding,
    Withdrawal,
)
from services.foundation.database import UnitOfWork
from services.operations import administration
from services.overview import coming
from services.programme import publishing
from services.rules.casework import Hand
from services.rules.links import holder_of, may_renew
from services.rules.policy import Actor
from services.rules.published import publish
from services.rules.ranking import READ
from services.rules.view import attempts_since_contact
from tests.services.rules.situations import (
    ADA,
    ADA_ID,
    ANSWERS,
    BO,
    BO_ID,
    BY_PHONE,
    CY,
    CY_ID,
    ELSEWHERE,
    OPERATOR,
    OTHER_OPERATOR,
    OTHER_PARTNER,
    PARTNER,
    PROGRAMME,
    Office,
    default_pathway,
    referral_form,
)

C, R = CaseState, ReferralState
OPEN: Final = frozenset(C) - CLOSED_STATES
ORIENTABLE: Final = frozenset({C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP})
THE_ADMINISTRATOR: Final = Hand(Actor("person", UUID(int=30), PROGRAMME, Role.ADMINISTRATOR, name="Alex"), holds=True)
TO_VISIT: Final = frozenset({C.QUALIFIED, C.VISITED, C.DIAGNOSED}) | ORIENTABLE
EARLY: Final = frozenset({C.TO_CONTACT, C.CONTACTING, C.QUALIFIED})
ASKED: Final = frozenset({R.SENT, R.UNDER_REVIEW})
LIVE: Final = UNANSWERED | UNDER_WAY
TEAMS: Final = {OPERATOR: BO, OTHER_OPERATOR: CY}
ANOTHER_PATHWAY: Final = default_pathway(version=900)


class Scene:
    """All that people may act on at this moment, read once; columns only, nothing is asked of it later."""

    def __init__(self, unit: UnitOfWork) -> None:
        session = unit.session
        self.case = list(session.scalars(select(Case).where(Case.programme_id == PROGRAMME).order_by(Case.number)))
        self.cases = {case.id: case for case in self.case}

        def of_them(model: Any, *conditions: Any) -> list[Any]:
            query = select(model).where(model.case_id.in_(self.cases), *conditions)
            return list(session.scalars(query.order_by(model.id)))

        self.referral: list[Referral] = of_them(Referral)
        self.task: list[Task] = of_them(Task, Task.state == TaskState.OPEN)
        self.loan: list[Loan] = of_them(Loan)
        self.permission: list[Permission] = of_them(Permission)
        self.cut: list[SupplyCut] = of_them(SupplyCut)
        self.clock: list[Obligation] = of_them(Obligation, Obligation.next_at.is_not(None))
        states = MessageState.QUEUED, MessageState.UNKNOWN, MessageState.REFUSED
        self.message: list[Message] = of_them(Message, Message.state.in_(states), Message.channel != Channel.LETTER)
        self.planned = {visit.case_id for visit in of_them(Visit, Visit.state == VisitState.PLANNED)}
        self.asked = {(task.case_id, task.kind) for task in self.task}
        self.asked_of = {(task.referral_id, task.kind) for task in self.task}
        self.tries = {
            case.id: attempts_since_contact(unit, case.id) for case in self.case if case.state == C.CONTACTING
        }
        self.reported = {report.case_id for report in of_them(Report)}
        self.remindable = {task.id for task in self.task if reminding.may_remind(ADA.actor, task)}
        self.now = unit.now

    def has(self, case: Case, kind: str) -> bool:
        """Whether the case has such an item."""
        return (case.id, kind) in self.asked

    def threatens(self, case: Case) -> list[SupplyCut]:
        """The cuts that are ahead."""
        return [cut for cut in self.cut if cut.case_id == case.id and cut.outcome is None]


When = Callable[[Scene, Any], bool]
Do = Callable[[Office, Any, int], object]


class Act(NamedTuple):
    """Something that somebody does to an object of a kind; `in_turn`: where it may succeed.

    `family` says how often it is chosen. What is not `whole` takes several transactions, and time. `ways`: so many
    chances lead to events of their own.
    """

    name: str
    family: str
    of: str
    in_turn: When
    do: Do
    whole: bool = True
    ways: int = 1

    def places(self, scene: Scene) -> Sequence[Any]:
        """The objects on which it is in its place."""
        return [each for each in self.anything(scene) if self.in_turn(scene, each)]

    def anything(self, scene: Scene) -> Sequence[Any]:
        """Every object of its kind, whatever its state."""
        found: Sequence[Any] = getattr(scene, self.of)
        return found

    def __repr__(self) -> str:
        """As a failing story shows it."""
        return self.name


# --- Who acts, and when


def worker(case: Case) -> Hand:
    """Whoever makes the visits of this case; before it is given away, the coordination."""
    return TEAMS.get(case.operator_id, ADA) if case.operator_id else ADA


def worker_of(office: Office, each: Any) -> Hand:
    """The same for what belongs to a case."""
    return worker(office.case(each.case_id))


def by_partner(office: Office, referral: Referral, action: str, form: Answer, n: int) -> tuple[Hand, Answer]:
    """The partner by the link that he has, every second time; else somebody notes what he said on the telephone."""
    with office.database.read() as unit:
        query = select(Task).where(
            Task.referral_id == referral.id, Task.state == TaskState.OPEN, Task.party == Party.PARTNER
        )
        holders = [holder_of(unit, task) for task in unit.session.scalars(query)]
    mine = [holder for holder in holders if action in holder.actions]
    if mine and n % 2:
        return Hand(mine[0], Source.LINK), form.model_copy(update={"on_behalf": None})
    return ADA, form.model_copy(update={"on_behalf": BY_PHONE})


def says(use_case: Callable[..., Any], form: Callable[[Office, int], Answer] | Answer) -> Do:
    """A partner says something of his request."""

    def do(office: Office, referral: Referral, n: int) -> object:
        words = form if isinstance(form, Answer) else form(office, n)
        hand, words = by_partner(office, referral, use_case.__name__, words, n)
        return office.do(use_case, hand, referral.id, words)

    return do


def answers(name: str) -> Do:
    """One of the answers that the office knows."""
    return says(*ANSWERS[name])


def works(use_case: Callable[..., Any], *forms: Any, hand: Hand | None = None) -> Do:
    """Somebody of the team does this to a case; a form may depend on the office and on chance."""

    def do(office: Office, case: Case, n: int) -> object:
        given = [form(office, n) if callable(form) else form for form in forms]
        return office.do(use_case, hand or worker(case), case.id, *given)

    return do


def coordinates(use_case: Callable[..., Any], *forms: Any) -> Do:
    """The same by the coordination."""
    return works(use_case, *forms, hand=ADA)


def today(office: Office) -> date:
    """The day on the wall."""
    return office.clock.at.date()


def in_days(office: Office, days: int) -> date:
    """So many days later."""
    return today(office) + timedelta(days=days)


def other_of(referral: Referral) -> UUID:
    """The other partner."""
    return OTHER_PARTNER if referral.partner_id == PARTNER else PARTNER


def state(*states: CaseState) -> When:
    """A case in one of these states."""
    return lambda _scene, case: case.state in states


def asked(*states: ReferralState) -> When:
    """A request in one of these states, of a case that the team has."""
    return lambda scene, referral: referral.state in states and scene.cases[referral.case_id].state in UNDER_THE_TEAM


def is_open(_scene: Scene, case: Any) -> bool:
    """A case that has not ended."""
    return case.state in OPEN


def both(*conditions: When) -> When:
    """All of them."""
    return lambda scene, each: all(condition(scene, each) for condition in conditions)


def oriented(scene: Scene, referral: Referral) -> bool:
    """A request of a case in which others may be made."""
    return scene.cases[referral.case_id].state in ORIENTABLE


# --- Acts that need more than a line


def call(result: str) -> Do:
    """A call to the household."""
    return works(calls.record_call, CallForm.model_validate({"result": result}))


def call_three_days(office: Office, case: Case, _n: int) -> None:
    """Three calls that nobody answers, each on its day, mornings and evenings."""
    for hour in (9, 17, 11):
        office.clock.at = (office.clock.at + timedelta(days=1)).replace(hour=hour)
        office.do(calls.record_call, worker(case), case.id, CallForm.model_validate({"result": "no_answer"}))


def give_up(office: Office, case: Case, _n: int) -> None:
    """Once the household had the time to answer what was written to it."""
    with office.database.read() as unit:
        query = select(Task.due_at).where(
            Task.case_id == case.id, Task.kind == calls.AWAIT, Task.state == TaskState.OPEN
        )
        office.clock.at = max(office.clock.at, unit.session.scalar(query) or office.clock.at)
    office.do(calls.give_up, worker(case), case.id)


def wait_for_visit(office: Office, case: Case) -> None:
    """Until the visit begins."""
    with office.database.read() as unit:
        query = select(Visit.starts_at).where(Visit.case_id == case.id, Visit.state == VisitState.PLANNED)
        office.clock.at = max(office.clock.at, unit.session.scalar(query) or office.clock.at)


def hold_visit(office: Office, case: Case, n: int) -> None:
    """The visit takes place; a danger is met now and then."""
    wait_for_visit(office, case)
    office.do(visits.hold_visit, worker(case), case.id, HeldVisit.model_validate({"danger": None if n % 4 else "gas"}))


def miss_visit(office: Office, case: Case, n: int) -> None:
    """Nobody is there."""
    wait_for_visit(office, case)
    lost = (VisitState.HOUSEHOLD_ABSENT, VisitState.VISITOR_ABSENT)[n % 3 == 0]
    office.do(visits.lose_visit, worker(case), case.id, LostVisit(state=lost))


def cancel_visit(office: Office, n: int) -> LostVisit:
    """Called off by one side or the other."""
    return LostVisit(state=(VisitState.CANCELLED_BY_HOUSEHOLD, VisitState.CANCELLED_BY_SERVICE)[n % 2])


def new_number(office: Office, case: Case, _n: int) -> None:
    """A number that nobody gave before."""
    form = NumberForm(phone=f"063998{case.last_seq + 5000:04d}")
    office.do(calls.correct_number, ADA, case.id, form)


def report(office: Office, case: Case, _n: int) -> None:
    """The household has its report."""
    office.report(case.id, worker(case))


def replace_report(office: Office, case: Case, _n: int) -> None:
    """The file was another household's."""
    office.replace_report(case.id)


def refer(**given: Any) -> Do:
    """A partner is asked."""

    def do(office: Office, case: Case, n: int) -> None:
        words = {
            "partner_id": (PARTNER, OTHER_PARTNER)[n % 2],
            "theme": (Theme.LANDLORD_MEDIATION, Theme.FSL)[n % 3 > 0],
        }
        made = {name: value(office) if callable(value) else value for name, value in given.items()}
        office.do(referrals.send, worker(case), case.id, referral_form(despite="Il a dit oui.", **words | made))

    return do


def prepare(office: Office, case: Case, n: int) -> None:
    """A request for later."""
    office.do(referrals.prepare, worker(case), case.id, referral_form(partner_id=(PARTNER, OTHER_PARTNER)[n % 2]))


def send_draft(office: Office, referral: Referral, n: int) -> None:
    """A prepared request leaves."""
    form = referral_form(partner_id=(PARTNER, OTHER_PARTNER)[n % 2], despite="Il a dit oui.")
    office.do(referrals.send_draft, worker_of(office, referral), referral.id, form)


def send_and_take_back(office: Office, referral: Referral, _n: int) -> None:
    """A prepared request leaves, and is called back within its minute."""
    hand = replace(worker_of(office, referral), holds=True)
    form = referral_form(partner_id=referral.partner_id, despite="Il a dit oui.")
    office.do(referrals.send_draft, hand, referral.id, form)
    take_back_last(office, referral.case_id, hand, "referral.sent")


def remind(office: Office, task: Task, n: int) -> None:
    """Whoever owes it is reminded; every second time that is taken back."""
    hand = replace(ADA, holds=True)
    office.do(reminding.remind, hand, task.id)
    if n % 2:
        take_back_last(office, task.case_id, hand, "task.reminded")


def take_back_last(office: Office, case_id: UUID, hand: Hand, type_: str) -> None:
    """Call back the last sending of this type."""
    with office.database.read() as unit:
        query = select(Event.id).where(Event.case_id == case_id, Event.type == type_).order_by(Event.seq.desc())
        event_id = unit.session.scalars(query.limit(1)).one()
    office.do(recalling.recall, hand, event_id)


def answer_question(office: Office, referral: Referral, n: int) -> None:
    """The team answers what the partner asked; every second time that is taken back."""
    hand = replace(worker_of(office, referral), holds=True)
    office.do(referrals.answer_question, hand, referral.id, Question(note="Au deuxième."))
    if n % 2:
        take_back_last(office, referral.case_id, hand, "referral.question_answered")


def take_back(office: Office, referral: Referral, _n: int) -> None:
    """The request is withdrawn."""
    office.do(referrals.withdraw, worker_of(office, referral), referral.id)


def transfer_referral(office: Office, referral: Referral, _n: int) -> None:
    """Another partner is asked instead."""
    form = referral_form(partner_id=other_of(referral), despite="Il a dit oui.")
    office.do(rerouting.transfer, ADA, referral.id, form)


def refer_again(office: Office, referral: Referral, _n: int) -> None:
    """Another partner is asked after one that ended."""
    form = referral_form(partner_id=other_of(referral), replaces_id=referral.id, despite="Il a dit oui.")
    office.do(referrals.send, worker_of(office, referral), referral.case_id, form)


def ask_access(office: Office, referral: Referral, n: int) -> None:
    """The partner asks for a sign-in link."""
    with office.database.write("test") as unit:
        partner_access.ask_link(unit, unit.session.get_one(Referral, referral.id), browser=f"b{n}")


def ask_new_link(office: Office, task: Task, _n: int) -> None:
    """The partner's link is too old."""
    with office.database.write("test") as unit:
        partner_access.renew_link(unit, unit.session.get_one(Task, task.id))


def pass_on(office: Office, referral: Referral, _n: int) -> None:
    """Somebody else of the partner follows it, or his one address again."""
    with office.database.write("test") as unit:
        form = ColleagueForm(name="Lea", email=f"lea{referral.partner_id.int}@example.org")
        colleague = partner_team.add_colleague(unit, ADA, referral.partner_id, form)
        charged = partner_team.in_charge(unit, [referral.id])
        partner_team.pass_on(
            unit, ADA, referral.id, PassOn(colleague_id=None if charged else colleague.id, on_behalf=BY_PHONE)
        )


def confirm(office: Office, referral: Referral, n: int) -> None:
    """The household says that the help came."""
    office.do(partner_work.confirm, worker_of(office, referral), referral.id, verified=n % 2 == 0)


def dispute(office: Office, referral: Referral, _n: int) -> None:
    """The household says that it did not."""
    form = NoteForm(text="Personne n’est venu.")
    office.do(partner_work.dispute, worker_of(office, referral), referral.id, form)


def mend_address(office: Office, referral: Referral, n: int) -> None:
    """The partner's address is given anew, or kept; every second time its sending is taken back."""
    names = {PARTNER: "adil", OTHER_PARTNER: "soliha"}
    address, hand = f"{names[referral.partner_id]}{n if n % 3 else ''}@example.org", replace(ADA, holds=True)
    office.do(addresses.mend_address, hand, referral.id, AddressForm(email=address))
    if n % 2:
        take_back_last(office, referral.case_id, hand, "referral.address_mended")


def give_mail(office: Office, case: Case, n: int) -> None:
    """The household reads its mail elsewhere; every second time what leaves there for its visit is taken back."""
    hand = replace(ADA, holds=True)
    form = HouseholdAddressForm(email=f"m{case.last_seq}@example.org")
    office.do(addresses.mend_household_address, hand, case.id, form)
    if n % 2 and case.state == C.VISIT_PLANNED:
        take_back_last(office, case.id, hand, "household.address_mended")


def send_again(office: Office, message: Message, n: int) -> None:
    """The administrator lets a refused message leave once more; every second time he takes it back."""
    office.do(administration.send_again, THE_ADMINISTRATOR, message.id, Remedy(reason="Serveur rétabli."))
    if n % 2 and message.case_id is not None:
        take_back_last(office, message.case_id, THE_ADMINISTRATOR, "message.sent_again")


def answer_by_link(office: Office, task: Task, n: int) -> None:
    """The household answers the question of the follow-up."""
    with office.database.write("test") as unit:
        holder = holder_of(unit, unit.session.get_one(Task, task.id))
        word = FollowUpWord(answer=list(FollowUpAnswer)[n % len(FollowUpAnswer)])
        follow_up.answer_by_link(unit, Hand(holder, Source.LINK), word)


def answer_on_page(office: Office, case: Case, n: int) -> None:
    """The household says something on its page."""
    hand = Hand(Actor("form", case.household_id, PROGRAMME))
    word = HouseholdWord(answer=list(HouseholdAnswer)[n % len(HouseholdAnswer)])
    office.do(household_answers.answer, hand, case.id, word)


def write_sms(office: Office, case: Case, n: int) -> None:
    """The household writes an SMS; now and then that it wants none any more."""
    with office.database.write("test") as unit:
        query = select(Phone.number).where(Phone.household_id == case.household_id).order_by(Phone.rank.desc())
        number = unit.session.scalars(query.limit(1)).one()
        said = "STOP" if n % 3 == 0 else "Bonjour, quand venez-vous ?"
        incoming_sms.receive(unit, ReceivedSms(sender=number, text=said, reference=f"{case.id}:{case.last_seq}"))


def another(office: Office, case: Case) -> str:
    """The number of another case, or its own where there is none."""
    with office.database.read() as unit:
        others = select(Case.number).where(Case.id != case.id, Case.programme_id == PROGRAMME).order_by(Case.number)
        return unit.session.scalars(others.limit(1)).first() or case.number


def merge(office: Office, case: Case, _n: int) -> None:
    """It is the double of another one."""
    office.do(merging.merge, ADA, case.id, Merge(into_number=another(office, case)))


def match(office: Office, case: Case, n: int) -> None:
    """How alike it is to another one."""
    office.do(findings.note_match, ADA, case.id, MatchForm(number=another(office, case), score=n % 100))


def reassign(office: Office, case: Case, _n: int) -> None:
    """Another operator has it."""
    operator = OTHER_OPERATOR if case.operator_id == OPERATOR else OPERATOR
    office.do(triage.reassign, ADA, case.id, Reassignment(operator_id=operator))


def transfer_case(office: Office, case: Case, n: int) -> None:
    """Another Slime has it, of this Relais or not."""
    there = {"to_programme_id": ELSEWHERE} if n % 2 else {"to_name": "Slime voisin"}
    office.do(endings.transfer, ADA, case.id, Transfer.model_validate({"agreement": True, **there}))


def may_reopen(_scene: Scene, case: Case) -> bool:
    """Not while the other programme of this Relais follows the household: nobody acts there."""
    return (case.state, CaseAction.REOPEN) in CASE_MOVES and case.transferred_to in {None, "Slime voisin"}


def may_undo_merge(scene: Scene, case: Case) -> bool:
    """The last merge first."""
    return case.merged_into_id is not None and scene.cases[case.merged_into_id].state != CaseState.MERGED


def close(office: Office, case: Case, n: int) -> None:
    """It ends, with an outcome that its state knows."""
    with office.database.read() as unit:
        is_cut = any(each.outcome is not None for each in supply_cuts.followed(unit, case.id))
    known = [each for each in closing.outcomes(case) if not (is_cut and each in closing.HELPED)]
    office.do(closing.close_case, ADA, case.id, ClosureForm(outcome=known[n % len(known)]))


def repin(office: Office, case: Case, _n: int) -> None:
    """It follows another version of the pathway from now on, unless the engine holds it."""
    office.drain()
    with office.database.write("test") as unit:
        publish(unit, ANOTHER_PATHWAY)
        publishing.move(unit, case.id, ANOTHER_PATHWAY)


def hand_over(office: Office, task: Task, _n: int) -> None:
    """A colleague has it."""
    colleague = {Party.COORDINATOR: ADA_ID, Party.OPERATOR: CY_ID if task.organisation_id == OTHER_OPERATOR else BO_ID}
    office.do(tasks.hand_over, ADA, task.id, HandOver(person_id=colleague.get(Party(task.party), BO_ID)))


def of_its_team(task: Task) -> Hand:
    """Whoever may act on a task."""
    return TEAMS.get(task.organisation_id, ADA) if task.organisation_id else ADA


def handles(use_case: Callable[..., Any], *forms: Any) -> Do:
    """Whoever has a task says something of it."""

    def do(office: Office, task: Task, n: int) -> object:
        given = [form(office, n) if callable(form) else form for form in forms]
        return office.do(use_case, of_its_team(task), task.id, *given)

    return do


def skip(office: Office, clock: Obligation, _n: int) -> None:
    """A reminder does not leave."""
    form = Skip(generation=clock.generation, step=max(clock.next_step or 0, 0), reason=SkipReason.OTHER)
    office.do(coming.skip, ADA, clock.case_id, clock.id, form)


def leave_now(office: Office, clock: Obligation, _n: int) -> None:
    """A reminder leaves before its day."""
    form = Skip(generation=clock.generation, step=max(clock.next_step or 0, 0), reason=SkipReason.OTHER)
    office.do(coming.leave_now, ADA, clock.case_id, clock.id, form)


def send_now(office: Office, message: Message, n: int) -> None:
    """A message leaves before its hour; every second time that is taken back."""
    hand = replace(ADA, holds=True)
    office.do(messages.send_now, hand, message.case_id, message.id)
    if n % 2 and message.case_id is not None:
        take_back_last(office, message.case_id, hand, "message.hastened")


def settle(office: Office, message: Message, n: int) -> None:
    """Its reader says whether he had it; every second time that he had not is taken back."""
    hand = replace(ADA, holds=True)
    office.do(messages.settle, hand, message.case_id, message.id, delivered=n % 2 == 0)
    if n % 4 == 1 and message.case_id is not None:
        take_back_last(office, message.case_id, hand, "message.found_lost")


def cut(use_case: Callable[..., Any], form: Callable[[Office, int, Energy], Any], *, lasts: bool = False) -> Do:
    """Something about one of the cuts of a case; of one of them when there is one."""

    def do(office: Office, case: Case, n: int) -> object:
        with office.database.read() as unit:
            known = [each for each in supply_cuts.followed(unit, case.id) if (each.outcome is not None) == lasts]
        energy = Energy(known[n % len(known)].energy) if known else list(Energy)[n % len(Energy)]
        return office.do(use_case, worker(case), case.id, form(office, n, energy))

    return do


def announce(office: Office, case: Case, n: int) -> None:
    """A supplier means to cut what it has not said it would."""
    with office.database.read() as unit:
        known = {each.energy for each in supply_cuts.followed(unit, case.id)}
    energy = next((each for each in Energy if each.value not in known), Energy.GAS)
    form = CutForm(energy=energy, cut_on=in_days(office, 1 + n % 60))
    office.do(supply_cuts.announce, worker(case), case.id, form)


def lasting(scene: Scene, case: Case) -> bool:
    """A case whose supply is cut."""
    return case.state in OPEN and any(
        each.case_id == case.id and each.outcome == CutOutcome.HAPPENED and each.restored_on is None
        for each in scene.cut
    )


def threatened(scene: Scene, case: Case) -> bool:
    """A case with a cut ahead."""
    return case.state in OPEN and bool(scene.threatens(case))


def may_close(scene: Scene, case: Case) -> bool:
    """Nothing of the case is with anybody."""
    live = any(each.case_id == case.id and each.state in LIVE for each in scene.referral)
    out = any(each.case_id == case.id and each.is_out for each in scene.loan)
    return case.state in UNDER_THE_TEAM - {C.TRIAGE} and not live and not out


def may_drop(scene: Scene, case: Case) -> bool:
    """Nothing is awaited, and something is to be decided."""
    waits = any(each.case_id == case.id and each.state in UNANSWERED for each in scene.referral)
    return case.state in ORIENTABLE and not waits and (scene.has(case, "orient") or scene.has(case, "reorient"))


def tried_enough(scene: Scene, case: Case) -> bool:
    """Called on three days, and waited for."""
    return scene.has(case, calls.AWAIT) and len({at.date() for at in scene.tries.get(case.id, ())}) >= 3


def to_call_back(scene: Scene, case: Case) -> bool:
    """The household asked for a call: one that tells no news of the follow-up is that one."""
    return case.state in OPEN and scene.has(case, "call_back")


def shares(scene: Scene, referral: Referral) -> bool:
    """The partner has taken it, and his agreement stands."""
    return referral.state in UNDER_WAY and any(
        each.case_id == referral.case_id
        and each.kind == PermissionKind.SHARE_WITH_PARTNER
        and each.organisation_id == referral.partner_id
        and each.revoked_at is None
        for each in scene.permission
    )


def stands(scene: Scene, permission: Permission) -> bool:
    """An agreement that was not taken back, on a case that goes on."""
    return permission.revoked_at is None and scene.cases[permission.case_id].state in OPEN


def two(scene: Scene, case: Case) -> bool:
    """Another case goes on beside it."""
    first = next((each for each in scene.case if each.id != case.id), None)
    return case.state in UNDER_THE_TEAM and first is not None and first.state in OPEN


def of_team(scene: Scene, task: Task) -> bool:
    """A task of the coordination or of an operator that nothing pauses."""
    return task.party in {Party.COORDINATOR, Party.OPERATOR} and task.paused_at is None


def may_return(scene: Scene, task: Task) -> bool:
    """An operator's own task."""
    return of_team(scene, task) and task.party == Party.OPERATOR and not task.provisional and task.referral_id is None


def unsaid(scene: Scene, referral: Referral) -> bool:
    """A help that was reported, on an open case, and is not contested."""
    open_case = scene.cases[referral.case_id].state in OPEN
    return referral.state == R.COMPLETED and referral.loop != Loop.DISPUTED and open_case


EMPTY_ANSWER: Final = Answer()
A = Act
ACTS: Final[tuple[Act, ...]] = (
    # -- The path
    A("accept", "path", "case", state(C.TRIAGE),
      coordinates(triage.accept, lambda _o, n: Acceptance(operator_id=(OPERATOR, OTHER_OPERATOR)[n % 4 == 0]))),
    A("reach", "path", "case", state(*EARLY), call("reached")),
    A("plan", "path", "case", lambda s, c: c.state in TO_VISIT and c.id not in s.planned,
      works(visits.plan_visit, lambda o, n: VisitForm(
          starts_at=o.clock.at + timedelta(days=1 + n % 25), on_closed_day=True))),
    A("hold visit", "path", "case", lambda s, c: c.state in OPEN and c.id in s.planned, hold_visit, whole=False),
    A("report", "path", "case", state(C.VISITED, C.DIAGNOSED), report),
    A("refer", "path", "case", state(*ORIENTABLE), refer()),
    A("answer yes", "path", "referral", asked(*ASKED), answers("accept")),
    A("complete", "path", "referral", asked(*UNDER_WAY), answers("complete")),
    A("follow up", "path", "case", lambda s, c: c.state in OPEN and s.has(c, "follow_up_call"),
      works(follow_up.record_follow_up, FollowUpForm.model_validate({"result": "reached"}))),
    # -- Before the report
    A("reject", "end", "case", state(C.TRIAGE),
      coordinates(triage.reject, Rejection(reason=RejectionReason.NOT_ENERGY))),
    A("ask derogation", "aside", "case", lambda _s, c: c.state == C.TRIAGE and c.derogation is None,
      coordinates(derogations.ask, DerogationForm(reason="Trois enfants."))),
    A("decide derogation", "path", "case", lambda _s, c: c.state == C.TRIAGE and c.derogation == "asked",
      coordinates(derogations.decide, lambda _o, n: DerogationDecision(granted=n % 3 > 0))),
    A("no answer", "contact", "case", state(*EARLY), call("no_answer")),
    A("wrong number", "contact", "case", state(*EARLY), call("wrong_number")),
    A("wrong number later", "contact", "case", state(*(UNDER_THE_TEAM - EARLY)), call("wrong_number")),
    A("call back", "contact", "case", state(*EARLY), works(
        calls.record_call,
        lambda o, n: CallForm.model_validate({"result": "call_back", "call_back_on": in_days(o, 1 + n % 9)}))),
    A("call three days", "contact", "case", state(C.TO_CONTACT, C.CONTACTING), call_three_days, whole=False),
    A("give up", "contact", "case", tried_enough, give_up, whole=False),
    A("refuse", "end", "case", state(*(UNDER_THE_TEAM - {C.TRIAGE})), call("refused"), ways=2),
    A("disqualify", "end", "case", state(*EARLY),
      works(endings.disqualify, Disqualification(reason=RejectionReason.OVER_INCOME))),
    A("new number", "aside", "case", is_open, new_number),
    A("move visit", "aside", "case", lambda s, c: c.state in OPEN and c.id in s.planned,
      works(visits.move_visit, lambda o, n: VisitForm(
          starts_at=o.clock.at + timedelta(days=1 + n % 25), on_closed_day=True))),
    A("cancel visit", "aside", "case", lambda s, c: c.state in OPEN and c.id in s.planned,
      works(visits.lose_visit, cancel_visit)),
    A("miss visit", "aside", "case", lambda s, c: c.state in OPEN and c.id in s.planned, miss_visit, whole=False),
    A("note visit", "aside", "case", lambda s, c: c.state in TO_VISIT and c.id not in s.planned,
      works(visits.note_held_visit, lambda o, _n: PastVisit(starts_at=o.clock.at - timedelta(hours=3)))),
    A("finish diagnosis", "path", "case", state(C.VISITED), works(reports.finish_diagnosis)),
    # -- Partners
    A("refer urgently", "partner", "case", state(*ORIENTABLE), refer(urgent=True)),
    A("ask several", "partner", "case", state(*ORIENTABLE),
      refer(partner_id=PARTNER, also_ids=[OTHER_PARTNER], theme=Theme.LANDLORD_MEDIATION)),
    A("ask outside", "partner", "case", state(*ORIENTABLE),
      refer(kind=ReferralKind.OUTSIDE_PORTAL, check_on=lambda o: in_days(o, 10))),
    A("make safe", "partner", "case", state(*(UNDER_THE_TEAM - ORIENTABLE - {C.SUSPENDED})),
      refer(theme=Theme.EMERGENCY)),
    A("prepare", "partner", "case", state(*ORIENTABLE), prepare),
    A("send draft", "partner", "referral", both(asked(R.DRAFT), oriented), send_draft),
    A("send and take back", "partner", "referral", both(asked(R.DRAFT), oriented), send_and_take_back, whole=False),
    A("drop need", "partner", "case", may_drop, works(referrals.drop_need)),
    A("note gap", "partner", "case", state(*ORIENTABLE), works(
        needs.note_gap, lambda _o, n: GapForm(theme=list(Theme)[n % len(Theme)], reason=GapReason.NO_PARTNER))),
    A("acknowledge request", "partner", "referral", asked(R.SENT), says(partner_work.acknowledge, EMPTY_ANSWER)),
    A("ask", "partner", "referral", asked(*ASKED), answers("ask")),
    A("answer question", "partner", "referral", asked(R.UNDER_REVIEW), answer_question, whole=False, ways=2),
    A("decline", "partner", "referral", asked(*ASKED), answers("decline")),
    A("say full", "partner", "referral", asked(*ASKED), answers("full")),
    A("propose", "partner", "referral", asked(*ASKED, *UNDER_WAY), says(
        partner_work.propose, lambda o, n: Meeting(meets_at=o.clock.at + timedelta(days=1 + n % 20)))),
    A("start", "partner", "referral", asked(R.ACCEPTED), says(partner_work.start, EMPTY_ANSWER)),
    A("give news", "partner", "referral", asked(R.ACCEPTED, R.IN_PROGRESS), answers("report_progress")),
    A("hold", "partner", "referral", asked(*UNDER_WAY), says(
        partner_work.hold,
        lambda o, n: Hold(reason=list(HoldReason)[n % len(HoldReason)], until=in_days(o, 1 + n % 25)))),
    A("resume help", "partner", "referral", asked(R.ON_HOLD), says(partner_work.resume, EMPTY_ANSWER)),
    A("fail", "partner", "referral", asked(*UNDER_WAY), answers("fail")),
    A("confirm", "partner", "referral", unsaid, confirm),
    A("dispute", "partner", "referral", unsaid, dispute),
    A("withdraw request", "partner", "referral", asked(*LIVE), take_back),
    A("transfer request", "partner", "referral", both(asked(*(LIVE - {R.DRAFT})), oriented), transfer_referral),
    A("refer again", "partner", "referral", both(asked(R.DECLINED, R.EXPIRED, R.FAILED), oriented), refer_again),
    A("reopen request", "partner", "referral", both(asked(*rerouting.REOPENED), oriented),
      lambda o, r, _n: o.do(rerouting.reopen, ADA, r.id, Reopening(note="Essayer encore."))),
    A("void", "partner", "referral", asked(*(frozenset(R) - {R.ENTERED_IN_ERROR})),
      lambda o, r, _n: o.do(rerouting.void, ADA, r.id, Voiding(reason=VoidReason.SENT_TWICE))),
    A("ask access", "partner", "referral", shares, ask_access),
    A("ask new link", "partner", "task", lambda _s, t: may_renew(t), ask_new_link),
    A("pass on", "partner", "referral", asked(*(LIVE - {R.DRAFT})), pass_on),
    A("mend address", "task", "referral", lambda s, r: (r.id, "mend_address") in s.asked_of, mend_address, whole=False,
      ways=2),
    # -- The household
    A("nobody at follow-up", "household", "case", lambda s, c: c.state in OPEN and s.has(c, "follow_up_call"),
      works(follow_up.record_follow_up, FollowUpForm.model_validate({"result": "no_answer"}))),
    A("nobody when called back", "household", "case", to_call_back,
      works(follow_up.record_follow_up, FollowUpForm.model_validate({"result": "no_answer"}))),
    A("call who asked", "household", "case", to_call_back,
      works(follow_up.record_follow_up, FollowUpForm.model_validate({"result": "reached"}))),
    A("answer by link", "household", "task", lambda _s, t: t.kind == "follow_up_call" and t.paused_at is None,
      answer_by_link, ways=3),
    A("answer on page", "household", "case", state(*ORIENTABLE), answer_on_page, ways=3),
    A("choose contact", "household", "case", is_open, works(
        follow_up.choose_contact, lambda _o, n: ContactForm(contact_by=list(ContactBy)[n % len(ContactBy)]))),
    A("write SMS", "household", "case", is_open, write_sms, ways=2),
    A("complain", "household", "case", is_open,
      works(complaints.receive, ComplaintForm(said_by="La personne", text="Personne ne rappelle."))),
    A("answer complaint", "task", "case", lambda s, c: s.has(c, "answer_complaint"),
      coordinates(complaints.answer, NoteForm(text="Rappelée."))),
    A("give mail", "household", "case", is_open, give_mail, whole=False),
    A("give mail before a visit", "household", "case", state(C.VISIT_PLANNED), give_mail, whole=False, ways=2),
    A("drop mail", "household", "case", is_open, coordinates(addresses.remove_household_address)),
    A("agree", "household", "case", is_open, coordinates(
        permissions.give, lambda _o, n: PermissionForm(kind=(PermissionKind.SMS, PermissionKind.HEALTH)[n % 2]))),
    A("take agreement back", "aside", "permission", both(stands, lambda _s, p: p.kind != PermissionKind.CONTACT),
      lambda o, p, _n: o.do(permissions.revoke, ADA, p.id)),
    A("want no call any more", "end", "permission", both(stands, lambda _s, p: p.kind == PermissionKind.CONTACT),
      lambda o, p, _n: o.do(permissions.revoke, ADA, p.id)),
    A("tell means", "aside", "case", is_open, coordinates(
        circumstances.record, lambda _o, n: CircumstancesForm(reference_income=9000 + n, people=1 + n % 5))),
    A("find", "aside", "case", is_open,
      coordinates(findings.record, lambda _o, n: FindingsForm.model_validate({"energy_cost": n}))),
    A("replace report", "aside", "case", lambda s, c: c.id in s.reported, replace_report),
    A("survey", "aside", "case", is_open,
      coordinates(surveys.record, lambda _o, n: SurveyForm.model_validate({"dwelling": {"area": 20 + n}}))),
    A("leave kit", "aside", "case", is_open, coordinates(
        kits.record, KitForm(items=[KitLine(item=next(iter(Equipment)), quantity=2)]))),
    A("tell danger", "aside", "case", lambda _s, c: c.state != C.MERGED and c.erased_at is None,
      works(visits.report_danger, DangerForm.model_validate({"danger": "gas"}))),
    A("take danger in hand", "task", "case", lambda s, c: s.has(c, "acknowledge_danger"),
      coordinates(visits.acknowledge_danger)),
    A("lend", "aside", "case", is_open,
      works(loans.lend, lambda o, n: LoanForm(item="Wattmètre", due_on=in_days(o, 1 + n % 30)))),
    A("give back", "aside", "loan", lambda _s, loan: loan.is_out, lambda o, x, _n: o.do(loans.give_back, ADA, x.id)),
    A("lose", "aside", "loan", lambda _s, loan: loan.is_out, lambda o, x, _n: o.do(loans.write_off, ADA, x.id)),
    # -- A supply that a supplier means to cut
    A("announce cut", "cut", "case", lambda s, c: c.state in OPEN and len(s.threatens(c)) < len(Energy), announce),
    A("move cut", "cut", "case", threatened,
      cut(supply_cuts.move, lambda o, n, e: NewDay(energy=e, cut_on=in_days(o, n % 60)))),
    A("call supplier", "cut", "case", threatened, cut(
        supply_cuts.note_call,
        lambda o, n, e: SupplierCall(energy=e, note="Un échéancier.", new_day=in_days(o, 9) if n % 3 == 0 else None))),
    A("file aid", "cut", "case", threatened, cut(supply_cuts.note_aid, lambda _o, _n, e: AidFiled(energy=e))),
    A("avert cut", "cut", "case", threatened,
      cut(supply_cuts.end, lambda _o, _n, e: CutEnd(energy=e, outcome=CutOutcome.AVERTED))),
    A("be cut", "cut", "case", threatened,
      cut(supply_cuts.end, lambda _o, _n, e: CutEnd(energy=e, outcome=CutOutcome.HAPPENED))),
    A("restore", "cut", "case", lasting,
      cut(supply_cuts.restore, lambda _o, _n, e: WhichCut(energy=e), lasts=True)),
    # -- The life of a case
    A("suspend", "life", "case",
      lambda s, c: c.state in UNDER_THE_TEAM and c.id not in s.planned,
      works(suspension.suspend, lambda o, n: Suspension(
          reason=SuspensionReason.OTHER, until=in_days(o, 1 + n % 90)))),
    A("resume", "path", "case", state(C.SUSPENDED), works(suspension.resume)),
    A("withdraw", "end", "case", state(*UNDER_THE_TEAM), coordinates(endings.withdraw, Withdrawal(said_by="Elle"))),
    A("transfer", "end", "case", state(*UNDER_THE_TEAM), transfer_case, ways=2),
    A("confirm transfer", "task", "case", lambda s, c: s.has(c, "hand_case_over"),
      coordinates(endings.confirm_transfer, HandedOver(said_to="Accueil"))),
    A("merge", "life", "case", two, merge),
    A("undo merge", "path", "case", may_undo_merge, coordinates(merging.undo)),
    A("note match", "aside", "case", two, match),
    A("reassign", "life", "case", lambda _s, c: c.state in OPEN and c.operator_id is not None, reassign),
    A("close", "end", "case", may_close, close),
    A("reopen", "path", "case", may_reopen,
      lambda o, c, _n: o.do(closing.reopen_case, ADA, c.id, CaseReopening(given_back=True))),
    A("repin", "life", "case", lambda _s, c: c.state in OPEN and c.pathway_hash != ANOTHER_PATHWAY.hash, repin,
      whole=False),
    # -- Items, clocks, messages
    A("take", "task", "task", of_team, handles(tasks.take)),
    A("return", "task", "task", may_return, handles(tasks.give_back, TaskReturn(reason=ReturnReason.OTHER))),
    A("snooze", "task", "task", lambda s, t: of_team(s, t) and t.snoozes < 2, handles(
        tasks.snooze, lambda o, n: Snooze(reason=SnoozeReason.OTHER, until=in_days(o, 1 + n % 4)))),
    A("hand over", "task", "task", of_team, hand_over),
    A("read reply", "task", "task", lambda _s, t: t.kind == READ, handles(replies.read)),
    A("remind", "task", "task", lambda s, t: t.id in s.remindable and not t.provisional, remind, whole=False, ways=2),
    A("skip reminder", "task", "clock", lambda _s, o: (o.next_step or -1) >= 0, skip),
    A("remind early", "task", "clock", lambda _s, o: (o.next_step or -1) >= 0, leave_now),
    A("send now", "task", "message", lambda s, m: m.state == MessageState.QUEUED and m.due_at > s.now, send_now,
      whole=False, ways=2),
    A("send again", "task", "message", lambda _s, m: m.state == MessageState.REFUSED and m.address and m.case_id,
      send_again, whole=False, ways=2),
    A("settle", "task", "message", lambda _s, m: m.state == MessageState.UNKNOWN, settle, whole=False, ways=2),
)  # fmt: skip
OFTEN: Final = {
    "path": 7,
    "partner": 5,
    "task": 3,
    "household": 2,
    "aside": 2,
    "cut": 2,
    "life": 2,
    "contact": 2,
    "end": 1,
}
"""How often a family is chosen among those that have something to do."""


def chances(scene: Scene) -> dict[str, dict[Act, Sequence[Any]]]:
    """By family, the acts that are in their place somewhere, and where."""
    found: dict[str, dict[Act, Sequence[Any]]] = {}
    for act in ACTS:
        places = act.places(scene)
        if places:
            found.setdefault(act.family, {})[act] = places
    return found
