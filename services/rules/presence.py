"""Who is there: absences and their delegates, the days people work, who is on duty, which partner is closed.

Nobody present is never nobody: a message for the coordination always finds a reader while the programme has one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select

from models.cases import Case
from models.programmes import (
    Absence,
    Duty,
    Membership,
    Organisation,
    OrganisationClosure,
    PartnerPreference,
    Person,
    WorkPattern,
)
from models.vocabulary import OrganisationKind, Role
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.finding import by_name
from services.rules.published import calendar_of, days_between, today_of


class Reader(NamedTuple):
    """Somebody of the team who can be written to."""

    person_id: UUID
    name: str
    email: str
    role: Role
    organisation_id: UUID | None


class Away(NamedTuple):
    """Days away, both included."""

    first_on: date
    last_on: date
    delegate_id: UUID | None


class Watch(NamedTuple):
    """A time on duty, its end excluded."""

    person_id: UUID
    from_at: datetime
    to_at: datetime


class Reading(NamedTuple):
    """When somebody reads next, and who reads meanwhile."""

    at: datetime
    away: Away | None  # his absence of today
    stand_in: Reader | None  # None while he is away: whoever of his team is there


@dataclass(frozen=True)
class Roster:
    """Who of a programme's team is there when, as of one transaction. Pure."""

    team: Sequence[Reader]
    absences: Mapping[UUID, Sequence[Away]]
    weekdays: Mapping[UUID, frozenset[int]]
    watches: Sequence[Watch]
    closed: Mapping[UUID, frozenset[date]] = field(default_factory=dict)  # operators' own days without work
    gathered: Mapping[UUID, frozenset[int]] = field(default_factory=dict)  # partners who read at ten: their days

    def away(self, person_id: UUID, day: date) -> Away | None:
        """The absence of that day, if any."""
        found = (away for away in self.absences.get(person_id, ()) if away.first_on <= day <= away.last_on)
        return next(found, None)

    def works(self, person_id: UUID, day: date) -> bool:
        """Whether it is one of his days of the week; one who gave none works whenever the office does."""
        return person_id not in self.weekdays or day.weekday() in self.weekdays[person_id]

    def stand_in(self, person_id: UUID, day: date, among: Iterable[Reader]) -> Reader | None:
        """Who reads for somebody away that day: his delegate, or the delegate's own; None when it leads nowhere."""
        allowed = {reader.person_id: reader for reader in among}
        seen = {person_id}
        away = self.away(person_id, day)
        while away is not None and away.delegate_id is not None and away.delegate_id not in seen:
            seen.add(away.delegate_id)
            further = self.away(away.delegate_id, day)
            if further is None:
                return allowed.get(away.delegate_id)
            away = further
        return None

    def on_duty(self, at: datetime) -> list[Reader]:
        """The coordinators on duty at an instant."""
        watching = {watch.person_id for watch in self.watches if watch.from_at <= at < watch.to_at}
        return [each for each in side(self.team, Role.COORDINATOR) if each.person_id in watching]


def team(unit: UnitOfWork, programme_id: UUID) -> list[Reader]:
    """The coordinators and the operators' officers, by name, whether they are there or not."""
    return unit.once(_read_team, programme_id)


def side(team: Iterable[Reader], role: Role | None, organisation_id: UUID | None = None) -> list[Reader]:
    """Those who do the same work: the coordinators, or the officers of one operator."""
    alone = role is not Role.OPERATOR
    return [each for each in team if each.role is role and (alone or each.organisation_id == organisation_id)]


def officers(unit: UnitOfWork, case: Case) -> list[Reader]:
    """Those who work for the operator of a case, by name."""
    return side(team(unit, case.programme_id), Role.OPERATOR, case.operator_id)


