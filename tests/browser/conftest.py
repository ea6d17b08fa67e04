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
from models.programmes import Programme
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from services.web.app import create_app
from services.web.rendering import HTMX, STATIC
from tests.databases import MORNING
from tests.factories import Office, make_office
from tests.machines import CHROMIUM_FLAGS, chromium_or_skip
from tests.ports import free_port

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all-pages` looks at every page in every size; otherwise at one of each kind and at some others."""
    parser.addoption("--all-pages", action="store_true", help="look at every page in every size")


@pytest.fixture(scope="session")
def all_pages(pytestconfig: pytest.Config) -> bool:
    """Whether to look at everything. The option is unknown when pytest was not given this folder."""
    return bool(pytestconfig.getoption("--all-pages", default=False))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Town]:
    """The Slime of Brest, Monday 6 October 2025 at 10:00 in Paris, without Prefect; mail goes to the mailbox.

    The tests of a module live in it one after the other, whichever they are: time goes on, cases stay.
    """
    with pytest.MonkeyPatch.context() as patch, _founded(tmp_path_factory.mktemp("town"), sqlite_template) as runtime:
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.setattr(relay, "TICK_S", 0.5)  # the clock that the test moves has days between two looks at it
        found = _town(runtime)
        with use(runtime), _in_thread(_pages(runtime)), _in_thread(_mailbox(runtime)), _in_thread(relay.run):
            _wait_for(f"{found.pages}/healthz", found.mailbox)
            yield found


@pytest.fixture(scope="module")
def pages_alone(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Town]:
    """The same pages without an engine or a mailbox: what is there was made by the factories."""
    with _founded(tmp_path_factory.mktemp("pages"), sqlite_template) as runtime:
        found = _town(runtime)
        with use(runtime), _in_thread(_pages(runtime)):
            _wait_for(f"{found.pages}/healthz")
            yield found


@contextmanager
def _founded(folder: Path, template: Path) -> Iterator[Runtime]:
    shutil.copy(template, folder / "relais.sqlite")
    smtp, web, mail = (free_port() for _ in range(3))
    settings = Settings(data_folder=folder, port=web, catcher_smtp_port=smtp, catcher_web_port=mail)
    runtime = build(settings, clock=SetClock(MORNING))
    yield runtime
    runtime.database.dispose()


def _town(runtime: Runtime) -> Town:
    office, settings = make_office(runtime), runtime.settings
    with runtime.database.write("test") as unit:  # signing in with a telephone has its own tests
        unit.session.get_one(Programme, office.programme_id).is_demonstration = True
    return Town(office, settings.public_url, f"http://127.0.0.1:{settings.catcher_web_port}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, in which each has a context of his own. Ended with its module: Playwright's loop would stop others."""
    path = chromium_or_skip()
    if not (STATIC / HTMX).exists():
        pytest.skip("NOTHING WAS LOOKED AT IN A BROWSER. The script of the pages is missing: `make test` fetches it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def _pages(runtime: Runtime) -> Work:
    app, port = create_app(runtime, engine_wait_s=5), runtime.settings.port
    pages = Pages(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))

    async def serve(stop: asyncio.Event) -> None:
        serving = asyncio.create_task(pages.serve())
        await stop.wait()
        pages.should_exit = True
        await serving

    return serve


def _mailbox(runtime: Runtime) -> Work:
    settings = runtime.settings
    folder, smtp, http = settings.data_folder / "mailbox", settings.catcher_smtp_port, settings.catcher_web_port

    async def receive(stop: asyncio.Event) -> None:
        receiving = asyncio.create_task(catcher.serve(folder=folder, smtp_port=smtp, http_port=http))
        await stop.wait()
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving

    return receive


@contextmanager
def _in_thread(work: Work) -> Iterator[None]:
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
