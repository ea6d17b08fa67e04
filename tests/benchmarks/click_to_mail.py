"""From a click to its mail: how long from a commit until the mail server has the message, beside Prefect's own way.

A relay in its own process, a mail sink and a Prefect server on this machine; two acts a second.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID

import httpx2
from sqlalchemy import func, select

from deployments import environment, migrating
from models.engine import Message, Work
from models.vocabulary import Danger, MessageState
from services.cases import visits
from services.forms import DangerForm
from services.foundation.database import Database
from services.foundation.settings import Settings
from tests.benchmarks.ground import KINDS, say
from tests.faults import office
from tests.faults.children import child
from tests.machines import postgres_database
from tests.ports import free_port
from tests.sink import Sink

PAUSE_S: Final = 0.5
START_S: Final = 180
TRIGGERS: Final = 5
TRIGGERS_S: Final = 75
"""Prefect's own way is slow: no new sample once so much time has gone by."""


class TimedSink(Sink):
    """Notes when each mail was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, float] = {}

    def _store(self, sender: str, recipients: list[str], raw: bytes) -> None:
        at = time.time()
        super()._store(sender, recipients, raw)
        self.times[self.messages[-1]["Message-ID"]] = at


@dataclass(frozen=True)
class Sample:
    """One act: seconds from its commit until its message was planned, and until it was accepted."""

    planned_s: float
    accepted_s: float


def tell(prefect_url: str, folder: Path, *, events: int) -> None:
    """Measure on both databases, with Prefect and without, then Prefect's own event trigger."""
    say(f"{events} acts a run, {1 / PAUSE_S:.0f} a second; seconds from commit to acceptance")
    say(f"{'':28}{'median':>8}{'p95':>8}{'max':>8}   of which until planned (median)")
    medians = []
    for url in (None, prefect_url):
        for kind in KINDS:
            with _database(kind, folder) as (own, database):
                samples = measure(database, own, events=events, prefect_url=url)
            medians.append(_tell(f"{kind}, Prefect {'on' if url else 'absent'}", samples))
    triggered = trigger(prefect_url, folder)
    say(_row("Prefect's event trigger", triggered))
    ratio = median(triggered) / max(medians)
    say(f"At the slowest of the four, the mail has left {ratio:.0f} times sooner than Prefect's trigger starts.")


def measure(database: Database, folder: Path, *, events: int, prefect_url: str | None) -> list[Sample]:
    """Act so many times beside a running relay."""
    with TimedSink() as sink, ExitStack() as stack:
        cases = _prepare(database, events + 1)
        surroundings = _surroundings(database, folder, sink, prefect_url)
        stack.enter_context(child("deployments.cli", "relay", environment=surroundings, log=folder / "relay.log"))
        _wait_until_idle(database)
        _report_danger(database, cases[0])  # the first pays for connections and caches
        _wait_until_idle(database)
        committed = {}
        begun = time.monotonic()
        for number, case_id in enumerate(cases[1:]):
            time.sleep(max(0.0, begun + number * PAUSE_S - time.monotonic()))
            committed[case_id] = _report_danger(database, case_id)
        _wait_until_idle(database)
        return [
            Sample(
                message.created_at.timestamp() - committed[case_id], sink.times[message.message_id] - committed[case_id]
            )
            for case_id, message in _dangers(database).items()
            if case_id in committed
        ]


def trigger(url: str, folder: Path) -> list[float]:
    """Seconds from an event given to Prefect until the first line of the flow that an automation starts."""
    from prefect.events import emit_event
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from tests.benchmarks.triggered import EVENT, FOLDER

    noted = folder / "noted"
    noted.mkdir()
    surroundings = {
        **os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "prefect"), FOLDER: str(noted),
    }  # fmt: skip
    found: list[float] = []
    asked = child("tests.benchmarks.triggered", environment=surroundings, log=folder / "triggered.log")
    with asked, temporary_settings({PREFECT_API_URL: url}):
        _wait_for_automation(url)
        begun = time.monotonic()
        while len(found) < TRIGGERS and (not found or time.monotonic() - begun < TRIGGERS_S):
            emitted = time.time()
            emit_event(EVENT, resource={"prefect.resource.id": f"relais.benchmark.{len(found)}"})
            _wait(lambda: len(list(noted.iterdir())) > len(found))
            newest = max(float(file.read_text(encoding="ascii") or emitted) for file in noted.iterdir())
            found.append(newest - emitted)
    return found


