"""What need not be done again: to compile a query for each new database."""

from typing import Any, Final

import pytest
from sqlalchemy import Connection, Dialect, Engine, create_engine, event

from services.foundation import database

_dialects: Final[dict[str, Dialect]] = {}
_compiled: Final[dict[Any, Any]] = {}
"""For each dialect and query; as many as all tests ask together."""


def compile_once() -> None:
    """From now on every engine uses what another of its kind compiled, as a process that stays does with its one."""
    pytest.MonkeyPatch().setattr(database, "create_engine", _made)


def _made(url: str, **options: Any) -> Engine:
    engine = create_engine(url, execution_options={"compiled_cache": _compiled}, **options)
    if known := _dialects.get(engine.dialect.name):
        engine.dialect = known
    else:
        event.listen(engine, "engine_connect", _keep, once=True)
    return engine


def _keep(connection: Connection) -> None:
    # Only a dialect that has been connected knows its server.
    _dialects.setdefault(connection.dialect.name, connection.dialect)
