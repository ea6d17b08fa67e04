"""Runs the two processes of Relais, the pages and the relay, until a signal asks them to end."""

import asyncio
import gc
import signal
import socket
import threading
from typing import Final

import uvicorn

from deployments import environment
from services.foundation import logging
from services.foundation.runtime import Runtime, use
from services.foundation.settings import Settings

GARBAGE: Final = (10_000, 20, 50)
"""Objects made, then rounds of the younger generation, between two looks at each generation."""
GRACE_S: Final = 3
"""How long an open page (a live stream) may hold back the end."""


def web(current: Runtime) -> None:
    """Serve the pages and the API."""
    from services.web.app import create_app

    settings = current.settings
    logging.configure(settings.log_format)
    app = create_app(current)
    keep_what_is_loaded()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    uvicorn.Server(config).run(_shared_socket(settings) if settings.web_processes > 1 else None)


def keep_what_is_loaded() -> None:
    """What is imported stays: the collector looks at it no more, and less often at the rest. It took a tenth of the
    relay's time, and now and then hundreds of milliseconds of a page's.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


def _shared_socket(settings: Settings) -> list[socket.socket]:
    """The port, for several processes of this machine: the kernel shares the connections out among them."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return [socket.create_server((settings.host, settings.port), family=family, backlog=2048, reuse_port=True)]


def relay(current: Runtime) -> None:
    """Be the relay. It lives in a thread of its own: in the main one Prefect's flows take SIGTERM for themselves."""
    environment.set_for_prefect(current.settings)
    logging.configure(current.settings.log_format)
    from deployments.publishing import check_stored

    check_stored(current.database)
    life = _Relay(current)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: life.stop())
    life.start()
    while life.is_alive():
        life.join(1)
    if life.error is not None:
        raise life.error


class _Relay(threading.Thread):
    def __init__(self, current: Runtime) -> None:
        super().__init__(name="relay")
        self._runtime = current
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: asyncio.Event | None = None
        self._early = False
        self.error: Exception | None = None

    def run(self) -> None:
        with use(self._runtime):
            try:
                asyncio.run(self._relay())
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for this one
                self.error = error

    def stop(self) -> None:
        """Ask it to end; safe from a signal handler."""
        self._early = True
        if self._loop is not None and self._asked is not None:
            self._loop.call_soon_threadsafe(self._asked.set)

    async def _relay(self) -> None:
        from flows.relay import run

        keep_what_is_loaded()
        self._asked, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self._early:
            return
        await run(self._asked)
