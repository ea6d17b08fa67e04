"""Upkeep: the nightly round."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

from prefect import flow

from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.operations import drift
from services.operations import upkeep as rounds

LOG: Final = logging.getLogger(__name__)


async def keep_up() -> list[str]:
    """Make every round, a transaction each; returns what had to be put right or is not, codes and counts only."""
    found = []
    for one in rounds.ROUNDS:
        found += await asyncio.to_thread(_make, one)
    found += await asyncio.to_thread(_look_again)
    for line in found:
        LOG.warning("upkeep: %s", line)
    return found


def _make(one: Callable[[UnitOfWork], list[str]]) -> list[str]:
    with runtime().database.write("upkeep") as unit:
        return one(unit)


def _look_again() -> list[str]:
    """What the events of the cases that moved lately do not bear out, a few cases at a time: nobody waits for it."""
    with runtime().database.read() as unit:
        changed = drift.changed_lately(unit)
    found = []
    for start in range(0, len(changed), drift.AT_ONCE):
        with runtime().database.read() as unit:
            found += drift.of_cases(unit, changed[start : start + drift.AT_ONCE])
    first = {each.what: each.case_id for each in reversed(found)}
    return [f"{what}: {count}, case {first[what]}" for what, count in Counter(each.what for each in found).items()]


@flow(name="upkeep")
async def upkeep() -> None:
    """The nightly round as a deployment: the safety net under the relay's own."""
    await keep_up()
