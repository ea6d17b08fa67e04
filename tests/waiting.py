"""Waiting for what another process does; or for nothing, where a test moves the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Watch:
    """A monotonic clock that the test moves: a mail server's connections and breakers rest by it."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


def eventually(is_so: Callable[[], bool], *, within_s: float = 80) -> None:
    """Come back once it is so; fail when it is not in so many seconds."""
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
