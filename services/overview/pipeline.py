"""The five stages at a glance: how many, how late, how old, who is waited for, where it blocks; and the cards of the
next days. Every number is that of a list (`services.listing`) with the filters that stand beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, bindparam, distinct, func, null, select, true, tuple_
from sqlalchemy import case as either

from models.cases import Case
from models.engine import Event, Task, Work
from models.programmes import Organisation
from models.vocabulary import Party, Stage
from services import listing
from services.foundation.database import UnitOfWork
from services.listing import OPEN_STAGES, Filters, Question
from services.rules.policy import Actor, is_visible, look_up_known
from services.rules.ranking import DANGER

DAYS: Final = 14
"""The cards are those of the cases that need a hand within so many days."""
CARDS: Final = 6
"""How many stand in a column; the others are one link away."""
NAMED: Final = (Party.PARTNER, Party.OPERATOR)
"""Whose organisation is told apart; the others are waited for as a side."""
STAMP_MINUTES: Final = 5


@dataclass(frozen=True)
class Waiting:
    """A side that cases of a stage wait for, how many of them late, and since when the oldest of these was asked."""

    party: Party
    organisation_id: UUID | None
    name: str
    cases: int
    late: int
    since: datetime | None
    filters: Filters


@dataclass(frozen=True)
class Column:
    """One stage. `age_days` is the median age of its cases since they were opened; None when there is none."""

    stage: Stage
    count: int
    late: int
    soon: int
    age_days: int | None
    waiting: Sequence[Waiting]
    cards: Sequence[Task]
    filters: Filters


@dataclass(frozen=True)
class Board:
    """All stages, and where the path blocks: the stage with most late cases, and whom most of these wait for."""

    columns: Sequence[Column]
    total: int
    block: tuple[Column, Waiting] | None


def board(unit: UnitOfWork, actor: Actor, filters: Filters) -> Board:
    """Read with a fixed number of queries, however many cases there are."""
    base = filters.but(open_only=True, stage=None)
    counts = listing.cases(unit, actor, base).by(unit, Case.stage)
    soon, late = _due(unit, actor, base)
    ages, waiting, cards = _ages(unit, actor, base, counts), _waiting(unit, actor, base), _cards(unit, actor, base)
    columns = [
        Column(stage, counts.get(stage, 0), late.get(stage, 0), soon.get(stage, 0), ages.get(stage),
               waiting[stage], cards[stage], base.but(stage=stage))
        for stage in OPEN_STAGES
    ]  # fmt: skip
    return Board(columns, sum(column.count for column in columns), _block(columns))


def stamp(unit: UnitOfWork, actor: Actor) -> str:
    """Changes when something happened to a case that the reader sees, when the engine did its part of it, and as time
    goes by; what happened before it last did so is not looked for.
    """
    every = timedelta(minutes=STAMP_MINUTES)
    turn = (unit.now - EPOCH) // every
    sees = select(Case.id).where(is_visible(actor))
    happened = select(func.max(Event.occurred_at)).where(
        Event.programme_id == actor.programme_id,
        Event.occurred_at >= EPOCH + turn * every,
        sees.where(Case.id == Event.case_id).exists(),
    )
    to_do = select(func.count()).select_from(Work).where(sees.where(Case.id == Work.case_id).exists())
    last = unit.session.scalar(happened)
    return f"{turn}-{last.timestamp() if last else 0}-{unit.session.scalar(to_do)}"


EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


def _ages(unit: UnitOfWork, actor: Actor, base: Filters, counts: Mapping[str, int]) -> dict[str, int]:
    """The median age of each stage's cases, in days: of them all in order, the one or two in the middle are read."""
    query = (
        listing.cases(unit, actor, base.but(open_only=False))
        .query.with_only_columns(Case.opened_at)
        .where(Case.stage == bindparam("stage"))
        .order_by(Case.opened_at)
        .limit(bindparam("most", type_=Integer))
        .offset(bindparam("before", type_=Integer))
    )
    found = {}
    for stage, count in counts.items():
        middle = unit.rows(query, stage=stage, before=(count - 1) // 2, most=2 - count % 2)
        ages = [(unit.now - row.opened_at).total_seconds() / 86400 for row in middle]
        found[stage] = int(median(ages))
    return found


def _due(unit: UnitOfWork, actor: Actor, base: Filters) -> tuple[dict[str, int], dict[str, int]]:
    """How many cases of each stage need a hand within the next days, and how many of these are late."""
    asked = listing.owed(unit, actor, base.but(within=DAYS)).query.group_by(Task.stage)
    rows = unit.session.execute(asked.with_only_columns(Task.stage, *_cases_and_late(unit))).all()
    return {row.stage: row.cases for row in rows}, {row.stage: row.late for row in rows}


def _cases_and_late(unit: UnitOfWork) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """How many cases some tasks are of, and of how many one is late."""
    late = either((Task.due_at < unit.now, Task.case_id))
    return func.count(distinct(Task.case_id)).label("cases"), func.count(distinct(late)).label("late")


def _waiting(unit: UnitOfWork, actor: Actor, base: Filters) -> defaultdict[str, list[Waiting]]:
    """Whom the cases of each stage wait for, the side with most cases first; counted in the order of an index."""
    asked, whose = listing.owed(unit, actor, base).query, (Task.stage, Task.party)
    since = func.min(either((Task.due_at < unit.now, Task.opened_at)), type_=Task.opened_at.type).label("since")
    counts = (*_cases_and_late(unit), since)
    named = asked.where(Task.party.in_(NAMED)).with_only_columns(*whose, Task.organisation_id, *counts)
    others = asked.where(Task.party.not_in(NAMED)).with_only_columns(*whose, null().label("organisation_id"), *counts)
    queries = named.group_by(*whose, Task.organisation_id), others.group_by(*whose)
    rows = [row for query in queries for row in unit.session.execute(query)]
    names = _names(unit, {row.organisation_id for row in rows if row.organisation_id})
    found: defaultdict[str, list[Waiting]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-row.cases, row.party, str(row.organisation_id))):
        party = Party(row.party)
        narrowed = base.but(stage=Stage(row.stage), party=party, organisation_id=row.organisation_id)
        name = names.get(row.organisation_id, "")
        found[row.stage].append(Waiting(party, row.organisation_id, name, row.cases, row.late, row.since, narrowed))
    return found


