"""Who read what, came in, was refused, put something right: searched, exported, kept a year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, false, func, not_, or_, select

from models.cases import Case, Referral
from models.programmes import AccessEntry, Membership, Organisation, Person
from services import search as finding
from services.foundation.calendar import ONE_DAY
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.rules.policy import Actor, Right, note_access, require
from services.rules.published import calendar_of
from services.rules.texts.labels import label

KEPT: Final = timedelta(days=365)  # Source: CNIL, recommendation on logging of 14 October 2021 — six to twelve months
EXPORTED: Final = "access_log.exported"
READINGS: Final = ("read", "case.read", "report", "sheet", "download", "requests_read", finding.SEARCHED)
SIGNING: Final = ("sign_in", "sign_out", "session.", "password.", "second_factor.")
NOBODY: Final = "person"
KINDS: Final = ("reading", "in_vain", "signing", "refused", "administration")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; days are the programme's, both included."""

    person_id: UUID | None = None
    number: str = ""
    kind: str = ""
    first_on: date | None = None
    last_on: date | None = None


@dataclass(frozen=True)
class Line:
    """One line of the log, told: `who` is a person's or an organisation's name, or a kind; `about` a person."""

    at: datetime
    who: str
    action: str
    number: str
    about: str
    allowed: bool
    reason: str


def search(unit: UnitOfWork, actor: Actor, wanted: Wanted, *, first: int, limit: int) -> tuple[list[Line], int]:
    """A page of the programme's log, the latest first, and how many lines there are in all."""
    where = _where(unit, actor, wanted)
    total = unit.session.scalar(select(func.count()).select_from(AccessEntry).where(where)) or 0
    entries = select(AccessEntry).where(where).order_by(AccessEntry.at.desc(), AccessEntry.id.desc())
    return _told(unit, unit.session.scalars(entries.offset(first).limit(limit)).all()), total


def note_export(unit: UnitOfWork, actor: Actor) -> None:
    """Taking the log away is itself written down."""
    require(actor, Right.ACCESS_LOG)
    note_access(unit, actor, EXPORTED, case_id=None)


def people(unit: UnitOfWork, actor: Actor) -> Sequence[tuple[UUID, str]]:
    """Whose lines may be looked for: everybody who works or worked in the programme."""
    require(actor, Right.ACCESS_LOG)
    ours = select(Membership.person_id).where(Membership.programme_id == actor.programme_id)
    found = select(Person.id, Person.name).where(Person.id.in_(ours)).order_by(Person.name)
    return [(person_id, name) for person_id, name in unit.session.execute(found)]


def forget_old(unit: UnitOfWork) -> None:
    """Keep twelve months and no more."""
    unit.session.execute(delete(AccessEntry).where(AccessEntry.at < unit.now - KEPT))


def _where(unit: UnitOfWork, actor: Actor, wanted: Wanted) -> ColumnElement[bool]:
    labels = {person_id: f"person:{person_id}" for person_id, _ in people(unit, actor)}
    if actor.programme_id is None:
        raise NotFound
    # Before anybody is known, a line has no programme: it is shown to those of whoever it turned out to be, and to
    # every programme when it is nobody's address; such a line names nobody.
    ours = or_(
        AccessEntry.programme_id == actor.programme_id,
        and_(AccessEntry.programme_id.is_(None), AccessEntry.actor.in_([*labels.values(), NOBODY])),
    )
    clauses, calendar = [ours], calendar_of(unit, actor.programme_id)
    if wanted.person_id:
        mine = labels.get(wanted.person_id, "")
        clauses.append(or_(AccessEntry.actor == mine, AccessEntry.about_id == wanted.person_id))
    if wanted.number:
        case = select(Case.id).where(Case.programme_id == actor.programme_id, Case.number == wanted.number.strip())
        clauses.append(AccessEntry.case_id.in_(case))
    if wanted.kind:
        clauses.append(_of_kind(wanted.kind))
    if wanted.first_on:
        clauses.append(AccessEntry.at >= calendar.start_of(wanted.first_on))
    if wanted.last_on:
        clauses.append(AccessEntry.at < calendar.start_of(wanted.last_on + ONE_DAY))
    return and_(*clauses)


def _of_kind(kind: str) -> ColumnElement[bool]:
    reading = AccessEntry.action.in_(READINGS)
    signing = or_(*(AccessEntry.action.startswith(each) for each in SIGNING))
    kinds: dict[str, ColumnElement[bool]] = {
        "reading": and_(reading, AccessEntry.allowed.is_(True)),
        "in_vain": and_(AccessEntry.action == finding.SEARCHED, AccessEntry.reason == finding.IN_VAIN),
        "signing": signing,
        "refused": AccessEntry.allowed.is_(False),
        "administration": and_(not_(reading), not_(signing), AccessEntry.allowed.is_(True)),
    }
    return kinds.get(kind, false())


def _told(unit: UnitOfWork, entries: Sequence[AccessEntry]) -> list[Line]:
    ids = {UUID(each.actor.partition(":")[2]) for each in entries if each.actor.startswith(("person:", "form:"))}
    ids |= {each.about_id for each in entries if each.about_id}
    names = {
        each_id: name
        for model in (Person, Organisation)
        for each_id, name in unit.session.execute(select(model.id, model.name).where(model.id.in_(ids)))
    }
    asked = {UUID(each.actor.partition(":")[2]) for each in entries if each.actor.startswith("link:")}
    partners = select(Referral.id, Organisation.name).join(Organisation, Organisation.id == Referral.partner_id)
    for each_id, name in unit.session.execute(partners.where(Referral.id.in_(asked))):
        names[each_id] = name
    cases = {each.case_id for each in entries if each.case_id}
    told = unit.session.scalars(select(Case).where(Case.id.in_(cases)))
    numbers = {case.id: case.number for case in told}
    return [
        Line(
            at=each.at,
            who=_who(each.actor, names),
            action=each.action,
            number=numbers.get(each.case_id, "") if each.case_id else "",
            about=names.get(each.about_id, "") if each.about_id else "",
            allowed=each.allowed,
            reason=each.reason or "",
        )
        for each in entries
    ]


def _who(actor: str, names: dict[UUID, str]) -> str:
    kind, _, identifier = actor.partition(":")
    return (names.get(UUID(identifier)) if identifier else None) or label("access_who", kind)
