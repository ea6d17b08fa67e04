"""Brings a database to this version of the code, and says how far it is from it.

`python -m deployments.migrating "What changes"` draws the next migration from what the models say and the last one
lacks; read it before you keep it.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import uuid4

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

import models.engine
import models.migrations
from models.base import Base
from services.foundation.database import Database
from services.foundation.errors import Setup

if TYPE_CHECKING:
    from alembic.config import Config

State = Literal["empty", "behind", "current", "newer"]

FOLDER: Final = Path(models.migrations.__file__).parent
VERSION_TABLE: Final = "relais_version"
LOCK: Final = 0x52454C41  # any number that nobody else locks: two machines may migrate at once


def upgrade(database: Database, version: str = "head") -> None:
    """Bring the database to the newest version (or to an older one), all or nothing. A second caller waits."""
    from alembic import command

    with _migrating(database) as connection:
        command.upgrade(_config(connection), version)


def state(database: Database) -> State:
    """Where the database stands. Raises `Setup` if it does not answer."""
    try:
        with database.engine.connect() as connection:
            version = _version(connection)
            connection.rollback()
    except OperationalError:
        place = database.url.render_as_string(hide_password=True)
        raise Setup(f"La base de données ne répond pas ({place}).") from None
    if version is None:
        return "empty"
    known = _numbers()
    if version == known[-1]:
        return "current"
    return "behind" if version in known else "newer"


def require_current(database: Database) -> None:
    """Raise `Setup` unless code and database are of the same version."""
    sentences: dict[State, str] = {
        "empty": "La base de données est vide\u00a0: lancez d’abord «\u00a0relais migrate\u00a0».",
        "behind": "La base de données est d’une version antérieure\u00a0: lancez d’abord «\u00a0relais migrate\u00a0».",
        "newer": "La base de données a été écrite par une version plus récente de Relais\u00a0: mettez Relais à jour.",
    }
    found = state(database)
    if found != "current":
        raise Setup(sentences[found])


def versions() -> list[str]:
    """The versions of the database that this code knows, oldest first."""
    return _numbers()


def check(postgres_url: str | None) -> list[str]:
    """Go up, down and up again on new databases; the sentences of what is wrong, none if all is well.

    A database of its own is made on the PostgreSQL server of `postgres_url` and dropped; None leaves PostgreSQL out.
    """
    with tempfile.TemporaryDirectory() as folder:
        problems = _check("SQLite", f"sqlite+pysqlite:///{folder}/check.sqlite")
    if postgres_url is not None:
        with _new_postgres_database(postgres_url) as url:
            problems += _check("PostgreSQL", url)
    return problems


def revise(message: str) -> Path:
    """Write the next migration; its number follows the last one's. Returns its file."""
    from alembic import command

    number = int(_numbers()[-1]) + 1
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+pysqlite:///{folder}/revise.sqlite")
        upgrade(database)
        with _migrating(database) as connection:
            command.revision(_config(connection), message, autogenerate=True, rev_id=f"{number:04}")
        database.dispose()
    (written,) = (FOLDER / "versions").glob(f"{number:04}_*.py")
    lines = written.read_text().splitlines(keepends=True)
    written.write_text("".join(line for line in lines if "# ###" not in line))
    return written


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    if database.dialect == "sqlite":
        # A batch move copies a table and drops the old one: with foreign keys on, the rows that point to it would go.
        with database.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF")
            connection.begin()
            try:
                yield connection
                if raw.execute("PRAGMA foreign_key_check").fetchone():
                    raise Setup("La migration laisserait des références sans objet\u00a0: rien n’a été changé.")
                connection.commit()
            finally:
                connection.rollback()
                raw.execute("PRAGMA foreign_keys=ON")
        return
    with database.engine.begin() as connection:
        connection.execute(text("set local lock_timeout = '60s'; set local statement_timeout = 0"))
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
        yield connection


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(text(f"select version_num from {VERSION_TABLE}")).scalar()  # noqa: S608
    return version


def _numbers() -> list[str]:
    """The numbers of the migrations, oldest first; a file is named after its own."""
    return ["0000", *sorted(file.name[:4] for file in (FOLDER / "versions").glob("[0-9]*_*.py"))]


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _differences(connection: Connection) -> list[Any]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"version_table": VERSION_TABLE, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def _check(name: str, url: str) -> list[str]:
    from alembic import command

    database = Database(url)
    try:
        upgrade(database)
        with _migrating(database) as connection:
            command.downgrade(_config(connection), "base")
        left = set(inspect(database.engine).get_table_names()) - {VERSION_TABLE}
        upgrade(database)
        with database.engine.connect() as connection:
            differences = _differences(connection)
            connection.rollback()
    finally:
        database.dispose()
    problems = [f"{name}\u00a0: la table {table} reste après le retour à zéro." for table in sorted(left)]
    return problems + [f"{name}\u00a0: les modèles et les migrations diffèrent\u00a0: {it}" for it in differences]


@contextmanager
def _new_postgres_database(server: str) -> Iterator[str]:
    name = f"relais_check_{uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"drop database {name} with (force)"))
    engine.dispose()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.stdout.write(f"{revise(sys.argv[1])}\n")
