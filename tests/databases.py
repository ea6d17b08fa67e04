"""Fresh databases for tests, on SQLite and PostgreSQL alike: a copy of a template a session, made once.

A pytest plugin: a test that asks for `database` or `runtime` runs twice, once on each.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.engine import make_url

from models import cases, engine, programmes  # noqa: F401 - each declares its tables
from models.base import Base
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests.machines import postgres_database

MORNING: Final = datetime(2025, 10, 6, 8, 0, tzinfo=UTC)


def _with_tables(url: str) -> None:
    template = Database(url)
    Base.metadata.create_all(template.engine)
    template.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table and no row."""
    path = tmp_path_factory.mktemp("template") / "relais.sqlite"
    _with_tables(f"sqlite+pysqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a database with every table and no row; nobody stays connected to it."""
    with postgres_database() as url:
        _with_tables(url)
        yield str(make_url(url).database)


@pytest.fixture
def clock() -> SetClock:
    """Business time: Monday 6 October 2025, 10:00 in Paris, until the test moves it."""
    return SetClock(MORNING)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A data folder of its own and an empty database."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = None
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "relais.sqlite")
        else:
            url = stack.enter_context(postgres_database(template=request.getfixturevalue("postgres_template")))
        yield Settings(data_folder=tmp_path, database_url=url)


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
