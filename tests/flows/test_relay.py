"""The relay: grouping, order within a case, failures held to their case, fences, and the loop itself."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError

from flows import relay, steps, timetable
from flows.engine import Batch
from models.engine import Event
from models.vocabulary import Stage, WorkState
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import Setup
from services.foundation.runtime import Runtime, use
from services.rules import effects, routines, work
from services.rules.work import Claimed
from tests.work import make_work, pass_time, read_work

VISIT, DIAGNOSTIC, ACCEPTED = "visit.planned", "visit.held", "case.accepted"


class Pathway:
    """Stands for the effects of a pathway: keeps what it was given, fails where told to."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, int]] = []
        self.batches: list[int] = []
        self.fails: Callable[[Event], bool] = lambda _event: False
        self.meanwhile: Callable[[], None] = lambda: None

    def apply(self, _unit: UnitOfWork, events: Sequence[Event]) -> list[str]:
        self.meanwhile()
        for event in events:
            if self.fails(event):
                raise ValueError("Mme Martin")
        self.batches.append(len(events))
        self.applied += [(event.type, event.seq) for event in events]
        return []


@pytest.fixture(autouse=True)
def pathway(monkeypatch: pytest.MonkeyPatch) -> Pathway:
    stand_in = Pathway()
    monkeypatch.setattr(effects, "apply", stand_in.apply)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return stand_in


def drain() -> int:
    return asyncio.run(relay.drain())


def claimed(*what: tuple[UUID, str]) -> list[Claimed]:
    return [Claimed(at, uuid4(), case, type_, str(case), "bo:1") for at, (case, type_) in enumerate(what)]


def test_events_of_one_stage_go_to_its_flow_together() -> None:
    a, b = uuid4(), uuid4()

    grouped = relay.groups(claimed((a, VISIT), (b, ACCEPTED), (b, VISIT), (a, VISIT)))

    assert [(stage, batch.work_ids) for stage, batch in grouped] == [
        (Stage.VISIT, (0, 3)),
        (Stage.DETECTION, (1,)),
        (Stage.VISIT, (2,)),
    ]


def test_a_cases_events_of_several_stages_are_run_in_their_order() -> None:
    case = uuid4()

    grouped = relay.groups(claimed((case, ACCEPTED), (case, VISIT), (case, "reminder.due"), (case, VISIT)))

    assert [stage for stage, _ in grouped] == [Stage.DETECTION, Stage.VISIT, None, Stage.VISIT]


def test_an_event_whose_type_is_unknown_here_stops_nobody_else() -> None:
    grouped = relay.groups(claimed((uuid4(), "case.teleported"), (uuid4(), VISIT)))

    assert [stage for stage, _ in grouped] == [None, Stage.VISIT]


def test_draining_applies_each_event_once_and_empties_the_queue(database: Database, pathway: Pathway) -> None:
    for _ in range(3):
        make_work(database)

    assert drain() == 3

    assert pathway.applied == [(ACCEPTED, 1), (ACCEPTED, 2), (ACCEPTED, 3)]
    assert read_work(database) == []


def test_an_event_that_fails_holds_back_its_own_case_only(
    database: Database, pathway: Pathway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: work.CAP_S)  # no rest is drawn shorter than the drain
    for number in ("2025-00001", "2025-00002"):
        make_work(database, number, VISIT)
        make_work(database, number, VISIT)
        make_work(database, number, DIAGNOSTIC)
    poisoned = read_work(database)[0].event_id
    pathway.fails = lambda event: event.id == poisoned

    drain()

    assert pathway.applied == [(VISIT, 1), (VISIT, 2), (DIAGNOSTIC, 3)]
    left = read_work(database)
    assert [(row.state, row.attempts) for row in left] == [("ready", 1), ("ready", 0), ("ready", 0)]
    assert (left[0].error or "").startswith("ValueError flows.steps:")
    assert "Martin" not in (left[0].error or "")


def test_once_mended_a_failed_event_is_handled_and_its_case_goes_on(database: Database, pathway: Pathway) -> None:
    make_work(database)
    make_work(database, type_=VISIT)
    pathway.fails = lambda _event: True
    drain()
    pathway.fails = lambda _event: False
    pass_time(database, seconds=10)

    drain()

    assert pathway.applied == [(ACCEPTED, 1), (VISIT, 2)]


def test_an_event_that_fails_twelve_times_is_parked(database: Database, pathway: Pathway) -> None:
    make_work(database)
    pathway.fails = lambda _event: True

    for _ in range(work.MAX_ATTEMPTS):
        drain()
        pass_time(database, seconds=1000)

    assert [(row.state, row.attempts) for row in read_work(database)] == [(WorkState.PARKED, 12)]


