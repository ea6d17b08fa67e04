"""What a process works with: settings, database, clock, secrets; made once at the edge, found from anywhere below."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from services.foundation.clock import Clock, SystemClock
from services.foundation.database import Database
from services.foundation.settings import Settings
from services.foundation.tokens import Secrets


@dataclass(frozen=True)
class Runtime:
    """One installation as a process sees it."""

    settings: Settings
    database: Database
    clock: Clock
    secrets: Secrets


_current: ContextVar[Runtime | None] = ContextVar("relais_runtime", default=None)


def build(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """Make a runtime; opens no connection."""
    clock = clock or SystemClock()
    return Runtime(settings, Database(settings.url, clock=clock), clock, Secrets.load(settings.data_folder))


@lru_cache(maxsize=1)
def _from_environment() -> Runtime:
    return build(Settings())


def runtime() -> Runtime:
    """The runtime in use, or the one that the environment describes (a Prefect worker's process)."""
    return _current.get() or _from_environment()


@contextmanager
def use(chosen: Runtime) -> Iterator[Runtime]:
    """Work with this runtime inside the block."""
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)
