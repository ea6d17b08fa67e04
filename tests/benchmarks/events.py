"""Events fully handled: a backlog of a Slime's usual events, until every task, clock and message is committed.

The reference is what nobody can go below: the same rows in plain SQLAlchemy, nothing read and nothing decided; beside
it, DBOS, whose workflows keep each step durably.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, delete, insert, select

from models.base import Base, new_id
from models.engine import Work
from services.foundation.database import Database
from tests.benchmarks import moulds
from tests.benchmarks.ground import Ground, ground, tell

BATCH: Final = 50
BARS: Final = {"SQLite": ">= 1,500/s", "PostgreSQL": ">= 1,000/s"}
WORKFLOWS: Final = 300
ROUNDS: Final = 5
_TABLES: Final = Base.metadata.tables
WRITTEN: Final = tuple(_TABLES[name] for name in ("event", "task", "obligation", "message"))

Written = dict[Table, list[dict[str, Any]]]
"""The rows that one event brought, by table."""


@dataclass(frozen=True)
class Drained:
    """What a drain did."""

    taken: int
    seconds: float
    megabytes: float

    @property
    def a_second(self) -> float:
        """Events handled in a second."""
        return self.taken / self.seconds


def measure(kind: str, folder: Path, *, events: int) -> None:
    """Handle copies of one backlog: by the relay without Prefect, by plain SQLAlchemy, by DBOS."""
    with ground(kind, folder) as prepared:
        waiting = prepare(prepared, events)
        marker = new_id()
        with prepared.copy() as place:
            (drained,) = drain(place)
            rows = _written(place, marker)
        with prepared.copy() as place:
            plain = _plainly(place, rows)
        what = f"{kind}: events fully handled, backlog of {waiting:,}"
        reference = f"plain SQLAlchemy {plain:,.0f}/s (x {drained.a_second / plain:.2f})"
        tell(what, f"{drained.a_second:,.0f}/s", bar=BARS[kind], reference=reference)
        with prepared.copy() as place, ground(kind, folder) as aside:
            _tell_dbos(place, aside, rows, drained)


def measure_under_prefect(kind: str, folder: Path, *, events: int, prefect_url: str) -> None:
    """The same backlog, each batch a flow run that Prefect records."""
    with ground(kind, folder) as place:
        waiting = prepare(place, events)
        (drained,) = drain(place, prefect_url=prefect_url)
    tell(f"{kind}: {waiting:,} events fully handled, Prefect on", f"{drained.a_second:,.0f}/s")


def measure_memory(kind: str, folder: Path, *, events: int) -> None:
    """One relay that drains one backlog after another."""
    with ground(kind, folder) as prepared:
        prepare(prepared, events)
        drains = drain(prepared, rounds=ROUNDS)
    what = f"{kind}: relay after {sum(each.taken for each in drains):,} events"
    sizes = " ".join(f"{each.megabytes:.0f}" for each in drains)
    tell(what, f"{drains[-1].megabytes:.0f} MB", bar="<= 300 MB, flat", reference=f"after each fifth: {sizes}")


def prepare(place: Ground, events: int) -> int:
    """A database in which about so many events wait; how many they are."""
    with place.opened() as runtime:
        cast = moulds.lived(runtime)
        a_case = sum(len(mould.waiting) for mould in cast) / len(cast)
        return moulds.pour(runtime.database, cast, max(1, round(events / a_case)))


def drain(place: Ground, *, prefect_url: str | None = None, rounds: int = 1) -> list[Drained]:
    """Let a process of its own drain it, as a relay would."""
    surroundings = os.environ | {"PREFECT_API_URL": prefect_url or "", "PREFECT_LOGGING_LEVEL": "ERROR"}
    command = ["-m", "tests.benchmarks.draining", "--rounds", str(rounds), place.kind, str(place.folder), place.url]
    done = subprocess.run([sys.executable, *command], env=surroundings, stdout=subprocess.PIPE, check=True)
    return [Drained(**json.loads(line)) for line in done.stdout.splitlines()]


# -- The same rows without an engine


def _written(place: Ground, since: UUID) -> list[Written]:
    """The rows that a drain wrote for each event, in the order of the events."""
    found: dict[str, Written] = {}
    with place.opened() as runtime, runtime.database.read() as unit:
        for table in WRITTEN:
            for row in unit.session.execute(select(table).where(table.c.id > since).order_by(table.c.id)).mappings():
                key = str(row["id"] if table is _TABLES["event"] else row["effect_key"].partition(":")[0])
                found.setdefault(key, {}).setdefault(table, []).append(dict(row))
    return [found[key] for key in sorted(found)]


def _plainly(place: Ground, rows: Sequence[Written], *, at_once: int = BATCH) -> float:
    """Events a second when nothing is read and nothing decided."""
    with place.opened() as runtime:
        begun = time.perf_counter()
        for start in range(0, len(rows), at_once):
            _write(runtime.database, rows[start : start + at_once])
        return len(rows) / (time.perf_counter() - begun)


def _write(database: Database, events: Sequence[Written]) -> None:
    with database.write("test") as unit:
        oldest = unit.session.scalars(select(Work.id).order_by(Work.id).limit(len(events))).all()
        for table in WRITTEN:
            if rows := [row for event in events for row in event.get(table, [])]:
                unit.session.connection().execute(insert(table), rows)
        unit.session.execute(delete(Work).where(Work.id.in_(oldest)))


def _tell_dbos(place: Ground, aside: Ground, rows: Sequence[Written], drained: Drained) -> None:
    what = f"{place.kind}: the same rows, each event a DBOS workflow of a step"
    try:
        from tests.benchmarks import durable
    except ImportError:
        tell(what, "NOT MEASURED", reference="DBOS is not installed: `make bench` installs it when it can")
        return
    with place.opened() as runtime:
        a_second = durable.measure(aside, [partial(_write, runtime.database, [row]) for row in rows[:WORKFLOWS]])
    tell(what, f"{a_second:,.0f}/s", reference=f"Relais is {drained.a_second / a_second:.0f} times faster")
