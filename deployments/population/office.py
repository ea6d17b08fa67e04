"""Who works in a programme, read once: what a generated case needs to know of the people around it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from random import Random
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from deployments.population.figures import Giving, figures
from models.delays import Delay, DelayUnit
from models.pathway import Pathway
from models.programmes import Commune, Membership, Organisation, Person, Programme, Territory
from models.vocabulary import OrganisationKind, Role, Source
from services.foundation.calendar import END_OF_DAY, WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.errors import Setup
from services.rules.published import calendar_of, pathway_of

OPENS: Final = time(9)
CLOSES: Final = time(17, 15)
MINUTES: Final = 8 * 60
POST: Final = time(11)
NOON: Final = time(12)
RECENT: Final = 1 << 14
"""How many instants a calendar remembers: what happens at one is asked of it again and again."""


Row = dict[str, Any]


@dataclass(frozen=True)
class KeptCalendar(WorkingCalendar):
    """A working calendar that keeps what it worked out: a past asks the same days over and over."""

    def __post_init__(self) -> None:
        """Nothing is worked out yet."""
        super().__post_init__()
        object.__setattr__(self, "next_open", cache(super().next_open))
        object.__setattr__(self, "_delayed", cache(super().apply))
        for name in ("local_day", "next_sending_time", "next_opening", "step_time"):
            object.__setattr__(self, name, lru_cache(maxsize=RECENT)(getattr(super(), name)))

    def apply(self, delay: Delay, start: datetime) -> datetime:
        """The same: all but hours depend on the day alone, and on whether it is over."""
        if delay.unit is DelayUnit.HOURS:
            return super().apply(delay, start)
        local = start.astimezone(self.zone)
        end = local.replace(hour=12 if local.time() < END_OF_DAY else 19, minute=0, second=0, microsecond=0)
        delayed: Callable[[Delay, datetime], datetime] = self._delayed  # type: ignore[attr-defined]
        return delayed(delay, end)


def _kept(calendar: WorkingCalendar) -> WorkingCalendar:
    return KeptCalendar(**{each.name: getattr(calendar, each.name) for each in fields(calendar)})


@dataclass(frozen=True)
class Hand:
    """Who acts, and by which way."""

    actor: str
    name: str = ""
    source: Source = Source.WEB
    on_behalf_of: UUID | None = None
    person_id: UUID | None = None


THE_ENGINE: Final = Hand("engine", source=Source.ENGINE)
A_TIMER: Final = Hand("engine", source=Source.TIMER)


@dataclass(frozen=True)
class Member:
    """Somebody with an account."""

    id: UUID
    name: str
    email: str

    @property
    def hand(self) -> Hand:
        """Somebody of the team, on the pages."""
        return Hand(f"person:{self.id}", self.name, person_id=self.id)


@dataclass(frozen=True)
class Operator:
    """An operator and its officers."""

    id: UUID
    email: str | None
    officers: tuple[Member, ...]


@dataclass(frozen=True)
class Partner:
    """A partner that may be asked."""

    id: UUID
    name: str
    email: str | None
    themes: frozenset[str]


@dataclass(frozen=True)
class Giver:
    """A service that gives alerts."""

    id: UUID
    name: str
    slug: str
    email: str | None


@dataclass(frozen=True)
class Place:
    """A commune."""

    code: str
    postcode: str


@dataclass(frozen=True)
class Office:
    """A programme and everybody in it."""

    programme_id: UUID
    pathway_hash: str
    pathway: Pathway
    calendar: WorkingCalendar
    coordinators: tuple[Member, ...]
    operators: tuple[Operator, ...]
    partners: tuple[Partner, ...]
    givers: tuple[Giver, ...]
    inside: tuple[Place, ...]
    outside: tuple[Place, ...]

    def givers_of(self, source: Giving) -> list[Giver]:
        """The services of this kind."""
        return [giver for giver in self.givers if source.slug and giver.slug.startswith(source.slug)]

    def partners_for(self, theme: str) -> list[Partner]:
        """Those who help with this."""
        return [partner for partner in self.partners if theme in partner.themes]

    def open_hours(self, instant: datetime, chance: Random) -> datetime:
        """That instant if people work then, else some minute of the next day on which they do."""
        local = instant.astimezone(self.calendar.zone)
        day = local.date() if local.time() < CLOSES else local.date() + timedelta(days=1)
        found = self.calendar.next_open(day)
        if found == local.date() and OPENS <= local.time() < CLOSES:
            return instant
        return self.minute_of(found, chance)

    def minute_of(self, day: date, chance: Random) -> datetime:
        """Some minute of a working day."""
        start = datetime.combine(day, OPENS, tzinfo=self.calendar.zone)
        shown = start + timedelta(minutes=chance.randrange(MINUTES), seconds=chance.randrange(60))
        return shown.astimezone(UTC)

    def days_on(self, instant: datetime, days: int) -> date:
        """The open day so many open days later."""
        day = self.calendar.next_open(instant.astimezone(self.calendar.zone).date())
        for _ in range(days):
            day = self.calendar.next_open(day + timedelta(days=1))
        return day

    def next_post(self, instant: datetime) -> datetime:
        """When the letters that wait are printed: eleven o'clock of the day, or of the next open one."""
        local = instant.astimezone(self.calendar.zone)
        day = local.date() if local.time() <= POST else local.date() + timedelta(days=1)
        return datetime.combine(self.calendar.next_open(day), POST, tzinfo=self.calendar.zone).astimezone(UTC)


