"""What a programme's figures say of the cases opened in a period: how far they go, how long it takes, how old the open
ones are, when they come. Read once, a row a case; nothing here is about fewer than five people (`rules/disclosure.py`).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import case as either
from sqlalchemy import func, select

from models.cases import Alert, Case, Need
from models.engine import Event
from models.programmes import Commune, Territory
from models.vocabulary import Theme
from services import listing
from services.foundation.calendar import ONE_DAY, months_later
from services.foundation.database import UnitOfWork
from services.listing import STEPS, Filters
from services.rules.disclosure import FEWEST, FEWEST_FOR_TENTHS, is_small, parts, steps
from services.rules.finding import by_name
from services.rules.policy import Actor, Right, require
from services.rules.published import calendar_of, today_of

DELAYS: Final = (
    ("accepted", "opened", "accepted"),
    ("reached", "accepted", "reached"),
    ("visited", "opened", "visited"),
    ("reported", "visited", "reported"),
    ("oriented", "reported", "oriented"),
    ("taken_up", "oriented", "taken_up"),
)
"""Each delay with the two steps that it lies between."""
AGES: Final = ((0, 14), (15, 30), (31, 60), (61, 180), (181, 365), (366, None))
"""Bands of days since a case was opened, both ends included."""
DAY_S: Final = 86400


@dataclass(frozen=True)
class Count:
    """A number that may be told, or None; `filters` list the same cases."""

    code: str
    count: int | None
    filters: Filters


@dataclass(frozen=True)
class Delay:
    """How long a step took, in days; None when too few took it. How many is the funnel's to tell or keep."""

    code: str
    median: float | None
    ninth: float | None


@dataclass(frozen=True)
class Figures:
    """All figures of a period. `filters` list the cases opened in it."""

    filters: Filters
    total: int | None
    received: Sequence[Count]
    gaps: Sequence[Count]
    funnel: Sequence[Count]
    delays: Sequence[Delay]
    ages: Sequence[Count]
    open_cases: int | None
    seasons: Sequence[Count]


def figures(unit: UnitOfWork, actor: Actor, filters: Filters) -> Figures:
    """The figures of the cases opened in the period of `filters` (and of its commune). Raises `Denied`."""
    require(actor, Right.READ)
    filters = filters.but(households=True)
    plain = tally(unit, actor, filters)
    rows = _cohort(unit, actor, filters)
    told = steps([sum(1 for row in rows if _reached(row, code)) for code in STEPS])
    ages, open_cases = _ages(unit, actor, filters)
    return Figures(
        filters=filters,
        total=told[0],
        received=_received(plain, filters),
        gaps=[
            Count(theme.value, None if is_small(count) else count, filters.but(unmet=theme))
            for theme, count in plain.unmet.items()
        ],
        funnel=[Count(code, count, filters.but(step=code)) for code, count in zip(STEPS, told, strict=True)],
        delays=[_delay(code, [_days(row, a, b) for row in rows]) for code, a, b in DELAYS],
        ages=ages,
        open_cases=open_cases,
        seasons=_seasons(unit, actor, filters, rows),
    )


@dataclass(frozen=True)
class Tally:
    """A period counted plainly: what stories expect, and what figures keep back under five people."""

    alerts: int
    households: int
    not_eligible: int
    unmet: Mapping[Theme, int]


def tally(unit: UnitOfWork, actor: Actor, filters: Filters) -> Tally:
    """Requests, households (a double is none), those that do not meet the conditions, needs without solution."""
    filters = filters.but(households=True)
    households = listing.cases(unit, actor, filters)
    ids = households.query.with_only_columns(Case.id)
    gaps = select(Need.theme, func.count()).where(Need.case_id.in_(ids), Need.gap_reason.is_not(None))
    found = {row[0]: row[1] for row in unit.session.execute(gaps.group_by(Need.theme))}
    return Tally(
        alerts=unit.session.scalar(select(func.count()).select_from(Alert).where(Alert.case_id.in_(ids))) or 0,
        households=households.count(unit),
        not_eligible=listing.cases(unit, actor, filters.but(not_eligible=True)).count(unit),
        unmet={theme: found[theme] for theme in Theme if theme in found},
    )


def _received(plain: Tally, filters: Filters) -> list[Count]:
    """Each within the one before."""
    counts = {"alerts": plain.alerts, "households": plain.households, "not_eligible": plain.not_eligible}
    told = steps(list(counts.values()))
    narrowed = {"not_eligible": filters.but(not_eligible=True)}
    return [Count(code, count, narrowed.get(code, filters)) for code, count in zip(counts, told, strict=True)]


