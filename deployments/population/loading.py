"""Lets a database take millions of rows: indexes are made once they are there, and what it knows of them is renewed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Index, text

from models.base import Base
from services.foundation.database import Database

QUICK: Final = ("foreign_keys=OFF", "synchronous=NORMAL", "cache_size=-400000", "wal_autocheckpoint=20000")
"""For SQLite: rows come parents first and are ours, and a base that is being invented can be invented again."""
LOOKED_AT: Final = 1000
"""How many rows of an index SQLite looks at to know how they are spread."""


@contextmanager
def unhindered(database: Database) -> Iterator[None]:
    """Within, no index but those of keys is kept up to date, so nobody should work on this database meanwhile.

    They are made again however it ends; a process that was killed leaves a base without them, to be thrown away.
    """
    with database.write("population_unindexed") as unit:
        for index in _indexes():
            index.drop(unit.session.connection(), checkfirst=True)
    if database.dialect == "sqlite":
        database.dispose()
        _on_sqlite(database, QUICK)
    try:
        yield
    finally:
        with database.write("population_indexes") as unit:
            if database.dialect == "postgresql":
                unit.session.execute(text("set local statement_timeout = 0"))
            for index in _indexes():
                index.create(unit.session.connection(), checkfirst=True)
        database.dispose()  # and with its connections, what was asked of them


def look(database: Database) -> None:
    """Let the database look at what it has: what was empty a moment ago is planned for as it is now."""
    with database.write("population_look") as unit:
        if database.dialect == "sqlite":
            unit.session.execute(text(f"pragma analysis_limit = {LOOKED_AT}"))
        else:
            unit.session.execute(text("set local statement_timeout = 0"))
        unit.session.execute(text("analyze"))


def _indexes() -> list[Index]:
    return [index for table in Base.metadata.sorted_tables for index in table.indexes if not index.unique]


def _on_sqlite(database: Database, pragmas: tuple[str, ...]) -> None:
    """Said outside of any transaction to the one connection that the writer will be given again."""
    pooled = database.engine.raw_connection()
    try:
        for pragma in pragmas:
            pooled.cursor().execute(f"PRAGMA {pragma}")
    finally:
        pooled.close()
