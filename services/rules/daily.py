"""One mail a day for one address: the first leaves at once, what comes later waits for the next morning, together.

A programme's mails only: what two programmes tell one address never stands in one mail.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB

from models.base import UtcDateTime
from models.engine import HAS_LEFT, Message
from models.vocabulary import MessageState
from services.foundation.calendar import ONE_DAY, WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.lists import among
from services.rules import presence
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


def reads_of(
    unit: UnitOfWork,
    programme_id: UUID,
    address: str,
    *,
    person_id: UUID | None = None,
    organisation_id: UUID | None = None,
) -> Reads:
    """Who reads at an address, by his own days or his organisation's."""
    calendar = presence.reading_calendar(unit, programme_id, person_id, organisation_id)
    gathered = presence.is_gathered(unit, programme_id, organisation_id)
    return Reads(address, calendar, gathered)


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
    end = calendar.start_of(day + ONE_DAY)
    return max((due_at for due_at in waiting if first < due_at < end), default=first)


def _waiting(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> defaultdict[str, list[datetime]]:
    """The instants at which daily mails for these addresses leave later."""
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for address, due_at in unit.rows(_WAITING, programme=programme_id, addresses=addresses, now=unit.now):
        found[address].append(due_at)
    return found


_WAITING: Final = (
    select(Message.address, Message.due_at)
    .where(
        Message.programme_id == bindparam("programme"),
        among(Message.address, "addresses"),
        Message.daily.is_(True),
        Message.done_at.is_(None),  # so that the index leaves out all that ever left
        Message.state == MessageState.QUEUED,
        Message.due_at > bindparam("now"),
    )
    .distinct()
)


def gathering(calendar: WorkingCalendar, instant: datetime) -> datetime:
    """Ten o'clock of the first day of the reader that has not come to it yet: after the reminders of nine."""
    day = calendar.local_day(calendar.next_sending_time(instant))
    at = calendar.step_time(day) + TEN
    return at if at >= instant else calendar.step_time(calendar.local_day(calendar.next_opening(day))) + TEN


def had_today(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> set[str]:
    """Those that had their daily mail today, or to whom somebody is carrying it now."""
    calendar = calendar_of(unit, programme_id)
    today = calendar.local_day(unit.now)
    start, end = calendar.start_of(today), calendar.start_of(today + ONE_DAY)
    left = unit.rows(_LEFT[unit.dialect], programme=programme_id, asked=sorted(addresses), start=start, end=end)
    carried = [row for row in unit.rows(_CARRIED) if row.programme_id == programme_id and row.address in addresses]
    held_after = unit.lease_time() if carried else unit.now

    def is_in_hands(row: Any) -> bool:
        if row.state == MessageState.LEASED:
            return row.leased_until is not None and row.leased_until >= held_after
        return row.data_started_at is not None and start <= row.data_started_at < end

    return {row.value for row in left} | {row.address for row in carried if is_in_hands(row)}


def _left(each: Callable[[Any], Any]) -> Select[str]:
    """Of some addresses, those that a daily mail left for between two instants.

    They are rows and the mails a scalar, so that of each address the index is asked for one mail: PostgreSQL would read
    all that ever left to answer `exists`.
    """
    asked = each(bindparam("asked", type_=_LIST)).table_valued("value").alias("asked")
    start, end = bindparam("start", type_=UtcDateTime()), bindparam("end", type_=UtcDateTime())
    left_at = func.coalesce(Message.data_started_at, Message.done_at)  # proof may come days after
    mail = select(Message.id).where(
        Message.programme_id == bindparam("programme"),
        Message.address == asked.c.value,
        Message.daily.is_(True),
        Message.done_at >= start,  # of the index, today alone is read
        Message.done_at < end,
        HAS_LEFT,
        left_at >= start,
        left_at < end,
    )
    return select(asked.c.value).where(mail.limit(1).scalar_subquery().is_not(None))


_LEFT: Final = {"sqlite": _left(func.json_each), "postgresql": _left(func.jsonb_array_elements_text)}
# Few are in somebody's hands: they are found by their state alone, not among all that waits.
_CARRIED: Final = select(
    Message.programme_id, Message.address, Message.state, Message.leased_until, Message.data_started_at
).where(Message.state.in_([*_UNDER_WAY, MessageState.LEASED]), Message.daily.is_(True))


def may_gather(unit: UnitOfWork) -> bool:
    """Whether this worker may claim daily mails: one at a time, so that two never share out one address's day."""
    if unit.dialect != "postgresql":
        return True  # one writer by construction
    return bool(unit.session.scalar(select(func.pg_try_advisory_xact_lock(GATHERING))))
