"""One mail a day for one address: the first leaves at once, what comes later waits for the next morning, together.

A programme's mails only: what two programmes tell one address never stands in one mail.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, TableValuedAlias, and_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from models.engine import Message
from models.vocabulary import MessageState
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.published import calendar_of

GATHERING: Final = 0x4441494C  # any number that nobody else locks: two workers never gather at once
TEN: Final = timedelta(hours=1)
"""After the hour of reminders, so that those of the day leave with the rest."""
_LIST: Final = JSON().with_variant(JSONB(), "postgresql")
_UNDER_WAY: Final = (MessageState.DATA_STARTED, MessageState.UNKNOWN)


class Reads(NamedTuple):
    """An address and the days on which its reader reads; `gathered`: at ten only; what it reads may have to wait."""

    address: str
    calendar: WorkingCalendar
    gathered: bool = False
    not_before: datetime | None = None


def leaves_at(unit: UnitOfWork, programme_id: UUID, readers: Collection[Reads]) -> dict[Reads, datetime]:
    """When daily mails planned now leave; asked for all the readers of a batch at once."""
    addresses = {reads.address for reads in readers}
    had, waiting = had_today(unit, programme_id, addresses), _waiting(unit, programme_id, addresses)
    return {
        reads: _leaves_at(reads, unit.now, had=reads.address in had, waiting=waiting[reads.address])
        for reads in readers
    }


def _leaves_at(reads: Reads, now: datetime, *, had: bool, waiting: Iterable[datetime]) -> datetime:
    """Today if nothing left yet; one that is tried again later that day takes this one along."""
    calendar = reads.calendar
    start = max(now, reads.not_before or now)
    first = gathering(calendar, start) if reads.gathered else calendar.next_sending_time(start)
    day = calendar.local_day(first)
    if had and day == calendar.local_day(now):
        opens = calendar.next_opening(day)
        first = gathering(calendar, opens) if reads.gathered else opens
        day = calendar.local_day(first)
    end = _start(calendar, day + timedelta(days=1))
    return max((due_at for due_at in waiting if first < due_at < end), default=first)


def _waiting(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> defaultdict[str, list[datetime]]:
    """The instants at which daily mails for these addresses leave later."""
    query = select(Message.address, Message.due_at).where(
        Message.programme_id == programme_id,
        Message.address.in_(addresses),
        Message.daily.is_(True),
        Message.done_at.is_(None),  # so that the index leaves out all that ever left
        Message.state == MessageState.QUEUED,
        Message.due_at > unit.now,
    )
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for address, due_at in unit.session.execute(query.distinct()):
        found[address].append(due_at)
    return found


def gathering(calendar: WorkingCalendar, instant: datetime) -> datetime:
    """Ten o'clock of the first day of the reader that has not come to it yet: after the reminders of nine."""
    day = calendar.local_day(calendar.next_sending_time(instant))
    at = calendar.step_time(day) + TEN
    return at if at >= instant else calendar.step_time(calendar.local_day(calendar.next_opening(day))) + TEN


def had_today(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> set[str]:
    """Those that had their daily mail today, or to whom somebody is carrying it now."""
    calendar = calendar_of(unit, programme_id)
    today = calendar.local_day(unit.now)
    start, end = _start(calendar, today), _start(calendar, today + timedelta(days=1))
    left_at = func.coalesce(Message.data_started_at, Message.done_at)  # proof may come days after
    asked = _rows(unit, addresses)
    left = exists().where(
        Message.programme_id == programme_id,
        Message.address == asked.c.value,
        Message.daily.is_(True),
        Message.done_at >= start,  # of the index, today alone is read
        Message.done_at < end,
        Message.state == MessageState.ACCEPTED,
        left_at >= start,
        left_at < end,
    )
    started = and_(Message.state.in_(_UNDER_WAY), Message.data_started_at >= start, Message.data_started_at < end)
    held = and_(Message.state == MessageState.LEASED, Message.leased_until >= unit.lease_time())
    # Few are in somebody's hands: they are found by their state alone, not among all that waits.
    carried = select(Message.programme_id, Message.address).where(
        Message.state.in_([*_UNDER_WAY, MessageState.LEASED]), Message.daily.is_(True), or_(started, held)
    )
    in_hands = {row.address for row in unit.session.execute(carried) if row.programme_id == programme_id}
    return set(unit.session.scalars(select(asked.c.value).where(left))) | in_hands.intersection(addresses)


def _rows(unit: UnitOfWork, addresses: Collection[str]) -> TableValuedAlias:
    """Addresses as rows, so that of each the index is asked for one mail and not for all that it ever had."""
    each = func.json_each if unit.dialect == "sqlite" else func.jsonb_array_elements_text
    return each(literal(sorted(addresses), _LIST)).table_valued("value").alias("asked")


def may_gather(unit: UnitOfWork) -> bool:
    """Whether this worker may claim daily mails: one at a time, so that two never share out one address's day."""
    if unit.dialect != "postgresql":
        return True  # one writer by construction
    return bool(unit.session.scalar(select(func.pg_try_advisory_xact_lock(GATHERING))))


def _start(calendar: WorkingCalendar, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=calendar.zone).astimezone(UTC)
