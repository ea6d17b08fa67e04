"""Webhooks: what other software is to be told leaves; one server that is slow or away holds nobody else up."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import httpx2

from services.channels import webhooks as channel
from services.channels.webhooks import Outcome
from services.foundation.crashpoints import crashpoint
from services.foundation.runtime import runtime
from services.rules import webhooks
from services.rules.webhooks import Sending

BATCH: Final = 50
LEASE_S: Final = 60.0
SLICE_S: Final = 30.0
"""How long one batch goes on; what is left goes back untouched."""


async def tell_due(*, budget_s: float = 45) -> int:
    """Send what is due until nothing is left or the time is up; returns how many were tried. Safe to run twice."""
    if not runtime().settings.mail_enabled or not await asyncio.to_thread(_is_due):
        return 0
    until, tried = time.monotonic() + budget_s, 0
    async with channel.new_client() as client:
        while time.monotonic() < until:
            batch = await asyncio.to_thread(_claim)
            if not batch:
                break
            tried += await _send(client, batch, until=min(until, time.monotonic() + SLICE_S))
    return tried


async def _send(client: httpx2.AsyncClient, batch: Sequence[Sending], *, until: float) -> int:
    by_endpoint: defaultdict[UUID, list[Sending]] = defaultdict(list)
    for sending in batch:
        by_endpoint[sending.endpoint_id].append(sending)
    return sum(await asyncio.gather(*(_to_one(client, each, until=until) for each in by_endpoint.values())))


async def _to_one(client: httpx2.AsyncClient, sendings: Sequence[Sending], *, until: float) -> int:
    """One after the other, in order; a server that is away is asked once, not fifty times."""
    local = runtime().settings.is_on_loopback
    for at, sending in enumerate(sendings):
        if at and time.monotonic() >= until:
            await asyncio.to_thread(_release, sendings[at:])
            return at
        reply = await channel.post(client, sending.call, local=local)
        crashpoint("webhook.sent")
        stops = reply.outcome in {Outcome.BUSY, Outcome.GONE}
        if stops:
            await asyncio.to_thread(_release, sendings[at + 1 :])
        await asyncio.to_thread(_record, sending, reply)
        if stops:
            return at + 1
    return len(sendings)


def _is_due() -> bool:
    with runtime().database.read() as unit:
        return webhooks.is_due(unit)


def _claim() -> list[Sending]:
    with runtime().database.write("webhook.claim") as unit:
        return webhooks.claim(unit, runtime().secrets, limit=BATCH, lease_s=LEASE_S)


def _record(sending: Sending, reply: channel.Reply) -> None:
    with runtime().database.write("webhook.record") as unit:
        webhooks.record(unit, sending, reply)


def _release(sendings: Sequence[Sending]) -> None:
    if sendings:
        with runtime().database.write("webhook.release") as unit:
            webhooks.release(unit, sendings)
