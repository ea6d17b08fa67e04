"""What a calendar is told of a visit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from services.channels.ics import Invitation, Method, invitation

VISIT = Invitation(
    uid="visit-0199@relais",
    sequence=0,
    reference="2025-00042",
    commune="Argentan",
    starts_at=datetime(2025, 11, 5, 13, 30, tzinfo=UTC),
    duration=timedelta(hours=2),
    organiser_name="Énergie Proche",
    organiser_email="visites@energie-proche.example",
    attendees=("bo@energie-proche.example",),
    stamped_at=datetime(2025, 10, 15, 9, tzinfo=UTC),
)


def read(visit: Invitation, method: Method = "REQUEST") -> tuple[Calendar, Event]:
    calendar = Calendar.from_ical(invitation(visit, method=method))
    assert isinstance(calendar, Calendar)
    return calendar, calendar.events[0]


def test_the_visit_is_shown_at_the_hour_of_the_territory() -> None:
    calendar, event = read(VISIT)

    assert b"DTSTART;TZID=Europe/Paris:20251105T143000" in invitation(VISIT, method="REQUEST")
    assert event.end - event.start == timedelta(hours=2)
    assert [zone["TZID"] for zone in calendar.timezones] == ["Europe/Paris"]


def test_a_visit_overseas_is_shown_in_its_own_zone() -> None:
    calendar, event = read(replace(VISIT, zone=ZoneInfo("Indian/Reunion")))

    assert f"{event.start:%H:%M}" == "17:30"
    assert [zone["TZID"] for zone in calendar.timezones] == ["Indian/Reunion"]


def test_a_change_keeps_the_identity_and_raises_the_sequence() -> None:
    _, first = read(VISIT)
    _, moved = read(replace(VISIT, sequence=1, starts_at=datetime(2025, 11, 12, 13, 30, tzinfo=UTC)))

    assert moved["UID"] == first["UID"]
    assert (first["SEQUENCE"], moved["SEQUENCE"]) == (0, 1)


def test_a_cancellation_says_so_twice() -> None:
    calendar, event = read(replace(VISIT, sequence=2), "CANCEL")

    assert (calendar["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")


def test_the_place_is_the_commune_and_the_summary_a_reference() -> None:
    _, event = read(VISIT)

    assert event["LOCATION"] == "Argentan"
    assert event["SUMMARY"] == "Visite à domicile – dossier 2025-00042"
    assert "DESCRIPTION" not in event


def test_the_organiser_and_the_guest_are_named() -> None:
    _, event = read(VISIT)

    assert event["ORGANIZER"] == "mailto:visites@energie-proche.example"
    assert event["ORGANIZER"].params["CN"] == "Énergie Proche"
    assert event["ATTENDEE"] == "mailto:bo@energie-proche.example"


def test_a_retry_renders_the_same_bytes() -> None:
    assert invitation(VISIT, method="REQUEST") == invitation(VISIT, method="REQUEST")


def test_no_text_can_add_a_line_to_the_calendar() -> None:
    hostile = "Argentan\r\nATTENDEE:mailto:cy@example.org"

    _, event = read(replace(VISIT, commune=hostile, reference=hostile, organiser_name="Énergie; Proche, «Nord»"))

    assert event["ATTENDEE"] == "mailto:bo@energie-proche.example"


def test_a_naive_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        replace(VISIT, starts_at=datetime(2025, 11, 5, 14, 30))  # noqa: DTZ001
