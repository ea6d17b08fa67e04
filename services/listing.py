"""One question asked of the cases, or of what is owed: its count, its groups, its pages and its export are one query.

So a counter, its list, its column and its file never differ. Filters are what an address may say
(`?etape=visit&retard=1`), so that any figure leads to its cases; a name, a number or a street never stands in an
address and is no filter.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Row, Select, and_, distinct, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from models.base import Base
from models.cases import Case, Dwelling, Need, Referral, SupplyCut, Visit
from models.engine import IS_OPEN, Event, Task
from models.events import (
    CaseAccepted,
    FollowUpCalled,
    HouseholdReached,
    ReferralAccepted,
    ReferralSent,
    ReportDelivered,
    VisitHeld,
)
from models.vocabulary import CaseState, Party, RejectionReason, Role, Stage, Theme
from services.foundation.calendar import ONE_DAY
from services.foundation.database import UnitOfWork
from services.rules.policy import Actor, is_visible, sees_all, visible
from services.rules.published import calendar_of
from services.rules.ranking import DANGER

PAGE: Final = 50
HORIZON_WORKING_DAYS: Final = 5
"""How far ahead a task counts as "to do": a call in six months does not."""

T = TypeVar("T", bound=Base)
Shown = TypeVar("Shown")


class Filters(BaseModel):
    """What narrows a list. Each field is named in an address by its alias; what concerns a task is true of one task."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    stage: Stage | None = Field(default=None, alias="etape")
    state: CaseState | None = Field(default=None, alias="etat")
    operator_id: UUID | None = Field(default=None, alias="operateur")
    commune: str | None = Field(default=None, alias="commune", max_length=5)  # its INSEE code
    danger: bool = Field(default=False, alias="danger")
    open_only: bool = Field(default=False, alias="ouvertes")
    party: Party | None = Field(default=None, alias="attente")
    organisation_id: UUID | None = Field(default=None, alias="organisation")  # whose answer is awaited
    person_id: UUID | None = Field(default=None, alias="personne")
    kind: str | None = Field(default=None, alias="tache", max_length=40)
    late: bool = Field(default=False, alias="retard")
    within: int | None = Field(default=None, alias="sous", ge=1, le=90)  # due within so many days, or late
    opened_from: date | None = Field(default=None, alias="du")  # days of the programme's wall, both included
    opened_to: date | None = Field(default=None, alias="au")
    step: str | None = Field(default=None, alias="passee", max_length=20)  # went at least so far: a key of STEPS
    households: bool = Field(default=False, alias="menages")  # each once: without those that were doubles
    not_eligible: bool = Field(default=False, alias="hors_conditions")
    unmet: Theme | None = Field(default=None, alias="sans_solution")
    to_do: bool = Field(default=False, alias="a_faire")  # needs a hand of the reader, today or these days
    cut: bool = Field(default=False, alias="coupure")  # a supply that a supplier means to cut
    alone: bool = Field(default=False, alias="seules")  # under way, and needs none

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:
        """A form sends its empty fields too."""
        return {name: value for name, value in given.items() if value != ""} if isinstance(given, Mapping) else given

    def but(self, **changed: Any) -> "Filters":
        """The same, with some of them changed: one column of a board, one figure of a page."""
        return self.model_copy(update=changed)

    def address(self, path: str, **more: object) -> str:
        """Where this list is shown; only what narrows it is said."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | more
        typed = {name: "1" if value is True else value for name, value in said.items()}
        return f"{path}?{urlencode(typed)}" if typed else path


@dataclass(frozen=True)
class Page(Generic[Shown]):
    """Some rows of a list: the `number`th page (1, 2, …) of `total` rows."""

    rows: list[Shown]
    number: int
    total: int

    @property
    def first(self) -> int:
        """The rank of its first row."""
        return (self.number - 1) * PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The rank of its last row."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def has_next(self) -> bool:
        """Whether rows follow."""
        return self.last < self.total


def nearest(number: int, total: int) -> int:
    """The page that exists, nearest to the one that was asked for."""
    return min(max(1, number), max(1, -(-total // PAGE)))


@dataclass(frozen=True)
class Question(Generic[T]):
    """One query, narrowed by the policy, with the order of its list and what its rows are read with."""

    query: Select[T]
    order: tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]
    options: tuple[Any, ...] = ()

    def where(self, *conditions: ColumnElement[bool]) -> "Question[T]":
        """The same question, narrowed further."""
        return Question(self.query.where(*conditions), self.order, self.options)

    def count(self, unit: UnitOfWork, *, of: InstrumentedAttribute[Any] | None = None) -> int:
        """How many; or how many different ones `of` a column, as the cases of tasks."""
        counted = func.count() if of is None else func.count(distinct(of))
        return unit.session.scalar(self.query.with_only_columns(counted)) or 0

    def by(self, unit: UnitOfWork, column: InstrumentedAttribute[Any]) -> dict[Any, int]:
        """How many for each value of a column."""
        rows = unit.session.execute(self.query.with_only_columns(column, func.count()).group_by(column))
        return {row[0]: row[1] for row in rows}

    def page(self, unit: UnitOfWork, number: int = 1, *, total: int | None = None) -> Page[T]:
        """One page; the last one when the number is beyond it. `total` if it was counted already, by an index."""
        if total is None:
            return self._counted_page(unit, max(1, number))
        number = nearest(number, total)
        return Page(self.rows(unit, (number - 1) * PAGE), number, total)

    def _counted_page(self, unit: UnitOfWork, number: int) -> Page[T]:
        """All rows are gone through once, for the page and for their count."""
        found = unit.session.execute(self._keys((number - 1) * PAGE).add_columns(func.count().over())).all()
        if not found and number > 1:
            return self._counted_page(unit, nearest(number, self.count(unit)))
        return Page(self.those(unit, [row[0] for row in found]), number, found[0][1] if found else 0)

    def rows(self, unit: UnitOfWork, before: int = 0) -> list[T]:
        """As many rows as a page has, after so many others; where nobody asks how many there are, the first page.

        The keys, then the rows: these are wide, and what is left out need not be read.
        """
        return self.those(unit, list(unit.session.scalars(self._keys(before))))

    def those(self, unit: UnitOfWork, keys: Collection[UUID]) -> list[T]:
        """The rows of keys that this question gave, in their order; it is not asked again."""
        query = select(self._entity).where(self._entity.id.in_(keys)).options(*self.options)
        found = {row.id: row for row in unit.session.scalars(query)} if keys else {}
        return [found[key] for key in keys if key in found]

    def all(self, unit: UnitOfWork) -> Iterator[T]:
        """Every row: for a file, or for what is shown whole."""
        return chain.from_iterable(self.batches(unit))

    def batches(self, unit: UnitOfWork) -> Iterator[Sequence[T]]:
        """The same, some hundreds at a time: where something more is read beside them."""
        return unit.session.scalars(self._ordered(), execution_options={"yield_per": 500}).partitions()

    def _keys(self, before: int) -> Select[Any]:
        return self.query.with_only_columns(self._entity.id).order_by(*self.order).limit(PAGE).offset(before)

    @property
    def _entity(self) -> Any:
        return self.query.column_descriptions[0]["entity"]

    def _ordered(self) -> Select[T]:
        return self.query.order_by(*self.order).options(*self.options)


def first_of_each_case(unit: UnitOfWork, query: Select[Any], cases: int) -> list[Row[Any]]:
    """Of rows in order, the first one of each of the first so many cases; read twice as many at a time, until there
    are enough, since most cases have one or two.
    """
    found: dict[UUID, Row[Any]] = {}
    at_once, read, more = 2 * cases, 0, True
    while more and len(found) < cases:
        rows = unit.session.execute(query.limit(at_once).offset(read)).all()
        for row in rows:
            found.setdefault(row.case_id, row)
        read, more = read + at_once, len(rows) == at_once
    return list(found.values())[:cases]


STEPS: Final[dict[str, tuple[str, ...]]] = {
    "opened": (),
    "accepted": (CaseAccepted.type,),
    "reached": (HouseholdReached.type,),
    "visited": (VisitHeld.type,),
    "reported": (ReportDelivered.type,),
    "oriented": (ReferralSent.type,),
    "taken_up": (ReferralAccepted.type,),
    "followed": (FollowUpCalled.type,),
}
"""How far a case may go, with the event that says so; a case that went further went so far too."""
EVERYTHING: Final = Filters()
OPEN_STAGES: Final = tuple(stage for stage in Stage if stage is not Stage.CLOSED)
CASE_ID: Final = Case.id
OWNER: Final[ColumnElement[Any]] = func.coalesce(
    Task.person_id, select(Visit.officer_id).where(Visit.id == Task.visit_id).scalar_subquery(), type_=Case.id.type
)
"""Whoever said "I do it", else the officer of the visit that a task is about; nobody yet: null."""
# One query a page: a second one for each relation costs more than the width of the first.
_WHERE_AND_WHOSE: Final = (
    joinedload(Case.dwelling, innerjoin=True).joinedload(Dwelling.commune, innerjoin=True),
    joinedload(Case.operator),
)
_CASE_OPTIONS: Final = (joinedload(Case.household, innerjoin=True), *_WHERE_AND_WHOSE)
_TASK_OPTIONS: Final = (
    joinedload(Task.case, innerjoin=True).options(*_WHERE_AND_WHOSE),
    joinedload(Task.organisation),
    joinedload(Task.person),
    joinedload(Task.visit),
    joinedload(Task.referral).options(joinedload(Referral.partner), joinedload(Referral.need)),
)


def owner_of(task: Task) -> UUID | None:
    """The same, of a task that was read."""
    return task.person_id or (task.visit.officer_id if task.visit else None)


def cases(unit: UnitOfWork, actor: Actor, filters: Filters = EVERYTHING) -> Question[Case]:
    """The cases that the actor may read, the most recent first; with filters about tasks, those with such a task."""
    query = visible(actor).where(*_in_stage(filters, Case.stage), *_of_case(filters), *_of_past(unit, actor, filters))
    asked = _of_task(unit, actor, filters)
    if asked:
        query = query.where(_has_task(actor, *asked))
    if filters.alone:
        query = query.where(Case.stage.in_(OPEN_STAGES), ~_has_task(actor, needs_a_hand(unit, actor)))
    return Question(query, (Case.opened_at.desc(), Case.id.desc()), _CASE_OPTIONS)


def owed(unit: UnitOfWork, actor: Actor, filters: Filters = EVERYTHING, *, with_case: bool = False) -> Question[Task]:
    """What somebody must do now on these cases, the most pressing first. What is paused is owed by nobody.

    The case is joined where something is asked of it, or read of it beside the task (`with_case`).
    """
    of_case = [*_of_case(filters), *_of_past(unit, actor, filters)]
    of_task = [RUNNING, *_in_stage(filters, Task.stage), *_of_task(unit, actor, filters)]
    query = select(Task).where(Task.programme_id == actor.programme_id, *of_task)
    if not sees_all(actor):  # the stage is said of his cases, too: an index has those of an operator by it
        of_case += [is_visible(actor), *_in_stage(filters, Case.stage)]
    if of_case or with_case:
        query = query.join(Case, Case.id == Task.case_id).where(*of_case)
    return Question(query, (Task.due_at, Task.id), _TASK_OPTIONS)


def needs_a_hand(unit: UnitOfWork, actor: Actor) -> ColumnElement[bool]:
    """Of the running tasks, those of the reader's day: his side's own of the next days, what is late, every danger.

    A coordinator has everybody's late ones. What was put off until a later day is not of this one.
    """
    if actor.programme_id is None:
        return false()
    calendar = calendar_of(unit, actor.programme_id)
    soon = calendar.due_after(unit.now, working_days=HORIZON_WORKING_DAYS)
    coordinates = actor.role is Role.COORDINATOR
    due = and_(Task.party == (Party.COORDINATOR if coordinates else Party.OPERATOR), Task.due_at <= soon)
    if coordinates:
        due = or_(due, Task.due_at < unit.now)
    awake = or_(Task.snoozed_until.is_(None), Task.snoozed_until <= calendar.local_day(unit.now))
    return or_(Task.kind == DANGER, and_(due, awake))


RUNNING: Final = and_(IS_OPEN, Task.paused_at.is_(None))
"""Owed by somebody now."""


def _has_task(actor: Actor, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    owing = select(Task.case_id).where(Task.programme_id == actor.programme_id, RUNNING, *conditions)
    return Case.id.in_(owing)


NOT_ELIGIBLE: Final = (
    RejectionReason.OVER_INCOME,
    RejectionReason.OUT_OF_TERRITORY,
    RejectionReason.ALREADY_ACCOMPANIED,
    RejectionReason.NOT_ENERGY,
)
"""The conditions of the service that a household does not meet."""
_STOPPED_EARLY: Final = (CaseState.REJECTED, CaseState.NOT_ELIGIBLE)


def _in_stage(filters: Filters, stage: InstrumentedAttribute[str]) -> list[ColumnElement[bool]]:
    """Where a case stands, said of it or of what is asked on it."""
    found = [stage == filters.stage] if filters.stage else []
    return [*found, stage.in_(OPEN_STAGES)] if filters.open_only else found


def _of_case(filters: Filters) -> list[ColumnElement[bool]]:
    return [condition(filters) for name, condition in _CASE_FILTERS.items() if getattr(filters, name)]


_CASE_FILTERS: Final[dict[str, Callable[[Filters], ColumnElement[bool]]]] = {
    "state": lambda asked: Case.state == asked.state,
    "operator_id": lambda asked: Case.operator_id == asked.operator_id,
    "commune": lambda asked: Case.dwelling_id.in_(select(Dwelling.id).where(Dwelling.commune_code == asked.commune)),
    "danger": lambda _: and_(Case.danger.is_not(None), Case.stage.in_(OPEN_STAGES)),
    "households": lambda _: Case.state != CaseState.MERGED,
    "not_eligible": lambda _: and_(Case.state.in_(_STOPPED_EARLY), Case.outcome.in_(NOT_ELIGIBLE)),
    "unmet": lambda asked: Case.id.in_(
        select(Need.case_id).where(Need.theme == asked.unmet, Need.gap_reason.is_not(None))
    ),
    "cut": lambda _: and_(
        Case.id.in_(select(SupplyCut.case_id).where(SupplyCut.outcome.is_(None))), Case.stage.in_(OPEN_STAGES)
    ),
}


def _of_past(unit: UnitOfWork, actor: Actor, filters: Filters) -> list[ColumnElement[bool]]:
    """When a case was opened, and how far it went."""
    found: list[ColumnElement[bool]] = []
    if (filters.opened_from or filters.opened_to) and actor.programme_id is not None:
        calendar = calendar_of(unit, actor.programme_id)
        if filters.opened_from:
            found.append(Case.opened_at >= calendar.start_of(filters.opened_from))
        if filters.opened_to:
            found.append(Case.opened_at < calendar.start_of(filters.opened_to + ONE_DAY))
    later = [type_ for types in _from(filters.step) for type_ in types]
    if later:
        found.append(select(Event.id).where(Event.case_id == Case.id, Event.type.in_(later)).exists())
    return found


def _from(step: str | None) -> list[tuple[str, ...]]:
    """The events of a step and of all those after: going further is going at least so far. Every case was opened."""
    codes = list(STEPS)
    return [STEPS[code] for code in codes[codes.index(step) :]] if step in codes[1:] else []


def _of_task(unit: UnitOfWork, actor: Actor, filters: Filters) -> list[ColumnElement[bool]]:
    found = [condition(filters, unit) for name, condition in _TASK_FILTERS.items() if getattr(filters, name)]
    return [needs_a_hand(unit, actor), *found] if filters.to_do else found


_TASK_FILTERS: Final[dict[str, Callable[[Filters, UnitOfWork], ColumnElement[bool]]]] = {
    "party": lambda asked, _: Task.party == asked.party,
    "organisation_id": lambda asked, _: Task.organisation_id == asked.organisation_id,
    "person_id": lambda asked, _: OWNER.is_not_distinct_from(asked.person_id),
    "kind": lambda asked, _: Task.kind == asked.kind,
    "late": lambda _, unit: Task.due_at < unit.now,
    "within": lambda asked, unit: Task.due_at <= unit.now + timedelta(days=asked.within or 0),
}
