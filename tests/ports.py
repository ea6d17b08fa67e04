"""Ports of this machine for the servers that tests start."""

import os
import random
import socket
from itertools import cycle
from typing import Final

SPAN: Final = 1000
FIRST: Final = 12_000 + SPAN * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16)
_MINE: Final = list(range(FIRST, FIRST + SPAN))
_TURN: Final = cycle(random.sample(_MINE, SPAN))


def free_port() -> int:
    """A loopback port that nobody uses now, and that nobody is given soon.

    It is none of those that the system hands out for connections (32,768 and above by default), nor one of another
    worker: between the question and the server's start it would be taken.
    """
    for port in _TURN:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the turn has no end")