def _prepare(database: Database, count: int) -> list[UUID]:
    migrating.upgrade(database)
    office.found(database)
    with database.write("test") as unit:
        return [
            office.submit(unit, f"Famille {number}", 0, street=f"{number} rue", giver_email=None).id
            for number in range(count)
        ]


def _report_danger(database: Database, case_id: UUID) -> float:
    """When it was committed, by the wall clock."""
    with database.write("test") as unit:
        visits.report_danger(unit, office.COORDINATOR, case_id, DangerForm(danger=Danger.GAS))
    return time.time()


def _dangers(database: Database) -> dict[UUID, Message]:
    with database.read() as unit:
        found = unit.session.scalars(select(Message).where(Message.text == "danger")).all()
        by_case = {message.of_case.id: message for message in found}
        unit.session.expunge_all()
        return by_case


def _wait_until_idle(database: Database) -> None:
    def idle() -> bool:
        with database.read() as unit:
            work = unit.session.scalar(select(func.count()).select_from(Work)) or 0
            under_way = Message.state.in_([MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED])
            due = select(func.count()).select_from(Message).where(under_way, Message.due_at <= unit.now)
            return work + (unit.session.scalar(due.where(Message.channel == "email")) or 0) == 0

    _wait(idle)


def _wait_for_automation(url: str) -> None:
    def is_there() -> bool:
        return bool(httpx2.post(f"{url}/automations/filter", json={}, timeout=10).json())

    _wait(is_there)
    time.sleep(3)  # the server's trigger service loads automations on its own time


def _wait(until: Callable[[], bool]) -> None:
    late = time.monotonic() + START_S
    while not until():
        if time.monotonic() > late:
            raise TimeoutError(f"nothing happened in {START_S} s")
        time.sleep(0.05)


def _surroundings(database: Database, folder: Path, sink: Sink, prefect_url: str | None) -> dict[str, str]:
    settings = Settings(
        data_folder=folder,
        database_url=database.url.render_as_string(hide_password=False),
        smtp_host=sink.host,
        smtp_port=sink.port,
        smtp_security="none",
        prefect_api_url=prefect_url or "",
    )
    names = ("database_url", "smtp_host", "smtp_port", "smtp_security")
    ours = {f"RELAIS_{name.upper()}": str(getattr(settings, name)) for name in names}
    return {**environment.for_children(settings), **ours, "PREFECT_API_URL": prefect_url or ""}


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[Path, Database]]:
    own = Path(tempfile.mkdtemp(dir=folder))
    with ExitStack() as stack:
        url = f"sqlite+pysqlite:///{own / 'relais.sqlite'}"
        database = Database(url if kind == "SQLite" else stack.enter_context(postgres_database()))
        yield own, database
        database.dispose()


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """A Prefect server of this run; its address."""
    settings = Settings(data_folder=folder, prefect_port=free_port())
    environment.prefect_home(settings).mkdir()
    surroundings = {**environment.for_prefect_server(settings), "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "false"}
    with child("deployments.prefect_server", environment=surroundings, log=folder / "prefect.log"):
        url = environment.prefect_api(settings)
        _wait(lambda: _answers(f"{url}/health"))
        yield url


def _answers(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(url, timeout=1).is_success
    return False


def _tell(name: str, samples: Sequence[Sample]) -> float:
    accepted = [sample.accepted_s for sample in samples]
    say(f"{_row(name, accepted)}   {median(sample.planned_s for sample in samples):.3f}")
    return median(accepted)


def _row(name: str, seconds: Sequence[float]) -> str:
    p95 = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return f"{name:28}{median(seconds):8.3f}{p95:8.3f}{max(seconds):8.3f}"
