"""The mailbox of a story: the local catcher in a thread of this process, on free ports."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployments.catcher.process import serve
from services.channels.evidence import CatcherEvidence, Verdict
from services.foundation.errors import Setup

READY_S: Final = 10.0
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Box:
    """Where it listens."""

    smtp_port: int
    http_port: int

    def accepted(self, message_id: str) -> Verdict:
        """Whether it took a mail with this Message-ID."""
        return CatcherEvidence(f"http://{LOOPBACK}:{self.http_port}").accepted(message_id)


@contextmanager
def mailbox(folder: Path) -> Iterator[Box]:
    """Receive mail into this folder inside the block. Raises `Setup` if it does not start."""
    folder.mkdir(parents=True, exist_ok=True)
    box = Box(*_free_ports(2))
    loop = asyncio.new_event_loop()
    serving = serve(folder=folder, smtp_port=box.smtp_port, http_port=box.http_port)
    task = loop.create_task(serving)
    thread = threading.Thread(target=_run, args=(loop, task), daemon=True)
    thread.start()
    try:
        _wait(box, thread)
        yield box
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(READY_S)


def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _wait(box: Box, thread: threading.Thread) -> None:
    until = time.monotonic() + READY_S
    while thread.is_alive() and time.monotonic() < until:
        with suppress(OSError), socket.create_connection((LOOPBACK, box.smtp_port), timeout=1):
            return
        time.sleep(0.02)
    raise Setup("La boîte de l’histoire ne démarre pas.")


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
