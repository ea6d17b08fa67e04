"""The database: the one place where transactions open and commit, on SQLite and PostgreSQL alike."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import Engine, Row, Select, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from services.foundation.clock import Clock, SystemClock
from services.foundation.crashpoints import crashpoint
from services.foundation.errors import Conflict, Unavailable

WAKE_CHANNEL: Final = "relais_work"
PATIENCE_S: Final = 5
"""How long a request waits for a connection before it says that the database is away."""
Columns = TypeVarTuple("Columns")
Found = TypeVar("Found")
_WAKE: Final = text("select pg_notify(:channel, '')")
_LEASE_CLOCK: Final = text("select clock_timestamp()")
KEPT: Final = 5
"""So many connections stay open."""
AT_ONCE: Final = 40
"""As many as a web process answers requests at once: none is told that the database is away for want of one."""
PLANNING: Final = "-c timezone=UTC -c random_page_cost=1.1 -c jit=off"
"""What PostgreSQL plans with: rows in memory or on a disk without heads, questions too short to be compiled."""
_DEADLOCK: Final = "40P01"
_FIXED_SQLITE: Final = (3, 51, 3)  # first version without the WAL-reset corruption


@dataclass
class UnitOfWork:
    """One transaction: its session, the business time at which it opened, and what to do once it is committed.

    Handed down from the edge to use cases; nothing below the edge commits.
    """

    session: Session
    now: datetime
    dialect: str
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    wakes: bool = False
    _lease_now: datetime | None = None

    def rows(self, query: Select[*Columns], **given: object) -> Sequence[Row[*Columns]]:
        """What a query of columns finds, past the session's objects: for the many reads of a batch, at half the cost.

        Parameters are given by name, so that the query is made once for all; a list is `lists.among`.
        """
        if self.session.autoflush:
            self.session.flush()
        return self.session.connection().execute(query, given).all()

    def once(self, look_up: "Callable[[UnitOfWork, UUID], Found]", of: UUID) -> Found:
        """What is looked up once in a transaction, however many ask for it."""
        if (look_up, of) not in self.session.info:
            self.session.info[look_up, of] = look_up(self, of)
        found: Found = self.session.info[look_up, of]
        return found

    def forget(self, look_up: "Callable[[UnitOfWork, UUID], object]", of: UUID) -> None:
        """Look it up again: it has changed in this transaction."""
        self.session.flush()
        self.session.info.pop((look_up, of), None)

    def lease_time(self) -> datetime:
        """Lease time: PostgreSQL's own clock, the machine's on SQLite (one machine by construction). Aware UTC.

        Read once in a transaction: what it takes meanwhile only shortens a lease.
        """
        if self._lease_now is None:
            read = self.dialect == "postgresql"
            self._lease_now = self.session.scalar(_LEASE_CLOCK).astimezone(UTC) if read else datetime.now(UTC)
        return self._lease_now

    def wake_relay(self) -> None:
        """Tell the relay at commit that there is work; on SQLite its short poll sees it."""
        self.wakes = self.dialect == "postgresql"


class Database:
    """Opens units of work. On SQLite every write takes a file lock, then `BEGIN IMMEDIATE`.

    Without the lock a busy relay starved the web for seconds; with SQLAlchemy's default transactions updates were lost.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """`url` is an SQLAlchemy address; nothing is opened yet."""
        self.url = make_url(url)
        self.clock: Clock = clock or SystemClock()
        self.dialect = self.url.get_backend_name()
        self.engine = _sqlite(url) if self.dialect == "sqlite" else _postgresql(url)
        self._lock_path = f"{self.url.database}.lock" if self.dialect == "sqlite" else None
        self._thread_lock = threading.Lock()

    @contextmanager
    def write(self, label: str) -> Iterator[UnitOfWork]:
        """A unit of work that commits at the end; any exception rolls all of it back.

        `label` names the crash points around the commit. Raises `Conflict` when somebody else changed a row read here
        or each waits for what the other holds, `Unavailable` when the folder of an SQLite database cannot be written.
        """
        with self._writing(), Session(self.engine, expire_on_commit=False) as session:
            unit = UnitOfWork(session, self.clock.now(), self.dialect)
            try:
                yield unit
                session.flush()
                if unit.wakes:
                    session.execute(_WAKE, {"channel": WAKE_CHANNEL})
                crashpoint(f"{label}.before_commit")
                session.commit()
            except StaleDataError as error:
                raise Conflict from error
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", "") == _DEADLOCK:
                    raise Conflict from error
                raise
        crashpoint(f"{label}.after_commit")
        for act in unit.after_commit:
            act()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A unit of work that never writes: a flush in it is a programming error, rolled back as the session closes."""
        with Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            session.connection(execution_options={"relais_read": True})
            yield UnitOfWork(session, self.clock.now(), self.dialect)

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._lock_path is None:
            yield
            return
        with self._thread_lock:
            try:
                handle = os.open(self._lock_path, os.O_CREAT | os.O_RDWR, 0o600)
            except OSError as error:
                raise Unavailable from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)


def _sqlite(url: str) -> Engine:
    module = _sqlite_module()
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        module=module,
        pool_size=KEPT,
        max_overflow=AT_ONCE - KEPT,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": 8},
    )
    journal = "WAL" if module.sqlite_version_info >= _FIXED_SQLITE else "TRUNCATE"

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (f"journal_mode={journal}", "foreign_keys=ON", "busy_timeout=8000", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        reads = connection.get_execution_options().get("relais_read")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _sqlite_module() -> ModuleType:
    """`pysqlite3` carries a SQLite free of the WAL-reset bug; Debian's own has it."""
    try:
        import pysqlite3  # noqa: PLC0415 - absent on platforms without a wheel
    except ImportError:  # pragma: no cover
        import sqlite3  # noqa: PLC0415

        return sqlite3
    return pysqlite3  # type: ignore[no-any-return]


def _postgresql(url: str) -> Engine:
    options = f"-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000 {PLANNING}"
    return create_engine(
        url,
        pool_size=KEPT,
        max_overflow=AT_ONCE - KEPT,
        pool_timeout=PATIENCE_S,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": PATIENCE_S},
    )


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a unique key said no, on either database."""
    return "unique" in str(error.orig).lower()


def lease_until(unit: UnitOfWork, seconds: float) -> datetime:
    """The lease time `seconds` from now."""
    return unit.lease_time() + timedelta(seconds=seconds)
