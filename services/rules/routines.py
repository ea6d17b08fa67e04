"""What the relay does by the clock (tick, delivery, upkeep): one holder at a time, and when each last ran."""

from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import uuid4

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import IntegrityError

from models.engine import Routine
from services.foundation.database import UnitOfWork

LEASE_S: Final = 120


def due(unit: UnitOfWork, name: str, every_s: float) -> str | None:
    """Take the routine if it last ended `every_s` or more ago and nobody holds it; the token, or None. Lease time."""
    now = unit.lease_time()
    _ensure(unit, name)
    token = uuid4().hex
    late = or_(Routine.last_at.is_(None), Routine.last_at <= now - timedelta(seconds=every_s))
    free = or_(Routine.leased_until.is_(None), Routine.leased_until < now)
    taken = unit.session.execute(
        update(Routine)
        .where(Routine.name == name, late, free)
        .values(token=token, leased_until=now + timedelta(seconds=LEASE_S))
        .execution_options(synchronize_session=False)
    )
    return token if cast("CursorResult[Any]", taken).rowcount == 1 else None


def is_due(unit: UnitOfWork, name: str, every_s: float) -> bool:
    """Whether asking for it may succeed; takes nothing, so it may be asked every second."""
    now = unit.lease_time()
    row = unit.session.get(Routine, name)
    if row is None or row.last_at is None or row.last_at <= now - timedelta(seconds=every_s):
        return row is None or row.leased_until is None or row.leased_until < now
    return False


def done(unit: UnitOfWork, name: str, token: str) -> None:
    """The routine ran: note when, let go of it. Does nothing for a holder that lost its lease."""
    unit.session.execute(
        update(Routine)
        .where(Routine.name == name, Routine.token == token)
        .values(token=None, leased_until=None, last_at=unit.lease_time())
        .execution_options(synchronize_session=False)
    )


def let_go(unit: UnitOfWork, name: str, token: str) -> None:
    """The routine failed: it is due still, for whoever comes next."""
    unit.session.execute(
        update(Routine)
        .where(Routine.name == name, Routine.token == token)
        .values(token=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def last_at(unit: UnitOfWork, name: str) -> datetime | None:
    """When the routine last ended well; None if it never ran."""
    return unit.session.scalar(select(Routine.last_at).where(Routine.name == name))


def _ensure(unit: UnitOfWork, name: str) -> None:
    if unit.session.scalar(select(Routine.name).where(Routine.name == name)):
        return
    try:
        with unit.session.begin_nested():
            unit.session.add(Routine(name=name, last_at=None, token=None, leased_until=None))
    except IntegrityError:  # another relay was first
        return
