"""The tick: among very many running clocks, those that are due become events.

The reference is the one query that finds them.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, text, update

from flows.relay import drain
from flows.reminders import tick
from models.base import Base, new_id
from models.events import CaseAccepted
from services.foundation.database import Database
from services.foundation.runtime import Runtime
from services.rules import obligations
from tests.benchmarks import moulds
from tests.benchmarks.ground import ground, say, tell
from tests.benchmarks.moulds import Mould, Row

CASES: Final = 3000
DAYS: Final = 200
AT_ONCE: Final = 5000
_CLOCK, _TASK = Base.metadata.tables["obligation"], Base.metadata.tables["task"]


def measure(kind: str, folder: Path, *, clocks: int, due: int) -> None:
    """Let so many clocks run, of which some are due, then turn those."""
    with ground(kind, folder) as place, place.opened() as runtime:
        _prepare(runtime, clocks=clocks, due=due)
        how = _explained(runtime.database)
        begun = time.perf_counter()
        with runtime.database.read() as unit:
            unit.session.scalars(obligations.due(unit).limit(obligations.BATCH)).all()
        query = time.perf_counter() - begun
        begun = time.perf_counter()
        turned = asyncio.run(tick())
        seconds = time.perf_counter() - begun
    what = f"{kind}: tick, {clocks:,} open obligations, {turned} due"
    tell(what, f"{seconds:.2f} s", bar="<= 2 s", reference=f"the query that finds them {query * 1000:.1f} ms")
    say(f"    {how}")


def _prepare(runtime: Runtime, *, clocks: int, due: int) -> None:
    """Cases that wait for their first call, each with its clock; beside those that are due, many tasks on few cases."""
    cast = [mould for mould in moulds.lived(runtime) if _opens_a_clock(mould)]
    moulds.pour(runtime.database, cast, due + min(CASES, clocks))
    asyncio.run(drain(budget_s=3600))
    with runtime.database.write("test") as unit:
        ahead = select(_CLOCK).where(_CLOCK.c.next_at > unit.now).order_by(_CLOCK.c.id)
        rows = [dict(row) for row in unit.session.execute(ahead).mappings()]
        tasks = {row["id"]: dict(row) for row in unit.session.execute(select(_TASK)).mappings()}
        past = {"next_at": unit.now - timedelta(minutes=1)}
        unit.session.execute(update(_CLOCK).where(_CLOCK.c.id.in_([row["id"] for row in rows[:due]])).values(past))
    others = rows[due:]
    for start in range(len(rows), clocks, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, clocks))
        made = [_another(others[number % len(others)], tasks, number) for number in numbers]
        with runtime.database.write("test") as unit:
            unit.session.connection().execute(insert(_TASK), [task for task, _ in made])
            unit.session.connection().execute(insert(_CLOCK), [clock for _, clock in made])


def _opens_a_clock(mould: Mould) -> bool:
    return [row["type"] for row in mould.rows["work"]] == [CaseAccepted.type]


def _another(clock: Row, tasks: Mapping[UUID, Row], number: int) -> tuple[Row, Row]:
    """The same clock once more, due on another day."""
    id_ = new_id()
    task = tasks[clock["task_id"]] | {"id": id_, "effect_key": str(id_)}
    later = clock["next_at"] + timedelta(days=number % DAYS)
    return task, clock | {"id": new_id(), "task_id": id_, "next_at": later, "effect_key": f"{id_}:clock"}


def _explained(database: Database) -> str:
    """How the database finds the clocks that are due."""
    with database.write("test") as unit:
        unit.session.execute(text("analyze obligation"))
    with database.read() as unit:
        asked = (
            obligations.due(unit)
            .limit(obligations.BATCH)
            .compile(unit.session.get_bind(), compile_kwargs={"literal_binds": True})
        )
        explain = "explain query plan" if database.dialect == "sqlite" else "explain"
        lines = unit.session.connection().exec_driver_sql(f"{explain} {asked}").all()
    return next((str(line[-1]).strip() for line in lines if "ix_obligation" in str(line[-1])), "no index is used")
