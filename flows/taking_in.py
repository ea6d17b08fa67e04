"""What a coordinator asked for and takes long, by whichever relay is free: files taken in, open cases moved."""

import asyncio
from typing import Final

from prefect import flow

from flows.timetable import when_due
from services.foundation.runtime import runtime
from services.imports import carrying
from services.programme import publishing

ROUTINE: Final = "imports"
SLICE_S: Final = 20.0
"""How long one slice goes on: well within the lease of a routine, after which another relay takes over."""


async def take_in(*, budget_s: float = SLICE_S) -> bool:
    """Take in rows of the file that waits longest, and move open cases to the pathway that replaced theirs.

    False when nothing waits or another relay is at it.
    """
    if not await asyncio.to_thread(_is_queued):
        return False

    async def one_slice() -> None:
        await asyncio.to_thread(carrying.carry_on, runtime().database, budget_s=budget_s)
        await asyncio.to_thread(publishing.carry_on, runtime().database, budget_s=budget_s)

    return await when_due(ROUTINE, 0, one_slice)


def _is_queued() -> bool:
    with runtime().database.read() as unit:
        return carrying.is_queued(unit) or publishing.is_moving(unit)


@flow(name="taking in")
async def taking_in() -> None:
    """The same as a deployment: the safety net under the relay's own."""
    await take_in()
