"""Say who is there: absences with their delegates, days of work, who is on duty; and what follows, for each to read.

What follows for messages is decided in `rules.presence`; days without work are in `closures`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from models.programmes import Absence, Closure, Duty, Organisation, OrganisationClosure, WorkPattern
from models.vocabulary import Role
from services.cases import visits
from services.forms import Aware, Form
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, locked_case, note_access, require, rights
from services.rules.presence import Reader, Reading, colleagues, coordination, forget, reading, roster
from services.rules.published import calendar_of, today_of

BACKWARDS: Final = "La fin vient avant le début."
KEPT: Final = timedelta(days=31)
"""How long it is known who was away: long enough to say why a message went to somebody else."""


class AbsenceForm(Form):
    """Days away."""

    person_id: UUID | None = Field(None, description="Personne absente ; vide : vous-même")
    first_on: date = Field(description="Premier jour d’absence")
    last_on: date = Field(description="Dernier jour d’absence")
    delegate_id: UUID | None = Field(None, description="Qui lit ses messages pendant ce temps")
    visits_given_up: bool = Field(False, description="Quelqu’un d’autre fera ses visites de ces jours-là")


class WorkForm(Form):
    """The days of the week on which somebody works."""

    person_id: UUID | None = Field(None, description="Personne ; vide : vous-même")
    weekdays: frozenset[int] = Field(description="Jours travaillés, 0 pour lundi ; vide : tous les jours ouverts")


class DutyForm(Form):
    """A time on duty."""

    person_id: UUID | None = Field(None, description="Personne d’astreinte ; vide : vous-même")
    from_at: Aware
    to_at: Aware


@dataclass(frozen=True)
class Planning:
    """All that was said of a programme, its team and its organisations and is not over."""

    absences: Sequence[Absence]
    patterns: Sequence[WorkPattern]
    duties: Sequence[Duty]
    closures: Sequence[OrganisationClosure]
    days_off: Sequence[Closure]


@dataclass(frozen=True)
class Colleague:
    """Somebody of the team as the calendar shows him: his days, his absences, and when he reads next."""

    reader: Reader
    name: str
    organisation: str
    weekdays: frozenset[int] | None
    absences: Sequence[Absence]
    reading: Reading


@dataclass(frozen=True)
class Readers:
    """Who gets what is for the coordination now: the mail of the day, and what is urgent."""

    daily: Sequence[str]
    urgent: Sequence[str]


def declare_absence(unit: UnitOfWork, hand: Hand, form: AbsenceForm) -> Absence:
    """Somebody will be away: his messages go to the delegate, who may be away too and name another; and who makes the
    visits of these days in his place is asked of the operator. Raises `InvalidInput` unless that was said.
    """
    reader = _somebody(unit, hand.actor, form.person_id)
    _check_order(form.first_on, form.last_on)
    if form.delegate_id is not None:
        _check_delegate(unit, hand.actor, reader, form.delegate_id)
    given_up = _visits_between(unit, hand.actor, reader, form)
    if given_up and not form.visits_given_up:
        when = ", ".join(wording.day(day) for day in sorted(set(given_up.values())))
        raise InvalidInput("visits_given_up", f"Des visites sont prévues ({when}) : quelqu’un d’autre les fera-t-il ?")
    absence = Absence(
        programme_id=_programme(hand.actor),
        person_id=reader.person_id,
        first_on=form.first_on,
        last_on=form.last_on,
        delegate_id=form.delegate_id,
    )
    unit.session.add(absence)
    _noted(unit, hand.actor, "absence.declared")
    for case_id in given_up:
        visits.relieve_officers(unit, hand, locked_case(unit, case_id))
    return absence


def _visits_between(unit: UnitOfWork, actor: Actor, reader: Reader, form: AbsenceForm) -> dict[UUID, date]:
    """The cases that somebody was to visit on the days of an absence, each with its day."""
    planned, calendar = visits.to_make(unit, _programme(actor), reader.person_id), calendar_of(unit, _programme(actor))
    days = {visit.case_id: calendar.local_day(visit.starts_at) for visit in planned}
    return {case_id: day for case_id, day in days.items() if form.first_on <= day <= form.last_on}


def cancel_absence(unit: UnitOfWork, hand: Hand, absence_id: UUID) -> None:
    """Somebody will be there after all."""
    absence = unit.session.get(Absence, absence_id)
    if absence is None or absence.programme_id != hand.actor.programme_id:
        raise NotFound
    _somebody(unit, hand.actor, absence.person_id)
    unit.session.delete(absence)
    _noted(unit, hand.actor, "absence.cancelled")


def set_work_days(unit: UnitOfWork, hand: Hand, form: WorkForm) -> frozenset[int]:
    """On which days of the week somebody works: the mail of the day waits for the next one. None given: every day."""
    reader = _somebody(unit, hand.actor, form.person_id)
    if not form.weekdays <= set(range(7)):
        raise InvalidInput("weekdays", "Un jour de la semaine se note de 0 (lundi) à 6 (dimanche).")
    programme_id = _programme(hand.actor)
    known = unit.session.get(WorkPattern, (programme_id, reader.person_id))
    if known is not None:
        unit.session.delete(known)
        unit.session.flush()
    if form.weekdays:
        days = sorted(form.weekdays)
        unit.session.add(WorkPattern(programme_id=programme_id, person_id=reader.person_id, weekdays=days))
    _noted(unit, hand.actor, "work_days.set")
    return form.weekdays


def set_duty(unit: UnitOfWork, hand: Hand, form: DutyForm) -> Duty:
    """A coordinator answers for the coordination for a time: what is urgent reaches him at once, closed day or not."""
    require(hand.actor, Right.PRESENCE)
    reader = _somebody(unit, hand.actor, form.person_id)
    if reader.role is not Role.COORDINATOR:
        raise InvalidInput("person_id", "Seule une personne de la coordination peut être d’astreinte.")
    if form.to_at <= form.from_at:
        raise InvalidInput("to_at", BACKWARDS)
    duty = Duty(
        programme_id=_programme(hand.actor),
        person_id=reader.person_id,
        from_at=form.from_at,
        to_at=form.to_at,
    )
    unit.session.add(duty)
    _noted(unit, hand.actor, "duty.set")
    return duty


def end_duty(unit: UnitOfWork, hand: Hand, duty_id: UUID) -> None:
    """Somebody is not on duty after all."""
    require(hand.actor, Right.PRESENCE)
    duty = unit.session.get(Duty, duty_id)
    if duty is None or duty.programme_id != hand.actor.programme_id:
        raise NotFound
    unit.session.delete(duty)
    _noted(unit, hand.actor, "duty.ended")


def planning(unit: UnitOfWork, actor: Actor) -> Planning:
    """What is said of today and later: of all for whoever may change it, else of oneself; closures for everybody."""
    programme_id = _programme(actor)
    own = None if Right.PRESENCE in rights(actor) else _somebody(unit, actor, None).person_id
    today = today_of(unit, programme_id)
    absences = select(Absence).where(Absence.programme_id == programme_id, Absence.last_on >= today)
    patterns = select(WorkPattern).where(WorkPattern.programme_id == programme_id)
    duties = select(Duty).where(Duty.programme_id == programme_id, Duty.to_at > unit.now)
    closures = (
        select(OrganisationClosure)
        .join(Organisation, Organisation.id == OrganisationClosure.organisation_id)
        .where(Organisation.programme_id == programme_id, OrganisationClosure.last_on >= today)
    )
    days_off = select(Closure).where(Closure.programme_id == programme_id, Closure.last_on >= today)
    if own is not None:
        absences, patterns = absences.where(Absence.person_id == own), patterns.where(WorkPattern.person_id == own)
        duties = duties.where(Duty.person_id == own)
    session = unit.session
    return Planning(
        absences=session.scalars(absences.order_by(Absence.first_on, Absence.id)).all(),
        patterns=session.scalars(patterns.order_by(WorkPattern.person_id)).all(),
        duties=session.scalars(duties.order_by(Duty.from_at, Duty.id)).all(),
        closures=session.scalars(closures.order_by(OrganisationClosure.first_on, OrganisationClosure.id)).all(),
        days_off=session.scalars(days_off.order_by(Closure.first_on, Closure.id)).all(),
    )


def team(unit: UnitOfWork, actor: Actor, known: Planning) -> list[Colleague]:
    """Those whom the actor may speak for, himself first: the whole team for the coordination, else himself alone."""
    programme_id = _programme(actor)
    found = roster(unit, programme_id)
    seen = {each.person_id: each for each in reversed(found.team)}
    shown = seen.values() if Right.PRESENCE in rights(actor) else [_somebody(unit, actor, None)]
    organisations = {
        each.id: each.name
        for each in unit.session.scalars(select(Organisation).where(Organisation.programme_id == programme_id))
    }
    listed = [
        Colleague(
            reader=reader,
            name=reader.name,
            organisation=organisations.get(reader.organisation_id, "") if reader.organisation_id else "",
            weekdays=found.weekdays.get(reader.person_id),
            absences=[each for each in known.absences if each.person_id == reader.person_id],
            reading=reading(unit, programme_id, reader),
        )
        for reader in shown
    ]
    return sorted(listed, key=lambda each: (each.reader.person_id != actor.id, each.organisation, each.name))


def people(unit: UnitOfWork, actor: Actor) -> dict[UUID, str]:
    """The names of the team."""
    return {each.person_id: each.name for each in roster(unit, _programme(actor)).team}


def stand_ins(unit: UnitOfWork, actor: Actor, person_id: UUID) -> dict[UUID, str]:
    """Who may read for somebody while he is away. Raises `NotFound` for a stranger."""
    reader = _somebody(unit, actor, person_id)
    allowed = colleagues(roster(unit, _programme(actor)), reader)
    return {each.person_id: each.name for each in allowed if each.person_id != person_id}


def readers_now(unit: UnitOfWork, actor: Actor) -> Readers:
    """Who gets what is for the coordination if it is written now."""
    require(actor, Right.PRESENCE)
    programme_id = _programme(actor)
    daily = coordination(unit, programme_id, urgent=False, daily=True)
    urgent = coordination(unit, programme_id, urgent=True, daily=False)
    return Readers([each.name for each in daily], [each.name for each in urgent])


def forget_old(unit: UnitOfWork) -> int:
    """Drop who was away or on duty once that has been over for a month; how many rows."""
    before = unit.now - KEPT
    old = [
        *unit.session.scalars(select(Absence).where(Absence.last_on < before.date())),
        *unit.session.scalars(select(Duty).where(Duty.to_at < before)),
    ]
    for row in old:
        unit.session.delete(row)
    return len(old)


def _programme(actor: Actor) -> UUID:
    if actor.kind != "person" or actor.programme_id is None:
        raise NotFound
    return actor.programme_id


def _somebody(unit: UnitOfWork, actor: Actor, person_id: UUID | None) -> Reader:
    """Oneself, or for a coordinator anybody of the team. Raises `NotFound`, so a stranger learns nothing."""
    found = roster(unit, _programme(actor))
    wanted = person_id or actor.id
    if wanted != actor.id and Right.PRESENCE not in rights(actor):
        raise NotFound
    reader = next((reader for reader in found.team if reader.person_id == wanted), None)
    if reader is None:
        raise NotFound
    return reader


def _check_delegate(unit: UnitOfWork, actor: Actor, reader: Reader, delegate_id: UUID) -> None:
    if delegate_id == reader.person_id:
        raise InvalidInput("delegate_id", "On ne se remplace pas soi-même.")
    allowed = colleagues(roster(unit, _programme(actor)), reader)
    if delegate_id not in {each.person_id for each in allowed}:
        raise InvalidInput("delegate_id", "Le remplaçant doit être de la même équipe.")


def _check_order(first_on: date, last_on: date) -> None:
    if last_on < first_on:
        raise InvalidInput("last_on", BACKWARDS)


def _noted(unit: UnitOfWork, actor: Actor, action: str) -> None:
    forget(unit, _programme(actor))
    note_access(unit, actor, action, case_id=None)