def last_year(unit: UnitOfWork, actor: Actor) -> Filters:
    """The twelve whole months up to this one, which is under way."""
    today = today_of(unit, actor.programme_id)
    return Filters(opened_from=date(today.year - 1, today.month, 1), opened_to=today)


def communes(unit: UnitOfWork, actor: Actor) -> list[tuple[str, str]]:
    """The communes of the programme's territory, by name."""
    query = (
        select(Commune.code, Commune.name)
        .join(Territory, Territory.commune_code == Commune.code)
        .where(Territory.programme_id == actor.programme_id)
        .distinct()
    )
    return [(row.code, row.name) for row in sorted(unit.session.execute(query), key=by_name)]


def _cohort(unit: UnitOfWork, actor: Actor, filters: Filters) -> Sequence[Any]:
    """One row a case: when it was opened, and when each step was first reached."""
    chosen = listing.cases(unit, actor, filters).query.with_only_columns(Case.id, Case.opened_at).subquery()
    firsts = [
        func.min(either((Event.type.in_(types), Event.occurred_at)), type_=Event.occurred_at.type).label(code)
        for code, types in STEPS.items()
        if types
    ]
    every = [type_ for types in STEPS.values() for type_ in types]
    query = (
        select(chosen.c.id, chosen.c.opened_at.label("opened"), *firsts)
        .outerjoin(Event, (Event.case_id == chosen.c.id) & Event.type.in_(every))
        .group_by(chosen.c.id, chosen.c.opened_at)
    )
    return unit.session.execute(query).all()


def _reached(row: Any, code: str) -> bool:
    """Whether a case went at least so far: a later step counts as all those before."""
    codes = list(STEPS)
    return any(getattr(row, each) is not None for each in codes[codes.index(code) :])


def _days(row: Any, start: str, end: str) -> float | None:
    began, ended = getattr(row, start), getattr(row, end)
    if began is None or ended is None or ended < began:
        return None
    seconds: float = (ended - began).total_seconds()
    return seconds / DAY_S


def _delay(code: str, found: Sequence[float | None]) -> Delay:
    days = sorted(each for each in found if each is not None)
    if len(days) < FEWEST:
        return Delay(code, None, None)
    tenth = quantile(days, 0.9) if len(days) >= FEWEST_FOR_TENTHS else None
    return Delay(code, quantile(days, 0.5), tenth)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of them lies, between neighbours in proportion."""
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _ages(unit: UnitOfWork, actor: Actor, filters: Filters) -> tuple[list[Count], int | None]:
    """How old the cases are that are open today, whenever they were opened."""
    today = today_of(unit, actor.programme_id)
    still = Filters(commune=filters.commune, operator_id=filters.operator_id, open_only=True)
    bands = [
        still.but(opened_to=today - timedelta(days=low), opened_from=today - timedelta(days=high) if high else None)
        for low, high in AGES
    ]
    opened = unit.session.scalars(listing.cases(unit, actor, still).query.with_only_columns(Case.opened_at))
    calendar = calendar_of(unit, actor.programme_id) if actor.programme_id else None
    ages = [(today - calendar.local_day(at)).days for at in opened] if calendar else []
    counts = [sum(1 for age in ages if age >= low and (high is None or age <= high)) for low, high in AGES]
    told = parts(counts)
    total = len(ages) if len(ages) == 0 or len(ages) >= FEWEST else None
    found = [
        Count(f"{low}-{high}" if high else f"{low}-", count if total is not None else None, band)
        for (low, high), count, band in zip(AGES, told, bands, strict=True)
    ]
    return found, total


def _seasons(unit: UnitOfWork, actor: Actor, filters: Filters, rows: Sequence[Any]) -> list[Count]:
    """How many cases were opened each month of the period."""
    if filters.opened_from is None or filters.opened_to is None or actor.programme_id is None:
        return []
    calendar = calendar_of(unit, actor.programme_id)
    opened = Counter(calendar.local_day(row.opened).replace(day=1) for row in rows)
    months = list(_months(filters.opened_from, filters.opened_to))
    told = parts([opened[month] for month in months])
    return [
        Count(
            month.isoformat()[:7],
            count,
            filters.but(opened_from=max(month, filters.opened_from), opened_to=min(_end(month), filters.opened_to)),
        )
        for month, count in zip(months, told, strict=True)
    ]


def _months(first: date, last: date) -> Sequence[date]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [months_later(first.replace(day=1), n) for n in range(count)]


def _end(month: date) -> date:
    return months_later(month, 1) - ONE_DAY
