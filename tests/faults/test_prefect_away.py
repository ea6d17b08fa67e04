"""Prefect killed, hung, broken or never started: a case goes from its alert to its mails all the same, each once."""

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import engine, relay
from flows.delivery import deliver_due
from services.foundation.runtime import Runtime, use
from tests.faults import office
from tests.ports import free_port
from tests.prefect_server import wire
from tests.sink import Sink
from tests.work import read_work


@contextmanager
def wire_cut() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}/api"


@contextmanager
def wire_frozen() -> Iterator[str]:
    with wire() as laid:
        yield laid.url


@contextmanager
def wire_to_a_broken_server() -> Iterator[str]:
    """Whoever answers says that it cannot."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def do_POST(self) -> None:
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


BOUND_S: Final = 20
AWAY: Final = {
    "never started": (wire_cut, False),
    "killed": (wire_cut, True),
    "hung from the start": (wire_frozen, False),
    "hung while believed up": (wire_frozen, True),
    "broken from the start": (wire_to_a_broken_server, False),
    "broken while believed up": (wire_to_a_broken_server, True),
}


@pytest.fixture(params=list(AWAY))
def prefect_away(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    how, believed_up = AWAY[request.param]
    breaker = engine.Breaker(asked=believed_up, up=believed_up, seen=believed_up)
    monkeypatch.setattr(engine, "BREAKER", breaker)
    with how() as url, temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: tmp_path}):
        monkeypatch.setenv("PREFECT_API_URL", url)
        yield


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)  # Prefect's absence is the same on both
def test_without_prefect_a_case_goes_from_its_alert_to_its_mails_each_once(
    prefect_away: None, runtime: Runtime
) -> None:
    office.found(runtime.database)
    with runtime.database.write("test") as unit:
        office.submit(unit, "Martin", 1)

    with Sink() as sink, use(_with_mail_to(sink, runtime)):
        for _ in range(2):
            asyncio.run(asyncio.wait_for(_handle(), BOUND_S))

    assert sorted(mail.recipients for mail in sink.messages) == [("ada@example.org",), ("cy1@example.org",)]
    assert read_work(runtime.database) == []


async def _handle() -> None:
    await relay.drain()
    await deliver_due()
    await engine.settle()


def _with_mail_to(sink: Sink, runtime: Runtime) -> Runtime:
    settings = runtime.settings.model_copy(update={"catcher_smtp_port": sink.port})
    return dataclasses.replace(runtime, settings=settings)
