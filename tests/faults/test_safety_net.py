"""The relay dead for good: what Prefect's schedules start, and nothing else, carries a case to mails and reminders."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any, Final

import pytest
import yaml
from prefect import Flow
from prefect.utilities.importtools import import_object
from sqlalchemy import select

from deployments.runner import FILE
from models.engine import Event, Message, Occurrence, Work
from models.vocabulary import Channel
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime, use
from services.rules import obligations
from tests.faults import office
from tests.ledger import problems
from tests.sink import Sink

MINUTE: Final = timedelta(minutes=1)
SCHEDULED: Final[dict[str, int]] = {
    each["entrypoint"]: schedule["interval"]
    for each in yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]
    for schedule in each.get("schedules", [])
}
"""What Prefect starts, and every how many seconds."""
A_NIGHT_S: Final = 86400


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)  # the schedules are the same on both
def test_without_any_relay_events_wait_a_minute_and_mails_and_reminders_five(runtime: Runtime, clock: SetClock) -> None:
    office.found(runtime.database)
    with Sink() as sink:
        settings = runtime.settings.model_copy(update={"catcher_smtp_port": sink.port})
        with use(dataclasses.replace(runtime, settings=settings)):
            with runtime.database.write("test") as unit:
                office.submit(unit, "Martin", 1)
            asyncio.run(let_ten_minutes_pass(runtime, clock))
            with runtime.database.read() as unit:
                first_reminder = obligations.next_due(unit)
            assert first_reminder is not None
            clock.at = first_reminder - MINUTE
            asyncio.run(let_ten_minutes_pass(runtime, clock))

        with runtime.database.read() as unit:
            mails = unit.session.scalars(select(Message).where(Message.channel == Channel.EMAIL)).all()
            assert {mail.state for mail in mails} == {"accepted"}
            assert all((mail.done_at or clock.at) - mail.due_at <= 5 * MINUTE for mail in mails)
            (reminder,) = unit.session.scalars(select(Occurrence))
            (reminded,) = [mail for mail in mails if mail.text == "task_late"]
            assert reminded.created_at - reminder.due_at <= 6 * MINUTE
            assert problems(unit, drained=True) == []
        assert len(sink.messages) == len(mails)


async def let_ten_minutes_pass(runtime: Runtime, clock: SetClock) -> None:
    """Each minute what Prefect would start is started; no event of the minute before is left after it."""
    for minute in range(1, 11):
        clock.at += MINUTE
        for entrypoint, every_s in SCHEDULED.items():
            flow: Flow[[], Any] = import_object(entrypoint)
            if (minute * 60) % every_s == 0 and every_s < A_NIGHT_S:
                await flow.fn()
        with runtime.database.read() as unit:
            waiting = select(Event.type).join(Work, Work.event_id == Event.id).where(Event.recorded_at < clock.at)
            assert unit.session.scalars(waiting).all() == []
