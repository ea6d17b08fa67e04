"""Published pathways and the working calendar of a programme, read once and kept."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from models.pathway import Flaw, Pathway, Send
from models.programmes import Closure, PathwayVersion, Programme
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound, Setup
from services.rules.guards import GUARDS
from services.rules.texts.catalogue import label_missing, text_missing

_pathways: dict[str, Pathway] = {}


def problems(pathway: Pathway, *, acts: frozenset[str]) -> list[str]:
    """What this version of the software lacks to run a pathway: guards, texts, acts of timers."""
    return list(dict.fromkeys(flaw.sentence for flaw in lacking(pathway, acts=acts)))


def lacking(pathway: Pathway, *, acts: frozenset[str]) -> list[Flaw]:
    """The same, each with the place that asks for it."""
    found = [
        Flaw(place, f"condition inconnue : {guard}") for place, guard in pathway.conditions() if guard not in GUARDS
    ]
    for name, ladder in pathway.ladders.items():
        for index, rung in enumerate(ladder.rungs):
            if rung.act and rung.act not in acts:
                found.append(Flaw(("ladders", name, "rungs", index, "act"), f"acte inconnu : {rung.act}"))
    for place, step in pathway.places():
        if isinstance(step, Send) and (sentence := text_missing(step)):
            found.append(Flaw((*place, "send"), sentence))
    for kind, rule in pathway.tasks.items():
        if sentence := label_missing(kind, rule):
            found.append(Flaw(("tasks", kind), sentence))
    return found


def publish(unit: UnitOfWork, pathway: Pathway) -> str:
    """Store a definition by its hash, once; return the hash. Cases already open keep theirs."""
    if unit.session.get(PathwayVersion, pathway.hash) is None:
        body = pathway.model_dump(mode="json")
        unit.session.add(
            PathwayVersion(
                hash=pathway.hash, name=pathway.name, version=pathway.version, body=body, published_at=unit.now
            )
        )
        unit.session.flush()
    return pathway.hash


def pathway_of(unit: UnitOfWork, pathway_hash: str) -> Pathway:
    """The definition pinned on a case. It never changes, so a process keeps it."""
    if pathway_hash not in _pathways:
        row = unit.session.get(PathwayVersion, pathway_hash)
        if row is None:
            raise Setup("Une situation suit un parcours qui n’est plus dans la base.")
        _pathways[pathway_hash] = Pathway.model_validate(row.body)
    return _pathways[pathway_hash]


def calendar_of(unit: UnitOfWork, programme_id: UUID) -> WorkingCalendar:
    """The programme's open days as of this transaction."""
    return unit.once(_read_calendar, programme_id)


def _read_calendar(unit: UnitOfWork, programme_id: UUID) -> WorkingCalendar:
    rows = unit.rows(_OPEN_DAYS, programme=programme_id)
    closed = frozenset().union(*(days_between(row.first_on, row.last_on) for row in rows if row.first_on))
    return _calendar(rows[0].zone, rows[0].subdivision, closed)


def today_of(unit: UnitOfWork, programme_id: UUID | None) -> date:
    """The day on the programme's wall. Raises `NotFound` for somebody of none."""
    if programme_id is None:
        raise NotFound
    return calendar_of(unit, programme_id).local_day(unit.now)


_OPEN_DAYS: Final = (
    select(Programme.zone, Programme.subdivision, Closure.first_on, Closure.last_on)
    .outerjoin(Closure, Closure.programme_id == Programme.id)
    .where(Programme.id == bindparam("programme"))
)


def forget_calendar(unit: UnitOfWork, programme_id: UUID) -> None:
    """Days without work have changed in this transaction."""
    unit.forget(_read_calendar, programme_id)


def days_between(first_on: date, last_on: date) -> frozenset[date]:
    """Every day of a closure, both ends included."""
    return frozenset(first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1))


@lru_cache(maxsize=64)
def _calendar(zone: ZoneInfo, subdivision: str | None, closures: frozenset[date]) -> WorkingCalendar:
    return WorkingCalendar(zone, subdivision, closures)
