"""`relais up` starts everything or says in one sentence why not, and leaves no process behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2
import pytest
from sqlalchemy import text

from deployments import migrating
from models.engine import StoryProgress
from services.foundation.database import Database
from tests.machines import QUIET_PREFECT
from tests.ports import free_port
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PORTS = ("RELAIS_PORT", "RELAIS_CATCHER_SMTP_PORT", "RELAIS_CATCHER_WEB_PORT", "RELAIS_PREFECT_PORT")
COMMAND = (sys.executable, "-m", "deployments.cli", "up")
# A server of Prefect’s takes ten seconds of processor to start: where nothing is asked of it, none is.
NO_PREFECT = "http://127.0.0.1:9/api"


def make_environment(folder: Path, **changed: str) -> dict[str, str]:
    ports = {name: str(free_port()) for name in PORTS}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RELAIS_", "PREFECT_"))}
    return {
        **clean,
        **QUIET_PREFECT,
        **ports,
        "RELAIS_DATA_FOLDER": str(folder),
        "RELAIS_DEMONSTRATION": "false",
        **changed,
    }


def refused(environment: dict[str, str]) -> str:
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2, trust_env=False).status_code < httpx2.codes.INTERNAL_SERVER_ERROR
    except httpx2.HTTPError:
        return False


def processes_of(folder: Path) -> dict[int, str]:
    """Whoever has this data folder in its environment: the command and all that it started, however deep."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"RELAIS_DATA_FOLDER={folder}".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


@dataclass
class Up:
    process: subprocess.Popen[str]
    folder: Path
    environment: dict[str, str]

    def url(self, setting: str, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.environment[setting]}{path}"

    def pid_of(self, part: str) -> int:
        (pid,) = (pid for pid, command in processes_of(self.folder).items() if part in command)
        return pid


@contextmanager
def running(folder: Path, **changed: str) -> Iterator[Up]:
    environment = make_environment(folder, **changed)
    log = (folder.parent / "up.log").open("w")
    with log, subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True) as process:
        up = Up(process, folder, environment)
        try:
            eventually(lambda: answers(up.url("RELAIS_PORT")))
            yield up
        finally:
            process.terminate()
            process.wait(15)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up") / "data") as started:
        yield started


# What it starts


def test_the_mailbox_answers_and_prefect_comes_later(up: Up) -> None:
    assert answers(up.url("RELAIS_CATCHER_WEB_PORT"))
    eventually(lambda: answers(up.url("RELAIS_PREFECT_PORT", "/api/health")), within_s=60)


def test_the_data_is_readable_by_its_owner_only(up: Up) -> None:
    eventually((up.folder / "prefect" / "prefect.db").exists, within_s=60)

    open_to_others = [path.name for path in (up.folder, *up.folder.rglob("*")) if path.stat().st_mode & 0o077]

    assert open_to_others == []


@pytest.mark.prefect
def test_prefect_is_closed_to_other_sites_and_open_to_its_own_client(up: Up) -> None:
    api = up.url("RELAIS_PREFECT_PORT", "/api")
    eventually(lambda: answers(f"{api}/health"), within_s=60)
    code = (
        "from prefect.client.orchestration import get_client\n"
        "with get_client(sync_client=True) as client: print(len(client.read_flows()))"
    )
    home = {"PREFECT_API_URL": api, "PREFECT_HOME": str(up.folder.parent / "client")}

    foreign = httpx2.post(f"{api}/flows/filter", json={}, headers={"Origin": "http://evil.test"}, trust_env=False)
    own = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **home}, check=False, capture_output=True, text=True
    )

    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    assert own.returncode == 0, own.stderr


@pytest.mark.prefect
def test_prefect_plans_the_runs_of_the_schedules(up: Up) -> None:
    # Under SQLAlchemy 2.1 Prefect's own scheduler fails at every turn; see deployments.prefect_server.
    database = Database(f"sqlite+pysqlite:///{up.folder}/prefect/prefect.db")

    def is_planned() -> bool:
        with database.read() as unit:
            return bool(unit.session.scalar(text("select count(*) from flow_run where auto_scheduled = 1")))

    eventually(lambda: answers(up.url("RELAIS_PREFECT_PORT", "/api/health")), within_s=60)
    eventually(is_planned, within_s=60)
    database.dispose()


