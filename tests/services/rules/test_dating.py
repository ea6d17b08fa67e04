"""A date says what moved it, by as many days as the calendar says, and nothing when it cannot tell. Pure."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from models.delays import Delay
from services.foundation.calendar import WorkingCalendar
from services.rules.dating import Closed, Moved, Start, Wait, moved

PARIS = ZoneInfo("Europe/Paris")
PONT = date(2026, 5, 15)
CALENDAR = WorkingCalendar(PARIS, closures=frozenset({PONT}))
NAMES = {PONT: "Pont de l’Ascension"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def why(delay: str, start: str, due: str, *waits: Wait) -> Moved | None:
    starts = [Start(Delay.parse(delay), at(start))]
    return moved(at(due), starts, calendar=CALENDAR, waits=waits, names=NAMES)


def test_a_pont_moves_a_date_by_four_days() -> None:
    found = why("3wd", "2026-05-11T10:00", "2026-05-18T18:00")

    ascension = Closed(date(2026, 5, 14), date(2026, 5, 14), "Ascension")
    assert found == Moved(4, (ascension, Closed(PONT, PONT, "Pont de l’Ascension")), 0, ())


def test_a_delay_in_days_that_ends_on_a_holiday_says_which() -> None:
    found = why("15d", "2025-12-10T10:00", "2025-12-26T18:00")

    assert found == Moved(1, (Closed(date(2025, 12, 25), date(2025, 12, 25), "Noël"),), 0, ())


def test_weekends_are_nobodys_news() -> None:
    assert why("3wd", "2025-10-09T10:00", "2025-10-14T18:00") is None


def test_a_wait_moves_a_date_and_is_told_beside_the_closed_days() -> None:
    wait = Wait(at("2025-10-08T10:00"), at("2025-11-12T09:00"))
    found = why("5wd", "2025-10-06T10:00", "2025-11-17T18:00", wait)

    assert found == Moved(0, (), 35, (wait,))


@pytest.mark.parametrize("due", ["2026-05-19T18:00", "2026-05-18T17:00"])
def test_a_date_that_was_set_otherwise_has_no_explanation(due: str) -> None:
    assert why("3wd", "2026-05-11T10:00", due) is None


def test_a_pont_closed_after_the_date_was_told_is_no_reason_unless_it_falls_on_the_date() -> None:
    found = why("3wd", "2026-05-12T10:00", "2026-05-18T18:00")

    assert found == Moved(3, (Closed(date(2026, 5, 14), date(2026, 5, 14), "Ascension"),), 0, ())