def _names(unit: UnitOfWork, ids: set[UUID]) -> dict[UUID, str]:
    rows = unit.session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids)))
    return {row.id: row.name for row in rows}


def _cards(unit: UnitOfWork, actor: Actor, base: Filters) -> defaultdict[str, list[Task]]:
    """The first cases of each column, each with its most pressing task; a danger comes before any date.

    All of them in order would be thousands: the index of what is owed gives them by date, those of full columns left
    out, until there are enough.
    """
    asked = listing.owed(unit, actor, base.but(within=DAYS))
    columns: defaultdict[str, dict[UUID, UUID]] = defaultdict(dict)
    for pressing in (Task.kind == DANGER, Task.kind != DANGER):
        _fill(unit, columns, asked.where(pressing))
    chosen = {stage: list(tasks.values())[:CARDS] for stage, tasks in columns.items()}
    shown = asked.those(unit, [task_id for tasks in chosen.values() for task_id in tasks])
    look_up_known(unit, actor, [task.case for task in shown])
    by_id = {task.id: task for task in shown}
    return defaultdict(list, {stage: [by_id[task_id] for task_id in tasks] for stage, tasks in chosen.items()})


def _fill(unit: UnitOfWork, columns: defaultdict[str, dict[UUID, UUID]], asked: Question[Task]) -> None:
    """Add the first task of the next cases, until the columns are full or there is none any more."""
    by_date = asked.query.with_only_columns(Task.id, Task.case_id, Task.stage, Task.due_at).order_by(*asked.order)
    after: ColumnElement[bool] = true()
    more = True
    while more and (lacking := [stage for stage in OPEN_STAGES if len(columns[stage]) < CARDS]):
        rows = unit.session.execute(by_date.where(Task.stage.in_(lacking), after).limit(AT_ONCE)).all()
        for row in rows:
            columns[row.stage].setdefault(row.case_id, row.id)
        more = len(rows) == AT_ONCE
        after = tuple_(Task.due_at, Task.id) > (rows[-1].due_at, rows[-1].id) if more else after


AT_ONCE: Final = 10 * CARDS


def _block(columns: Sequence[Column]) -> tuple[Column, Waiting] | None:
    worst = max(columns, key=lambda column: (column.late, column.late / max(1, column.count)))
    late = [each for each in worst.waiting if each.late]
    if not worst.late or not late:
        return None
    side = max(late, key=lambda each: (each.late, each.name))
    return worst, side
