"""One mail a day for one address: the first leaves at once, what comes later waits for the next morning, together.

A programme's mails only: what two programmes tell one address never stands in one mail.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from models.engine import Message
from models.vocabulary import MessageState
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.published import calendar_of

GATHERING: Final = 0x4441494C  # any number that nobody else locks: two workers never gather at once
_UNDER_WAY: Final = (MessageState.DATA_STARTED, MessageState.UNKNOWN)


def leaves_at(unit: UnitOfWork, programme_id: UUID, address: str, *, calendar: WorkingCalendar) -> datetime:
    """When a daily mail planned now leaves. `calendar`: the days on which its reader reads."""
    first = calendar.next_sending_time(unit.now)
    day = calendar.local_day(first)
    if day == calendar.local_day(unit.now) and has_left(unit, programme_id, address):
        first = calendar.next_opening(day)
        day = calendar.local_day(first)
    waiting: datetime | None = unit.session.scalar(
        select(func.max(Message.due_at)).where(
            Message.programme_id == programme_id,
            Message.address == address,
            Message.daily.is_(True),
            Message.state == MessageState.QUEUED,
            Message.due_at > first,
            Message.due_at < _start(calendar, day + timedelta(days=1)),
        )
    )
    return waiting or first  # one that is tried again later that day takes this one along


def has_left(unit: UnitOfWork, programme_id: UUID, address: str, *, but: Iterable[UUID] = ()) -> bool:
    """Whether this address had its daily mail today, or somebody is carrying it now. `but`: messages left out."""
    calendar = calendar_of(unit, programme_id)
    today = calendar.local_day(unit.now)
    start, end = _start(calendar, today), _start(calendar, today + timedelta(days=1))
    left_at = func.coalesce(Message.data_started_at, Message.done_at)  # proof may come days after
    done = and_(Message.state == MessageState.ACCEPTED, left_at >= start, left_at < end)
    started = and_(Message.state.in_(_UNDER_WAY), Message.data_started_at >= start, Message.data_started_at < end)
    held = and_(Message.state == MessageState.LEASED, Message.leased_until >= unit.lease_time())
    query = select(Message.id).where(
        Message.programme_id == programme_id,
        Message.address == address,
        Message.daily.is_(True),
        Message.id.not_in(list(but)),
        or_(done, started, held),
    )
    return unit.session.scalar(query.limit(1)) is not None


def may_gather(unit: UnitOfWork) -> bool:
    """Whether this worker may claim daily mails: one at a time, so that two never share out one address's day."""
    if unit.dialect != "postgresql":
        return True  # one writer by construction
    return bool(unit.session.scalar(select(func.pg_try_advisory_xact_lock(GATHERING))))


def _start(calendar: WorkingCalendar, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=calendar.zone).astimezone(UTC)
