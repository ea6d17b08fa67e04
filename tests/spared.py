"""What tests are spared: queries compiled for each database, new connections to PostgreSQL, the disk, a loop for each
request and ten rides to it, dear passwords.
"""

import atexit
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Final

import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from httpx2 import ASGITransport, AsyncByteStream, ByteStream, Request, Response
from psycopg.pq import TransactionStatus
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, make_url
from starlette.testclient import TestClient, _TestClientTransport

from services.foundation import database

_dialects: Final[dict[str, Dialect]] = {}
_compiled: Final[dict[Any, Any]] = {}
"""For each dialect and query; as many as all tests ask together."""
recommended: Final = PasswordHash.recommended
"""What the product asks for."""


def spare() -> None:
    """From now on a process is as one that stays: it compiles a query once, and has one loop for its requests.

    No file of SQLite is pushed to the disk either: that saves it from a power cut, which no test makes. A password
    is tried in a thousandth of its time: what it costs is a test of its own.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(database, "create_engine", _made)
    patch.setattr(TestClient, "_portal_factory", _loop_of)
    patch.setattr(_TestClientTransport, "handle_request", _answer)
    patch.setattr(PasswordHash, "recommended", cache(lambda: PasswordHash((Argon2Hasher(1, 8, 1),))))
    os.register_at_fork(after_in_child=_loop.cache_clear)
    os.register_at_fork(after_in_child=_idle.clear)


def _made(url: str, **options: Any) -> Engine:
    if url in _kept:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        given = options.pop("connect_args", {})
        options["creator"] = lambda: Lasting.opened(address, **given)
    engine = create_engine(url, execution_options={"compiled_cache": _compiled}, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "checkout", _hurry)
    if known := _dialects.get(engine.dialect.name):
        engine.dialect = known
    else:
        event.listen(engine, "engine_connect", _keep, once=True)
    return engine


def keep_connections(url: str) -> None:
    """To a database that many tests use in turn; whoever makes others from it would find it in use."""
    _kept.add(url)


class Lasting(psycopg.Connection[Any]):
    """A connection that lives on when it is closed between two transactions: the next test on its database has it."""

    key: tuple[str, ...]

    @classmethod
    def opened(cls, address: str, **given: Any) -> "Lasting":
        """One that is there and answers, else a new one."""
        key = (address, *map(str, given.items()))
        while _idle[key]:
            kept = _idle[key].pop()
            if kept._answers():
                return kept
        connection = cls.connect(address, **given)
        connection.key = key
        return connection

    def close(self) -> None:
        """Be kept, unless something is going on."""
        if not self.closed and self.info.transaction_status is TransactionStatus.IDLE:
            _idle[self.key].append(self)
        else:
            super().close()

    def _answers(self) -> bool:
        try:
            self.autocommit = True
            self.execute("")
            self.autocommit = False
        except psycopg.Error:
            super().close()
            return False
        return True


_idle: Final[defaultdict[tuple[str, ...], list[Lasting]]] = defaultdict(list)
_kept: Final[set[str]] = set()


def _hurry(connection: Any, record: Any, *_: object) -> None:
    # At its first use, since what a new connection is told comes after.
    if "hurries" not in record.info:
        connection.execute("PRAGMA synchronous=OFF")
        record.info["hurries"] = True


def _keep(connection: Connection) -> None:
    # Only a dialect that has been connected knows its server.
    _dialects.setdefault(connection.dialect.name, connection.dialect)


@contextmanager
def _loop_of(client: TestClient) -> Iterator[BlockingPortal]:
    yield client.portal or _loop()


def _answer(transport: _TestClientTransport, request: Request) -> Response:
    """The client's own goes to the loop and back ten times for each request, which costs more than a page."""
    with transport.portal_factory() as loop:
        return loop.call(_ask, transport, request)


async def _ask(transport: _TestClientTransport, request: Request) -> Response:
    served = ASGITransport(transport.app, transport.raise_server_exceptions, client=transport.client)
    answer = await served.handle_async_request(request)
    assert isinstance(answer.stream, AsyncByteStream)
    body = b"".join([part async for part in answer.stream])
    return Response(answer.status_code, headers=answer.headers, stream=ByteStream(body))


@cache
def _loop() -> BlockingPortal:
    kept = ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(start_blocking_portal())
