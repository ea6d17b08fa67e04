"""Runs a flow under Prefect when Prefect answers, and the same steps without it otherwise: always exactly once."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, Self
from uuid import UUID

import httpx2
from prefect import Flow
from pydantic import BaseModel, ConfigDict

from services.rules.work import Claimed, describe

LOG: Final = logging.getLogger(__name__)
ASIDE_S: Final = 30.0
"""How long Prefect is left aside once it failed."""
STARTING_S: Final = 5.0
"""How long between two looks at a Prefect that never answered yet: it takes some twelve seconds to start."""
PROBE_S: Final = 1.0
_SHOWN: Final = 5
_MAX_NOTES: Final = 20


class Batch(BaseModel):
    """Events to handle together: ids only, one position an event in each tuple; `refs` are the cases' numbers.

    Without a token nothing was claimed: an administrator asks for these events to be handled once more, which changes
    nothing that was done already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_ids: tuple[UUID, ...]
    work_ids: tuple[int, ...] = ()
    refs: tuple[str, ...] = ()
    token: str | None = None

    @classmethod
    def of(cls, claimed: Sequence[Claimed]) -> Self:
        """What one claim gave, or a part of it."""
        return cls(
            event_ids=tuple(each.event_id for each in claimed),
            work_ids=tuple(each.id for each in claimed),
            refs=tuple(each.reference for each in claimed),
            token=claimed[0].token,
        )

    def one_by_one(self) -> list[Self]:
        """The same events, each alone."""
        return [self._only([at]) for at in range(len(self.event_ids))]

    def without(self, work_ids: set[int]) -> Self:
        """The events that are not behind these works."""
        return self._only([at for at, work_id in enumerate(self.work_ids) if work_id not in work_ids])

    def _only(self, places: Sequence[int]) -> Self:
        return self.model_copy(
            update={
                "event_ids": tuple(self.event_ids[at] for at in places),
                "work_ids": tuple(self.work_ids[at] for at in places if self.work_ids),
                "refs": tuple(self.refs[at] for at in places if self.refs),
            }
        )

    def __str__(self) -> str:
        """The cases' references, for the name of the flow run; the first few when there are many."""
        refs = list(dict.fromkeys(self.refs))
        rest = f" +{len(refs) - _SHOWN}" if len(refs) > _SHOWN else ""
        return ", ".join(refs[:_SHOWN]) + rest if refs else f"{len(self.event_ids)} events"


Steps = Callable[[Batch], Coroutine[Any, Any, None]]
StageFlow = Flow[[Batch], Coroutine[Any, Any, None]]


class StepsFailed(Exception):
    """What Prefect is told of a failure: class and place. The error itself may hold the parameters of a query."""


@dataclass
class _Passage:
    """What is known of one run of a body: whether it began, under Prefect or not, and how it failed."""

    under_prefect: bool
    began: bool = False
    failure: Exception | None = None


_passage: ContextVar[_Passage | None] = ContextVar("relais_passage", default=None)


def body(steps: Steps) -> Steps:
    """Mark the steps of a flow: notes that they began, and keeps their error from Prefect's database and files."""

    @wraps(steps)
    async def run_steps(batch: Batch) -> None:
        passage = _passage.get() or _Passage(under_prefect=False)
        passage.began = True
        try:
            await steps(batch)
        except Exception as error:  # noqa: BLE001 - kept whole for whoever ran the flow, raised again for Prefect
            passage.failure = error
            raise StepsFailed(describe(error)) from None

    return run_steps


async def run(flow: StageFlow, batch: Batch) -> None:
    """Carry out a flow's steps once: under Prefect if it answers, else undecorated.

    Raises what the steps raised; an error of Prefect only opens the breaker.
    """
    if await BREAKER.is_closed():
        with _passing(under_prefect=True) as passage:
            try:
                await flow(batch)
            except Exception as error:  # noqa: BLE001 - whatever Prefect raises, the case goes on
                if passage.failure is None:
                    BREAKER.open(error)
        if passage.failure is not None:
            raise passage.failure
        if passage.began:
            return
    with _passing(under_prefect=False) as passage:
        try:
            await flow.fn(batch)
        except StepsFailed:
            raise passage.failure or RuntimeError from None


@contextmanager
def _passing(*, under_prefect: bool) -> Iterator[_Passage]:
    token = _passage.set(_Passage(under_prefect))
    try:
        yield _passage.get() or _Passage(under_prefect)
    finally:
        _passage.reset(token)


@dataclass
class Breaker:
    """Whether Prefect is believed up. The first question asks it (1 s at most), later ones never wait."""

    asked: bool = False
    up: bool = False
    seen: bool = False
    retry_at: float = 0.0
    probing: asyncio.Task[None] | None = field(default=None, repr=False)

    async def is_closed(self) -> bool:
        """Whether a flow may be given to Prefect now; asks again in the background when it has been left aside."""
        if api_url() is None:
            return False
        if not self.asked:
            self.asked = True
            await self._probe()
        elif not self.up and time.monotonic() >= self.retry_at and (self.probing is None or self.probing.done()):
            self.probing = asyncio.get_running_loop().create_task(self._probe())
        return self.up

    def open(self, error: BaseException) -> None:
        """Leave Prefect aside for thirty seconds."""
        self.up, self.retry_at = False, time.monotonic() + ASIDE_S
        LOG.warning("Prefect is left aside for %d s (%s)", ASIDE_S, type(error).__name__)

    async def _probe(self) -> None:
        self.up = await answers(f"{api_url()}/health")
        self.seen = self.seen or self.up
        if not self.up:
            self.retry_at = time.monotonic() + (ASIDE_S if self.seen else STARTING_S)


BREAKER: Final = Breaker()


def api_url() -> str | None:
    """Prefect's API, from the variable that Prefect itself reads; None: there is no Prefect here."""
    return os.environ.get("PREFECT_API_URL") or None


async def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds within a second."""
    try:
        async with asyncio.timeout(PROBE_S), httpx2.AsyncClient(trust_env=False) as client:
            return (await client.get(url)).is_success
    except (httpx2.HTTPError, TimeoutError, OSError):
        return False


_notes: set[asyncio.Task[None]] = set()


def note(title: str, lines: Sequence[str]) -> None:
    """Show what was done as an artifact of the current flow run: later and beside the work, only under Prefect.

    `lines` hold codes and references. Left out when Prefect is slow and twenty notes wait already.
    """
    passage = _passage.get()
    if passage is None or not passage.under_prefect or not lines or len(_notes) >= _MAX_NOTES:
        return
    from prefect.runtime import flow_run

    text = "\n".join([f"# {title}", "", *(f"- {line}" for line in lines)])
    task = asyncio.get_running_loop().create_task(_write_note(title, text, UUID(str(flow_run.id))))
    _notes.add(task)
    task.add_done_callback(_notes.discard)


async def settle(within_s: float = 5.0) -> None:
    """Let the notes under way be written before the process ends."""
    if _notes:
        await asyncio.wait(set(_notes), timeout=within_s)


async def _write_note(key: str, text: str, flow_run_id: UUID) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import ArtifactCreate

    try:
        async with get_client() as client:
            await client.create_artifact(
                ArtifactCreate(type="markdown", key=key.replace("_", "-"), data=text, flow_run_id=flow_run_id)
            )
    except Exception as error:  # noqa: BLE001 - a note is for the eye; nothing hangs on it
        LOG.info("an artifact was not written (%s)", type(error).__name__)
