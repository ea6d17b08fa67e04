"""The migrations make the tables of the models, on both databases, and a database says where it stands."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, MetaData, insert, inspect, select, text

import models.engine  # noqa: F401 - its tables are what is compared
from deployments import migrating
from models.base import Base
from services.foundation.database import Database
from services.foundation.errors import Setup
from tests.machines import postgres_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite+pysqlite:///{tmp_path}/relais.sqlite")
    yield opened
    opened.dispose()


def put_at(database: Database, version: str) -> None:
    with database.write("test") as unit:
        unit.session.execute(text("update relais_version set version_num = :version"), {"version": version})


def test_up_down_and_up_again_leave_the_tables_of_the_models() -> None:
    assert migrating.check(postgres_url()) == []


def test_a_new_database_is_empty_then_current(database: Database) -> None:
    assert migrating.state(database) == "empty"

    migrating.upgrade(database)

    assert migrating.state(database) == "current"
    assert set(inspect(database.engine).get_table_names()) == {*Base.metadata.tables, migrating.VERSION_TABLE}


def test_a_database_in_use_is_brought_from_every_version_to_the_next(database: Database) -> None:
    known: set[str] = set()
    for version in migrating.versions()[1:]:  # the first is that of an empty database
        migrating.upgrade(database, version)

        lost = known - full(database)
        # A link is good for ten minutes and changed its key in 0003; a session for a day, and changed in 0009.
        assert lost <= {"sign_in_link", "web_session"}, version
        known = fill(database)

    assert migrating.state(database) == "current"


def full(database: Database) -> set[str]:
    """The tables with a row."""
    with database.read() as unit:
        names = inspect(unit.session.connection()).get_table_names()
        return {name for name in names if unit.session.scalar(text(f'select count(*) from "{name}"'))}  # noqa: S608


def fill(database: Database) -> set[str]:
    """One row, whatever it means, in each table that has none."""
    found = MetaData()
    found.reflect(database.engine)
    keys: dict[str, object] = {}
    with database.engine.begin() as connection:
        for table in found.sorted_tables:
            if connection.execute(select(table)).first() is None:
                row = {column.name: something(column, keys) for column in table.columns if not column.nullable}
                connection.execute(insert(table), row)
            kept = connection.execute(select(table).limit(1)).mappings().one()
            keys |= {f"{table.name}.{column.name}": kept[column.name] for column in table.primary_key}
    return set(found.tables)


def something(column: Column[Any], keys: Mapping[str, object]) -> object:
    """A value that this column takes: another table's key, or anything of its type."""
    for foreign in column.foreign_keys:
        return keys[foreign.target_fullname]
    values: dict[type, object] = {
        int: 1,
        bool: False,
        datetime: datetime(2026, 1, 5, tzinfo=UTC),
        date: date(2026, 1, 5),
    }
    try:
        return values.get(column.type.python_type, uuid4().hex)
    except NotImplementedError:  # JSON
        return {}


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrating.upgrade(database)
    migrating.upgrade(database)

    assert migrating.state(database) == "current"


def test_a_version_that_this_code_does_not_know_is_newer_and_refused(database: Database) -> None:
    migrating.upgrade(database)
    put_at(database, "9999")

    assert migrating.state(database) == "newer"
    with pytest.raises(Setup, match="version plus récente"):
        migrating.require_current(database)


def test_foreign_keys_are_enforced_again_after_a_migration(database: Database) -> None:
    migrating.upgrade(database)

    with database.read() as unit:
        assert unit.session.scalar(text("pragma foreign_keys")) == 1


def test_a_column_that_no_migration_knows_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = type(Base.metadata)(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.tables.values():
        table.to_metadata(changed)
    changed.remove(changed.tables["imported_file"])
    monkeypatch.setattr(Base, "metadata", changed)

    (problem,) = migrating.check(None)

    assert problem.startswith("SQLite\u00a0: les modèles et les migrations diffèrent")


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password() -> None:
    away = Database("postgresql+psycopg://relais:secret@127.0.0.1:1/relais")

    with pytest.raises(Setup, match="ne répond pas") as refused:
        migrating.state(away)

    assert "secret" not in refused.value.sentence