def test_a_relay_whose_lease_was_taken_leaves_no_effect(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    make_work(database)

    def late(unit: UnitOfWork, _events: Sequence[Event]) -> list[str]:
        routines.due(unit, "an effect", 1)
        return []

    monkeypatch.setattr(effects, "apply", late)
    with database.write("test") as unit:
        batch = Batch.of(work.claim(unit, worker="late"))
    pass_time(database, seconds=61)
    with database.write("test") as unit:
        work.claim(unit, worker="other")

    assert asyncio.run(steps.apply_pathway(batch)) == []

    with database.read() as unit:
        assert routines.is_due(unit, "an effect", 1)
    assert len(read_work(database)) == 1


def test_while_the_database_is_away_no_attempt_fails_and_the_caller_is_told(
    database: Database, pathway: Pathway
) -> None:
    make_work(database)

    def away() -> None:
        raise OperationalError("select", {}, Exception("gone"), connection_invalidated=True)

    pathway.meanwhile = away

    with pytest.raises(OperationalError):
        drain()

    assert [(row.state, row.attempts, row.error) for row in read_work(database)] == [("ready", 0, None)]


def test_events_asked_for_again_without_a_claim_leave_the_queue_alone(database: Database, pathway: Pathway) -> None:
    make_work(database)
    batch = Batch(event_ids=(read_work(database)[0].event_id,))

    asyncio.run(steps.apply_pathway(batch))

    assert pathway.applied == [(ACCEPTED, 1)]
    assert len(read_work(database)) == 1


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> int:
        return 0

    monkeypatch.setattr(relay, "tick", nothing)
    monkeypatch.setattr(relay, "keep_up", nothing)


@pytest.fixture
def running(runtime: Runtime, quiet: None) -> Iterator[None]:
    started, done, box = threading.Event(), threading.Event(), []

    async def relaying() -> None:
        stop = asyncio.Event()
        box.append((asyncio.get_running_loop(), stop))
        task = asyncio.create_task(relay.run(stop))
        await asyncio.sleep(0.3)
        started.set()
        await task

    def in_thread() -> None:
        with use(runtime):
            asyncio.run(relaying())
        done.set()

    thread = threading.Thread(target=in_thread)
    thread.start()
    assert started.wait(10)
    yield
    loop, stop = box[0]
    loop.call_soon_threadsafe(stop.set)
    assert done.wait(10)
    thread.join(5)


@pytest.fixture
def woken_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL a commit wakes the relay: by itself it would look too late here. SQLite has no such call."""
    monkeypatch.setitem(relay.POLL_S, "postgresql", 6)


def test_a_commit_wakes_the_relay(woken_only: None, running: None, database: Database, pathway: Pathway) -> None:
    make_work(database)
    until = time.monotonic() + 5
    while not pathway.applied and time.monotonic() < until:
        time.sleep(0.02)

    assert pathway.applied == [(ACCEPTED, 1)]


def test_the_relay_notes_its_last_tick(running: None, database: Database) -> None:
    until = time.monotonic() + 5
    seen = None
    while seen is None and time.monotonic() < until:
        with database.read() as unit:
            seen = routines.last_at(unit, "tick")
        time.sleep(0.02)

    assert seen is not None


def test_the_relay_outlives_an_error_of_its_database(running: None, database: Database, pathway: Pathway) -> None:
    failures = [OperationalError("select", {}, Exception("gone"), connection_invalidated=True)]

    def once() -> None:
        if failures:
            raise failures.pop()

    pathway.meanwhile = once
    make_work(database)

    until = time.monotonic() + 5
    while not pathway.applied and time.monotonic() < until:
        time.sleep(0.02)

    assert pathway.applied == [(ACCEPTED, 1)]


def test_a_routine_that_fails_is_due_still_and_its_failure_is_told(database: Database) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(timetable.when_due("tick", 15, fail))

    with database.read() as unit:
        assert routines.is_due(unit, "tick", 15)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_second_relay_on_one_sqlite_folder_is_refused_in_one_sentence(running: None, runtime: Runtime) -> None:
    with pytest.raises(Setup, match="Un relais travaille déjà"):
        asyncio.run(relay.run(asyncio.Event()))


def test_upkeep_is_due_once_a_night() -> None:
    at_three = datetime(2025, 10, 6, 3, 0, tzinfo=UTC)

    assert timetable.since_last_night(at_three) == timedelta(hours=1).total_seconds()
    assert timetable.since_last_night(at_three - timedelta(hours=2)) == timedelta(hours=23).total_seconds()
