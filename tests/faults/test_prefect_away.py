"""Prefect killed, hung or never started: a case goes from its alert to its mails all the same, each once."""

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows import engine, relay
from flows.delivery import deliver_due
from services.foundation.runtime import Runtime, use
from tests.faults import office
from tests.prefect_server import free_port, wire
from tests.sink import Sink
from tests.work import read_work


@contextmanager
def wire_cut() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}/api"


@contextmanager
def wire_frozen() -> Iterator[str]:
    with wire() as laid:
        yield laid.url


BOUND_S: Final = 20
AWAY: Final = {
    "never started": (wire_cut, False),
    "killed": (wire_cut, True),
    "hung from the start": (wire_frozen, False),
    "hung while believed up": (wire_frozen, True),
}


@pytest.fixture(params=list(AWAY))
def prefect_away(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    how, believed_up = AWAY[request.param]
    breaker = engine.Breaker(asked=believed_up, up=believed_up, seen=believed_up)
    monkeypatch.setattr(engine, "BREAKER", breaker)
    with how() as url, temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: tmp_path}):
        monkeypatch.setenv("PREFECT_API_URL", url)
        yield


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
