"""Thousands of cases at every point of their life, each with the events of that point unhandled.

Told one by one through the use cases they would take longer than what is measured. So one case is told, all its rows
are kept at each of its acts, and they are copied under other identifiers, numbers, addresses and partners.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, func, insert, or_, select, update

from models.base import Base, new_id
from models.cases import Case
from models.programmes import Commune, Organisation, Programme, Territory
from models.vocabulary import MessageState, OrganisationKind
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.foundation.runtime import Runtime
from tests.services.rules.situations import OTHER_PARTNER, PARTNER, PROGRAMME, Office, found_office

COMMUNES: Final = 200
PARTNERS: Final = tuple(UUID(int=1000 + number) for number in range(30))
_TABLES: Final = Base.metadata.tables
_AT_ONCE: Final = 200
_ROOTS: Final = {"case": "id", "household": "household_id", "dwelling": "dwelling_id"}
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Row = dict[str, Any]
Renamed = dict[str, str]
Fill = Callable[[Renamed], Any]


@dataclass(frozen=True)
class Mould:
    """All that one case is at one moment: its rows by the name of their table."""

    at: datetime
    rows: dict[str, list[Row]]

    @property
    def waiting(self) -> set[int]:
        """The works that wait for the engine."""
        return {row["id"] for row in self.rows.get("work", [])}


# -- One life


def lived(runtime: Runtime) -> list[Mould]:
    """Found an office and lead one case through its life: a mould for each moment at which it is the engine's turn."""
    database, clock = runtime.database, runtime.clock
    if not isinstance(clock, SetClock):
        raise TypeError("a life is lived by a clock that is set")
    office = found_office(database, clock)
    with database.write("test") as unit:
        _settle_neighbours(unit)
    case_id = office.submit()
    moulds: list[Mould] = []
    for act in _life(office, case_id):
        _follow(office, case_id, moulds)
        act()
        while office.tick():
            _follow(office, case_id, moulds)
    _follow(office, case_id, moulds)
    return moulds


def _follow(office: Office, case_id: UUID, moulds: list[Mould]) -> None:
    """Keep the case before each turn of the engine; what a turn brings about is the next turn's."""
    while (mould := _cast(office.database, case_id)).waiting:
        moulds.append(mould)
        while mould.waiting & _cast(office.database, case_id).waiting:
            office.handle(limit=1)


def _life(office: Office, case_id: UUID) -> Iterator[Callable[[], Any]]:
    """What people do, one act after the other; what clocks do comes in between."""
    yield partial(office.accept, case_id)
    yield partial(office.call, case_id, "no_answer")
    yield partial(office.call, case_id)
    visit_at = office.clock.at + timedelta(days=21)
    yield partial(office.plan, case_id, visit_at)
    yield from _passing(office, visit_at)
    yield partial(office.hold, case_id)
    yield partial(office.report, case_id)
    asked: list[UUID] = []
    yield lambda: asked.append(office.refer(case_id))
    yield lambda: asked.append(office.refer(case_id, OTHER_PARTNER, theme="fsl"))
    yield partial(office.deliver, "referral_request")
    yield from _passing(office, office.clock.at + timedelta(days=8))
    for answer in ("accept", "report_progress", "complete"):
        for place in (0, 1):
            yield partial(_answer, office, asked, place, answer)
    for _ in range(3):
        yield partial(office.follow_up, case_id)
    yield partial(office.close, case_id)


def _answer(office: Office, asked: Sequence[UUID], place: int, answer: str) -> None:
    office.answer(asked[place], answer)


def _passing(office: Office, until: datetime) -> Iterator[Callable[[], Any]]:
    """From one instant at which a clock is due to the next."""
    while (due := office.next_due()) is not None and due < until:
        yield partial(setattr, office.clock, "at", max(due, office.clock.at))
    yield partial(setattr, office.clock, "at", until)


def _settle_neighbours(unit: UnitOfWork) -> None:
    """A territory of many communes and partners, as a department has."""
    for number in range(COMMUNES):
        code = _commune(number)
        unit.session.add(Commune(code=code, name=code, search_key=code, postcodes=[code], department="99"))
        unit.session.flush()
        unit.session.add(Territory(programme_id=PROGRAMME, commune_code=code, from_on=date(2020, 1, 1)))
    for number, id_ in enumerate(PARTNERS):
        slug = f"partenaire-{number}"
        kind = OrganisationKind.PARTNER.value
        email = f"{slug}@relais.test"
        unit.session.add(Organisation(id=id_, programme_id=PROGRAMME, slug=slug, kind=kind, name=slug, email=email))


