"""SQLite under strain: writers killed, a disk that fills up, a folder that closes. An act is whole or absent."""

import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from models.cases import Case
from models.programmes import Organisation
from services.foundation import database as databases
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build
from services.foundation.settings import Settings
from services.rules.links import alert_url
from tests.faults import office
from tests.faults.workers import count_up, forked, pipe
from tests.ledger import problems
from tests.served import served

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
NOBODY: Final = 65534
ROOM: Final = (0, 4096, 24_000)
"""How much the files may still grow, in bytes: an alert needs more than the last."""
SENTENCE: Final = "Rien ne peut être lu ni enregistré en ce moment"


def test_a_writer_killed_at_any_moment_leaves_a_sound_file_with_all_that_was_acknowledged(
    settings: Settings, all_points: bool, chance: random.Random
) -> None:
    url, database = settings.url, Database(settings.url)
    with database.write("test") as unit:
        unit.session.execute(text("create table tally (n integer)"))
        unit.session.execute(text("insert into tally values (0)"))
    acknowledged = deaths = 0

    for _ in range(100 if all_points else 4):
        writers = [writer(url), writer(url)]
        time.sleep(chance.uniform(0.05, 0.2))
        for process, heard in writers:
            process.kill()
            process.join()
            deaths += 1
            while heard.poll():
                try:
                    heard.recv_bytes()
                except EOFError:
                    break
                acknowledged += 1
        with database.read() as unit:
            assert list(unit.session.scalars(text("pragma integrity_check"))) == ["ok"]
            counted = unit.session.scalar(text("select n from tally")) or 0
        # Nothing lost to the other writer or to the kill; what was committed but not said yet may be there as well.
        assert acknowledged <= counted <= acknowledged + deaths
    assert acknowledged > deaths
    database.dispose()


def writer(url: str) -> tuple[BaseProcess, Connection]:
    """Counts up, and is heard."""
    heard, say = pipe()
    process = forked(count_up, url, say)
    say.close()
    assert heard.poll(60), "the writer never began"
    return process, heard


# --- A disk that is full, a folder that is closed -------------------------------------------------------------------


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process may grow beyond `room` bytes: what a full disk answers, without a disk to fill."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


@contextmanager
def closed_folder(folder: Path) -> Iterator[None]:
    """Nobody may write here; root, to whom nothing is closed, is somebody else meanwhile."""
    modes = {path: path.stat().st_mode for path in (folder, *folder.iterdir())}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


class Door:
    """An alert giver's link, through the API and through the page."""

    def __init__(self, runtime: Runtime) -> None:
        office.found(runtime.database)
        with runtime.database.read() as unit:
            url = alert_url(runtime, unit.session.get_one(Organisation, office.GIVER))
        self.token = url.rpartition("/")[2]
        self.runtime = runtime
        self.client = TestClient(served(runtime), base_url="http://127.0.0.1:8000", raise_server_exceptions=False)

    def by_api(self) -> tuple[int, str]:
        headers = {"Authorization": f"Lien {self.token}", "Idempotency-Key": "one"}
        answer = self.client.post("/api/v1/alerts", json=office.alert("Martin", 1), headers=headers)
        return answer.status_code, answer.json().get("detail", "")

    def by_page(self) -> tuple[int, str]:
        headers = {"sec-fetch-site": "same-origin"}
        typed = {"once": "une-fois", **office.alert("Martin", 1, agreement="on")}
        answer = self.client.post(f"/demande/{self.token}", data=typed, headers=headers)
        return answer.status_code, answer.text

    def cases(self) -> int:
        with self.runtime.database.read() as unit:
            assert problems(unit) == []
            return unit.session.scalar(select(func.count()).select_from(Case)) or 0


def survives(door: Door, trouble: Callable[[], AbstractContextManager[None]]) -> None:
    """In trouble both ways say so in a sentence and keep nothing; afterwards the same request is taken, once."""
    checkpoint(door.runtime.database)
    with trouble():
        refusals = [door.by_api(), door.by_page()]
    door.runtime.database.dispose()

    assert [status for status, _ in refusals] == [503, 503]
    assert all(SENTENCE in said.replace("\N{NO-BREAK SPACE}", " ") for _, said in refusals)
    assert door.cases() == 0


def checkpoint(database: Database) -> None:
    """Every byte in the one file, nothing open: what follows starts small."""
    database.dispose()
    with closing(database.engine.raw_connection()) as found:
        found.cursor().execute("pragma wal_checkpoint(truncate)")
    database.dispose()


def test_on_a_full_disk_relais_says_so_and_keeps_nothing_by_halves(runtime: Runtime) -> None:
    door = Door(runtime)

    for room in ROOM:
        survives(door, lambda: full_disk(room))  # noqa: B023 - called at once

    assert door.by_api()[0] == 201
    assert door.by_api()[0] == 201
    assert door.cases() == 1


def test_in_a_folder_that_is_closed_relais_says_so_and_goes_on_when_it_opens_again(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to nobody but root
        folder = Path(name)
        folder.chmod(0o755)
        (settings.data_folder / "relais.sqlite").rename(folder / "relais.sqlite")
        runtime = build(Settings(data_folder=folder, database_url=None))
        door = Door(runtime)

        survives(door, lambda: closed_folder(folder))

        assert door.by_api()[0] == 201
        assert door.cases() == 1
        runtime.database.dispose()


def test_without_the_fix_of_its_log_sqlite_keeps_the_older_journal(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for fixed_in in ((3, 51, 3), (99, 0, 0)):
        monkeypatch.setattr(databases, "_FIXED_SQLITE", fixed_in)
        database = Database(settings.url)
        with database.read() as unit:
            found.append(unit.session.scalar(text("pragma journal_mode")))
        database.dispose()

    assert found == ["wal", "truncate"]
