"""Any order of acts, clocks and half-done work: whatever people do, each open case has its next thing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar
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
from sqlalchemy import delete, select, update

from models.base import Base
from models.cases import Referral, Visit
from models.engine import Event, Task
from models.events import FACTS
from models.lifecycles import FINAL_REFERRALS
from models.programmes import Organisation, Service
from models.vocabulary import ReferralState, TaskState, Theme, VisitState
from services.channels.mail import Handover, HandoverResult
from services.foundation.clock import SetClock
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError
from services.foundation.runtime import Runtime
from services.rules import ledger as outbox
from services.rules.aftermath import AFTERMATH
from services.rules.ledger import Envelope
from tests import ledger
from tests.databases import MORNING
from tests.services.rules.situations import OTHER_PARTNER, PARTNER, Office, found_office
from tests.stateful.acts import ACTS, OFTEN, Act, Scene, chances
from tests.stateful.expectations import disappointed
from tests.stateful.starts import STARTS

OFFICE_TABLES: Final = frozenset(
    {"programme", "pathway_version", "commune", "territory", "organisation", "service", "person", "membership"}
)
STORIES: Final = 9
"""In a run: from its eleventh on, Hypothesis mostly varies those that it has, and people would do the same again."""
RUNS: Final = {"sqlite": 3, "postgresql": 1}
MANY_RUNS: Final = {"sqlite": 60, "postgresql": 12}
"""What people may do is the same on both: PostgreSQL, three times slower, is given a share."""
MOST_OF_THEM: Final = {"sqlite": 0.7, "postgresql": 0.3}
"""Of all acts so many succeed by chance at least; that each can is a test of its own."""
SETTINGS: Final = settings(
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
pick = st.integers(min_value=0, max_value=3)
chance = st.integers(min_value=0, max_value=59)
T = TypeVar("T")


@dataclass
class Tally:
    """What was done, and what was refused, in all the stories of a run; and what happened in them."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)


