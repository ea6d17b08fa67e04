"""Where a benchmark runs: a new database of either kind, copies of one that was prepared, and the lines it prints."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import make_url

from deployments import migrating
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests.databases import MORNING
from tests.machines import postgres_database

KINDS: Final = ("SQLite", "PostgreSQL")


@dataclass(frozen=True)
class Ground:
    """A data folder and the address of a database. Business time stands still: Monday 6 October 2025, 10:00."""

    kind: str
    folder: Path
    url: str

    @contextmanager
    def opened(self, **settings: Any) -> Iterator[Runtime]:
        """The runtime of an installation there, in use; `settings` beside those of the database."""
        chosen = Settings(data_folder=self.folder, database_url=self.url, **settings)
        runtime = build(chosen, clock=SetClock(MORNING))
        try:
            with use(runtime):
                yield runtime
        finally:
            runtime.database.dispose()

    @contextmanager
    def copy(self) -> Iterator["Ground"]:
        """The same once more, to be changed; nobody may be connected to the original."""
        folder = Path(tempfile.mkdtemp(dir=self.folder.parent))
        with ExitStack() as stack:
            if self.kind == "SQLite":
                shutil.copy(str(make_url(self.url).database), folder / "relais.sqlite")
                url = _sqlite(folder)
            else:
                url = stack.enter_context(postgres_database(template=make_url(self.url).database))
            stack.callback(shutil.rmtree, folder)
            yield Ground(self.kind, folder, url)


@contextmanager
def ground(kind: str, parent: Path) -> Iterator[Ground]:
    """A new database with its tables."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    with ExitStack() as stack:
        url = _sqlite(folder) if kind == "SQLite" else stack.enter_context(postgres_database())
        database = Database(url)
        migrating.upgrade(database)
        database.dispose()
        yield Ground(kind, folder, url)


def _sqlite(folder: Path) -> str:
    return f"sqlite+pysqlite:///{folder / 'relais.sqlite'}"


def say(line: str = "") -> None:
    """A line on the terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def tell(what: str, figure: str, *, bar: str = "", reference: str = "") -> None:
    """A row of the table: the figure, what it ought to reach, and the reference of the same run."""
    say(f"{what:58} {figure:>16}   {bar:14} {reference}")
