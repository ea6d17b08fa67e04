"""Named points at which a test may kill the process: around each commit and each step outside the database."""

import os
import signal
from collections import Counter
from typing import Final

VARIABLE: Final = "RELAIS_CRASH_AT"
_seen: Counter[str] = Counter()


def crashpoint(name: str) -> None:
    """Die by SIGKILL if `RELAIS_CRASH_AT=name:nth` asks for it; with `RELAIS_CRASH_TRACE=file`, note the passage.

    Reads the environment each time, so that children of a test obey too. Costs a dictionary look-up otherwise.
    """
    wanted = os.environ.get(VARIABLE)
    trace = os.environ.get("RELAIS_CRASH_TRACE")
    if trace:
        with open(trace, "a", encoding="ascii") as log:  # noqa: PTH123 - the cheapest append
            log.write(f"{name}\n")
    if not wanted:
        return
    _seen[name] += 1
    place, _, nth = wanted.rpartition(":")
    if place == name and int(nth) == _seen[name]:
        os.kill(os.getpid(), signal.SIGKILL)
