"""Processes that a test may kill, and that never outlive it."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from services.foundation import crashpoints

PATIENCE_S: Final = 60
KILLED: Final = -signal.SIGKILL
_PR_SET_PDEATHSIG: Final = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def die_with_parent() -> None:
    """Ask the kernel, in a child, to kill it when its parent is gone; on Linux only."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def child(*command: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, killed at the end at the latest."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, looked up before
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(PATIENCE_S)


def exit_code(do: Callable[[], object], *, crash_at: str = "") -> int:
    """How a process ends that does this and dies at this point of the path, if it passes it.

    It is forked from this one: to import all anew costs seconds.
    """
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        os.environ.update({crashpoints.VARIABLE: crash_at} if crash_at else {})
        os._exit(done(do))
    late = threading.Timer(PATIENCE_S, os.kill, (pid, signal.SIGTERM))
    late.start()
    _, status = os.waitpid(pid, 0)
    late.cancel()
    return os.waitstatus_to_exitcode(status)


def done(do: Callable[[], object]) -> int:
    """Do it here; 1 if something was raised, which is told."""
    try:
        with patch.object(crashpoints, "_seen", Counter()):
            do()
    except BaseException:  # noqa: BLE001 - told by the code
        traceback.print_exc()
        return 1
    return 0
