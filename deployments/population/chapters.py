"""A past told in chapters: the cases that are over, some at a time, in values that another process may hand on."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final, NamedTuple

from sqlalchemy import select

from deployments.population import bulk
from deployments.population.households import Register
from deployments.population.life import Life
from deployments.population.office import Row, read_office
from deployments.population.past import Past, Wanted
from models.cases import Phone
from models.programmes import Programme
from services.foundation.database import Database

CHUNK: Final = 400
HOLDING: Final = 10
"""How many cases a transaction writes beside people who work: so it holds them up for some hundredths of a second."""


class Chapter(NamedTuple):
    """Some cases to write, in plain values: a day (ISO) by which they are over, how many, the last number given."""

    day: str
    cases: int
    number: int
    tables: list[bulk.Rows]
    full: list[tuple[str, str, str]]  # partner, theme, until when he said that he is full; with the last chapter


def past_of(database: Database, slug: str, wanted: Wanted, *, until: datetime) -> Past:
    """The past to be told; nothing of it is told yet."""
    with database.read() as unit:
        programme = unit.session.scalars(select(Programme).filter_by(slug=slug)).one()
        register = Register(frozenset(unit.session.scalars(select(Phone.number))))
        office = read_office(unit, programme)
        return Past(office, wanted, until=until, register=register, number=programme.case_count)


def chapters(database: Database, slug: str, wanted: Wanted, until: datetime) -> Iterator[Chapter]:
    """The past, lived here: cases as they are over, some at a time; those that are open come last."""
    past = past_of(database, slug, wanted, until=until)
    size = HOLDING if wanted.beside_people else CHUNK
    posted: set[date] = set()
    with _without_collection():
        for month in past.months():
            for lives in _some(month.over, size):
                yield Chapter(month.day.isoformat(), len(lives), past.number, _rows(past, lives, posted), [])
        day = past.office.calendar.local_day(until).isoformat()
        for lives in _some(past.open, size):
            yield Chapter(day, len(lives), past.number, _rows(past, lives, posted), [])
    full = [(partner_id.hex, theme, last.isoformat()) for (partner_id, theme), last in past.full.items()]
    yield Chapter(day, 0, past.number, [], full)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Rows by the million are no garbage, and looking for some among them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _some(lives: Sequence[Life], size: int) -> Iterator[Sequence[Life]]:
    for start in range(0, len(lives), size):
        yield lives[start : start + size]


def _rows(past: Past, lives: Sequence[Life], posted: set[date]) -> list[bulk.Rows]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    rows["letter_batch"] = [batch for day, batch in past.mail.batches.items() if day not in posted]
    posted.update(past.mail.batches)
    for life in lives:
        _bundle(life)
        for table, found in life.rows.items():
            rows[table] += found
    made = bulk.tuples(rows)
    for life in lives:
        life.forget()
    return made


def _bundle(life: Life) -> None:
    """The first message of a mail that is written carries the others."""
    for message in life.rows["message"]:
        bundle = message.get("bundle")
        if bundle is not None:
            if bundle.first is None:
                bundle.first = message["id"]
            else:
                message["bundle_id"] = bundle.first
