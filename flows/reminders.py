"""Reminders: clocks that lapse become events; events of no stage are handled here."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from prefect import flow

from flows.engine import Batch, body, note
from flows.monthly_news import write_letters
from flows.steps import apply_pathway
from models.engine import Task
from services.cases import referrals
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.rules import obligations

ACTS: Final[Mapping[str, Callable[[UnitOfWork, Task], None]]] = {"expire_referral": referrals.expire}
"""What a ladder may do by itself, by the name that the pathway gives it."""


@flow(name="engine", flow_run_name="engine: {batch}")
@body
async def engine(batch: Batch) -> None:
    """Carry out what a batch of reminders and failed messages asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch)  # reminders planned, dead ends handed to somebody
    note("engine", done)


async def tick() -> int:
    """Turn every step that is due into an event, a limited number a transaction; how many there were."""
    turned = 0
    while step := await asyncio.to_thread(_turn):
        turned += step
    while await asyncio.to_thread(_take_over):
        pass
    return turned


def _turn() -> int:
    with runtime().database.write("tick") as unit:
        return obligations.tick(unit, ACTS)


def _take_over() -> bool:
    """A request that went to another partner and can no longer be taken back; False when there is none."""
    with runtime().database.write("take_over") as unit:
        return referrals.take_over_due(unit)


@flow(name="tick")
async def tick_flow() -> int:
    """The tick as a deployment, and the letters of the month: the safety net under the relay's own."""
    return await tick() + await write_letters()
