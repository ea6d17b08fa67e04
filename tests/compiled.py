"""What need not be done again: compile a query for each new database, look through all that stays in memory."""

import gc
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Dialect, Engine, create_engine, event

from services.foundation import database

SIZE: Final = 5000
"""More queries than all tests ask together."""
GARBAGE: Final = (10_000, 20, 50)

_first: Final[dict[str, tuple[Dialect, Any]]] = {}


def compile_once() -> None:
    """From now on every engine uses what the first of its kind compiled, as a process that stays does with its one."""
    pytest.MonkeyPatch().setattr(database, "create_engine", _made)


def keep_what_is_loaded() -> None:
    """What was loaded until now stays to the end: the collector looks at it no more, and at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _made(url: str, **options: Any) -> Engine:
    engine = create_engine(url, query_cache_size=SIZE, **options)
    kind = engine.dialect.name
    if kind in _first:
        engine.dialect, engine._compiled_cache = _first[kind]
    else:
        event.listen(engine, "engine_connect", _keep, once=True)
    return engine


def _keep(connection: Connection) -> None:
    # Only one that has been connected knows its server.
    _first.setdefault(connection.dialect.name, (connection.dialect, connection.engine._compiled_cache))
