"""Working time, against the dates of real years and of the acceptance stories."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.delays import Delay
from services.foundation.calendar import WorkingCalendar

PARIS = ZoneInfo("Europe/Paris")
FRANCE = WorkingCalendar(PARIS)
MOSELLE = WorkingCalendar(PARIS, subdivision="57")
ALSACE = WorkingCalendar(PARIS, subdivision="6AE")
REUNION = WorkingCalendar(ZoneInfo("Indian/Reunion"), subdivision="974")
GUADELOUPE = WorkingCalendar(ZoneInfo("America/Guadeloupe"), subdivision="971")

instants = st.datetimes(datetime(2024, 1, 1), datetime(2031, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
calendars = st.sampled_from([FRANCE, MOSELLE, ALSACE, REUNION, GUADELOUPE])


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("start", "working_days", "due"),
    [
        # S1: alert, then triage, then first call
        ("2025-10-06 10:00", 3, "2025-10-09"),
        ("2025-10-09 11:00", 5, "2025-10-16"),
        # S3: triage, first call, word to the alert giver
        ("2026-01-19 10:00", 3, "2026-01-22"),
        ("2026-01-20 10:00", 5, "2026-01-27"),
        ("2026-02-05 10:00", 5, "2026-02-12"),
        # S8: soft reminder, firm reminder (Easter Monday does not count), lapse, then partner B
        ("2026-03-10 10:00", 0, "2026-03-10"),
        ("2026-03-24 10:00", 5, "2026-03-31"),
        ("2026-03-24 10:00", 10, "2026-04-08"),
        ("2026-03-24 10:00", 15, "2026-04-15"),
        ("2026-04-15 10:00", 15, "2026-05-07"),
        # The months and weeks that are full of holidays
        ("2026-04-30 10:00", 10, "2026-05-19"),
        ("2026-05-07 10:00", 5, "2026-05-18"),
        ("2025-12-23 10:00", 10, "2026-01-08"),
        ("2026-12-23 10:00", 10, "2027-01-08"),
        ("2026-07-13 10:00", 1, "2026-07-15"),
        # Evenings and closed days count from the next open day
        ("2026-03-24 17:59", 1, "2026-03-25"),
        ("2026-03-24 18:00", 1, "2026-03-26"),
        ("2026-03-28 10:00", 1, "2026-03-31"),
        ("2026-04-06 10:00", 1, "2026-04-08"),
        ("2026-04-03 20:00", 0, "2026-04-07"),
        ("2026-03-24 17:59", 0, "2026-03-24"),
        ("2026-03-24 18:00", 0, "2026-03-25"),
        # The clocks change in the night before a Sunday
        ("2025-10-24 10:00", 1, "2025-10-27"),
        ("2025-10-26 02:30", 1, "2025-10-28"),
        ("2026-03-27 10:00", 1, "2026-03-30"),
        ("2026-03-29 03:30", 0, "2026-03-30"),
    ],
)
def test_a_delay_in_working_days_ends_at_six_on_the_nth_open_day(start: str, working_days: int, due: str) -> None:
    assert FRANCE.due_after(paris(start), working_days=working_days) == paris(f"{due} 18:00")


@pytest.mark.parametrize(
    ("calendar", "day", "begins"),
    [
        (FRANCE, "2025-10-26", "2025-10-25T22:00"),  # the night in which the clocks go back
        (FRANCE, "2025-10-27", "2025-10-26T23:00"),
        (FRANCE, "2026-03-30", "2026-03-29T22:00"),
        (REUNION, "2026-03-30", "2026-03-29T20:00"),
    ],
)
def test_a_day_begins_at_midnight_on_the_clocks_of_the_territory(
    calendar: WorkingCalendar, day: str, begins: str
) -> None:
    assert calendar.start_of(date.fromisoformat(day)) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


def test_good_friday_moves_the_firm_reminder_in_alsace_moselle() -> None:
    sent = paris("2026-03-24 10:00")

    assert MOSELLE.due_after(sent, working_days=10) == paris("2026-04-09 18:00")
    assert ALSACE.due_after(sent, working_days=10) == paris("2026-04-09 18:00")


@pytest.mark.parametrize(
    ("calendar", "day"),
    [
        (FRANCE, "2026-04-06"),
        (FRANCE, "2026-05-14"),
        (FRANCE, "2026-05-25"),
        (FRANCE, "2026-07-14"),
        (FRANCE, "2026-04-04"),
        (FRANCE, "2026-04-05"),
        (MOSELLE, "2026-04-03"),
        (MOSELLE, "2025-12-26"),
        (ALSACE, "2025-12-26"),
        (REUNION, "2027-12-20"),
        (GUADELOUPE, "2026-05-27"),
    ],
)
def test_weekends_and_holidays_of_the_territory_are_closed(calendar: WorkingCalendar, day: str) -> None:
    assert not calendar.is_open(date.fromisoformat(day))


@pytest.mark.parametrize("day", ["2026-04-03", "2025-12-26", "2026-05-15", "2026-07-13", "2026-05-27", "2027-12-20"])
def test_ponts_and_holidays_of_elsewhere_are_open(day: str) -> None:
    assert FRANCE.is_open(date.fromisoformat(day))


def test_a_programme_closes_its_own_days() -> None:
    with_pont = WorkingCalendar(PARIS, closures=frozenset({date(2026, 5, 15)}))

    assert with_pont.due_after(paris("2026-05-13 10:00"), working_days=1) == paris("2026-05-18 18:00")


def test_may_2026_has_seventeen_working_days() -> None:
    assert FRANCE.working_days_between(date(2026, 4, 30), date(2026, 5, 31)) == 17
    assert FRANCE.working_days_between(date(2026, 5, 31), date(2026, 4, 30)) == -17
    assert FRANCE.working_days_between(date(2026, 4, 30), date(2026, 5, 15)) == 8


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2025-11-05 11:00", 15, "2025-11-20"),  # S1: visit, then report
        ("2025-11-18 10:00", 10, "2025-11-28"),  # S1: report, then orientations
        ("2026-01-22 10:00", 30, "2026-02-23"),  # S3: a Saturday becomes Monday, before the closing of 02-24
        ("2026-03-24 10:00", 30, "2026-04-23"),  # S8: the wattmeter, overdue on 04-24
        ("2026-04-22 23:30", 9, "2026-05-04"),
    ],
)
def test_calendar_days_end_at_six_on_an_open_day(start: str, days: int, due: str) -> None:
    assert FRANCE.due_in_days(paris(start), days=days) == paris(f"{due} 18:00")


@pytest.mark.parametrize(
    ("anchor", "months", "due"),
    [
        ("2025-11-05", 1, "2025-12-05"),
        ("2025-11-05", 6, "2026-05-05"),
        ("2025-11-05", 12, "2026-11-05"),  # S1: the call of the twelfth month
        ("2026-03-24", 2, "2026-05-26"),  # S8: FSL, two months: Whit Sunday, then Whit Monday
        ("2026-01-31", 1, "2026-03-02"),
        ("2024-02-29", 12, "2025-02-28"),
    ],
)
def test_follow_up_months_end_on_an_open_day(anchor: str, months: int, due: str) -> None:
    assert FRANCE.due_in_months(date.fromisoformat(anchor), months) == paris(f"{due} 18:00")


@pytest.mark.parametrize(
    ("visit", "n", "day"),
    [
        ("2025-11-05", 10, "2025-10-24"),  # S1: a Sunday becomes the Friday before
        ("2025-11-05", 7, "2025-10-29"),
        ("2025-11-05", 2, "2025-11-03"),
        ("2026-04-16", 10, "2026-04-03"),  # back over Easter Monday
        ("2026-04-13", 10, "2026-04-03"),
    ],
)
def test_the_letter_leaves_on_the_last_open_day_at_or_before(visit: str, n: int, day: str) -> None:
    assert FRANCE.days_before(date.fromisoformat(visit), n) == date.fromisoformat(day)


@pytest.mark.parametrize(("day", "utc_hour"), [("2025-10-24", 7), ("2025-10-27", 8), ("2026-03-30", 7)])
def test_steps_leave_at_nine_on_the_clocks_of_the_territory(day: str, utc_hour: int) -> None:
    assert FRANCE.step_time(date.fromisoformat(day)).hour == utc_hour


def test_a_step_leaves_at_nine_in_reunion() -> None:
    assert REUNION.step_time(date(2026, 7, 15)) == datetime(2026, 7, 15, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ("2026-03-24 08:00", "2026-03-24 08:00"),
        ("2026-03-24 12:34", "2026-03-24 12:34"),
        ("2026-03-24 18:30", "2026-03-24 18:30"),
        ("2026-03-24 18:31", "2026-03-25 08:00"),
        ("2026-03-24 02:30", "2026-03-24 08:00"),
        ("2026-04-03 19:00", "2026-04-07 08:00"),
        ("2026-07-14 10:00", "2026-07-15 08:00"),
        ("2025-10-26 02:30", "2025-10-27 08:00"),
    ],
)
def test_nothing_leaves_in_quiet_hours(wanted: str, sent: str) -> None:
    assert FRANCE.next_sending_time(paris(wanted)) == paris(sent)


@pytest.mark.parametrize(
    ("weekdays", "wanted", "sent"),
    [
        ({0}, "2026-03-24 10:00", "2026-03-30 08:00"),
        ({0}, "2026-03-31 10:00", "2026-04-13 08:00"),
        ({1, 3}, "2026-03-24 10:00", "2026-03-24 10:00"),
        ({5}, "2026-03-24 10:00", "2026-03-28 08:00"),
    ],
    ids=["next week", "Easter Monday", "today", "Saturday"],
)
def test_a_part_timer_is_written_to_on_a_day_of_work(weekdays: set[int], wanted: str, sent: str) -> None:
    calendar = replace(FRANCE, weekdays=frozenset(weekdays))

    assert calendar.next_sending_time(paris(wanted)) == paris(sent)


def test_the_next_opening_is_never_the_same_day() -> None:
    assert FRANCE.next_opening(date(2026, 4, 3)) == paris("2026-04-07 08:00")


@pytest.mark.parametrize(
    ("delay", "due"),
    [
        ("4h", "2026-04-04 00:00"),
        ("0wd", "2026-04-07 18:00"),
        ("2wd", "2026-04-09 18:00"),
        ("3d", "2026-04-07 18:00"),
        ("1mo", "2026-05-04 18:00"),
    ],
)
def test_each_unit_of_delay_has_its_clock(delay: str, due: str) -> None:
    assert FRANCE.apply(Delay.parse(delay), paris("2026-04-03 20:00")) == paris(due)


def test_hours_are_real_hours_across_a_clock_change() -> None:
    due = FRANCE.apply(Delay.parse("4h"), paris("2026-03-29 00:00"))

    assert due == paris("2026-03-29 05:00")


def test_a_naive_instant_is_refused() -> None:
    naive = datetime(2026, 3, 24, 10)  # noqa: DTZ001

    with pytest.raises(ValueError, match="naive"):
        FRANCE.due_after(naive, working_days=1)
    with pytest.raises(ValueError, match="naive"):
        FRANCE.due_in_days(naive, days=1)
    with pytest.raises(ValueError, match="naive"):
        FRANCE.next_sending_time(naive)
    with pytest.raises(ValueError, match="naive"):
        FRANCE.apply(Delay.parse("4h"), naive)


def test_an_unknown_territory_is_refused() -> None:
    with pytest.raises(ValueError, match="67"):
        WorkingCalendar(PARIS, subdivision="67")


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="ahead"):
        FRANCE.due_after(paris("2026-03-24 10:00"), working_days=-1)


def test_a_calendar_without_open_days_is_refused_rather_than_searched_for_ever() -> None:
    shut = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(800))

    with pytest.raises(ValueError, match="no open day"):
        WorkingCalendar(PARIS, closures=shut).next_open(date(2026, 1, 1))


@given(calendar=calendars, start=instants, working_days=st.integers(0, 60))
def test_a_due_date_is_always_six_on_an_open_day_to_come(
    calendar: WorkingCalendar, start: datetime, working_days: int
) -> None:
    due = calendar.due_after(start, working_days=working_days)

    local = due.astimezone(calendar.zone)
    assert (due.tzinfo, local.time(), calendar.is_open(local.date())) == (UTC, time(18), True)
    assert due > start


@given(calendar=calendars, start=instants, later=st.timedeltas(timedelta(0), timedelta(days=40)), n=st.integers(0, 30))
def test_who_starts_later_is_never_due_earlier(
    calendar: WorkingCalendar, start: datetime, later: timedelta, n: int
) -> None:
    due = calendar.due_after(start, working_days=n)

    assert due <= calendar.due_after(start + later, working_days=n)
    assert due < calendar.due_after(start, working_days=n + 1)


@given(calendar=calendars, instant=instants)
def test_a_deferred_message_leaves_once_in_open_hours(calendar: WorkingCalendar, instant: datetime) -> None:
    sent = calendar.next_sending_time(instant)

    local = sent.astimezone(calendar.zone)
    assert sent >= instant
    assert calendar.is_open(local.date())
    assert time(8) <= local.time() <= time(18, 30)
    assert calendar.next_sending_time(sent) == sent


@given(calendar=calendars, start=instants, n=st.integers(0, 30))
def test_counting_back_finds_the_working_days_that_were_added(
    calendar: WorkingCalendar, start: datetime, n: int
) -> None:
    first = calendar.local_day(calendar.due_after(start, working_days=0))
    last = calendar.local_day(calendar.due_after(start, working_days=n))

    assert calendar.working_days_between(first, last) == n


def test_a_pont_stands_alone_between_closed_days() -> None:
    found = FRANCE.ponts(date(2026, 1, 1), date(2027, 12, 31))

    # The ponts of two years, as an office reads them from a wall calendar.
    assert [str(day) for day in found] == ["2026-01-02", "2026-05-15", "2026-07-13", "2027-05-07", "2027-11-12"]
    assert replace(FRANCE, closures=frozenset(found)).ponts(date(2026, 1, 1), date(2027, 12, 31)) == []
