"""Any order of acts, clocks and half-done work: whatever people do, each open case has its next thing."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, event, select, update

from models.base import Base
from models.cases import Case, Loan, Permission, Referral, Visit
from models.engine import Task
from models.lifecycles import FINAL_REFERRALS, UNANSWERED, UNDER_WAY
from models.programmes import Service
from models.vocabulary import (
    CLOSED_STATES,
    CaseState,
    CutOutcome,
    Energy,
    HoldReason,
    ReferralKind,
    ReferralState,
    RejectionReason,
    ReturnReason,
    SnoozeReason,
    SuspensionReason,
    TaskState,
    Theme,
    VisitState,
    VoidReason,
)
from services import (
    calls,
    closing,
    endings,
    loans,
    merging,
    partner_work,
    permissions,
    referrals,
    reports,
    rerouting,
    supply_cuts,
    suspension,
    tasks,
    triage,
    visits,
)
from services.forms import (
    Answer,
    DangerForm,
    Disqualification,
    HandOver,
    Hold,
    LoanForm,
    LostVisit,
    Meeting,
    Merge,
    NoteForm,
    NumberForm,
    Question,
    Reassignment,
    Rejection,
    Reopening,
    Snooze,
    Suspension,
    TaskReturn,
    Transfer,
    VisitForm,
    Voiding,
    Withdrawal,
)
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import CaseworkError
from services.foundation.runtime import Runtime
from services.supply_cuts import AidFiled, CutEnd, CutForm, NewDay, SupplierCall, WhichCut
from tests import ledger
from tests.databases import MORNING
from tests.services.rules.situations import (
    ADA,
    ANSWERS,
    BO,
    BO_ID,
    BY_PHONE,
    OPERATOR,
    OTHER_OPERATOR,
    OTHER_PARTNER,
    PARTNER,
    Office,
    found_office,
    referral_form,
)
from tests.stateful.expectations import disappointed

C = CaseState
OFFICE_TABLES: Final = frozenset(
    {"programme", "pathway_version", "commune", "territory", "organisation", "service", "person", "membership"}
)
BEFORE_CONTACT: Final = {C.TO_CONTACT, C.CONTACTING, C.QUALIFIED}
ORIENTABLE: Final = {C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP}
OPEN_STATES: Final = set(C) - CLOSED_STATES
EXAMPLES: Final = {"sqlite": 45, "postgresql": 12}
MANY_EXAMPLES: Final = {"sqlite": 600, "postgresql": 150}
"""What people may do is the same on both: PostgreSQL, three times slower, is given a share."""
SETTINGS: Final = settings(
    stateful_step_count=40,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
pick = st.integers(min_value=0, max_value=3)


def some(*states: CaseState) -> Callable[[Any], Any]:
    """A rule for when some case is in one of these states."""
    return precondition(lambda machine: bool(machine.among(set(states))))


ANSWERED_WITH: Final = {"accept", "decline", "full", "ask"}
USUAL: Final[dict[CaseState, list[str]]] = {
    C.SUBMITTED: [""],
    C.TRIAGE: ["take", "reject"],
    C.TO_CONTACT: ["refused", "reached", "no_answer"],
    C.CONTACTING: ["refused", "reached", "no_answer"],
    C.QUALIFIED: ["plan"],
    C.VISIT_PLANNED: ["hold", "lose"],
    C.VISITED: ["report"],
    C.REPORT_DELIVERED: ["refer"],
    C.ORIENTING: ["ask", "accept", "decline", "refer_too"],
    C.IN_FOLLOW_UP: ["complete", "report_progress", "follow_up", "close"],
    **{state: ["reopen"] for state in CLOSED_STATES},
}
"""What people mostly do with a case in each state."""
Start = Callable[[Office], Any]


def absent_once(office: Office) -> None:
    """Nobody opened the door."""
    case_id, starts_at = office.qualified(), office.clock.at + timedelta(days=2)
    office.plan(case_id, starts_at)
    office.run_to(starts_at)
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.HOUSEHOLD_ABSENT))


def planned_anew(office: Office) -> None:
    """Nobody opened the door, and there is another date."""
    absent_once(office)
    office.plan(only_case(office), office.clock.at + timedelta(days=2))


def only_case(office: Office) -> UUID:
    """The case there is."""
    with office.database.read() as unit:
        return unit.session.scalars(select(Case.id)).one()


def called_twice(office: Office) -> None:
    """One more call and there is nothing to do but to wait."""
    case_id = office.accepted()
    for _ in range(2):
        office.call(case_id, "no_answer")


def referred_twice(office: Office) -> None:
    """Two partners are asked for two things."""
    case_id, _ = office.referred()
    office.refer(case_id, OTHER_PARTNER, theme=Theme.FSL)


def reminded(office: Office) -> None:
    """A partner was reminded once."""
    office.referred()
    office.run_to(office.clock.at + timedelta(days=7))


def declined(office: Office) -> None:
    """A partner said no."""
    _, referral_id = office.referred()
    office.answer(referral_id, "decline")


def closed(office: Office) -> None:
    """A partner helped, and the case was closed."""
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.close(case_id)


LIVES: Final = [
    "suspend", "suspend", "resume", "resume", "withdraw", "disqualify", "transfer", "merge", "undo merge", "reassign",
    "lend", "give back", "revoke", "diagnose",
]  # fmt: skip
CUTS: Final = ["announce", "announce", "announce", "move", "call", "aid", "averted", "happened", "restore"]
ELSEWHERE: Final = [
    "acknowledge", "start", "hold", "resume", "dispute", "confirm", "transfer", "reopen", "void", "send draft", "pool",
    "outside", "prepare", "propose",
]  # fmt: skip
PLAIN_LIVES: Final[dict[str, tuple[Any, Any, tuple[Any, ...]]]] = {
    "resume": (suspension.resume, ADA, ()),
    "withdraw": (endings.withdraw, ADA, (Withdrawal(said_by="La personne"),)),
    "disqualify": (endings.disqualify, ADA, (Disqualification(reason=RejectionReason.OVER_INCOME),)),
    "transfer": (endings.transfer, ADA, (Transfer(agreement=True, to_name="Slime voisin"),)),
    "undo merge": (merging.undo, ADA, ()),
    "diagnose": (reports.finish_diagnosis, BO, ()),
}
STARTS: Final[list[Start]] = [
    Office.submit,
    Office.triaged,
    Office.accepted,
    called_twice,
    Office.qualified,
    absent_once,
    planned_anew,
    Office.reported,
    Office.referred,
    referred_twice,
    reminded,
    declined,
    Office.followed,
    closed,
]
"""The path is long: a story of forty acts begins anywhere on it."""


class PathMachine(RuleBasedStateMachine):
    """One office, one or two households. A refusal is an answer; anything else that is raised is a bug."""

    def __init__(self, office: Office) -> None:
        """The office is emptied of its cases first."""
        super().__init__()
        self.office = office
        self.numbers = 10
        self.states: dict[UUID, CaseState] = {}
        self.final_referrals: dict[UUID, str] = {}
        self.final_visits: dict[UUID, str] = {}
        self.ended_tasks: dict[UUID, tuple[str, Any]] = {}
        empty(office)

    # -- Help

    def among(self, states: set[CaseState]) -> list[UUID]:
        """The cases in one of these states, oldest first."""
        return [case_id for case_id, state in self.states.items() if state in states]

    def one(self, states: Collection[CaseState], which: int) -> UUID:
        """One of them."""
        found = self.among(set(states))
        return found[which % len(found)]

    def attempt(self, act: Callable[[], Any]) -> None:
        """Somebody tries; Relais may say no."""
        with suppress(CaseworkError):
            act()

    def a_referral(self, states: Collection[ReferralState], which: int) -> UUID | None:
        """One of the referrals in one of these states."""
        with self.office.database.read() as unit:
            found = list(
                unit.session.scalars(select(Referral.id).where(Referral.state.in_(states)).order_by(Referral.id))
            )
        return found[which % len(found)] if found else None

    # -- The path

    @initialize(start=st.sampled_from(STARTS), doubt=st.booleans(), settled=st.booleans())
    def begin(self, start: Start, *, doubt: bool, settled: bool) -> None:
        """A first case, somewhere on the path; nobody may know whether a mail left, and the engine may lag behind."""
        start(self.office)
        if doubt:
            self.office.bounce("alert_receipt", unknown=True)
        if settled:
            self.office.drain()
        self.look()

    @precondition(lambda machine: len(machine.states) < 2)
    @rule(danger=st.booleans(), mail=st.booleans())
    def submit(self, *, danger: bool, mail: bool) -> None:
        """Another alert, or the same once more."""
        self.office.submit(urgency="danger" if danger else "none", giver_email="karim@example.org" if mail else None)

    def _go_on(self, which: int, choices: list[int]) -> None:
        """A case goes one to three steps along its path, faster than the engine follows."""
        case_id = self.one(set(C), which)
        for choice in choices:
            self.look()
            usual = USUAL.get(self.states[case_id], [""])
            self._step(case_id, usual[choice % len(usual)], choice)

    go_on = rule(which=pick, choices=st.lists(pick, min_size=1, max_size=3))(_go_on)
    go_further = rule(which=pick, choices=st.lists(pick, min_size=1, max_size=3))(_go_on)
    """Twice, for Hypothesis forgets half of the rules in each story."""

    def _step(self, case_id: UUID, act: str, choice: int) -> None:
        office = self.office
        if act in ANSWERS or act == "ask":
            self._say(self.a_referral(UNANSWERED if act in ANSWERED_WITH else UNDER_WAY, choice), act)
        elif act == "plan":
            self.attempt(lambda: office.plan(case_id, office.clock.at + timedelta(days=3)))
        elif act == "lose":
            self._wait_for_visit(case_id)
            form = LostVisit(state=VisitState.HOUSEHOLD_ABSENT)
            self.attempt(lambda: office.do(visits.lose_visit, BO, case_id, form))
        elif act == "hold":
            self._wait_for_visit(case_id)
            self.attempt(lambda: office.hold(case_id))
        elif act == "refer_too":
            self.attempt(lambda: office.refer(case_id, OTHER_PARTNER, theme=Theme.FSL))
        elif act in {"reached", "no_answer", "refused"}:
            self.attempt(lambda: office.call(case_id, act))
        elif act == "reject":
            self.attempt(lambda: self._reject(case_id))
        elif act == "reopen":
            self.attempt(lambda: office.do(closing.reopen_case, ADA, case_id))
        elif act:
            self.attempt(lambda: getattr(office, "accept" if act == "take" else act)(case_id))

    @some(C.TRIAGE)
    @rule(which=pick, taken=st.booleans())
    def decide(self, which: int, *, taken: bool) -> None:
        """The coordinator takes the case, or not; twice, to see."""
        case_id = self.one({C.TRIAGE}, which)
        self.attempt(lambda: self.office.accept(case_id) if taken else self._reject(case_id))
        self.attempt(lambda: self.office.accept(case_id) if taken else self._reject(case_id))

    def _reject(self, case_id: UUID) -> None:
        self.office.do(triage.reject, ADA, case_id, Rejection.model_validate({"reason": "over_income"}))

    @some(*BEFORE_CONTACT)
    @rule(
        which=pick, result=st.sampled_from(["reached", "reached", "no_answer", "voicemail", "wrong_number", "refused"])
    )
    def call(self, which: int, result: str) -> None:
        """The officer calls."""
        self.attempt(lambda: self.office.call(self.one(BEFORE_CONTACT, which), result))

    @some(C.QUALIFIED)
    @rule(which=pick, days=st.integers(1, 25))
    def plan(self, which: int, days: int) -> None:
        """A date is agreed."""
        starts_at = self.office.clock.at + timedelta(days=days)
        self.attempt(lambda: self.office.plan(self.one({C.QUALIFIED}, which), starts_at))

    @some(C.VISIT_PLANNED)
    @rule(which=pick, days=st.integers(1, 25))
    def move_visit(self, which: int, days: int) -> None:
        """The date changes."""
        form = VisitForm(starts_at=self.office.clock.at + timedelta(days=days))
        self.attempt(lambda: self.office.do(visits.move_visit, BO, self.one({C.VISIT_PLANNED}, which), form))

    @some(C.VISIT_PLANNED)
    @rule(which=pick, state=st.sampled_from(VisitState), waited=st.booleans())
    def lose_visit(self, which: int, state: VisitState, *, waited: bool) -> None:
        """The visit does not take place."""
        case_id = self.one({C.VISIT_PLANNED}, which)
        if waited:
            self._wait_for_visit(case_id)
        self.attempt(lambda: self.office.do(visits.lose_visit, BO, case_id, LostVisit(state=state)))

    @some(C.VISIT_PLANNED)
    @rule(which=pick, danger=st.sampled_from([None, "gas"]))
    def hold_visit(self, which: int, danger: str | None) -> None:
        """The visit takes place."""
        case_id = self.one({C.VISIT_PLANNED}, which)
        self._wait_for_visit(case_id)
        self.attempt(lambda: self.office.hold(case_id, danger=danger))

    def _wait_for_visit(self, case_id: UUID) -> None:
        with self.office.database.read() as unit:
            query = select(Visit.starts_at).where(Visit.case_id == case_id, Visit.state == VisitState.PLANNED)
            starts_at = unit.session.scalar(query)
        if starts_at is not None:
            self.office.clock.at = max(self.office.clock.at, starts_at)

    @some(C.VISITED)
    @rule(which=pick)
    def report(self, which: int) -> None:
        """The household has its report."""
        self.attempt(lambda: self.office.report(self.one({C.VISITED}, which)))

    @some(*ORIENTABLE)
    @rule(which=pick, partner=st.sampled_from([PARTNER, OTHER_PARTNER]), again=st.booleans())
    def refer(self, which: int, partner: UUID, *, again: bool) -> None:
        """A partner is asked, in place of one that ended or not."""
        replaced = self.a_referral(FINAL_REFERRALS, which) if again else None
        self.attempt(lambda: self.office.refer(self.one(ORIENTABLE, which), partner, replaces_id=replaced))

    @some(*ORIENTABLE)
    @rule(which=pick, answer=st.sampled_from(["accept", "decline", "full", "ask", "withdraw"]))
    def answer(self, which: int, answer: str) -> None:
        """A partner answers, asks, or the request is taken back."""
        self._say(self.a_referral(UNANSWERED, which), answer)

    @some(*ORIENTABLE)
    @rule(which=pick, answer=st.sampled_from(["report_progress", "complete", "fail", "withdraw"]))
    def news(self, which: int, answer: str) -> None:
        """A partner gives news."""
        self._say(self.a_referral(UNDER_WAY, which), answer)

    def _say(self, referral_id: UUID | None, answer: str) -> None:
        if referral_id is None:
            return
        question = Question(note="Quel étage ?", on_behalf=BY_PHONE)
        if answer == "ask":
            self.attempt(lambda: self.office.do(referrals.ask, ADA, referral_id, question))
            self.attempt(lambda: self.office.do(referrals.answer_question, BO, referral_id, question))
        elif answer == "withdraw":
            self.attempt(lambda: self.office.do(referrals.withdraw, BO, referral_id))
        else:
            self.attempt(lambda: self.office.answer(referral_id, answer))

    @some(C.IN_FOLLOW_UP, C.ORIENTING)
    @rule(which=pick, result=st.sampled_from(["reached", "no_answer", "wrong_number", "refused"]))
    def follow_up(self, which: int, result: str) -> None:
        """A call of the follow-up."""
        self.attempt(lambda: self.office.follow_up(self.one({C.IN_FOLLOW_UP, C.ORIENTING}, which), result))

    @some(*ORIENTABLE)
    @rule(which=pick)
    def close(self, which: int) -> None:
        """The case ends, if allowed."""
        self.attempt(lambda: self.office.close(self.one(ORIENTABLE, which)))

    @some(*CLOSED_STATES)
    @rule(which=pick)
    def reopen(self, which: int) -> None:
        """The case goes on."""
        self.attempt(lambda: self.office.do(closing.reopen_case, ADA, self.one(set(CLOSED_STATES), which)))

    @some(*OPEN_STATES)
    @rule(which=pick, what=st.sampled_from(["number", "number", "danger", "in hand", "drop need", "give up"]))
    def act_aside(self, which: int, what: str) -> None:
        """Another number is given, a danger is told or taken in hand; nothing more is to orient, or to hope for."""
        office, case_id = self.office, self.one(OPEN_STATES, which)
        if what == "number":
            self.numbers += 1
            number = NumberForm(phone=f"06399801{self.numbers:02d}")
            self.attempt(lambda: office.do(calls.correct_number, ADA, case_id, number))
        elif what == "danger":
            danger = DangerForm.model_validate({"danger": "gas"})
            self.attempt(lambda: office.do(visits.report_danger, BO, case_id, danger))
        elif what == "in hand":
            self.attempt(lambda: office.do(visits.acknowledge_danger, ADA, case_id))
        else:
            act = referrals.drop_need if what == "drop need" else calls.give_up
            self.attempt(lambda: office.do(act, BO, case_id))

    @rule(which=pick, answer=st.sampled_from(list(ANSWERS)))
    def answer_late(self, which: int, answer: str) -> None:
        """A partner says something about any request, an ended one too."""
        self._say(self.a_referral(list(ReferralState), which), answer)

    @rule(
        which=pick,
        act=st.sampled_from(["accept", "call", "hold", "report", "refer", "follow_up", "close", "lose", "plan"]),
    )
    def act_out_of_turn(self, which: int, act: str) -> None:
        """Somebody does something whatever the state of the case, a page left open for weeks."""
        office, case_id = self.office, self.one(set(C), which)
        if act == "plan":
            self.attempt(lambda: office.plan(case_id, office.clock.at + timedelta(days=3)))
        elif act == "lose":
            form = LostVisit(state=VisitState.HOUSEHOLD_ABSENT)
            self.attempt(lambda: office.do(visits.lose_visit, BO, case_id, form))
        else:
            self.attempt(lambda: getattr(office, act)(case_id))

    # -- Off the straight path

    @rule(which=pick, what=st.sampled_from(LIVES))
    def live(self, which: int, what: str) -> None:
        """The case waits, goes on, ends or goes elsewhere; devices go out and come back; an agreement is taken back."""
        if self.states:
            case_id = self.one(set(C), which)
            self.attempt(lambda: self._live(case_id, what))

    def _live(self, case_id: UUID, what: str) -> None:
        office, today = self.office, self.office.clock.at.date()
        if what == "suspend":
            form = Suspension(reason=SuspensionReason.OTHER, until=today + timedelta(days=20))
            office.do(suspension.suspend, BO, case_id, form)
        elif what == "merge":
            other = next(other for other in [*self.states, case_id] if other != case_id or len(self.states) == 1)
            office.do(merging.merge, ADA, case_id, Merge(into_number=office.case(other).number))
        elif what == "reassign":
            operators = {OPERATOR: OTHER_OPERATOR, OTHER_OPERATOR: OPERATOR}
            operator = operators.get(office.case(case_id).operator_id or OPERATOR, OPERATOR)
            office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=operator))
        elif what == "lend":
            office.do(loans.lend, BO, case_id, LoanForm(item="Wattmètre", due_on=today + timedelta(days=9)))
        elif what in {"give back", "revoke"}:
            self._take_away(case_id, what)
        else:
            act, hand, forms = PLAIN_LIVES[what]
            office.do(act, hand, case_id, *forms)

    @rule(which=pick, what=st.sampled_from(CUTS), energy=st.sampled_from(Energy), days=st.integers(1, 60))
    def cut(self, which: int, what: str, energy: Energy, days: int) -> None:
        """A supplier means to cut gas or electricity, puts it off, is called; the cut is averted, or comes and ends."""
        if self.states:
            case_id = self.one(set(C), which)
            self.attempt(lambda: self._cut(case_id, what, energy, days))

    def _cut(self, case_id: UUID, what: str, energy: Energy, days: int) -> None:
        day = self.office.clock.at.date() + timedelta(days=days)
        given: dict[str, tuple[Any, ...]] = {
            "announce": (supply_cuts.announce, CutForm(energy=energy, cut_on=day)),
            "move": (supply_cuts.move, NewDay(energy=energy, cut_on=day)),
            "call": (supply_cuts.note_call, SupplierCall(energy=energy, note="Un échéancier.")),
            "aid": (supply_cuts.note_aid, AidFiled(energy=energy)),
            "restore": (supply_cuts.restore, WhichCut(energy=energy)),
        }
        act, form = given.get(what) or (supply_cuts.end, CutEnd(energy=energy, outcome=CutOutcome(what)))
        self.office.do(act, BO, case_id, form)

    def _take_away(self, case_id: UUID, what: str) -> None:
        table = Loan if what == "give back" else Permission
        with self.office.database.read() as unit:
            found = unit.session.scalars(select(table.id).where(table.case_id == case_id).order_by(table.id)).all()
        for each in found[-1:]:
            self.office.do(loans.give_back if what == "give back" else permissions.revoke, BO, each)

    @rule(which=pick, what=st.sampled_from(["take", "return", "snooze", "hand over"]), bo=st.booleans())
    def handle_task(self, which: int, what: str, *, bo: bool) -> None:
        """Somebody takes a task, gives it back, puts it off, or hands it to a colleague."""
        with self.office.database.read() as unit:
            query = select(Task.id).where(Task.state == TaskState.OPEN).order_by(Task.id)
            found = unit.session.scalars(query).all()
        if not found:
            return
        hand, task_id = BO if bo else ADA, found[which % len(found)]
        until = self.office.clock.at.date() + timedelta(days=4)
        given: dict[str, tuple[Any, ...]] = {
            "take": (tasks.take,),
            "return": (tasks.give_back, TaskReturn(reason=ReturnReason.OTHER)),
            "snooze": (tasks.snooze, Snooze(reason=SnoozeReason.OTHER, until=until)),
            "hand over": (tasks.hand_over, HandOver(person_id=BO_ID)),
        }
        act, *forms = given[what]
        self.attempt(lambda: self.office.do(act, hand, task_id, *forms))

    @rule(which=pick, what=st.sampled_from(ELSEWHERE))
    def reroute(self, which: int, what: str) -> None:
        """A partner studies, begins, waits; the request goes elsewhere; the household confirms or contests."""
        referral_id = self.a_referral(list(ReferralState), which)
        if referral_id is not None:
            self.attempt(lambda: self._reroute(referral_id, what))

    def _reroute(self, referral_id: UUID, what: str) -> None:
        office, until = self.office, self.office.clock.at.date() + timedelta(days=10)
        referral = office.referral(referral_id)
        other = OTHER_PARTNER if referral.partner_id == PARTNER else PARTNER
        outside = referral_form(partner_id=other, theme=Theme.FSL, kind=ReferralKind.OUTSIDE_PORTAL, check_on=until)
        given: dict[str, tuple[Any, ...]] = {
            "acknowledge": (partner_work.acknowledge, ADA, referral_id, Answer(on_behalf=BY_PHONE)),
            "propose": (partner_work.propose, ADA, referral_id,
                        Meeting(meets_at=office.clock.at + timedelta(days=3), on_behalf=BY_PHONE)),
            "start": (partner_work.start, ADA, referral_id, Answer(on_behalf=BY_PHONE)),
            "hold": (partner_work.hold, ADA, referral_id,
                     Hold(reason=HoldReason.HOUSEHOLD, until=until, on_behalf=BY_PHONE)),
            "resume": (partner_work.resume, ADA, referral_id, Answer(on_behalf=BY_PHONE)),
            "dispute": (partner_work.dispute, BO, referral_id, NoteForm(text="Personne n’est venu.")),
            "transfer": (rerouting.transfer, ADA, referral_id, referral_form(partner_id=other)),
            "reopen": (rerouting.reopen, ADA, referral_id, Reopening(note="Essayer encore.")),
            "void": (rerouting.void, ADA, referral_id, Voiding(reason=VoidReason.SENT_TWICE)),
            "send draft": (referrals.send_draft, BO, referral_id, referral_form(partner_id=referral.partner_id)),
            "pool": (referrals.send, BO, referral.case_id, referral_form(also_ids=[OTHER_PARTNER])),
            "outside": (referrals.send, BO, referral.case_id, outside),
            "prepare": (referrals.prepare, BO, referral.case_id, referral_form(partner_id=other)),
        }  # fmt: skip
        if what == "confirm":
            office.do(partner_work.confirm, BO, referral_id, verified=True)
        else:
            act, *rest = given[what]
            office.do(act, *rest)

    # -- The engine, the clocks, the mail

    @rule(what=st.sampled_from(["all", "next clock", "some", "tick", "sleep"]), amount=st.integers(1, 40))
    def let_run(self, what: str, amount: int) -> None:
        """The relay takes a few events and stops, or does all there is to do; clocks are looked at; time passes."""
        if what == "some":
            self.office.handle(1 + amount % 4)
        elif what == "all":
            self.office.drain()
            self._is_settled()
        elif what == "sleep":
            self.office.clock.at += timedelta(days=amount)
        else:
            due = self.office.next_due() if what == "next clock" else None
            self.office.clock.at = max(due or self.office.clock.at, self.office.clock.at)
            self.office.tick()

    @rule(text_=st.sampled_from(["referral_request", "alert_receipt"]), fate=st.sampled_from(["taken", "bounced", "?"]))
    def mail(self, text_: str, fate: str) -> None:
        """The mail server takes a message, refuses it, or hangs up."""
        if fate == "taken":
            self.office.deliver(text_)
        else:
            self.office.bounce(text_, unknown=fate == "?")

    # -- What is always true

    @invariant()
    def all_is_well(self) -> None:
        """The one checker finds nothing, and what had ended has not moved."""
        self.look()
        with self.office.database.read() as unit:
            assert ledger.problems(unit) == []
            assert disappointed(unit) == []
            self._ended(
                self.final_referrals,
                {
                    key: state
                    for key, state in unit.session.execute(select(Referral.id, Referral.state))
                    if ReferralState(state) in FINAL_REFERRALS
                },
            )
            self._ended(
                self.final_visits,
                dict(
                    unit.session.execute(select(Visit.id, Visit.state).where(Visit.state != VisitState.PLANNED)).all()
                ),
            )
            self._ended(
                self.ended_tasks,
                {
                    key: (state, closed_at)
                    for key, state, closed_at in unit.session.execute(
                        select(Task.id, Task.state, Task.closed_at).where(Task.state != TaskState.OPEN)
                    )
                },
            )

    def _ended(self, before: dict[UUID, Any], now: dict[UUID, Any]) -> None:
        corrected = {key for key, state in now.items() if state == ReferralState.ENTERED_IN_ERROR}
        assert {key: now.get(key) for key in before.keys() - corrected} == {
            key: state for key, state in before.items() if key not in corrected
        }
        before.update(now)

    def look(self) -> None:
        """Read again which case is where."""
        with self.office.database.read() as unit:
            rows = unit.session.execute(select(Case.id, Case.state).order_by(Case.number))
            self.states = {case_id: CaseState(state) for case_id, state in rows}

    def teardown(self) -> None:
        """At the end of any story the relay catches up, and every open case has its next thing."""
        self.office.drain()
        self._is_settled()

    def _is_settled(self) -> None:
        with self.office.database.read() as unit:
            assert ledger.problems(unit, drained=True) == []
            assert disappointed(unit, drained=True) == []


def empty(office: Office) -> None:
    """Take every case out of the office."""
    office.clock.at = MORNING
    with office.database.write("test") as unit:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in OFFICE_TABLES:
                unit.session.execute(delete(table))
        unit.session.execute(update(Service).values(full_until=None, capacity_on=None))


def hurry(database: Database) -> None:
    """No wait for the disk: a power cut is not what is tried here."""
    if database.dialect == "sqlite":

        @event.listens_for(database.engine, "connect")
        def _on_connect(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")


@pytest.mark.timeout(1800)
def test_every_path_keeps_each_open_case_in_somebodys_hands(
    runtime: Runtime, clock: SetClock, pytestconfig: pytest.Config
) -> None:
    hurry(runtime.database)
    office = found_office(runtime.database, clock)
    many = bool(pytestconfig.getoption("--all-points", default=False))  # unknown outside `make faults`
    examples = (MANY_EXAMPLES if many else EXAMPLES)[runtime.database.dialect]

    run_state_machine_as_test(
        lambda: PathMachine(office),  # type: ignore[arg-type]
        settings=settings(SETTINGS, max_examples=examples),
    )
