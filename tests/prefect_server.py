"""The one real Prefect server of a session, in a folder of its own; and a wire to it that a test may cut or freeze."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.machines import QUIET_PREFECT
from tests.ports import free_port

START_S: Final = 100


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    """What a Prefect process of the tests is started with: its own home, and silence."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, **QUIET_PREFECT, "PREFECT_HOME": str(home), **({"PREFECT_API_URL": url} if url else {})}


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its own database."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def prefect_url(prefect_home: Path) -> Iterator[str]:
    """The API of a server that runs as long as the session; some twelve seconds to start."""
    port = free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (prefect_home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment(prefect_home), stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/health", server)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(5)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        with suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=1).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError("the Prefect server of the tests did not start")


class Wire:
    """A wire between a client and a server: it may be cut (refused) or frozen (accepted, never answered)."""

    def __init__(self, to_port: int | None) -> None:
        """Without a port it is frozen from the start."""
        self.to_port = to_port
        self.frozen = to_port is None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The API as seen through the wire."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    def freeze(self) -> None:
        """Take what comes and answer nothing more."""
        self.frozen = True

    def cut(self) -> None:
        """Refuse everything, and drop what is under way."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                if self.to_port is not None:
                    far = socket.create_connection(("127.0.0.1", self.to_port))
                    self._open.append(far)
                    threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
                    threading.Thread(target=self._carry, args=(far, near), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.frozen:
                    target.sendall(data)


@contextmanager
def wire(to_port: int | None = None) -> Iterator[Wire]:
    """A wire that is cut at the end at the latest."""
    laid = Wire(to_port)
    try:
        yield laid
    finally:
        laid.cut()
