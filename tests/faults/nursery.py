"""Plays journeys in processes of their own, forked from one that has imported all and played one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Final
from unittest.mock import patch

from deployments.serving import keep_what_is_loaded
from tests.faults.children import die_with_parent, done, exit_code
from tests.faults.journey import Order, play
from tests.spared import spare

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
        code = _traced(order, trace) if trace else exit_code(partial(play, order), crash_at=crash_at)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _traced(order: Order, trace: str) -> int:
    with patch.dict(os.environ, {TRACE: trace}):
        code = done(partial(play, order))
    keep_what_is_loaded()
    return code


if __name__ == "__main__":
    _nurse()
