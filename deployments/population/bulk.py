"""Writes many rows at once, each value as the database stores it: COPY on PostgreSQL, a prepared insert on SQLite.

Rows become tuples of plain values first (`tuples`), which another process may do: what is left to write them is short.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Column, Date, Table, Uuid

from deployments.population.office import Row
from models.base import Base, UtcDateTime, Zone, as_text
from services.foundation.database import UnitOfWork

Stored = Callable[[Any], Any]


class Rows(NamedTuple):
    """What is to be written into one table. Values are such as `marshal` takes."""

    table: str
    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


def insert(unit: UnitOfWork, rows: Mapping[str, Sequence[Row]]) -> int:
    """Write rows by table, parents first; what a row does not say gets its column's default. Returns how many."""
    return write(unit, tuples(rows))


def tuples(rows: Mapping[str, Sequence[Row]]) -> list[Rows]:
    """The rows by table, parents first, as they will be stored on either database."""
    return [_of(table, rows[table.name]) for table in Base.metadata.sorted_tables if rows.get(table.name)]


def write(unit: UnitOfWork, tables: Iterable[Rows]) -> int:
    """Write them; returns how many rows."""
    connection, written = unit.session.connection(), 0
    for name, columns, values in tables:
        named = ", ".join(f'"{column}"' for column in columns)
        if unit.dialect == "postgresql":
            _copy(connection.connection.cursor(), f'COPY "{name}" ({named}) FROM STDIN', values)
        else:
            marks = ", ".join("?" * len(columns))
            connection.exec_driver_sql(f'INSERT INTO "{name}" ({named}) VALUES ({marks})', values)  # noqa: S608
        written += len(values)
    return written


def _of(table: Table, rows: Sequence[Row]) -> Rows:
    said = set().union(*rows)
    columns = [each for each in _columns(table) if each.name in said or each.default is not None]
    values = [each.of(rows, said) for each in columns]
    return Rows(str(table.name), tuple(each.name for each in columns), list(zip(*values, strict=False)))


class _Column(NamedTuple):
    name: str
    default: Any
    stored: Stored | None

    def of(self, rows: Sequence[Row], said: set[str]) -> Iterator[Any]:
        """This column of all rows."""
        if self.name not in said:
            return repeat(self.default, len(rows))
        name, default, stored = self.name, self.default, self.stored
        found = [row.get(name, default) for row in rows]
        return iter(found) if stored is None else iter([None if each is None else stored(each) for each in found])


@lru_cache(maxsize=64)
def _columns(table: Table) -> list[_Column]:
    own = [column for column in table.columns if column is not table.autoincrement_column]
    return [_Column(column.name, _default(column), _stored(column)) for column in own]


_EMPTY: Final = {"dict": "{}", "list": "[]"}


def _default(column: Column[Any]) -> Any:
    """As it is stored; None where nothing stands."""
    default = column.default
    if default is None or not default.is_scalar:
        return next((empty for kind, empty in _EMPTY.items() if kind in repr(default)), None)
    return default.arg  # type: ignore[attr-defined]


def _stored(column: Column[Any]) -> Stored | None:
    kind = column.type
    if isinstance(kind, Uuid):
        return attrgetter("hex")
    if isinstance(kind, UtcDateTime):
        return as_text  # our sessions of PostgreSQL are in UTC
    if isinstance(kind, Date):
        return date.isoformat
    if isinstance(kind, JSON):
        return _json
    return attrgetter("key") if isinstance(kind, Zone) else None


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _copy(cursor: Any, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
