"""The office's calendar against another one, written from the texts of law alone, for every day of seven years."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from models.delays import Delay
from services.foundation.calendar import WorkingCalendar

PARIS: Final = ZoneInfo("Europe/Paris")
OFFICE: Final = WorkingCalendar(PARIS)
FIRST, LAST = date(2026, 1, 1), date(2032, 12, 31)
DAY: Final = timedelta(days=1)
DELAYS: Final = ("0wd", "1wd", "3wd", "5wd", "10wd", "15wd", "10d", "30d", "1mo", "6mo", "12mo")
HOURS: Final = (time(2, 30), time(10), time(17, 59, 59), time(18))
# Source: Code du travail, L3133-1 — the days that do not move.
FIXED: Final = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}


@cache
def easter(year: int) -> date:
    """Source: Butcher's algorithm, as in J. Meeus, Astronomical Algorithms, chapter 8."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    r = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * r) // 451
    month, day = divmod(h + r - 7 * m + 114, 31)
    return date(year, month, day + 1)


@cache
def is_worked(day: date) -> bool:
    """Easter Monday, Ascension and Whit Monday move with Easter; Saturdays and Sundays are not worked."""
    moving = {easter(day.year) + timedelta(days=after) for after in (1, 39, 50)}
    return day.isoweekday() < 6 and (day.month, day.day) not in FIXED and day not in moving


def on_or_after(day: date) -> date:
    while not is_worked(day):
        day += DAY
    return day


def evening(day: date) -> datetime:
    """Six o'clock on the wall, by the rule of 2002: summer time from the last Sunday of March to that of October."""
    return wall(day, 18)


def wall(day: date, hour: int) -> datetime:
    summer = last_sunday(day.year, 3) <= day < last_sunday(day.year, 10)
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - timedelta(hours=2 if summer else 1)


def last_sunday(year: int, month: int) -> date:
    """Source: directive 2000/84/CE, articles 2 and 3; both months have 31 days."""
    return date(year, month, 31) - timedelta(days=date(year, month, 31).isoweekday() % 7)


def expected(day: date, at: time, delay: str) -> datetime:
    """When a delay that starts then ends, said in the plainest way."""
    if delay.endswith("wd"):
        counted = on_or_after(day if at < time(18) else day + DAY)
        for _ in range(int(delay[:-2])):
            counted = on_or_after(counted + DAY)
        return evening(counted)
    if delay.endswith("d"):
        return evening(on_or_after(day + int(delay[:-1]) * DAY))
    months = day.month - 1 + int(delay[:-2])
    same = date(day.year + months // 12, months % 12 + 1, 1)
    while same.month == months % 12 + 1 and same.day < day.day:
        same += DAY
    return evening(on_or_after(same if same.month == months % 12 + 1 else same - DAY))


def days(*, every: bool) -> Iterator[date]:
    """Every day, or each eleventh and those around the changes of the clocks."""
    changes = {last_sunday(year, month) for year in range(FIRST.year, LAST.year + 1) for month in (3, 10)}
    near = {change + n * DAY for change in changes for n in range(-3, 4)}
    return (
        day
        for day in (FIRST + n * DAY for n in range((LAST - FIRST).days + 1))
        if every or day in near or day.toordinal() % 11 == 0
    )


@pytest.mark.timeout(600)
def test_each_delay_ends_when_a_calendar_of_paper_says(all_points: bool) -> None:
    wrong = [
        (day, at, delay, found)
        for day in days(every=all_points)
        for at in HOURS
        for delay in DELAYS
        if (found := OFFICE.apply(Delay.parse(delay), datetime.combine(day, at, tzinfo=PARIS)))
        != expected(day, at, delay)
    ]

    assert wrong == []


def test_nothing_is_planned_in_an_hour_that_does_not_exist_or_comes_twice(all_points: bool) -> None:
    for day in days(every=all_points):
        midnight = wall(day, 0)
        for quarter in range(0, 24 * 4 + 4, 1 if all_points else 3):
            instant = midnight + timedelta(minutes=15 * quarter)
            leaves = OFFICE.next_sending_time(instant)
            on_the_wall = leaves.astimezone(PARIS)
            assert leaves >= instant
            assert is_worked(on_the_wall.date())
            assert time(8) <= on_the_wall.time() <= time(18, 30)
            # An hour of the night in which clocks change is read back as another one, or as two.
            assert on_the_wall.replace(fold=0).astimezone(UTC) == on_the_wall.replace(fold=1).astimezone(UTC) == leaves
        assert OFFICE.step_time(day) == wall(day, 9)
        assert OFFICE.end_of(day) == evening(day)


def test_the_days_of_the_office_are_those_of_the_law() -> None:
    every = (FIRST + n * DAY for n in range((LAST - FIRST).days + 1))

    assert [day for day in every if OFFICE.is_open(day) != is_worked(day)] == []
