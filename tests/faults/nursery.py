"""Plays journeys in processes of their own, forked from one that has imported all and played one."""

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
from typing import IO, Final
from unittest.mock import patch

from deployments.serving import keep_what_is_loaded
from services.foundation.crashpoints import VARIABLE
from tests.faults.children import PATIENCE_S, die_with_parent
from tests.faults.journey import Order, play
from tests.spared import spare

KILLED: Final = -signal.SIGKILL
TRACE: Final = "RELAIS_CRASH_TRACE"


class Nursery:
    """Plays journeys in processes of their own: an import of everything costs seconds, a fork milliseconds.

    A traced one is played in the process from which the others are forked, which find compiled what it asked.
    """

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
    spare()
    for line in sys.stdin:
        asked, crash_at, trace = json.loads(line)
        order = Order(**asked | {"folder": Path(asked["folder"])})
        sys.stdout.write(f"{_traced(order, trace) if trace else _forked(order, crash_at)}\n")
        sys.stdout.flush()


def _traced(order: Order, trace: str) -> int:
    with patch.dict(os.environ, {TRACE: trace}):
        code = _played(order)
    keep_what_is_loaded()
    return code


def _forked(order: Order, crash_at: str) -> int:
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        os.environ.update({VARIABLE: crash_at} if crash_at else {})
        os._exit(_played(order))
    return _end_of(pid)


def _played(order: Order) -> int:
    try:
        play(order)
    except BaseException:  # noqa: BLE001 - told by the code
        traceback.print_exc()
        return 1
    return 0


def _end_of(pid: int) -> int:
    late = threading.Timer(PATIENCE_S, os.kill, (pid, signal.SIGTERM))
    late.start()
    _, status = os.waitpid(pid, 0)
    late.cancel()
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    _nurse()