def _cast(database: Database, case_id: UUID) -> Mould:
    """Every row of the case. Messages count as sent: the mail kept up."""
    with database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        own: dict[str, list[Any]] = {table: [getattr(case, name)] for table, name in _ROOTS.items()}
        rows: dict[str, list[Row]] = {}
        for table in Base.metadata.sorted_tables:
            hangs = [key.parent.in_(own[key.column.table.name]) for key in _ties(table) if key.column.table.name in own]
            chosen = [table.c.id.in_(own[table.name])] if table.name in _ROOTS else hangs
            found = unit.session.execute(select(table).where(or_(*chosen))).mappings().all() if chosen else []
            if found:
                rows[table.name] = [dict(row) for row in found]
                own.setdefault(table.name, [row["id"] for row in rows[table.name] if "id" in row])
        for message in rows.get("message", []):
            message |= {"state": MessageState.ACCEPTED.value, "done_at": message["created_at"]}
        return Mould(unit.now, rows)


def _ties(table: Table) -> list[Any]:
    return sorted(table.foreign_keys, key=lambda key: key.parent.name)


# -- Many copies


def pour(database: Database, moulds: Sequence[Mould], count: int, *, seed: int = 1) -> int:
    """Copy the moulds in turn, `count` cases in a shuffled order, moved to the present; how many events wait."""
    order = [index % len(moulds) for index in range(count)]
    random.Random(seed).shuffle(order)  # noqa: S311 - not a secret
    copies = [_Copies(mould, database.clock.now() - mould.at) for mould in moulds]
    with database.read() as unit:
        known = unit.session.scalar(select(func.count()).select_from(Case)) or 0
    for start in range(0, count, _AT_ONCE):
        rows: dict[str, list[Row]] = {}
        for number, index in enumerate(order[start : start + _AT_ONCE], start=known + 1 + start):
            copies[index].add(number, rows)
        for row in rows.get("work", []):
            del row["id"]  # the queue numbers them in the order of the copies
        with database.write("test") as unit:
            for table in Base.metadata.sorted_tables:
                if table.name in rows:
                    unit.session.connection().execute(insert(table), rows[table.name])
    with database.write("test") as unit:
        unit.session.execute(update(Programme).where(Programme.id == PROGRAMME).values(case_count=known + count))
    return sum(len(moulds[index].waiting) for index in order)


class _Copies:
    """A mould made ready: what is the same in every copy, and what is filled in for each."""

    def __init__(self, mould: Mould, later: timedelta) -> None:
        self._own = sorted({identity for rows in mould.rows.values() for row in rows for identity in _identities(row)})
        known = {*self._own, str(PARTNER), str(OTHER_PARTNER)}
        self._rows = [(table, *_prepared(row, known, later)) for table, rows in mould.rows.items() for row in rows]

    def add(self, number: int, rows: dict[str, list[Row]]) -> None:
        """The rows of one more case."""
        renamed = {old: str(new_id()) for old in self._own}
        renamed[str(PARTNER)] = str(PARTNERS[number % len(PARTNERS)])
        renamed[str(OTHER_PARTNER)] = str(PARTNERS[(number + 1) % len(PARTNERS)])
        unlike = _unlike(number)
        for table, same, filled in self._rows:
            row = same | {name: fill(renamed) for name, fill in filled} | unlike.get(table, {})
            rows.setdefault(table, []).append(row)


def _prepared(row: Row, known: set[str], later: timedelta) -> tuple[Row, list[tuple[str, Fill]]]:
    same: Row = {}
    filled: list[tuple[str, Fill]] = []
    for name, value in row.items():
        if isinstance(value, date):
            same[name] = value + later
        elif isinstance(value, UUID) and str(value) in known:
            filled.append((name, partial(_renamed_id, str(value))))
        elif isinstance(value, str) and _UUID.search(value):
            filled.append((name, partial(_renamed_text, value)))
        elif isinstance(value, dict) and _UUID.search(json.dumps(value)):
            filled.append((name, partial(_renamed_json, json.dumps(value))))
        else:
            same[name] = value
    return same, filled


def _renamed_id(old: str, renamed: Renamed) -> UUID:
    return UUID(renamed[old])


def _renamed_text(old: str, renamed: Renamed) -> str:
    return _UUID.sub(lambda found: renamed.get(found[0], found[0]), old)


def _renamed_json(old: str, renamed: Renamed) -> Any:
    return json.loads(_renamed_text(old, renamed))


def _identities(row: Row) -> Iterator[str]:
    if isinstance(row.get("id"), UUID):
        yield str(row["id"])
    if "stored_as" in row:
        yield row["stored_as"]


def _unlike(number: int) -> dict[str, Row]:
    """What makes a household unlike any other; its work waits since now, by the clock of leases."""
    now = datetime.now(UTC)
    return {
        "case": {"number": f"2025-{number:06d}"},
        "household": {"search_key": f"famille{number * 7919 % 100_003}"},
        "dwelling": {"search_key": f"{number * 104_729 % 99_991}rue", "commune_code": _commune(number)},
        "phone": {"number": f"+336{number:08d}"},
        "work": {"created_at": now, "ready_at": now},
    }


def _commune(number: int) -> str:
    return f"99{number % COMMUNES:03d}"
