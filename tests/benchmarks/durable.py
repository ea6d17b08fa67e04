"""The reference of durable work in Python: DBOS, each event a workflow whose one step writes its rows."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from dbos import DBOS

from tests.benchmarks.ground import Ground

_acts: list[Callable[[], None]] = []


def _write(number: int) -> None:
    _acts[number]()


write: Final = DBOS.step()(_write)


def _handle(number: int) -> None:
    write(number)


handle_event: Final = DBOS.workflow()(_handle)


def measure(aside: Ground, acts: Sequence[Callable[[], None]]) -> float:
    """Workflows a second, as many at once as DBOS likes; its tables lie `aside`, in a database of the same kind."""
    _acts[:] = acts
    own = f"sqlite:///{aside.folder / 'dbos.sqlite'}" if aside.kind == "SQLite" else aside.url
    DBOS(config={"name": "relais-bench", "system_database_url": own, "log_level": "ERROR"})
    DBOS.launch()
    try:
        begun = time.perf_counter()
        for handle in [DBOS.start_workflow(handle_event, number) for number in range(len(acts))]:
            handle.get_result()
        return len(acts) / (time.perf_counter() - begun)
    finally:
        DBOS.destroy()
