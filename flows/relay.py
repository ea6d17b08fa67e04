"""The relay: claims events, gives them to the flow of their stage, and does by the clock what is due."""

import asyncio
import fcntl
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import psycopg
from prefect import flow

from flows import engine
from flows.delivery import deliver_due, postman
from flows.detection import detection
from flows.diagnostic import diagnostic
from flows.engine import Batch, StageFlow
from flows.follow_up import follow_up
from flows.inbox import read_inbox
from flows.monthly_news import write_letters
from flows.orientation import orientation
from flows.reminders import engine as of_no_stage
from flows.reminders import tick
from flows.taking_in import take_in
from flows.timetable import INBOX_S, LETTERS_S, TICK_S, since_last_night, when_due
from flows.upkeep import keep_up
from flows.visit import visit
from flows.webhooks import tell_due
from models.events import FACTS
from models.vocabulary import Stage
from services.foundation.database import WAKE_CHANNEL
from services.foundation.errors import Setup
from services.foundation.runtime import runtime
from services.rules import work
from services.rules.work import Claimed

LOG: Final = logging.getLogger(__name__)
POLL_S: Final = {"sqlite": 0.05, "postgresql": 1.0}
"""How long the relay sleeps when nobody wakes it; PostgreSQL does, with LISTEN."""
MAIL_POLL_S: Final = 1.0
WEBHOOK_POLL_S: Final = 1.0
FILE_POLL_S: Final = 1.0
INBOX_REST_S: Final = 10.0
SLICE_S: Final = 2.0
CLAIM: Final = 2000
BATCH: Final = 200
"""At most so many events in one transaction, and enough claimed at once to fill the batches of each stage."""
PAUSE_S: Final = 1.0
"""How long a loop of the relay waits after a failure."""

FLOWS: Final[dict[Stage | None, StageFlow]] = {
    Stage.DETECTION: detection,
    Stage.VISIT: visit,
    Stage.DIAGNOSTIC: diagnostic,
    Stage.ORIENTATION: orientation,
    Stage.FOLLOW_UP: follow_up,
    None: of_no_stage,
}


async def drain(*, limit: int = CLAIM, budget_s: float = 45) -> int:
    """Handle events until none is left or the time is up; returns how many were taken.

    Its callers (the relay, a deployment, a person) may overlap: each event is leased to one.
    """
    until = time.monotonic() + budget_s
    taken = 0
    while time.monotonic() < until:
        claimed = await asyncio.to_thread(_claim, limit)
        if not claimed:
            break
        try:
            for stage, batch in groups(claimed):
                await engine.run(FLOWS[stage], batch)
        except Exception:
            await asyncio.to_thread(_give_back, Batch.of(claimed))
            raise
        taken += len(claimed)
    return taken


def groups(claimed: Sequence[Claimed]) -> list[tuple[Stage | None, Batch]]:
    """As few batches as keep each case's events in order, each of one stage, to be run one after the other.

    None is longer than one transaction may be.
    """
    found: list[tuple[Stage | None, list[Claimed]]] = []
    latest: dict[object, int] = {}
    for each in claimed:
        fact = FACTS.get(each.type)  # a newer relay's type fails alone, in the flow of no stage
        stage = fact.stage if fact else None
        first = latest.get(each.case_id, 0)
        fits = (at for at in range(first, len(found)) if found[at][0] == stage and len(found[at][1]) < BATCH)
        at = next(fits, len(found))
        if at == len(found):
            found.append((stage, []))
        found[at][1].append(each)
        latest[each.case_id] = at
    return [(stage, Batch.of(members)) for stage, members in found]


def _claim(limit: int) -> list[Claimed]:
    with runtime().database.write("claim") as unit:
        return work.claim(unit, limit=limit, worker=f"{socket.gethostname()}:{os.getpid()}")


def _give_back(batch: Batch) -> None:
    """A dependency was away: not the events' fault. If the database still is, their leases run out by themselves."""
    with suppress(Exception), runtime().database.write("release") as unit:
        work.release(unit, batch.work_ids, batch.token or "")


@flow(name="drain")
async def drain_flow(budget_s: float = 45) -> int:
    """The drain as a deployment: the safety net under the relay, or the relay itself on as many machines as wanted."""
    taken = await drain(budget_s=budget_s)
    await engine.settle()
    return taken


