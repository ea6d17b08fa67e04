"""A relay that only drains: handles all that waits, then says how long it took and how big it has become.

`python -m tests.benchmarks.draining --rounds 5 KIND FOLDER URL` drains so many copies of a prepared database, one after
the other; a line of JSON for each.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from deployments.serving import keep_what_is_loaded
from flows import engine, relay
from tests.benchmarks.ground import Ground

NEVER_S = 3600


def main() -> None:
    """Drain what the command line names."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("ground", nargs=3)
    given = options.parse_args()
    kind, folder, url = given.ground
    keep_what_is_loaded()  # as a relay does
    prepared = Ground(kind, Path(folder), url)
    if given.rounds == 1:
        _drain(prepared)
    for _ in range(given.rounds if given.rounds > 1 else 0):
        with prepared.copy() as copied:
            _drain(copied)


def _drain(place: Ground) -> None:
    async def all_of_it() -> tuple[int, float]:
        begun = time.perf_counter()
        taken = await relay.drain(budget_s=NEVER_S)
        seconds = time.perf_counter() - begun
        await engine.settle()
        return taken, seconds

    with place.opened():
        taken, seconds = asyncio.run(all_of_it())
    sys.stdout.write(json.dumps({"taken": taken, "seconds": seconds, "megabytes": _megabytes()}) + "\n")
    sys.stdout.flush()


def _megabytes() -> float:
    """This process's resident memory now; zero where the kernel does not tell."""
    status = Path("/proc/self/status")
    told = status.read_text(encoding="ascii") if status.exists() else ""
    return sum(int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main()