def coordination(unit: UnitOfWork, programme_id: UUID, *, urgent: bool, daily: bool) -> list[Reader]:
    """Who reads a message for the coordination: whoever is there on the day on which it leaves.

    If nobody is, the delegates of those away; if there are none, whoever is on duty; else all. What is urgent goes
    to whoever is on duty too. What is daily waits for the next day of its reader, so only his absence matters.
    """
    found = roster(unit, programme_id)
    coordinators = side(found.team, Role.COORDINATOR)
    leaves_at = unit.now if urgent else calendar_of(unit, programme_id).next_sending_time(unit.now)

    def day_of(reader: Reader) -> date:
        calendar = reading_calendar(unit, programme_id, reader.person_id if daily else None)
        return calendar.local_day(calendar.next_sending_time(unit.now) if daily else leaves_at)

    days = {reader: day_of(reader) for reader in coordinators}
    here = [
        reader
        for reader, day in days.items()
        if found.away(reader.person_id, day) is None and (daily or found.works(reader.person_id, day))
    ]
    delegates = [found.stand_in(reader.person_id, day, coordinators) for reader, day in days.items()]
    watching = found.on_duty(leaves_at)
    reading = here or [delegate for delegate in delegates if delegate is not None]
    return list(dict.fromkeys([*reading, *watching] if urgent else reading or watching)) or coordinators


def officer(unit: UnitOfWork, person_id: UUID, programme_id: UUID, *, daily: bool) -> Reader | None:
    """Who reads what is for an officer: himself, or his delegate while he is away. None when he has left, or when his
    delegates lead nowhere."""
    found = roster(unit, programme_id)
    calendar = reading_calendar(unit, programme_id, person_id if daily else None)
    day = calendar.local_day(calendar.next_sending_time(unit.now))
    himself = next((reader for reader in found.team if reader.person_id == person_id), None)
    if himself is None:
        return None
    if found.away(himself.person_id, day) is None:
        return himself
    return found.stand_in(himself.person_id, day, colleagues(found, himself))


def works(unit: UnitOfWork, person: Person, case: Case) -> bool:
    """Whether an officer still works for the operator of a case."""
    return any(each.person_id == person.id for each in officers(unit, case))


def colleagues(found: Roster, reader: Reader) -> list[Reader]:
    """Who may stand in for somebody."""
    return side(found.team, reader.role, reader.organisation_id)


def reading_calendar(
    unit: UnitOfWork, programme_id: UUID, person_id: UUID | None, organisation_id: UUID | None = None
) -> WorkingCalendar:
    """The days on which somebody reads: the programme's without his operator's closures, kept to his own weekdays."""
    calendar, found = calendar_of(unit, programme_id), roster(unit, programme_id)
    weekdays = found.weekdays.get(person_id) if person_id else None
    if organisation_id and not person_id:
        weekdays = found.gathered.get(organisation_id) or weekdays
    closed = found.closed.get(organisation_id, frozenset()) if organisation_id else frozenset()
    if closed:
        calendar = replace(calendar, closures=calendar.closures | closed)
    return calendar if weekdays is None else replace(calendar, weekdays=weekdays)


def is_gathered(unit: UnitOfWork, programme_id: UUID, organisation_id: UUID | None) -> bool:
    """Whether a partner has his mails at ten on his days rather than the first of a day at once."""
    return organisation_id in roster(unit, programme_id).gathered


def reading(unit: UnitOfWork, programme_id: UUID, reader: Reader) -> Reading:
    """When somebody's next mail of the day leaves for him, and who reads for him today if he is away."""
    found = roster(unit, programme_id)
    calendar = reading_calendar(unit, programme_id, reader.person_id, reader.organisation_id)
    today = calendar.local_day(unit.now)
    at = calendar.next_sending_time(unit.now)
    while (away := found.away(reader.person_id, calendar.local_day(at))) is not None:
        at = calendar.next_opening(away.last_on)
    absent = found.away(reader.person_id, today)
    stand_in = found.stand_in(reader.person_id, today, colleagues(found, reader)) if absent else None
    return Reading(at, absent, stand_in)


def is_closed(unit: UnitOfWork, organisation_id: UUID, day: date) -> bool:
    """Whether a partner is closed that day."""
    query = select(OrganisationClosure.id).where(
        OrganisationClosure.organisation_id == organisation_id,
        OrganisationClosure.first_on <= day,
        OrganisationClosure.last_on >= day,
    )
    return unit.session.scalar(query.limit(1)) is not None


