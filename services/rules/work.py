"""The relay's queue: who claims which events, in order within a case, and what becomes of one that fails."""

import random
import traceback
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Integer,
    and_,
    bindparam,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from models.cases import Case
from models.engine import Event, Work
from models.refusals import CaseworkError
from models.vocabulary import WorkState
from services.foundation.database import UnitOfWork
from services.foundation.lists import among

MAX_ATTEMPTS: Final = 12
BASE_S: Final = 5.0
CAP_S: Final = 900.0
_OURS: Final = ("models", "services", "flows", "deployments")
_ROOT: Final = Path(__file__).parents[2]


class Fenced(CaseworkError):
    """The lease ran out and somebody else took the work: whatever was done with it must be rolled back."""

    retryable = True
    code = "fenced"

    def __init__(self) -> None:
        """Nobody reads it but the administrator."""
        super().__init__("Un autre relais a repris ce travail.")


@dataclass(frozen=True)
class Claimed:
    """One event leased to one worker; `reference` is the case's number, `token` proves the lease."""

    id: int
    event_id: UUID
    case_id: UUID
    type: str
    reference: str
    token: str


def claim(unit: UnitOfWork, *, limit: int = 50, lease_s: float = 60, worker: str) -> list[Claimed]:
    """Lease the oldest events to `worker`, in order; an event waits for every earlier one of its case.

    Counts an attempt of all that it takes, begun or not; so each attempt spent halves the company that an event is
    taken in, and one over which twelve workers died while it was alone is parked here. Several workers may claim at
    once: on PostgreSQL they pass over each other's rows, on SQLite the write lock keeps them apart.
    """
    now = unit.lease_time()
    rows = unit.rows(_CANDIDATES, now=now, most=limit)
    in_company = limit.bit_length() - 1
    spent = {row.id for row in rows if row.attempts >= in_company + MAX_ATTEMPTS}
    if spent:
        _park(unit, spent, "the worker died at every attempt")
    waiting = [row for row in rows if row.id not in spent]
    taken = [row for place, row in enumerate(waiting) if place < max(1, limit >> row.attempts)]
    held = held_back(unit, [row.id for row in taken])
    token = f"{worker}:{uuid4().hex}"
    mine = [
        Claimed(row.id, row.event_id, row.case_id, row.type, row.number, token) for row in taken if row.id not in held
    ]
    unit.session.execute(
        update(Work)
        .where(Work.id.in_([each.id for each in mine]))
        .values(
            state=WorkState.LEASED.value,
            token=token,
            leased_until=now + timedelta(seconds=lease_s),
            attempts=Work.attempts + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return mine


def held_back(unit: UnitOfWork, ids: Collection[int]) -> set[int]:
    """Those of `ids` that must wait: an earlier event of their case is not done and not among `ids` before them."""
    return {row.id for row in unit.rows(_BEHIND, ids=ids)} if ids else set()


_EARLIER: Final = aliased(Work)
_BEHIND: Final = select(Work.id).where(
    among(Work.id, "ids"),
    exists().where(_EARLIER.case_id == Work.case_id, _EARLIER.id < Work.id, not_(among(_EARLIER.id, "ids"))),
)


def claimable(unit: UnitOfWork) -> bool:
    """Whether a claim would find anything; reads one row at most."""
    return bool(unit.rows(_CLAIMABLE, now=unit.lease_time(), most=1))


def events(unit: UnitOfWork, ids: Collection[UUID]) -> list[Event]:
    """The events themselves, in the order of `ids`."""
    found = {event.id: event for event in unit.session.scalars(_EVENTS, {"ids": ids})}
    return [found[each] for each in ids]


_EVENTS: Final = select(Event).where(among(Event.id, "ids"))


def hold(unit: UnitOfWork, events: Iterable[Event]) -> None:
    """Keep the cases of a batch where they stand until what follows is written; whoever moves one now is waited for."""
    unit.rows(_HELD, cases={event.case_id for event in events})


_HELD: Final = select(Case.id).where(among(Case.id, "cases")).order_by(Case.id).with_for_update(of=Case, key_share=True)


def finish(unit: UnitOfWork, ids: Collection[int], token: str) -> None:
    """These are handled, in the same transaction as their effects. Raises `Fenced` if one of the leases was lost."""
    gone = _execute(unit, delete(Work).where(*_leased(ids, token)))
    if gone.rowcount != len(ids):
        raise Fenced


def release(unit: UnitOfWork, ids: Collection[int], token: str) -> None:
    """Give back what was not tried (an earlier event failed, a dependency is down): the attempt does not count."""
    _execute(
        unit,
        update(Work)
        .where(*_leased(ids, token))
        .values(state=WorkState.READY.value, token=None, leased_until=None, attempts=Work.attempts - 1),
    )


def retry(unit: UnitOfWork, work_id: int, token: str, error: str) -> None:
    """Try again later, at random within a growing span (base 5 s, cap 15 min), or park after twelve attempts.

    `error` comes from `describe`. Raises `Fenced` if the lease was lost.
    """
    attempts = unit.session.scalar(select(Work.attempts).where(*_leased([work_id], token)).with_for_update())
    if attempts is None:
        raise Fenced
    if attempts >= MAX_ATTEMPTS:
        _park(unit, {work_id}, error)
        return
    span = min(CAP_S, BASE_S * 2 ** (attempts - 1))
    wait = timedelta(seconds=random.uniform(0, span))  # noqa: S311 - full jitter, not a secret
    _execute(
        unit,
        update(Work)
        .where(Work.id == work_id)
        .values(
            state=WorkState.READY.value,
            token=None,
            leased_until=None,
            ready_at=unit.lease_time() + wait,
            error=error,
        ),
    )


def oldest(unit: UnitOfWork) -> datetime | None:
    """Since when the oldest event waits, parked ones left out; None when all is handled."""
    return unit.session.scalar(select(func.min(Work.created_at)).where(Work.state != WorkState.PARKED.value))


def parked(unit: UnitOfWork) -> list[Work]:
    """What waits for the administrator, oldest first, each with its error."""
    return list(unit.session.scalars(select(Work).where(Work.state == WorkState.PARKED.value).order_by(Work.id)))


def try_again(unit: UnitOfWork, work_id: int) -> bool:
    """Give a parked event twelve new attempts; False if it was not parked."""
    tried = _execute(
        unit,
        update(Work)
        .where(Work.id == work_id, Work.state == WorkState.PARKED.value)
        .values(state=WorkState.READY.value, attempts=0, ready_at=unit.lease_time(), error=None),
    )
    unit.wake_relay()
    return tried.rowcount == 1


def unhandled(unit: UnitOfWork, case_ids: Collection[UUID]) -> set[UUID]:
    """Those of `case_ids` that are in the engine's hands: at least one of their events is not handled yet."""
    return set(unit.session.scalars(select(Work.case_id).where(Work.case_id.in_(case_ids)).distinct()))


def held_up(unit: UnitOfWork, case_ids: Collection[UUID]) -> set[UUID]:
    """Those of `case_ids` that go no further: one of their events is parked, and the later ones wait for it."""
    parked = Work.state == WorkState.PARKED.value
    return set(unit.session.scalars(select(Work.case_id).where(Work.case_id.in_(case_ids), parked).distinct()))


def describe(error: BaseException) -> str:
    """An error as the administrator may see it: its class and the line of ours where it came up, never its message."""
    frames = [(_module(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [f"{module}:{line}" for module, line in frames if module.split(".")[0] in _OURS]
    return " ".join([type(error).__name__, *ours[-1:]])


def is_outage(error: BaseException) -> bool:
    """Whether the database went away, as opposed to refusing what it was asked.

    It may go while it is asked, or not let anybody in: then there is no statement yet.
    """
    gone = isinstance(error, DBAPIError) and (error.connection_invalidated or error.statement is None)
    return gone or isinstance(error, InterfaceError | NoConnection)


def _is_open(
    state: InstrumentedAttribute[str],
    ready_at: InstrumentedAttribute[datetime],
    leased_until: InstrumentedAttribute[datetime | None],
) -> ColumnElement[bool]:
    now = bindparam("now", type_=ready_at.type)
    lapsed = func.coalesce(leased_until, now, type_=leased_until.type) < now
    return or_(
        and_(state == WorkState.READY.value, ready_at <= now),
        and_(state == WorkState.LEASED.value, lapsed),
    )


_STUCK: Final = exists().where(
    _EARLIER.case_id == Work.case_id,
    _EARLIER.id < Work.id,
    not_(_is_open(_EARLIER.state, _EARLIER.ready_at, _EARLIER.leased_until)),
)
# Built once: the relay asks for it twenty times a second, also when there is nothing to do.
_CLAIMABLE: Final = (
    select(Work.id)
    .where(_is_open(Work.state, Work.ready_at, Work.leased_until), not_(_STUCK))
    .order_by(Work.id)
    .limit(bindparam("most", type_=Integer))
)
"""Events free to be claimed and not behind one of their case that is parked, leased or due later."""
_CANDIDATES: Final = (
    _CLAIMABLE.join(Case, Case.id == Work.case_id)
    .with_only_columns(Work.id, Work.event_id, Work.case_id, Work.type, Work.attempts, Case.number)
    .with_for_update(of=Work, skip_locked=True)
)


def _leased(ids: Collection[int], token: str) -> tuple[ColumnElement[bool], ...]:
    return Work.id.in_(ids), Work.token == token, Work.state == WorkState.LEASED.value


def _park(unit: UnitOfWork, ids: Collection[int], error: str) -> None:
    parked_values = {"state": WorkState.PARKED.value, "token": None, "leased_until": None, "error": error}
    _execute(unit, update(Work).where(Work.id.in_(ids)).values(**parked_values))


def _execute(unit: UnitOfWork, statement: Any) -> CursorResult[Any]:
    quiet = statement.execution_options(synchronize_session=False)
    return cast("CursorResult[Any]", unit.session.execute(quiet))


def _module(filename: str) -> str:
    path = Path(filename)
    return ".".join(path.relative_to(_ROOT).with_suffix("").parts) if path.is_relative_to(_ROOT) else ""