async def run(stop: asyncio.Event) -> None:
    """Be the relay until `stop` is set: drain at each wake-up, deliver, do what is due by the clock.

    A database that is away is waited for. Raises `Setup` when another relay runs on the same SQLite folder. Do not run
    it in the main thread: Prefect's flows take over SIGTERM there, and a stop would cut a batch short.
    """
    wake, mail = asyncio.Event(), asyncio.Event()
    with _only_relay():
        loops = [
            _repeat("drain", stop, lambda: _drain_when_woken(wake, mail)),
            _repeat("tick", stop, lambda: _tick_when_due(stop)),
            _repeat("monthly news", stop, lambda: _write_letters_when_due(stop)),
            _repeat("upkeep", stop, lambda: _keep_up_when_due(stop)),
            _repeat("inbox", stop, lambda: _read_inbox_when_due(stop)),
            _deliver(stop, mail),
            _repeat("webhooks", stop, lambda: _tell_when_due(stop)),
            _repeat("imports", stop, lambda: _take_in_when_asked(stop)),
        ]
        if runtime().database.dialect == "postgresql":
            loops.append(_repeat("listen", stop, lambda: _listen(stop, wake)))
        await asyncio.gather(*loops)
        await engine.settle()


async def _repeat(name: str, stop: asyncio.Event, act: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; when it fails say so once, wait and go on."""
    failing = False
    while not stop.is_set():
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - the relay outlives its database, its network and its bugs
            if not failing:
                LOG.warning("the relay's %s fails and will be tried again: %s", name, work.describe(error))
            failing = True
            await _sleep(stop, PAUSE_S)
        else:
            if failing:
                LOG.info("the relay's %s works again", name)
            failing = False


async def _drain_when_woken(wake: asyncio.Event, mail: asyncio.Event) -> None:
    if not await asyncio.to_thread(_has_work):
        await _sleep(wake, POLL_S[runtime().database.dialect])
        wake.clear()
        return
    if await drain(budget_s=SLICE_S):
        mail.set()


def _has_work() -> bool:
    with runtime().database.read() as unit:
        return work.claimable(unit)


async def _deliver(stop: asyncio.Event, mail: asyncio.Event) -> None:
    async def round_of_mail() -> None:
        await deliver_due(budget_s=SLICE_S, carrier=carrier)
        await _sleep(mail, MAIL_POLL_S)
        mail.clear()

    async with postman() as carrier:
        await _repeat("delivery", stop, round_of_mail)


async def _tell_when_due(stop: asyncio.Event) -> None:
    await tell_due(budget_s=SLICE_S)
    await _sleep(stop, WEBHOOK_POLL_S)


async def _take_in_when_asked(stop: asyncio.Event) -> None:
    if not await take_in(budget_s=SLICE_S):
        await _sleep(stop, FILE_POLL_S)


async def _tick_when_due(stop: asyncio.Event) -> None:
    await when_due("tick", TICK_S, tick)
    await _sleep(stop, 1)


async def _write_letters_when_due(stop: asyncio.Event) -> None:
    """The hour of the month is business time: whether it has come is asked every minute."""
    await when_due("monthly_news", LETTERS_S, write_letters)
    await _sleep(stop, 10)


async def _keep_up_when_due(stop: asyncio.Event) -> None:
    await when_due("upkeep", since_last_night(datetime.now(UTC)), keep_up)
    await _sleep(stop, 60)


async def _read_inbox_when_due(stop: asyncio.Event) -> None:
    """A mail server that is down is asked again after the same rest; nothing else waits for it."""
    try:
        await when_due("inbox", INBOX_S, read_inbox)
    finally:
        await _sleep(stop, INBOX_REST_S)


async def _listen(stop: asyncio.Event, wake: asyncio.Event) -> None:
    address = runtime().database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute(f"LISTEN {WAKE_CHANNEL}")
        wake.set()  # what was said while nobody listened
        while not stop.is_set():
            async for _notice in connection.notifies(timeout=PAUSE_S, stop_after=1):
                wake.set()


async def _sleep(until: asyncio.Event, at_most_s: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), at_most_s)


@contextmanager
def _only_relay() -> Iterator[None]:
    """On SQLite one relay at a time; on PostgreSQL as many as wanted."""
    if runtime().database.dialect == "postgresql":
        yield
        return
    folder = runtime().settings.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "relay.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Setup(
                "Un relais travaille déjà sur ce dossier de données : arrêtez-le d’abord, ou passez à PostgreSQL."
            ) from None
        yield
    finally:
        os.close(handle)
