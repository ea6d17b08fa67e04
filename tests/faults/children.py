"""Processes that a test may kill, and that never outlive it."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 60
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
