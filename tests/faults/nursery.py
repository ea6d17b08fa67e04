"""Plays journeys in processes of their own, forked from one that has imported all."""

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final

from services.foundation.crashpoints import VARIABLE
from tests.faults.children import PATIENCE_S, die_with_parent
from tests.faults.journey import Order, play

KILLED: Final = -signal.SIGKILL
TRACE: Final = "RELAIS_CRASH_TRACE"


class Nursery:
    """Plays journeys in processes of their own: an import of everything costs seconds, a fork milliseconds."""

    def __init__(self, asked: IO[str], answers: IO[str]) -> None:
        """Speaks to the process from which they are forked, a line each way."""
        self._asked, self._answers = asked, answers

    def play(self, order: Order, *, crash_at: str = "", trace: Path | None = None) -> int:
        """Play, die at this point of the path if it is passed; returns the exit code."""
        what = asdict(order) | {"folder": str(order.folder)}
        self._asked.write(json.dumps([what, crash_at, str(trace or "")]) + "\n")
        self._asked.flush()
        return int(self._answers.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, looked up before
    ) as nurse:
        assert nurse.stdin is not None
        assert nurse.stdout is not None
        try:
            yield Nursery(nurse.stdin, nurse.stdout)
        finally:
            nurse.kill()


def _nurse() -> None:
    for line in sys.stdin:
        order, crash_at, trace = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(Order(**order | {"folder": Path(order["folder"])}), {VARIABLE: crash_at, TRACE: trace})
        sys.stdout.write(f"{_end_of(pid)}\n")
        sys.stdout.flush()


def _live(order: Order, environment: dict[str, Any]) -> None:
    die_with_parent()
    os.environ.update({name: value for name, value in environment.items() if value})
    try:
        play(order)
    except BaseException:  # noqa: BLE001 - told, then the process ends
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _end_of(pid: int) -> int:
    late = threading.Timer(PATIENCE_S, os.kill, (pid, signal.SIGTERM))
    late.start()
    _, status = os.waitpid(pid, 0)
    late.cancel()
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    _nurse()
