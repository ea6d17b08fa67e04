"""Why a date is where it is: the closed days and the waits that moved it. Pure.

An explanation is given only if it leads to the date: a date that was set otherwise has none, rather than a wrong one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from models.delays import Delay, DelayUnit
from services.foundation.calendar import ONE_DAY, WorkingCalendar


class Start(NamedTuple):
    """A delay and the instant from which it may have counted."""

    delay: Delay
    at: datetime


class Wait(NamedTuple):
    """A time during which the clock stood still."""

    stopped: datetime
    running: datetime


class Closed(NamedTuple):
    """Days on which nobody worked, under one name; weekends are nobody's news."""

    first_on: date
    last_on: date
    name: str


@dataclass(frozen=True)
class Moved:
    """By how many calendar days something moved a date, and what; empty parts moved nothing."""

    days_closed: int
    closed: tuple[Closed, ...]
    days_waited: int
    waits: tuple[Wait, ...]


class _OnlyWeekends(WorkingCalendar):
    """The same days of the week, nothing else closed."""

    def is_open(self, day: date) -> bool:
        """Whether it is a day of the week that is worked."""
        return day.weekday() in self.weekdays


def moved(
    due: datetime,
    starts: Iterable[Start],
    *,
    calendar: WorkingCalendar,
    waits: Iterable[Wait] = (),
    names: Mapping[date, str] | None = None,
) -> Moved | None:
    """What moved a date, for the first of these starts that leads to it; None if none does, or nothing moved it.

    `names` are those of the programme's own closed days; a public holiday has its own. A day that was closed after the
    date was told moves it only if it falls on the date itself.
    """
    over = tuple(waits)
    for start in starts:
        if start.delay.unit is DelayUnit.HOURS:
            continue
        for counting in (calendar, replace(calendar, closures=frozenset())):
            before = counting.apply(start.delay, start.at)
            if calendar.off_closed(_waited(before, over, calendar)) == due:
                return _because(Sum(start, counting, before, due, over), calendar, names or {})
    return None


def _waited(at: datetime, waits: Iterable[Wait], calendar: WorkingCalendar) -> datetime:
    for wait in waits:
        if wait.stopped < at:
            at = calendar.shifted(at, stopped=wait.stopped, running=wait.running)
    return at


class Sum(NamedTuple):
    """How a date was found: the start, the days that counted, the date before it waited, and the date itself."""

    start: Start
    counting: WorkingCalendar
    before: datetime
    due: datetime
    waits: tuple[Wait, ...]


def _because(found: Sum, calendar: WorkingCalendar, names: Mapping[date, str]) -> Moved | None:
    start, counting, waited = found.start, found.counting, _waited(found.before, found.waits, calendar)
    bare = _OnlyWeekends(calendar.zone, calendar.subdivision, calendar.closures, calendar.weekdays)
    plain, counted = bare.local_day(bare.apply(start.delay, start.at)), calendar.local_day(found.before)
    since = calendar.local_day(start.at) if start.delay.unit is DelayUnit.WORKING_DAYS else plain
    told, due = calendar.local_day(waited), calendar.local_day(found.due)
    days_closed, days_waited = (counted - plain).days + (due - told).days, (told - counted).days
    closed = (*_runs(since, counted, counting, names), *_runs(told, due, calendar, names)) if days_closed else ()
    because = Moved(days_closed, closed, days_waited, found.waits if days_waited else ())
    return because if days_closed or days_waited else None


def _runs(since: date, until: date, calendar: WorkingCalendar, names: Mapping[date, str]) -> Iterator[Closed]:
    """The closed days of the week between two days, each run of one name once, whatever weekend it spans."""
    run: Closed | None = None
    day = since
    while day <= until:
        if day.weekday() in calendar.weekdays and not calendar.is_open(day):
            name = calendar.holiday(day) or names.get(day, "")
            if run is not None and run.name == name:
                run = run._replace(last_on=day)
            else:
                if run is not None:
                    yield run
                run = Closed(day, day, name)
        day += ONE_DAY
    if run is not None:
        yield run
