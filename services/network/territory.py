"""Where the programme works: communes, each between two days; changed from a day on, with what that means said first.

Nothing is moved by a change: the territory is looked at when a request is examined, on the day on which it came.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from pydantic import Field, field_validator
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from models.cases import Case, Dwelling
from models.programmes import Commune, Territory
from models.vocabulary import CaseState, Stage
from services.forms import Form
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, note_access, programme_of, require, visible
from services.rules.published import today_of

CHANGED: Final = "territory.changed"
ONE_DAY: Final = timedelta(days=1)
_EXAMINED: Final = (CaseState.SUBMITTED, CaseState.TRIAGE)


class TerritoryForm(Form):
    """Communes that enter the territory and communes that leave it, by their INSEE codes."""

    enter: list[str] = Field(default_factory=list, max_length=2000, description="Communes qui entrent")
    leave: list[str] = Field(default_factory=list, max_length=2000, description="Communes qui sortent")
    from_on: date = Field(description="À partir de ce jour, aujourd’hui ou plus tard")

    @field_validator("enter", "leave")
    @classmethod
    def _once(cls, codes: list[str]) -> list[str]:
        return list(dict.fromkeys(code.upper() for code in codes))


@dataclass(frozen=True)
class Place:
    """A commune of the territory with its days; `to_on` is its last, None when no end is said."""

    commune: Commune
    from_on: date
    to_on: date | None


@dataclass(frozen=True)
class Effect:
    """What a change means: communes that enter and leave; open cases in those that leave; requests under examination
    that were found outside and lie in those that enter.
    """

    entering: Sequence[Commune]
    leaving: Sequence[Commune]
    open_cases: Sequence[Case]
    requests: Sequence[Case]


def places(unit: UnitOfWork, actor: Actor) -> list[Place]:
    """The territory of today and to come, by commune; what is over is left out."""
    require(actor, Right.TERRITORY)
    query = (
        select(Territory, Commune)
        .join(Commune, Commune.code == Territory.commune_code)
        .where(
            Territory.programme_id == actor.programme_id,
            or_(Territory.to_on.is_(None), Territory.to_on >= today_of(unit, actor.programme_id)),
        )
        .order_by(Commune.search_key, Commune.code, Territory.from_on)
    )
    return [Place(commune, row.from_on, row.to_on) for row, commune in unit.session.execute(query)]


def foresee(unit: UnitOfWork, actor: Actor, form: TerritoryForm) -> Effect:
    """What a change would mean, before anything is done. Raises `InvalidInput` as the change itself does."""
    require(actor, Right.TERRITORY)
    entering, leaving = _checked(unit, actor, form)
    inside = visible(actor).join(Dwelling, Dwelling.id == Case.dwelling_id)
    inside = inside.options(joinedload(Case.dwelling).joinedload(Dwelling.commune)).order_by(Case.opened_at, Case.id)
    left = inside.where(Dwelling.commune_code.in_([each.code for each in leaving]), Case.stage != Stage.CLOSED)
    asked = inside.where(Dwelling.commune_code.in_([each.code for each in entering]), Case.state.in_(_EXAMINED))
    return Effect(
        entering=entering,
        leaving=leaving,
        open_cases=unit.session.scalars(left).all(),
        requests=[each for each in unit.session.scalars(asked) if each.checks.get("in_territory") is False],
    )


def change(unit: UnitOfWork, hand: Hand, form: TerritoryForm) -> Effect:
    """Communes enter and leave the territory from a day on; the days before stay as they were."""
    effect = foresee(unit, hand.actor, form)
    programme_id = programme_of(hand.actor)
    for commune in effect.entering:
        _enter(unit, programme_id, commune.code, form.from_on)
    for commune in effect.leaving:
        _leave(unit, programme_id, commune.code, form.from_on)
    unit.session.flush()
    note_access(unit, hand.actor, CHANGED, case_id=None)
    return effect


def _checked(unit: UnitOfWork, actor: Actor, form: TerritoryForm) -> tuple[list[Commune], list[Commune]]:
    if form.from_on < today_of(unit, actor.programme_id):
        raise InvalidInput("from_on", "Ce jour est passé : ce qu’était le territoire reste écrit.")
    if not form.enter and not form.leave:
        raise InvalidInput("enter", "Dites quelles communes entrent ou sortent.")
    both = set(form.enter) & set(form.leave)
    if both:
        raise InvalidInput("leave", f"La commune {min(both)} ne peut pas entrer et sortir le même jour.")
    communes = {each.code: each for each in unit.session.scalars(
        select(Commune).where(Commune.code.in_([*form.enter, *form.leave])))}  # fmt: skip
    for field, codes in (("enter", form.enter), ("leave", form.leave)):
        unknown = next((code for code in codes if code not in communes), None)
        if unknown is not None:
            raise InvalidInput(field, f"La commune {unknown} n’est pas connue.")
    rows = _rows(unit, programme_of(actor), communes)
    for code in form.enter:
        if any(row.from_on <= form.from_on and row.to_on is None for row in rows if row.commune_code == code):
            raise InvalidInput("enter", f"{communes[code].name} est déjà du territoire.")
    for code in form.leave:
        if not any(_lasts(row, form.from_on) for row in rows if row.commune_code == code):
            raise InvalidInput("leave", f"{communes[code].name} n’est pas du territoire ce jour-là.")
    return [communes[code] for code in form.enter], [communes[code] for code in form.leave]


def _rows(unit: UnitOfWork, programme_id: UUID, codes: Collection[str]) -> Sequence[Territory]:
    query = select(Territory).where(Territory.programme_id == programme_id, Territory.commune_code.in_(codes))
    return unit.session.scalars(query.order_by(Territory.commune_code, Territory.from_on).with_for_update()).all()


def _lasts(row: Territory, day: date) -> bool:
    """Whether some of its days are that one or later."""
    return row.to_on is None or row.to_on >= day


def _enter(unit: UnitOfWork, programme_id: UUID, code: str, day: date) -> None:
    """In from that day without an end; what was to begin or to end later is overtaken."""
    kept = None
    for row in _rows(unit, programme_id, [code]):
        if row.from_on > day:
            unit.session.delete(row)
        elif row.to_on is None or row.to_on >= day - ONE_DAY:
            row.to_on, kept = None, row
    if kept is None:
        unit.session.add(Territory(programme_id=programme_id, commune_code=code, from_on=day))


def _leave(unit: UnitOfWork, programme_id: UUID, code: str, day: date) -> None:
    """Out from that day; what was to begin later begins no more."""
    for row in _rows(unit, programme_id, [code]):
        if row.from_on >= day:
            unit.session.delete(row)
        elif _lasts(row, day):
            row.to_on = day - ONE_DAY


def communes_on(programme_id: UUID, day: date) -> Select[str]:
    """The INSEE codes of the communes in which the programme works that day: a query."""
    return select(Territory.commune_code).where(
        Territory.programme_id == programme_id,
        Territory.from_on <= day,
        or_(Territory.to_on.is_(None), Territory.to_on >= day),
    )
