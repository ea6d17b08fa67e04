"""Databases full of invented cases for the benchmarks: generated on SQLite, copied to PostgreSQL, kept if asked."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, select, text

from deployments import migrating
from deployments.population import bulk, command
from models.base import Base
from models.cases import Case
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build
from services.foundation.settings import Settings
from tests.machines import postgres_database

YEARS: Final = 10
READ: Final = 20_000
SQLITE: Final = "SQLite"
POSTGRESQL: Final = "PostgreSQL"


@contextmanager
def population(kind: str, cases: int, folder: Path) -> Iterator[Runtime]:
    """An installation with so many cases of ten years; the file of `folder` is used again if it is there."""
    source = _generated(cases, folder / f"{cases}")
    if kind == SQLITE:
        yield source
        source.database.dispose()
        return
    with postgres_database() as url:
        copied = build(Settings(data_folder=source.settings.data_folder, database_url=url))
        migrating.upgrade(copied.database)
        _copy(source.database, copied.database)
        source.database.dispose()
        yield copied
        copied.database.dispose()


def _generated(cases: int, folder: Path) -> Runtime:
    folder.mkdir(parents=True, exist_ok=True)
    runtime = build(Settings(data_folder=folder, database_url=None))
    migrating.upgrade(runtime.database)
    with runtime.database.read() as unit:
        empty = unit.session.scalar(select(Case.id).limit(1)) is None
    if empty:
        command.main(runtime, command.Options("XL", YEARS, 1, cases))
        with runtime.database.write("analyze") as unit:
            unit.session.execute(text("analyze"))
    return runtime


def _copy(source: Database, target: Database) -> None:
    """Every row as it is; statistics as autovacuum would have made them."""
    begun = time.monotonic()
    for table in Base.metadata.sorted_tables:
        with source.read() as reading, target.write("copy") as writing:
            writing.session.execute(text("set local statement_timeout = 0"))
            writing.session.execute(text("set local idle_in_transaction_session_timeout = 0"))
            writing.session.execute(table.delete())
            rows = reading.session.execute(select(table), execution_options={"yield_per": READ}).mappings()
            for part in rows.partitions():
                bulk.insert(writing, {table.name: [dict(row) for row in part]})
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("set statement_timeout = 0"))
        connection.execute(text("vacuum analyze"))
        assert inspect(connection).has_table("case")
    say(f"copied to PostgreSQL in {time.monotonic() - begun:.0f} s")


def say(line: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
