"""Working time: which days are open, when a delay ends, when a message may leave. Pure: no clock, no database."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from models.delays import Delay, DelayUnit

# Rules of every programme, not settings. Source: design, time - a delay ends at 18:00, reminder steps leave at 09:00.
END_OF_DAY: Final = time(18)
STEP_TIME: Final = time(9)
# Source: peers, quiet hours - what does not press leaves on working days from 08:00 to 18:30, else is deferred.
SENDING_OPENS: Final = time(8)
SENDING_CLOSES: Final = time(18, 30)
NOON: Final = time(12)
LONGEST_CLOSURE: Final = timedelta(days=366)
WEEK: Final = frozenset(range(5))
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class WorkingCalendar:
    """The open days of a programme: no weekend, no public holiday of its territory, no closure it declared.

    `subdivision` is the code of the `holidays` library: `57` and `6AE` for Alsace-Moselle, `971` to `976` and the
    like overseas; None elsewhere. A pont is closed only if the programme lists it in `closures`. Every instant
    taken is aware (naive raises `ValueError`), every instant given is UTC. Days are computed in local time, then
    converted: adding hours in UTC is wrong across a clock change.
    """

    zone: ZoneInfo
    subdivision: str | None = None
    closures: frozenset[date] = frozenset()
    weekdays: frozenset[int] = WEEK  # 0 is Monday

    def __post_init__(self) -> None:
        """Refuse a territory that the holiday library does not know."""
        if self.subdivision is not None and not is_subdivision(self.subdivision):
            raise ValueError(f"unknown holiday subdivision: {self.subdivision!r}")

    def is_open(self, day: date) -> bool:
        """Whether the office works that day."""
        if day.weekday() not in self.weekdays or day in self.closures:
            return False
        return day not in _public_holidays(self.subdivision, day.year)

    def holiday(self, day: date) -> str | None:
        """How the public holiday of that day is called in French; None on any other day."""
        return _public_holidays(self.subdivision, day.year).get(day)

    def next_open(self, day: date) -> date:
        """The first open day on or after `day`."""
        return self._walk(day, ONE_DAY)

    def previous_open(self, day: date) -> date:
        """The last open day on or before `day`."""
        return self._walk(day, -ONE_DAY)

    def holidays(self, first: date, last: date) -> list[date]:
        """The public holidays of the territory between two days, both included."""
        years = range(first.year, last.year + 1)
        return sorted(day for year in years for day in _public_holidays(self.subdivision, year) if first <= day <= last)

    def ponts(self, first: date, last: date) -> list[date]:
        """The open days between two days that stand alone between closed ones; a programme chooses to close them."""
        days = (first + n * ONE_DAY for n in range((last - first).days + 1))
        return [
            day
            for day in days
            if self.is_open(day) and not (self.is_open(day - ONE_DAY) or self.is_open(day + ONE_DAY))
        ]

    def off_closed(self, at: datetime) -> datetime:
        """The same hour of the first open day, that day included."""
        return self._at(self.next_open(self.local_day(at)), _aware(at).astimezone(self.zone).time())

    def due_after(self, start: datetime, *, working_days: int) -> datetime:
        """18:00 on the nth working day, the start day excluded; 0 means the same day.

        From 18:00 on, and on a closed day, the start counts as the next open day: a lapse handled at 18:00 sharp
        and one handled four seconds later give the same answer.
        """
        if working_days < 0:
            raise ValueError("a due date lies ahead: working_days cannot be negative")
        day = self._counting_day(start)
        for _ in range(working_days):
            day = self.next_open(day + ONE_DAY)
        return self._at(day, END_OF_DAY)

    def due_in_days(self, start: datetime, *, days: int) -> datetime:
        """18:00, `days` calendar days after the local day of `start`, or the next open day."""
        return self._at(self.next_open(self.local_day(start) + timedelta(days=days)), END_OF_DAY)

    def due_in_months(self, anchor: date, months: int) -> datetime:
        """18:00 on the same day of a later month (31 January + 1 is the end of February), or the next open day."""
        return self._at(self.next_open(months_later(anchor, months)), END_OF_DAY)

    def apply(self, delay: Delay, start: datetime) -> datetime:
        """When a delay that starts at `start` ends. Hours are real hours: they run at night and on closed days."""
        match delay.unit:
            case DelayUnit.WORKING_DAYS:
                return self.due_after(start, working_days=delay.amount)
            case DelayUnit.DAYS:
                return self.due_in_days(start, days=delay.amount)
            case DelayUnit.MONTHS:
                return self.due_in_months(self.local_day(start), delay.amount)
            case DelayUnit.HOURS:
                return _aware(start).astimezone(UTC) + timedelta(hours=delay.amount)
            case never:
                assert_never(never)

    def days_before(self, day: date, n: int) -> date:
        """The last open day at or before `day` minus `n` calendar days: when the letter of J-10 is posted."""
        return self.previous_open(day - timedelta(days=n))

    def start_of(self, day: date) -> datetime:
        """The midnight with which that day begins."""
        return self._at(day, time())

    def noon_of(self, day: date) -> datetime:
        """The end of that morning."""
        return self._at(day, NOON)

    def end_of(self, day: date) -> datetime:
        """18:00 that day."""
        return self._at(day, END_OF_DAY)

    def step_time(self, day: date) -> datetime:
        """When a reminder step of that day leaves: 09:00 local. An open day is the caller's affair."""
        return self._at(day, STEP_TIME)

    def working_days_between(self, a: date, b: date) -> int:
        """Open days after `a` up to and including `b`; negative when `b` comes before `a`."""
        if b < a:
            return -self.working_days_between(b, a)
        return sum(self.is_open(a + timedelta(days=n)) for n in range(1, (b - a).days + 1))

    def shifted(self, at: datetime, *, stopped: datetime, running: datetime) -> datetime:
        """Where `at` goes when time stood still between two instants: as many working days away, at the same hour.

        `at` comes after `stopped`; on the day itself it keeps its distance to the next working day.
        """
        ahead = self.working_days_between(self.local_day(stopped), self.local_day(at))
        day = self.next_open(self.local_day(running))
        for _ in range(ahead):
            day = self.next_open(day + ONE_DAY)
        return self._at(day, _aware(at).astimezone(self.zone).time())

    def next_sending_time(self, instant: datetime) -> datetime:
        """The instant itself on an open day from 08:00 to 18:30, else the next opening: deferred, never dropped."""
        local = _aware(instant).astimezone(self.zone)
        day, at = local.date(), local.time()
        if self.is_open(day) and at < SENDING_OPENS:
            return self._at(day, SENDING_OPENS)
        if self.is_open(day) and at <= SENDING_CLOSES:
            return local.astimezone(UTC)
        return self.next_opening(day)

    def next_opening(self, day: date) -> datetime:
        """08:00 on the first open day after `day`."""
        return self._at(self.next_open(day + ONE_DAY), SENDING_OPENS)

    def local_day(self, instant: datetime) -> date:
        """The day that people of the territory read on the wall."""
        return _aware(instant).astimezone(self.zone).date()

    def _counting_day(self, start: datetime) -> date:
        local = _aware(start).astimezone(self.zone)
        day = local.date()
        return self.next_open(day if local.time() < END_OF_DAY else day + ONE_DAY)

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)

    def _walk(self, day: date, step: timedelta) -> date:
        found = day
        while not self.is_open(found):
            found += step
            if abs(found - day) > LONGEST_CLOSURE:
                raise ValueError("this calendar has no open day within a year")
        return found


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("a naive datetime has no place in working time: give it a zone")
    return instant


def months_later(anchor: date, months: int) -> date:
    """The same day of a later month, or the last one of a shorter month."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def is_subdivision(code: str) -> bool:
    """Whether the holiday library knows a territory by this code."""
    return code in _subdivisions()


@cache
def _subdivisions() -> frozenset[str]:
    from holidays.countries.france import France  # noqa: PLC0415 - see _public_holidays

    return frozenset(France.subdivisions)


@cache
def _public_holidays(subdivision: str | None, year: int) -> Mapping[date, str]:
    """Each with its French name; computed once a year and territory: the library is slow to ask day by day.

    It imports every country of the world, half a second that pages would start later.
    """
    from holidays import country_holidays  # noqa: PLC0415

    found = country_holidays("FR", subdiv=subdivision, years=year, language="fr")
    return {day: name.replace("'", "’") for day, name in found.items()}
