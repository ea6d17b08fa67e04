"""A tick that comes too often, too late or at a time that never was: nothing twice, nothing lost, once a clock."""

import asyncio
import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from sqlalchemy import select

from flows import relay
from flows.delivery import deliver_due
from flows.reminders import tick
from models.engine import Message, Obligation, Occurrence
from models.vocabulary import Channel, MessageState, OccurrenceState
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import Runtime, use
from tests.databases import MORNING
from tests.faults import office
from tests.ledger import problems
from tests.sink import Sink

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


ANYWHERE: Final = {
    "an hour on, an hour back": (timedelta(hours=1), timedelta(hours=-1)),
    "a day on, a day back": (timedelta(days=1), timedelta(days=-1)),
    "a season on and back": (timedelta(days=90), timedelta(days=-90)),
    "1970": (datetime(1970, 1, 1, tzinfo=UTC) - MORNING, MORNING - datetime(1970, 1, 1, tzinfo=UTC)),
    "a leap day": (datetime(2028, 2, 29, 12, tzinfo=UTC) - MORNING, timedelta(days=-40)),
    "the night of two two-o’clocks": (datetime(2025, 10, 26, 0, 30, tzinfo=UTC) - MORNING, timedelta(hours=1)),
}


@pytest.mark.parametrize("jumps", ANYWHERE.values(), ids=ANYWHERE)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)  # business time is this process's on both
def test_whatever_the_clock_does_no_reminder_comes_twice_and_none_is_lost(
    runtime: Runtime, clock: SetClock, jumps: tuple[timedelta, ...]
) -> None:
    database, reminded = runtime.database, []
    with Sink() as sink:
        settings = runtime.settings.model_copy(update={"catcher_smtp_port": sink.port})
        with use(dataclasses.replace(runtime, settings=settings)):
            make_untouched_cases(database, 2)
            for jump in (*jumps, *jumps, timedelta(0)):
                clock.at += jump
                tick_and_handle()
                asyncio.run(deliver_due())
                reminded.append(reminders(database))
            clock.at = max(clock.at, MORNING)
            for days in (1000, 1, 1, 1):  # at last all is due, whatever came before, and a working day comes
                clock.at += timedelta(days=days)
                tick_and_handle()
                asyncio.run(deliver_due())

    # Time that goes back takes no reminder back and brings none again.
    assert all(before == after[: len(before)] for before, after in pairwise(reminded))
    with database.read() as unit:
        fired = Counter(unit.session.scalars(select(Occurrence.obligation_id)))
        assert set(fired) == set(unit.session.scalars(select(Obligation.id)))
        assert all(ended is None for ended in unit.session.scalars(select(Obligation.next_at)))
        mails = unit.session.scalars(select(Message.state).where(Message.channel == Channel.EMAIL)).all()
        assert set(mails) == {MessageState.ACCEPTED}
        assert len(sink.messages) == len({mail["Message-ID"] for mail in sink.messages})
        assert problems(unit, drained=True) == []


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
        return sorted((message.text, message.of_case.number) for message in found)
