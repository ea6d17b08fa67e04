"""Fills a programme with an invented past: as many cases and years as wanted, the same for the same seed.

Every case lives in memory by the rules of the engine, all of them in one time, and is written at once when it is over,
or as it stands today. Nothing is handed to a mail server: what was due is written down as having left, what is not
due yet stays planned, and every clock of an open case stands on a step ahead.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import update

from deployments.population import bulk, loading
from deployments.population.apart import chapters_apart
from deployments.population.chapters import Chapter, chapters, past_of
from deployments.population.past import KEY, Wanted
from models.programmes import Organisation, Programme
from models.vocabulary import Theme
from services.foundation.database import Database
from services.network.directory import fill

__all__ = ("KEY", "Progress", "Wanted", "generate", "past_of")

MANY: Final = 5_000
"""From so many cases on another process lives them, and indexes are made afterwards."""


@dataclass(frozen=True)
class Progress:
    """How far it is: the day in the past, the cases written and the rows."""

    day: date
    cases: int
    rows: int


def generate(
    database: Database, slug: str, wanted: Wanted, *, until: datetime, told: Callable[[Progress], None]
) -> Progress:
    """Write the population into a programme that has its people; `told` hears how far it is."""
    today = past_of(database, slug, wanted, until=until).office.calendar.local_day(until)
    if wanted.beside_people or wanted.cases_a_year * wanted.years < MANY:
        return _write(database, slug, today, chapters(database, slug, wanted, until), told)
    with loading.unhindered(database):
        return _write(database, slug, today, chapters_apart(database, slug, wanted, until), told)


def _write(
    database: Database, slug: str, today: date, told_by: Iterable[Chapter], told: Callable[[Progress], None]
) -> Progress:
    cases = rows = 0
    full: list[tuple[str, str, str]] = []
    for chapter in told_by:
        with database.write("population") as unit:
            rows += bulk.write(unit, chapter.tables)
            counted = update(Programme).where(Programme.slug == slug)
            unit.session.execute(counted.values(case_count=chapter.number))
        cases += chapter.cases
        full += chapter.full
        told(Progress(date.fromisoformat(chapter.day), cases, rows))
    _say_full(database, full, today)
    return Progress(today, cases, rows)


def _say_full(database: Database, full: Sequence[tuple[str, str, str]], today: date) -> None:
    """What partners said last of their room, where it still holds."""
    with database.write("population_rooms") as unit:
        for partner_id, theme, last in full:
            if date.fromisoformat(last) >= today:
                partner = unit.session.get_one(Organisation, UUID(partner_id))
                fill(unit, partner, Theme(theme), date.fromisoformat(last))
    loading.look(database)