def test_pages_that_die_come_back(up: Up) -> None:
    os.kill(up.pid_of("deployments.cli web"), signal.SIGKILL)

    eventually(lambda: not answers(up.url("RELAIS_PORT")), within_s=5)
    eventually(lambda: answers(up.url("RELAIS_PORT")))


def listeners(port: int) -> int:
    """How many sockets of this machine wait for connections on a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


def test_of_two_processes_that_serve_the_pages_one_goes_on_alone_until_the_other_is_back(tmp_path: Path) -> None:
    with running(tmp_path / "data", RELAIS_WEB_PROCESSES="2", RELAIS_PREFECT_API_URL=NO_PREFECT) as up:
        port = int(up.environment["RELAIS_PORT"])
        eventually(lambda: listeners(port) == 2)

        os.kill(up.pid_of("web --prepare"), signal.SIGKILL)

        eventually(lambda: listeners(port) == 1, within_s=5)
        assert all(answers(up.url("RELAIS_PORT")) for _ in range(5))
        eventually(lambda: listeners(port) == 2)


def test_a_second_one_on_the_same_folder_is_refused(up: Up) -> None:
    assert "tourne déjà" in refused(make_environment(up.folder))


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("deployments.up, deployments.demonstration", {"sqlalchemy", "fastapi", "prefect", "models.cases"}),
        ("deployments.serving, deployments.preparing, services.web.app", {"prefect", "alembic", "holidays"}),
    ],
)
def test_the_pages_do_not_wait_for_imports_they_can_do_without(module: str, needless: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert needless.isdisjoint(done.stdout.split())


# How it ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_every_process_with_code_0(tmp_path: Path, number: int) -> None:
    with running(tmp_path / "data") as up:
        up.process.send_signal(number)

        assert up.process.wait(15) == 0
        assert processes_of(up.folder) == {}


DEAF: Final = """
import asyncio, contextlib
from deployments.supervisor import Child, Supervisor

async def deaf():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)

async def main():
    supervisor = Supervisor(print)
    supervisor.start([Child("sourd", ("true",), {}, ready=deaf)])
    await asyncio.sleep(0.1)
    await supervisor.stop()

asyncio.run(main())
"""


def test_a_stop_is_said_again_to_whoever_lost_it() -> None:
    subprocess.run([sys.executable, "-c", DEAF], cwd=ROOT, check=True, timeout=20)


def test_no_child_survives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data") as up:
        up.process.kill()

        eventually(lambda: processes_of(up.folder) == {}, within_s=10)


# What it refuses


@pytest.mark.parametrize("setting", PORTS)
def test_a_taken_port_is_one_sentence(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(make_environment(tmp_path / "data", **{setting: str(port)}))

    assert sentence.startswith(f"Le port {port} ")
    assert setting in sentence


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "ne peut pas écrire dans le dossier" in refused(make_environment(tmp_path / "file"))


def test_a_database_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite+pysqlite:///{tmp_path}/relais.sqlite")
    migrating.upgrade(database)
    with database.write("test") as unit:
        unit.session.execute(text("update relais_version set version_num = '9999'"))
    database.dispose()

    assert "version plus récente" in refused(make_environment(tmp_path))


def test_the_database_of_a_story_is_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite+pysqlite:///{tmp_path}/relais.sqlite")
    migrating.upgrade(database)
    with database.write("test") as unit:
        unit.session.add(StoryProgress(story="marie", now=datetime(2026, 1, 5, tzinfo=UTC), next_step=0))
    database.dispose()

    assert "relais play" in refused(make_environment(tmp_path))


def test_a_setting_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "RELAIS_PORT" in refused(make_environment(tmp_path, RELAIS_PORT="huit mille"))
