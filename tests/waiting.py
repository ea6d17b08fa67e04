"""Waiting for what another process does."""

import time
from collections.abc import Callable


def eventually(is_so: Callable[[], bool], *, within_s: float = 80) -> None:
    """Come back once it is so; fail when it is not in so many seconds."""
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
