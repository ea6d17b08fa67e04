"""Situations that many tests begin from: lived once in each process, then put back as they were left.

A situation is put back only where nothing else was written since the office was founded, at the same business time:
there the same acts would lead to it again. Its identifiers are then those of the first time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from psycopg import sql
from sqlalchemy import event

from models.base import Base
from services.foundation.clock import SetClock
from services.foundation.database import Database

T = TypeVar("T")
Key = tuple[Any, ...]
Rows = dict[str, bytes]
"""Of each table of PostgreSQL, as it copies them."""


@dataclass(frozen=True)
class _Kept:
    """What a situation left: the answer of who lived it, business time, the database and the files beside it."""

    answer: Any
    at: datetime
    image: Any
    files: dict[str, bytes]


_kept: Final[dict[Key, _Kept]] = {}
_TABLES: Final = {
    "sqlite": "select count(*) from sqlite_master where type = 'table'",
    "postgresql": "select count(*) from pg_tables where schemaname = 'public'",
}
"""Asked of the driver: SQLAlchemy's inspector takes a millisecond more."""


class Past:
    """What was done in one new database, call by call, as long as nothing else was."""

    def __init__(self, database: Database, clock: SetClock, folder: Path | None = None) -> None:
        """`folder` holds files that a situation may leave."""
        self._database, self._clock, self._folder = database, clock, folder
        with _driver(database) as connection:
            (tables,) = connection.execute(_TABLES[database.dialect]).fetchone()
        self._calls: Key = (database.dialect, tables)
        is_bare = tables == len(Base.metadata.tables)  # migrated has one more, with a row
        self._here: Rows | None = {} if is_bare else None
        self._commits = self._known = 0
        event.listen(database.engine, "commit", self._count)

    def lived(self, what: Key, live: Callable[[], T]) -> T:
        """The answer of `live`, which is called only if the same was not done before from the same past.

        `what` tells it from anything else; the answer must be immutable.
        """
        if self._commits != self._known:
            return live()
        key = (*self._calls, self._clock.at, what)
        if key in _kept:
            answer: T = self._put_back(_kept[key])
        else:
            answer, self._here = live(), None
            _kept[key] = _Kept(answer, self._clock.at, _image(self._database), self._files())
        self._calls, self._known = key, self._commits
        return answer

    def _count(self, _connection: object) -> None:
        self._commits += 1

    def _files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._folder.glob("*")} if self._folder else {}

    def _put_back(self, kept: _Kept) -> Any:
        self._here = _restore(self._database, kept.image, here=self._here)
        if self._folder and kept.files:
            self._folder.mkdir(exist_ok=True)
            for name, content in kept.files.items():
                (self._folder / name).write_bytes(content)
        self._clock.at = kept.at
        return kept.answer


@contextmanager
def _driver(database: Database) -> Iterator[Any]:
    """The driver's own connection: what it commits is not counted."""
    pooled = database.engine.raw_connection()
    try:
        yield pooled.driver_connection
    finally:
        pooled.close()


def _image(database: Database) -> Any:
    """All that is in it: on SQLite a copy in memory, on PostgreSQL the rows of each table and the sequences."""
    with _driver(database) as connection:
        if database.dialect == "sqlite":
            copy = type(connection)(":memory:", check_same_thread=False)
            connection.backup(copy)
            return copy
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        rows = {name: _rows(connection, name) for (name,) in tables}
        sequences = connection.execute("select sequencename, last_value from pg_sequences").fetchall()
        connection.rollback()
        return rows, sequences


def _restore(database: Database, image: Any, *, here: Rows | None = None) -> Rows | None:
    """Put it back and return its rows; `here` is what is there now, if it is known: reading it costs more."""
    with _driver(database) as connection:
        if database.dialect == "sqlite":
            image.backup(connection)
            return None
        rows, sequences = image
        _put_rows_back(connection, rows, {table: _rows(connection, table) for table in rows} if here is None else here)
        for name, value in sequences:
            if value is not None:
                connection.execute(sql.SQL("select setval({}, {})").format(sql.Literal(name), sql.Literal(value)))
        connection.commit()
        return dict(rows)


def _rows(connection: Any, table: str) -> bytes:
    copied = sql.SQL("copy {} to stdout").format(sql.Identifier(table))
    with connection.cursor().copy(copied) as copy:
        return b"".join(copy)


def _put_rows_back(connection: Any, rows: Rows, here: Rows) -> None:
    connection.execute("set local session_replication_role = replica")
    for table, content in rows.items():
        before = here.get(table, b"")
        if content != before and before:
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
        if content != before and content:
            with connection.cursor().copy(sql.SQL("copy {} from stdin").format(sql.Identifier(table))) as copy:
                copy.write(content)


class Still:
    """A database as it is now, to be put back; `is_moved` once something was written."""

    def __init__(self, database: Database) -> None:
        """Nothing else may write to `database` meanwhile."""
        self._database, self._image = database, _image(database)
        self.is_moved = False
        event.listen(database.engine, "commit", self._move)

    def put_back(self) -> None:
        """As it was."""
        _restore(self._database, self._image)
        self.is_moved = False

    def _move(self, _connection: object) -> None:
        self.is_moved = True
