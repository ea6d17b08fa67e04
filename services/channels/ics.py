"""Calendar invitations for visits: what a calendar needs to know, and nothing about the household."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from models.base import PARIS

PRODUCT: Final = "-//Relais//Visites//FR"

Method = Literal["REQUEST", "CANCEL"]


@dataclass(frozen=True)
class Invitation:
    """A visit as a calendar shows it.

    `uid` stays the same for the life of the visit; `sequence` grows by one at each change and at the cancellation.
    `reference` is the case's number: no name and no street has a place here. `stamped_at` is when the message was
    prepared, so that a retry renders the same bytes. Instants are aware; the invitation shows them in `zone`.
    """

    uid: str
    sequence: int
    reference: str
    commune: str
    starts_at: datetime
    duration: timedelta
    organiser_name: str
    organiser_email: str
    attendees: tuple[str, ...]
    stamped_at: datetime
    link: str | None = None
    zone: ZoneInfo = PARIS

    def __post_init__(self) -> None:
        """Refuse naive instants: a visit an hour late is a visit missed."""
        if self.starts_at.utcoffset() is None or self.stamped_at.utcoffset() is None:
            raise ValueError("a naive datetime has no place in an invitation: give it a zone")


def invitation(visit: Invitation, *, method: Method) -> bytes:
    """The body of the part `text/calendar; method=…` and of the file attached beside it."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(_timezone(visit.zone.key))
    calendar.add_component(_event(visit, cancelled=method == "CANCEL"))
    return bytes(calendar.to_ical())


@cache
def _timezone(name: str) -> Timezone:
    """The zone's rules, which take longer to find than all the rest."""
    return Timezone.from_tzid(name)


def _event(visit: Invitation, *, cancelled: bool) -> Event:
    starts_at = visit.starts_at.astimezone(visit.zone)
    event = Event()
    event.add("uid", visit.uid)
    event.add("sequence", visit.sequence)
    event.add("dtstamp", visit.stamped_at.astimezone(UTC))
    event.add("dtstart", starts_at)
    event.add("dtend", (visit.starts_at.astimezone(UTC) + visit.duration).astimezone(visit.zone))
    event.add("summary", f"Visite à domicile – dossier {visit.reference}")
    event.add("location", visit.commune)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    event.add("class", "PRIVATE")
    event.add("organizer", _organiser(visit))
    for address in visit.attendees:
        event.add("attendee", _attendee(address))
    if visit.link:
        event.add("url", visit.link)
    return event


def _organiser(visit: Invitation) -> vCalAddress:
    organiser = vCalAddress(f"mailto:{visit.organiser_email}")
    organiser.params["CN"] = vText(visit.organiser_name)
    return organiser


def _attendee(address: str) -> vCalAddress:
    attendee = vCalAddress(f"mailto:{address}")
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    attendee.params["PARTSTAT"] = vText("NEEDS-ACTION")
    attendee.params["RSVP"] = vText("TRUE")
    return attendee
