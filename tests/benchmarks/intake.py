"""A file of alerts: from its reading until the last message that follows is planned."""

import asyncio
import time
from pathlib import Path
from typing import Final

from flows.relay import drain
from services.imports.alerts import Order, run
from tests.benchmarks.ground import ground, tell
from tests.services.imports.office import HEADER, make_office, write_csv

NEVER_S: Final = 3600


def measure(kind: str, folder: Path, *, alerts: int) -> None:
    """Take a file of so many households in, the engine right behind."""
    file = write_csv(folder / f"{kind}.csv", *(_row(number) for number in range(alerts)), header=HEADER)
    with ground(kind, folder) as place, place.opened() as runtime:
        make_office(runtime.database)
        begun = time.perf_counter()
        outcome = run(runtime.database, Order(file, "fsl", commit=True, notify=True))
        taken = time.perf_counter() - begun
        handled = asyncio.run(drain(budget_s=NEVER_S))
        seconds = time.perf_counter() - begun
    what = f"{kind}: import of {len(outcome.numbers):,} alerts, all planned"
    parts = f"{taken:.1f} s until committed, {handled:,} events handled"
    tell(what, f"{seconds:.1f} s", bar="<= 10 s", reference=parts)


def _row(number: int) -> tuple[str, ...]:
    """A household that is like no other."""
    name, street = f"Famille{number * 7919 % 100_003}", f"{number} rue {number * 104_729 % 99_991}"
    phone = (
        f"06 {number // 1_000_000 % 100:02d} {number // 10_000 % 100:02d} {number // 100 % 100:02d} {number % 100:02d}"
    )
    return (name, "Léa", phone, street, "29200", "Brest", "HLM", "Froid", "oui")
