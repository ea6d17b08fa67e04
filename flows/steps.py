"""The step that every stage shares: carry out what a batch of events asks for, event by event if need be."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from flows.engine import Batch
from models.engine import Event
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.rules import effects, webhooks, work

LOG: Final = logging.getLogger(__name__)

OwnWork = Callable[[UnitOfWork, Sequence[Event]], None]
"""What one stage does beside its pathway, in the transaction of the batch."""


def nothing(_unit: UnitOfWork, _events: Sequence[Event]) -> None:
    """A stage without work of its own."""


async def apply_pathway(batch: Batch, *, before: OwnWork = nothing, after: OwnWork = nothing) -> list[str]:
    """Open tasks, arm clocks, plan messages, do the stage's own work and strike the events off: one transaction.

    A batch that fails is replayed event by event; an event that fails alone is tried again later, then parked, and
    holds back its own case only. Returns what was done. Raises only when the database is away. The web and the mail
    of this process go on meanwhile: the transaction has a thread of its own.
    """
    return await asyncio.to_thread(_carry_out, batch, before, after)


def _carry_out(batch: Batch, before: OwnWork, after: OwnWork) -> list[str]:
    try:
        return _together(batch, before, after)
    except work.Fenced:
        return []
    except Exception as error:
        if work.is_outage(error):
            raise
        if len(batch.event_ids) > 1:
            return [line for alone in batch.one_by_one() for line in _carry_out(alone, before, after)]
        _try_later(batch, error)
        return []


def _together(batch: Batch, before: OwnWork, after: OwnWork) -> list[str]:
    with runtime().database.write("apply") as unit:
        mine = _not_held_back(unit, batch)
        events = work.events(unit, mine.event_ids)
        work.hold(unit, events)
        before(unit, events)
        lines = effects.apply(unit, events)
        after(unit, events)
        webhooks.plan(unit, events)
        if mine.token:
            work.finish(unit, mine.work_ids, mine.token)
        return lines


def _not_held_back(unit: UnitOfWork, batch: Batch) -> Batch:
    """An earlier event of the case may have failed since the claim: what is behind it goes back to the queue."""
    held = work.held_back(unit, batch.work_ids)
    if held and batch.token:
        work.release(unit, held, batch.token)
    return batch.without(held) if held else batch


def _try_later(batch: Batch, error: Exception) -> None:
    reason = work.describe(error)
    LOG.warning("an event of %s was not handled: %s", batch, reason)
    if batch.token is None:
        raise error
    try:
        with runtime().database.write("retry") as unit:
            work.retry(unit, batch.work_ids[0], batch.token, reason)
    except work.Fenced:
        LOG.info("an event of %s is in other hands", batch)
