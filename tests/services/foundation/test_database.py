"""Writers of SQLite take turns; the database's errors end up in logs and in Prefect: they quote nobody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from typing import Any, Final

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

from services.foundation.database import AT_ONCE, Database
from services.foundation.settings import Settings
from services.rules import work
from tests.ports import free_port

FULL: Final = 2
"""As SQLite numbers it: each commit waits for the disk."""
A_MOMENT_S: Final = 0.2


def test_the_text_of_an_error_names_no_value_of_the_query(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.write("test") as unit:
        unit.session.execute(text("select id from nowhere where surname = :surname"), {"surname": "Le Goff"})

    assert "nowhere" in str(caught.value)
    assert "Le Goff" not in str(caught.value)


def test_a_database_that_lets_nobody_in_is_away_and_one_that_refuses_a_question_is_not(database: Database) -> None:
    nobody = Database(f"postgresql+psycopg://relais@127.0.0.1:{free_port()}/relais")
    with pytest.raises(DBAPIError) as away, nobody.read() as unit:
        unit.session.execute(text("select 1"))
    with pytest.raises(DBAPIError) as refused, database.read() as unit:
        unit.session.execute(text("select 1 from nowhere"))

    assert (work.is_outage(away.value), work.is_outage(refused.value)) == (True, False)


@pytest.fixture
def tally(database: Database) -> Database:
    with database.write("test") as unit:
        unit.session.execute(text("create table tally (n integer)"))
        unit.session.execute(text("insert into tally values (0)"))
    return database


@pytest.fixture
def impatient(tally: Database) -> Iterator[list[Database]]:
    """Two who share a file as two processes would, and would rather fail than wait for SQLite."""

    def open_it() -> Database:
        opened = Database(tally.url.render_as_string())

        @event.listens_for(opened.engine, "connect")
        def _on_connect(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA busy_timeout=0")

        return opened

    opened = [open_it() for _ in range(2)]
    yield opened
    for each in opened:
        each.dispose()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_writers_take_turns_without_the_patience_of_sqlite(tally: Database, impatient: list[Database]) -> None:
    comes = Event()

    def count_up(opened: Database) -> None:
        comes.set()
        with opened.write("test") as unit:
            unit.session.execute(text("update tally set n = n + 1"))

    with ThreadPoolExecutor(1) as pool:
        with impatient[0].write("test") as unit:
            unit.session.execute(text("update tally set n = n + 1"))
            second = pool.submit(count_up, impatient[1])
            comes.wait()
            waits = not wait([second], timeout=A_MOMENT_S).done
        second.result()

    with tally.read() as unit:
        assert (waits, unit.session.scalar(text("select n from tally"))) == (True, 2)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_nobody_writes_between_what_a_writer_reads_and_what_he_writes(
    tally: Database, impatient: list[Database]
) -> None:
    with impatient[0].engine.connect() as stranger:  # past our own lock, as a tool of the administrator
        stranger.rollback()
        with tally.write("test") as unit:
            unit.session.scalar(text("select n from tally"))
            with pytest.raises(DBAPIError, match="locked"):
                stranger.execute(text("update tally set n = 5"))


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_was_acknowledged_outlives_a_power_cut(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.foundation.database.create_engine", create_engine)  # the other tests spare the disk
    opened = Database(settings.url)
    with opened.write("test") as unit:
        synchronous = unit.session.scalar(text("PRAGMA synchronous"))
    opened.dispose()

    assert synchronous == FULL


def test_as_many_read_at_once_as_a_web_process_answers(database: Database) -> None:
    with ExitStack() as readers:
        units = [readers.enter_context(database.read()) for _ in range(AT_ONCE)]
        assert {unit.session.scalar(text("select 1")) for unit in units} == {1}
