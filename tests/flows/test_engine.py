"""A flow's steps run exactly once, whatever becomes of Prefect before, during and after them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

import flows
from flows import engine
from flows.engine import Batch, body
from tests.ports import free_port
from tests.prefect_server import wire

BATCH: Final = Batch(event_ids=(uuid4(), uuid4()), work_ids=(1, 2), refs=("2025-00001", "2025-00001"), token="bo:1")
ran: list[Batch] = []
during: list[Callable[[], None]] = []


@flow(name="sample", flow_run_name="sample: {batch}")
@body
async def sample(batch: Batch) -> None:
    ran.append(batch)
    for act in during:
        act()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    ran.clear()
    during.clear()
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(engine, "BREAKER", engine.Breaker())


@pytest.fixture
def prefect_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Point this process to a Prefect, believed up or not yet asked."""
    with ExitStack() as stack:

        def point(url: str, *, believed_up: bool = False) -> None:
            monkeypatch.setenv("PREFECT_API_URL", url)
            stack.enter_context(temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: tmp_path}))
            engine.BREAKER.asked = engine.BREAKER.up = engine.BREAKER.seen = believed_up

        yield point


def run(batch: Batch = BATCH) -> None:
    async def all_of_it() -> None:
        await engine.run(sample, batch)
        await engine.settle()

    asyncio.run(all_of_it())


@contextmanager
def frozen() -> Iterator[str]:
    with wire() as laid:
        yield laid.url


def test_without_prefect_the_steps_run_undecorated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sample), "__call__", lambda *_: pytest.fail("Prefect was called"))

    run()

    assert ran == [BATCH]


def test_prefect_never_started_the_steps_run_once(prefect_at: Callable[..., None]) -> None:
    prefect_at(f"http://127.0.0.1:{free_port()}/api")

    run()

    assert ran == [BATCH]


def test_prefect_hung_the_steps_run_once_and_soon(prefect_at: Callable[..., None]) -> None:
    with frozen() as url:
        prefect_at(url)

        asyncio.run(asyncio.wait_for(engine.run(sample, BATCH), 2))

    assert ran == [BATCH]


def test_prefect_hung_while_believed_up_the_steps_run_once_and_prefect_is_left_aside(
    prefect_at: Callable[..., None],
) -> None:
    with frozen() as url:
        prefect_at(url, believed_up=True)

        run()

    assert ran == [BATCH]
    assert not engine.BREAKER.up


def test_prefect_killed_while_believed_up_the_steps_run_once_and_prefect_is_left_aside(
    prefect_at: Callable[..., None],
) -> None:
    prefect_at(f"http://127.0.0.1:{free_port()}/api", believed_up=True)

    run()

    assert ran == [BATCH]
    assert not engine.BREAKER.up


@pytest.mark.prefect
@pytest.mark.parametrize("accident", ["cut", "freeze"])
def test_prefect_lost_inside_the_steps_they_are_not_run_again(
    prefect_at: Callable[..., None], prefect_url: str, accident: str
) -> None:
    with wire(urlsplit(prefect_url).port) as laid:
        prefect_at(laid.url)
        during.append(getattr(laid, accident))

        run()

    assert ran == [BATCH]
    assert not engine.BREAKER.up


@pytest.mark.prefect
def test_under_prefect_the_steps_run_once_named_after_the_cases_and_leave_an_artifact(
    prefect_at: Callable[..., None], prefect_url: str
) -> None:
    prefect_at(prefect_url)
    during.append(lambda: engine.note("sample", ["tâche triage · coordinator"]))

    run()

    assert ran == [BATCH]
    (latest,) = ask(prefect_url, "flow_runs", {"sort": "START_TIME_DESC", "limit": 1})
    assert (latest["name"], latest["state_type"]) == ("sample: 2025-00001", "COMPLETED")
    (artifact,) = ask(prefect_url, "artifacts", {"artifacts": {"flow_run_id": {"any_": [latest["id"]]}}})
    assert "tâche triage · coordinator" in artifact["data"]


@pytest.mark.prefect
def test_what_the_steps_raise_comes_through_and_prefect_is_told_its_class_and_place_only(
    prefect_at: Callable[..., None], prefect_url: str
) -> None:
    def fail() -> None:
        raise ValueError("Mme Martin, 06 00 00 00 00")

    prefect_at(prefect_url)
    during.append(fail)

    with pytest.raises(ValueError, match="Martin"):
        run()

    assert ran == [BATCH]
    (latest,) = ask(prefect_url, "flow_runs", {"sort": "START_TIME_DESC", "limit": 1})
    assert latest["state_type"] == "FAILED"
    assert "ValueError flows.engine" in latest["state"]["message"]
    assert "Martin" not in str(latest)
    assert engine.BREAKER.up


def test_prefect_is_asked_again_in_the_background_after_thirty_seconds(
    prefect_at: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def well(_url: str) -> bool:
        return True

    async def ask_twice() -> list[bool]:
        engine.BREAKER.open(ConnectionError())
        at_once = await engine.BREAKER.is_closed()
        engine.BREAKER.retry_at -= engine.ASIDE_S
        later = await engine.BREAKER.is_closed()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [at_once, later, await engine.BREAKER.is_closed()]

    prefect_at("http://127.0.0.1:9/api", believed_up=True)
    monkeypatch.setattr(engine, "answers", well)

    assert asyncio.run(ask_twice()) == [False, False, True]


def test_a_batch_is_named_after_its_cases_each_once_and_the_first_few_only() -> None:
    refs = tuple(f"2025-0000{number}" for number in range(8))

    assert str(Batch(event_ids=(), refs=(*refs, *refs))) == (
        "2025-00000, 2025-00001, 2025-00002, 2025-00003, 2025-00004 +3"
    )


def test_prefect_is_kept_from_holding_or_phoning() -> None:
    assert flows.GUARDS["PREFECT_API_REQUEST_TIMEOUT"] == "2"
    assert flows.GUARDS["PREFECT_CLIENT_MAX_RETRIES"] == "0"
    assert flows.GUARDS["DO_NOT_TRACK"] == "1"


def ask(url: str, what: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx2.post(f"{url}/{what}/filter", json=query, timeout=10).json()
    return found
