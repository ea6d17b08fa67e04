"""Fresh databases for tests: on SQLite a copy of a file made once, on PostgreSQL one database emptied after each test.

A pytest plugin: a test that asks for `database` or `runtime` runs twice, once on each.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from models import cases, engine, programmes  # noqa: F401 - each declares its tables
from models.base import Base
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests.machines import postgres_database
from tests.spared import keep_connections

MORNING: Final = datetime(2025, 10, 6, 8, 0, tzinfo=UTC)


def with_tables(url: str) -> None:
    """Make every table in an empty database."""
    template = Database(url)
    Base.metadata.create_all(template.engine)
    template.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table and no row."""
    path = tmp_path_factory.mktemp("template") / "relais.sqlite"
    with_tables(f"sqlite+pysqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a database with every table and no row; nobody stays connected to it."""
    with postgres_database() as url:
        with_tables(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def postgres_kept() -> Iterator["Kept"]:
    """A database with every table, which the tests of this process use in turn."""
    with postgres_database() as url:
        with_tables(url)
        kept = Kept(url)
        yield kept
        kept.connection.close()


# Where a test left most tables empty, deleting is ten times as fast as truncating or as a new database.
EMPTY: Final = """
do $$ declare kept record; begin
    perform pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle';
    set local session_replication_role = replica;
    for kept in select tablename from pg_tables where schemaname = 'public' loop
        execute format('delete from %I', kept.tablename);
    end loop;
    for kept in select sequencename from pg_sequences where schemaname = 'public' and last_value is not null loop
        execute format('alter sequence %I restart', kept.sequencename);
    end loop;
end $$
"""


class Kept:
    """A PostgreSQL database that is emptied by a connection that stays: a new one would plan each deletion anew."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's."""
        self.url = url
        keep_connections(url)
        self.connection = self._connected()

    def empty(self) -> None:
        """Leave nobody in mid-transaction, no row and no table beside ours."""
        try:
            self._delete()
        except psycopg.OperationalError:  # a test ended every connection
            self.connection = self._connected()
            self._delete()

    def _connected(self) -> psycopg.Connection[tuple[str]]:
        address = make_url(self.url).set(drivername="postgresql")
        return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)

    def _delete(self) -> None:
        self.connection.execute(EMPTY)
        tables = self.connection.execute("select tablename from pg_tables where schemaname = 'public'")
        for name in {name for (name,) in tables} - set(Base.metadata.tables):
            self.connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


@pytest.fixture
def clock() -> SetClock:
    """Business time: Monday 6 October 2025, 10:00 in Paris, until the test moves it."""
    return SetClock(MORNING)


@pytest.fixture(scope="session")
def usual_settings() -> Settings:
    """What the settings of each test are a copy of: reading the environment takes 2 ms."""
    return Settings()


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, usual_settings: Settings) -> Iterator[Settings]:
    """A data folder of its own and an empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "relais.sqlite")
        yield usual_settings.model_copy(update={"data_folder": tmp_path, "database_url": None})
    else:
        kept: Kept = request.getfixturevalue("postgres_kept")
        yield usual_settings.model_copy(update={"data_folder": tmp_path, "database_url": kept.url})
        kept.empty()


@pytest.fixture
def runtime(settings: Settings, clock: SetClock) -> Iterator[Runtime]:
    """An installation in use: what `services.foundation.runtime.runtime()` finds inside the test."""
    built = build(settings, clock=clock)
    with use(built):
        yield built
    built.database.dispose()


@pytest.fixture
def database(runtime: Runtime) -> Database:
    """Its database."""
    return runtime.database