class PathMachine(RuleBasedStateMachine):
    """One office, one or two households. A refusal is an answer; anything else that is raised is a bug."""

    def __init__(self, office: Office, tally: Tally, *, turn: int = 0) -> None:
        """The office is emptied of its cases first. Each run begins every choice elsewhere: its first story takes the
        first of each."""
        super().__init__()
        self.office = office
        self.tally = tally
        self.turn = turn
        self.submitted = 0
        self.handed_over: list[Envelope] = []
        self.final_referrals: dict[UUID, tuple[str, Any, Any]] = {}
        self.final_visits: dict[UUID, str] = {}
        self.ended_tasks: dict[UUID, tuple[str, Any]] = {}
        empty(office)

    # -- The path

    def _turned(self, choices: Sequence[T]) -> list[T]:
        begin = self.turn % max(len(choices), 1)
        return [*choices[begin:], *choices[:begin]]

    @initialize(data=st.data(), doubt=st.booleans(), settled=st.booleans())
    def begin(self, data: st.DataObject, *, doubt: bool, settled: bool) -> None:
        """A first case, somewhere on the path; nobody may know whether a mail left, and the engine may lag behind."""
        start = data.draw(st.sampled_from(self._turned(STARTS)), label="start")
        start(self.office)
        if doubt:
            self.office.bounce("alert_receipt", unknown=True)
        if settled:
            self.office.drain()

    @precondition(lambda machine: machine.submitted < 2)
    @rule(danger=st.booleans(), mail=st.booleans(), same=st.booleans())
    def submit(self, *, danger: bool, mail: bool, same: bool) -> None:
        """Another alert, of the same household or of another one."""
        self.submitted += 1
        whose = {} if same else {"surname": f"Petit {self.submitted}", "phone": f"06 39 98 77 7{self.submitted}"}
        urgency = "danger" if danger else "none"
        self.office.submit(urgency=urgency, giver_email="karim@example.org" if mail else None, **whose)

    def _act(self, data: st.DataObject, *, times: int) -> None:
        """People do what is in its place, one thing after the other, faster than the engine follows."""
        for _ in range(times):
            with self.office.database.read() as unit:
                found = chances(Scene(unit))
            if not found:
                return
            family = data.draw(
                st.sampled_from(self._turned([name for name in found for _ in range(OFTEN[name])])), label="family"
            )
            act = data.draw(st.sampled_from(self._turned(list(found[family]))), label="act")
            places = found[family][act]
            self._try(act, places[data.draw(pick) % len(places)], data.draw(chance))

    act = rule(data=st.data(), times=st.integers(1, 5))(_act)
    act_on = rule(data=st.data(), times=st.integers(1, 5))(_act)
    act_once_more = rule(data=st.data(), times=st.integers(1, 5))(_act)
    """Thrice, for Hypothesis forgets half of the rules in each story."""

    def does_one_of(self, left: list[tuple[Act, int]]) -> bool:
        """The first of these acts that is in its place and succeeds is done, and left no more; False if none is."""
        with self.office.database.read() as unit:
            scene = Scene(unit)
        for act, way in self._turned(left):
            if any(self._try(act, place, way) for place in act.places(scene)):
                left.remove((act, way))
                return True
        return False

    @rule(data=st.data(), act=st.sampled_from([act for act in ACTS if act.whole]))
    def act_out_of_turn(self, data: st.DataObject, act: Act) -> None:
        """Somebody does something out of turn, from a page left open for weeks: a no writes nothing."""
        with self.office.database.read() as unit:
            places = act.anything(Scene(unit))
            before = everything(unit)
        if places and not self._try(act, places[data.draw(pick) % len(places)], data.draw(chance)):
            with self.office.database.read() as unit:
                assert everything(unit) == before

    def _try(self, act: Act, place: Any, n: int) -> bool:
        """Somebody tries, a minute after the one before; Relais may say no."""
        self.office.clock.at += timedelta(minutes=1)
        try:
            act.do(self.office, place, n)
        except CaseworkError:
            self.tally.refused[act.name] += 1
            return False
        self.tally.done[act.name] += 1
        return True

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

    @rule(
        most=st.integers(1, 4),
        result=st.sampled_from(["accepted", "accepted", "transient", "permanent", "unknown", None]),
    )
    def mail(self, most: int, result: HandoverResult | None) -> None:
        """The mail server takes what is due, refuses it, or hangs up; or it has not answered yet (None)."""
        database = self.office.database
        with database.write("test") as unit:
            claimed = outbox.claim(unit, AFTERMATH, limit=most, lease_s=600)
        for envelope in claimed:
            with database.write("test") as unit:
                assert outbox.mark_data(unit, [envelope])
        self.handed_over += claimed
        while result is not None and self.handed_over:
            with database.write("test") as unit:
                envelope = self.handed_over.pop(0)
                outbox.record(unit, AFTERMATH, envelope=envelope, handover=Handover(result))

    # -- What is always true

    @invariant()
    def all_is_well(self) -> None:
        """The one checker finds nothing, and what had ended has not moved."""
        with self.office.database.read() as unit:
            assert ledger.problems(unit) == []
            assert disappointed(unit) == []
            self._ended(
                self.final_referrals,
                {
                    key: (state, reason, outcome)
                    for key, state, reason, outcome in unit.session.execute(
                        select(Referral.id, Referral.state, Referral.reason, Referral.outcome)
                    )
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
        corrected = {key for key, fate in now.items() if fate[0] == ReferralState.ENTERED_IN_ERROR}
        assert {key: now.get(key) for key in before.keys() - corrected} == {
            key: state for key, state in before.items() if key not in corrected
        }
        before.update(now)

    def teardown(self) -> None:
        """At the end of any story the relay catches up, and every open case has its next thing."""
        self.office.drain()
        self._is_settled()
        with self.office.database.read() as unit:
            self.tally.seen.update(unit.session.scalars(select(Event.type)))

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
        offered = [Theme.LANDLORD_MEDIATION.value, Theme.FSL.value, Theme.EMERGENCY.value]
        unit.session.execute(update(Service).values(full_until=None, capacity_on=None, themes=offered))
        for id_, name in ((PARTNER, "adil"), (OTHER_PARTNER, "soliha")):
            unit.session.execute(update(Organisation).where(Organisation.id == id_).values(email=f"{name}@example.org"))


def everything(unit: UnitOfWork) -> dict[str, list[str]]:
    """All that is written, table by table."""
    connection = unit.session.connection()
    found = {table: connection.exec_driver_sql(f'select * from "{table}"') for table in Base.metadata.tables}  # noqa: S608
    return {table: sorted(map(repr, rows)) for table, rows in found.items()}


@pytest.mark.timeout(1800)
def test_every_path_keeps_each_open_case_in_somebodys_hands(
    runtime: Runtime, clock: SetClock, pytestconfig: pytest.Config
) -> None:
    office, tally = found_office(runtime.database, clock), Tally()
    many = bool(pytestconfig.getoption("--all-points", default=False))  # unknown outside `make faults`

    for run in range((MANY_RUNS if many else RUNS)[runtime.database.dialect]):
        run_state_machine_as_test(
            lambda turn=run * 5: PathMachine(office, tally, turn=turn),  # type: ignore[arg-type]
            settings=settings(SETTINGS, max_examples=STORIES),
        )

    assert tally.refused, "nobody was ever told no"
    assert len(tally.done) >= MOST_OF_THEM[runtime.database.dialect] * len(ACTS)


@pytest.mark.timeout(600)
def test_whatever_people_do_can_be_done_and_happens(runtime: Runtime, clock: SetClock) -> None:
    office, tally = found_office(runtime.database, clock), Tally()
    left = [(act, way) for act in sorted(ACTS, key=lambda act: act.family == "end") for way in range(act.ways)]

    for turn, start in enumerate([*STARTS, *STARTS]):
        if not left:
            break
        machine = PathMachine(office, tally, turn=turn * 17)
        start(office)
        office.drain()
        while machine.does_one_of(left):
            office.drain()
        machine.all_is_well()
        machine.teardown()

    assert [f"{act.name} ({way})" for act, way in left] == [], str(left)
    assert set(FACTS) - set(tally.seen) == set()
