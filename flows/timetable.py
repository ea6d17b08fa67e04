"""When the relay does what it does by the clock; a row each, so that several relays take turns."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.rules import routines

TICK_S: Final = 15
INBOX_S: Final = 40
"""With the rest between two looks (ten seconds), a mail is filed within a minute of its arrival."""
LETTERS_S: Final = 60
NIGHT: Final = time(2, tzinfo=UTC)  # three or four o'clock in Paris; the exact hour matters to nobody


async def when_due(name: str, every_s: float, act: Callable[[], Awaitable[Any]]) -> bool:
    """Do it if it is due and no other relay is at it; False if there was nothing to do.

    What fails is due still; what dies is held until its lease runs out (two minutes).
    """
    token = await asyncio.to_thread(_take, name, every_s)
    if token is None:
        return False
    try:
        await act()
    except Exception:
        await asyncio.to_thread(_end, name, token, routines.let_go)
        raise
    await asyncio.to_thread(_end, name, token, routines.done)
    return True


def since_last_night(now: datetime) -> float:
    """Seconds since the last time it was two o'clock UTC: what last ran before then is due."""
    tonight = datetime.combine(now.astimezone(UTC).date(), NIGHT)
    last = tonight if tonight <= now else tonight - timedelta(days=1)
    return (now - last).total_seconds()


def _take(name: str, every_s: float) -> str | None:
    database = runtime().database
    with database.read() as unit:
        if not routines.is_due(unit, name, every_s):
            return None
    with database.write("routine") as unit:
        return routines.due(unit, name, every_s)


def _end(name: str, token: str, how: Callable[[UnitOfWork, str, str], None]) -> None:
    with runtime().database.write("routine") as unit:
        how(unit, name, token)
