"""The whole of Relais as a browser meets it: pages, relay and local mailbox, on a clock that the test moves."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from deployments.catcher import process as catcher
from flows import relay
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from services.web.app import create_app
from tests.factories import Office, make_office
from tests.machines import CHROMIUM_FLAGS, chromium_path
from tests.prefect_server import free_port

START_S: Final = 20


@dataclass(frozen=True)
class Town:
    """A Relais at work, and where a browser finds its pages and its mail."""

    office: Office
    pages: str
    mailbox: str


class Pages(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to capture."""
        yield


@pytest.fixture
def town(tmp_path: Path, sqlite_template: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The Slime of Brest, Monday 6 October 2025 at 10:00 in Paris, without Prefect; mail goes to the mailbox."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    shutil.copy(sqlite_template, tmp_path / "relais.sqlite")
    smtp, web, mail = (free_port() for _ in range(3))
    settings = Settings(data_folder=tmp_path, port=web, catcher_smtp_port=smtp, catcher_web_port=mail)
    runtime = build(settings, clock=clock)
    found = Town(make_office(runtime), settings.public_url, f"http://127.0.0.1:{mail}")
    with _at_work(runtime):
        _wait_for(f"{found.pages}/healthz", found.mailbox)
        yield found
    runtime.database.dispose()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """A browser; each person gets a context of their own. Ended with its test: Playwright's loop would stop others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@contextmanager
def _at_work(runtime: Runtime) -> Iterator[None]:
    settings = runtime.settings
    config = uvicorn.Config(create_app(runtime, engine_wait_s=5), port=settings.port, log_level="error", lifespan="off")
    pages = Pages(config)
    folder, smtp, http = settings.data_folder / "mailbox", settings.catcher_smtp_port, settings.catcher_web_port

    async def serve(stop: asyncio.Event) -> None:
        serving = asyncio.create_task(pages.serve())
        await stop.wait()
        pages.should_exit = True
        await serving

    async def receive(stop: asyncio.Event) -> None:
        receiving = asyncio.create_task(catcher.serve(folder=folder, smtp_port=smtp, http_port=http))
        await stop.wait()
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving

    with use(runtime), _in_thread(serve), _in_thread(receive), _in_thread(relay.run):
        yield


@contextmanager
def _in_thread(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Run it in a loop of its own until the block ends; the thread sees the same runtime."""
    box: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun = threading.Event()

    async def running() -> None:
        stop = asyncio.Event()
        box.append((asyncio.get_running_loop(), stop))
        begun.set()
        await work(stop)

    thread = threading.Thread(target=copy_context().run, args=(asyncio.run, running()))
    thread.start()
    assert begun.wait(START_S)
    try:
        yield
    finally:
        loop, stop = box[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(START_S)


def _wait_for(*addresses: str) -> None:
    transport = httpx2.HTTPTransport(retries=0)
    with httpx2.Client(transport=transport, timeout=2) as client:
        for address in addresses:
            for _ in range(START_S * 20):
                with suppress(httpx2.HTTPError):
                    if client.get(address).is_success:
                        break
                threading.Event().wait(0.05)
            else:
                raise TimeoutError(address)
