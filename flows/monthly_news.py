"""The letters of the month to alert givers, on the first working day at nine."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.correspondence import monthly_news
from services.foundation.runtime import runtime

BATCH: Final = 20
"""Addresses in one transaction."""


async def write_letters() -> int:
    """Plan the letters of each programme whose round has come, some addresses a transaction; how many letters.

    Safe to run twice: one letter a month for one address. A round that stops half-way is due still.
    """
    planned = 0
    for programme_id in await asyncio.to_thread(_due):
        found = await asyncio.to_thread(_addresses, programme_id)
        for start in range(0, len(found), BATCH):
            planned += await asyncio.to_thread(_plan, programme_id, found[start : start + BATCH])
        await asyncio.to_thread(_end_round, programme_id)
    return planned


def _due() -> list[UUID]:
    with runtime().database.read() as unit:
        return monthly_news.due(unit)


def _addresses(programme_id: UUID) -> Sequence[str]:
    with runtime().database.read() as unit:
        return monthly_news.addresses(unit, programme_id)


def _plan(programme_id: UUID, addresses: Sequence[str]) -> int:
    with runtime().database.write("monthly_news") as unit:
        return monthly_news.plan(unit, programme_id, addresses)


def _end_round(programme_id: UUID) -> None:
    with runtime().database.write("monthly_news.end") as unit:
        monthly_news.end_round(unit, programme_id)
