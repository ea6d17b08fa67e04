"""A tick that comes too often sends nothing twice; one that did not come for days catches up once a clock."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from flows import relay
from flows.reminders import tick
from models.engine import Message, Obligation, Occurrence
from models.vocabulary import OccurrenceState
from services.foundation.clock import SetClock
from services.foundation.database import Database
from tests.faults import office

WEEK = timedelta(days=7)


def test_fifty_ticks_in_a_row_remind_once(database: Database, clock: SetClock) -> None:
    make_untouched_cases(database, 1)
    clock.at += timedelta(days=4)  # three working days for the triage have gone by

    for _ in range(50):
        tick_and_handle()

    assert reminders(database) == [("task_late", "2025-00001")]


def test_after_days_without_a_tick_each_clock_catches_up_once(database: Database, clock: SetClock) -> None:
    make_untouched_cases(database, 3)
    clock.at += 2 * WEEK  # both steps of the ladder are due

    for _ in range(3):
        tick_and_handle()

    assert reminders(database) == [("task_late", f"2025-0000{number}") for number in (1, 2, 3)]
    with database.read() as unit:
        states = list(unit.session.scalars(select(Occurrence.state)))
        assert states.count(OccurrenceState.FIRED) == len(unit.session.scalars(select(Obligation)).all())


def make_untouched_cases(database: Database, count: int) -> None:
    office.found(database)
    for number in range(1, count + 1):
        with database.write("test") as unit:
            office.submit(unit, f"Famille {number}", number)
    asyncio.run(relay.drain())


def tick_and_handle() -> None:
    async def both() -> None:
        await tick()
        await relay.drain()

    asyncio.run(both())


def reminders(database: Database) -> list[tuple[str, str]]:
    with database.read() as unit:
        found = unit.session.scalars(select(Message).where(Message.text == "task_late"))
        return sorted((message.text, message.case.number) for message in found)
