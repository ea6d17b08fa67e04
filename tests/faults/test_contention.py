"""Many hands at once: fifty people on one case, and several relays on one queue."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, select

from flows import relay
from models.cases import Case
from models.engine import Event, Message, Task, Work
from models.vocabulary import CallResult
from services.cases import calls, endings, triage
from services.forms import Acceptance, CallForm, Withdrawal
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import CaseworkError, Conflict
from services.foundation.runtime import Runtime, use
from tests.faults import office
from tests.faults.office import COORDINATOR, OFFICER, OPERATOR
from tests.ledger import problems

PEOPLE: Final = 50
PATIENCE_S: Final = 60


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """What `count` threads that begin together get: an answer, or the refusal that was raised."""
    ready = threading.Barrier(count, timeout=PATIENCE_S)

    def one(_: int) -> Any:
        ready.wait()
        try:
            return act()
        except CaseworkError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_fifty_who_decide_one_case_at_once_one_wins_and_the_others_are_told(
    runtime: Runtime, all_points: bool
) -> None:
    database, cases = runtime.database, 40 if all_points else 1
    office.found(database)
    for number in range(1, cases + 1):
        submit(database, number)
    with use(runtime):
        asyncio.run(relay.drain())

    for case_id in case_ids(database):
        answers = at_once(PEOPLE, lambda: accept(database, case_id))  # noqa: B023 - all are done before the next
        with database.read() as unit:
            case = unit.session.get_one(Case, case_id)
            events = list(unit.session.scalars(select(Event.type).where(Event.case_id == case_id)))
            assert (answers.count(None), events.count("case.accepted")) == (1, 1)
            assert {error.status_code for error in answers if error is not None} == {409}
            assert case.last_seq == len(events)
    with database.read() as unit:
        assert problems(unit) == []


def accept(database: Database, case_id: UUID) -> None:
    with database.write("test") as unit:
        triage.accept(unit, COORDINATOR, case_id, Acceptance(operator_id=OPERATOR))


@pytest.fixture
def case_id(database: Database) -> UUID:
    office.found(database)
    submit(database, 1)
    asyncio.run(relay.drain())
    (found,) = case_ids(database)
    accept(database, found)
    return found


# On SQLite whoever writes is alone.
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_two_calls_noted_at_once_are_both_kept(database: Database, case_id: UUID) -> None:
    def note_a_call(unit: UnitOfWork) -> None:
        calls.record_call(unit, OFFICER, case_id, CallForm(result=CallResult.NO_ANSWER))

    def note_another() -> None:
        with database.write("test") as unit:
            note_a_call(unit)

    with ThreadPoolExecutor(1) as pool:
        with database.write("test") as unit:
            note_a_call(unit)
            another = pool.submit(note_another)
            wait([another], timeout=0.5)  # it waits for us
        another.result(PATIENCE_S)

    with database.read() as unit:
        events = list(unit.session.scalars(select(Event.type).where(Event.case_id == case_id)))
        assert events.count("call.attempted") == 2
        assert problems(unit) == []


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_the_engine_waits_for_whoever_moves_the_case_of_its_event(runtime: Runtime, case_id: UUID) -> None:
    with ThreadPoolExecutor(1) as pool:
        with runtime.database.write("test") as unit:
            endings.withdraw(unit, COORDINATOR, case_id, Withdrawal(said_by="Ginette Roux"))
            engine = pool.submit(drained, runtime, 50)  # what was accepted asks for a call
            wait([engine], timeout=0.5)
        engine.result(PATIENCE_S)

    with runtime.database.read() as unit:
        assert problems(unit, drained=True) == []


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_what_was_read_before_somebody_else_acted_is_not_written_over(database: Database, case_id: UUID) -> None:
    def write_late() -> None:
        with database.write("test") as late:
            case = late.session.get_one(Case, case_id)  # read, not locked
            with database.write("test") as unit:
                unit.session.get_one(Case, case_id).urgency = "danger"
            case.urgency = "normal"

    with pytest.raises(Conflict):
        write_late()

    with database.read() as unit:
        assert unit.session.get_one(Case, case_id).urgency == "danger"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_relays_side_by_side_handle_each_event_once(runtime: Runtime, all_points: bool, chance: random.Random) -> None:
    database, cases = runtime.database, 250 if all_points else 16
    office.found(database)
    first = 1
    for relays in (2, 4, 8, 16) if all_points else (4,):
        for number in range(first, first + cases):
            submit(database, number)
        first += cases

        taken = at_once(relays, lambda: drained(runtime, chance.choice((1, 7, 250))))

        with database.read() as unit:
            # Each alert, then what its examination says: every event was taken by one relay and by no other.
            assert sum(taken) == 2 * cases
            assert unit.session.scalar(select(func.count()).select_from(Work)) == 0
            assert set(Counter(unit.session.scalars(select(Task.case_id))).values()) == {1}
            receipts = unit.session.scalars(select(Message.case_id).where(Message.text == "alert_receipt"))
            assert Counter(receipts) == Counter(case_ids(database))
            assert problems(unit, drained=True) == []


def drained(runtime: Runtime, limit: int) -> int:
    with use(runtime):
        return asyncio.run(relay.drain(limit=limit))


def submit(database: Database, number: int) -> None:
    with database.write("test") as unit:
        office.submit(unit, f"Famille {number}", number)


def case_ids(database: Database) -> list[UUID]:
    with database.read() as unit:
        return list(unit.session.scalars(select(Case.id)))
