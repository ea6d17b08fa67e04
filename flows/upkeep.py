"""Upkeep: the nightly round."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from prefect import flow

from services import upkeep as rounds
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime

LOG: Final = logging.getLogger(__name__)


async def keep_up() -> list[str]:
    """Make every round, a transaction each; returns what had to be put right, codes and counts only."""
    found = []
    for one in rounds.ROUNDS:
        found += await asyncio.to_thread(_make, one)
    for line in found:
        LOG.warning("upkeep: %s", line)
    return found


def _make(one: Callable[[UnitOfWork], list[str]]) -> list[str]:
    with runtime().database.write("upkeep") as unit:
        return one(unit)


@flow(name="upkeep")
async def upkeep() -> None:
    """The nightly round as a deployment: the safety net under the relay's own."""
    await keep_up()