def closed_today(unit: UnitOfWork, programme_id: UUID) -> dict[UUID, date]:
    """The organisations of a programme that are closed today, each with its last closed day."""
    today = today_of(unit, programme_id)
    rows = unit.session.execute(
        select(OrganisationClosure.organisation_id, OrganisationClosure.last_on)
        .join(Organisation, Organisation.id == OrganisationClosure.organisation_id)
        .where(
            Organisation.programme_id == programme_id,
            OrganisationClosure.first_on <= today,
            OrganisationClosure.last_on >= today,
        )
        .order_by(OrganisationClosure.last_on)
    )
    return {row.organisation_id: row.last_on for row in rows}


def roster(unit: UnitOfWork, programme_id: UUID) -> Roster:
    """The team's roster."""
    return unit.once(_read, programme_id)


def forget(unit: UnitOfWork, programme_id: UUID) -> None:
    """Somebody's days have changed in this transaction, or somebody has left."""
    unit.forget(_read_team, programme_id)
    unit.forget(_read, programme_id)


def _read_team(unit: UnitOfWork, programme_id: UUID) -> list[Reader]:
    rows = unit.rows(_TEAM, programme=programme_id)
    return sorted(
        (Reader(row.id, row.name, row.email, Role(row.role), row.organisation_id) for row in rows), key=by_name
    )


def _read(unit: UnitOfWork, programme_id: UUID) -> Roster:
    absences: defaultdict[UUID, list[Away]] = defaultdict(list)
    for person_id, first_on, last_on, delegate_id in unit.rows(_ABSENCES, programme=programme_id):
        absences[person_id].append(Away(first_on, last_on, delegate_id))
    closed: defaultdict[UUID, frozenset[date]] = defaultdict(frozenset)
    for shut in unit.rows(_CLOSURES, programme=programme_id):
        closed[shut.organisation_id] |= days_between(shut.first_on, shut.last_on)
    return Roster(
        closed=closed,
        gathered={who: frozenset(days) for who, days in unit.rows(_GATHERED, programme=programme_id)},
        team=team(unit, programme_id),
        absences=absences,
        weekdays={who: frozenset(days) for who, days in unit.rows(_PATTERNS, programme=programme_id)},
        watches=[Watch(*row) for row in unit.rows(_WATCHES, programme=programme_id)],
    )


_PROGRAMME: Final = bindparam("programme", type_=Uuid())
_TEAM: Final = (
    select(Person.id, Person.name, Person.email, Membership.role, Membership.organisation_id)
    .join(Membership, Membership.person_id == Person.id)
    .where(
        Membership.programme_id == _PROGRAMME,
        Membership.role.in_([Role.COORDINATOR, Role.OPERATOR]),
        Membership.ended_at.is_(None),
        Person.disabled_at.is_(None),
    )
    .order_by(Person.email, Membership.id)
)
_ABSENCES: Final = (
    select(Absence.person_id, Absence.first_on, Absence.last_on, Absence.delegate_id)
    .where(Absence.programme_id == _PROGRAMME)
    .order_by(Absence.first_on, Absence.id)
)
_CLOSURES: Final = (
    select(OrganisationClosure.organisation_id, OrganisationClosure.first_on, OrganisationClosure.last_on)
    .join(Organisation, Organisation.id == OrganisationClosure.organisation_id)
    .where(Organisation.programme_id == _PROGRAMME, Organisation.kind == OrganisationKind.OPERATOR)
)
_GATHERED: Final = (
    select(PartnerPreference.organisation_id, PartnerPreference.weekdays)
    .join(Organisation, Organisation.id == PartnerPreference.organisation_id)
    .where(Organisation.programme_id == _PROGRAMME, PartnerPreference.gathered.is_(True))
)
_PATTERNS: Final = select(WorkPattern.person_id, WorkPattern.weekdays).where(WorkPattern.programme_id == _PROGRAMME)
_WATCHES: Final = (
    select(Duty.person_id, Duty.from_at, Duty.to_at).where(Duty.programme_id == _PROGRAMME).order_by(Duty.from_at)
)
