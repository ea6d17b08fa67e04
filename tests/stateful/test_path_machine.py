"""Any order of acts, clocks and half-done work: whatever people do, each open case has its next thing."""

from collections.abc import Callable
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
from models.cases import Case, Referral, Visit
from models.engine import Task
from models.lifecycles import FINAL_REFERRALS, UNANSWERED, UNDER_WAY
from models.programmes import Organisation
from models.vocabulary import CLOSED_STATES, CaseState, ReferralState, TaskState, VisitState
from services import calls, closing, referrals, triage, visits
from services.forms import DangerForm, LostVisit, NumberForm, Question, Rejection, VisitForm
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import CaseworkError
from services.foundation.runtime import Runtime
from tests import ledger
from tests.databases import MORNING
from tests.services.rules.situations import (
    ADA,
    BO,
    BY_PHONE,
    OTHER_PARTNER,
    PARTNER,
    Office,
    found_office,
)

C = CaseState
OFFICE_TABLES: Final = frozenset(
    {"programme", "pathway_version", "commune", "territory", "organisation", "person", "membership"}
)
BEFORE_CONTACT: Final = {C.TO_CONTACT, C.CONTACTING, C.QUALIFIED}
ORIENTABLE: Final = {C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP}
OPEN_STATES: Final = set(C) - CLOSED_STATES
SETTINGS: Final = settings(
    max_examples=40,
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

    def one(self, states: set[CaseState], which: int) -> UUID:
        """One of them."""
        found = self.among(states)
        return found[which % len(found)]

    def attempt(self, act: Callable[[], Any]) -> None:
        """Somebody tries; Relais may say no."""
        with suppress(CaseworkError):
            act()

    def a_referral(self, states: frozenset[ReferralState], which: int) -> UUID | None:
        """One of the referrals in one of these states."""
        with self.office.database.read() as unit:
            found = list(
                unit.session.scalars(select(Referral.id).where(Referral.state.in_(states)).order_by(Referral.id))
            )
        return found[which % len(found)] if found else None

    # -- The path

    @initialize(
        start=st.sampled_from(["submit", "triaged", "accepted", "qualified", "reported", "referred", "followed"])
    )
    def begin(self, start: str) -> None:
        """A first case, somewhere on the path."""
        getattr(self.office, start)()
        self.look()

    @precondition(lambda machine: len(machine.states) < 2)
    @rule(danger=st.booleans(), mail=st.booleans())
    def submit(self, *, danger: bool, mail: bool) -> None:
        """Another alert, or the same once more."""
        self.office.submit(urgency="danger" if danger else "none", giver_email="karim@example.org" if mail else None)

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

    @some(*OPEN_STATES)
    @rule(which=pick)
    def correct_number(self, which: int) -> None:
        """Another number is given."""
        self.numbers += 1
        form = NumberForm(phone=f"06399801{self.numbers:02d}")
        self.attempt(lambda: self.office.do(calls.correct_number, ADA, self.one(OPEN_STATES, which), form))

    @some(*BEFORE_CONTACT)
    @rule(which=pick)
    def give_up(self, which: int) -> None:
        """The officer gives up, if allowed."""
        self.attempt(lambda: self.office.do(calls.give_up, BO, self.one(BEFORE_CONTACT, which)))

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

    @some(*OPEN_STATES)
    @rule(which=pick, told=st.booleans())
    def danger(self, which: int, *, told: bool) -> None:
        """A danger is told, or taken in hand."""
        case_id = self.one(OPEN_STATES, which)
        form = DangerForm.model_validate({"danger": "gas"})
        if told:
            self.attempt(lambda: self.office.do(visits.report_danger, BO, case_id, form))
        else:
            self.attempt(lambda: self.office.do(visits.acknowledge_danger, ADA, case_id))

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

    @some(*ORIENTABLE)
    @rule(which=pick)
    def drop_need(self, which: int) -> None:
        """Nothing more to orient."""
        self.attempt(lambda: self.office.do(referrals.drop_need, BO, self.one(ORIENTABLE, which)))

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

    # -- The engine, the clocks, the mail

    @rule(limit=st.integers(1, 4))
    def handle_some(self, limit: int) -> None:
        """The relay takes a few events and stops."""
        self.office.handle(limit)

    @rule()
    def drain(self) -> None:
        """The relay does all there is to do."""
        self.office.drain()
        with self.office.database.read() as unit:
            assert ledger.problems(unit, drained=True) == []

    @rule()
    def tick(self) -> None:
        """The clocks are looked at."""
        self.office.tick()

    @rule()
    def wait_for_clock(self) -> None:
        """Time passes to the next due instant."""
        due = self.office.next_due()
        if due is not None:
            self.office.clock.at = max(due, self.office.clock.at)
            self.office.tick()

    @rule(days=st.integers(1, 40))
    def sleep(self, days: int) -> None:
        """Nothing runs for days."""
        self.office.clock.at += timedelta(days=days)

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
        assert {key: now.get(key) for key in before} == before
        before.update(now)

    def look(self) -> None:
        """Read again which case is where."""
        with self.office.database.read() as unit:
            rows = unit.session.execute(select(Case.id, Case.state).order_by(Case.number))
            self.states = {case_id: CaseState(state) for case_id, state in rows}

    def teardown(self) -> None:
        """At the end of any story the relay catches up, and every open case has its next thing."""
        self.office.drain()
        with self.office.database.read() as unit:
            assert ledger.problems(unit, drained=True) == []


def empty(office: Office) -> None:
    """Take every case out of the office."""
    office.clock.at = MORNING
    with office.database.write("test") as unit:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in OFFICE_TABLES:
                unit.session.execute(delete(table))
        unit.session.execute(update(Organisation).values(full_until=None))


def hurry(database: Database) -> None:
    """No wait for the disk: a power cut is not what is tried here."""
    if database.dialect == "sqlite":

        @event.listens_for(database.engine, "connect")
        def _on_connect(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous=OFF")


@pytest.mark.timeout(120)
def test_every_path_keeps_each_open_case_in_somebodys_hands(runtime: Runtime, clock: SetClock) -> None:
    hurry(runtime.database)
    office = found_office(runtime.database, clock)

    run_state_machine_as_test(lambda: PathMachine(office), settings=SETTINGS)  # type: ignore[arg-type]