def read_office(unit: UnitOfWork, programme: Programme) -> Office:
    """The programme as it stands. Raises `Setup` when somebody without whom no case goes on is missing."""
    by_kind: dict[str, list[Organisation]] = {}
    for found in unit.session.scalars(
        select(Organisation).filter_by(programme_id=programme.id).order_by(Organisation.slug)
    ):
        by_kind.setdefault(found.kind, []).append(found)
    staff = _staff(unit, programme)
    inside = set(unit.session.scalars(select(Territory.commune_code).filter_by(programme_id=programme.id)))
    places = [
        Place(commune.code, commune.postcodes[0])
        for commune in unit.session.scalars(select(Commune).order_by(Commune.code))
    ]
    office = Office(
        programme_id=programme.id,
        pathway_hash=programme.pathway_hash,
        pathway=pathway_of(unit, programme.pathway_hash),
        calendar=_kept(calendar_of(unit, programme.id)),
        coordinators=tuple(member for role, _, member in staff if role is Role.COORDINATOR),
        operators=tuple(
            Operator(each.id, each.email, tuple(member for _, place, member in staff if place == each.id))
            for each in by_kind.get(OrganisationKind.OPERATOR, ())
        ),
        partners=tuple(
            Partner(each.id, each.name, each.email, frozenset(each.themes))
            for each in by_kind.get(OrganisationKind.PARTNER, ())
        ),
        givers=tuple(
            Giver(each.id, each.name, each.slug, each.email) for each in by_kind.get(OrganisationKind.ALERT_GIVER, ())
        ),
        inside=tuple(place for place in places if place.code in inside),
        outside=tuple(place for place in places if place.code not in inside),
    )
    _check(office)
    return office


def _staff(unit: UnitOfWork, programme: Programme) -> list[tuple[Role, UUID | None, Member]]:
    rows = unit.session.execute(
        select(Membership.role, Membership.organisation_id, Person.id, Person.name, Person.email)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.programme_id == programme.id, Membership.ended_at.is_(None))
        .order_by(Person.email)
    )
    return [(Role(role), place, Member(id_, name, email)) for role, place, id_, name, email in rows]


def _check(office: Office) -> None:
    themes = {theme for partner in office.partners for theme in partner.themes}
    if not office.coordinators or not any(operator.officers for operator in office.operators):
        raise Setup("Il manque à ce dispositif une coordination ou un opérateur avec un chargé de visite.")
    if not set(figures().themes) <= themes or not office.inside or not office.outside:
        raise Setup("Il manque à ce dispositif des partenaires ou des communes.")
    if not all(office.givers_of(source) for source in figures().sources if source.slug):
        raise Setup("Il manque à ce dispositif des donneurs d’alerte.")
