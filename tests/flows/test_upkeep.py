"""The nightly round leaves nothing behind that nobody will ask for again."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from flows import upkeep
from models.programmes import IdempotentAnswer
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime
from services.idempotency import KEPT, remember


def test_an_answer_kept_for_its_time_is_forgotten_at_night(runtime: Runtime, clock: SetClock) -> None:
    with runtime.database.write("test") as unit:
        remember(unit, "person:1", "route", "key", "hash", status=200, body={})

    asyncio.run(upkeep.keep_up())
    with runtime.database.read() as unit:
        assert unit.session.scalar(select(IdempotentAnswer.key)) == "key"

    clock.at += KEPT + timedelta(days=1)
    asyncio.run(upkeep.keep_up())
    with runtime.database.read() as unit:
        assert unit.session.scalar(select(IdempotentAnswer.key)) is None
