"""`relais up` killed with all its processes under traffic: what was acknowledged is there, no mail leaves twice."""

import os
import random
import signal
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select

from deployments import migrating
from deployments.catcher.store import FILE_NAME
from models.cases import Case
from models.engine import Message, Work
from models.vocabulary import Channel, MessageState
from services.foundation.runtime import Runtime, build
from services.foundation.settings import Settings
from tests.faults import office
from tests.faults.children import child
from tests.faults.journey import let_time_pass
from tests.ledger import problems
from tests.ports import free_port
from tests.prefect_server import environment
from tests.waiting import eventually

DEATHS: Final = 1
MANY_DEATHS: Final = 12
UNDER_WAY: Final = (MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN)


@dataclass
class Place:
    """A data folder with an office in it, and somebody who notes alerts in it whatever happens."""

    folder: Path
    ports: dict[str, int]
    runtime: Runtime
    key: str
    asked: int = 0
    acknowledged: dict[str, UUID] = field(default_factory=dict)
    unanswered: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """`relais up`, its pages answering; whatever is left of it at the end is killed."""
        given = {f"RELAIS_{name.upper()}": str(port) for name, port in self.ports.items()}
        surroundings = {
            **environment(self.folder / "prefect"),
            **given,
            "RELAIS_DATA_FOLDER": str(self.folder),
            "RELAIS_DEMONSTRATION": "false",
            "RELAIS_PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",  # nobody: Prefect is away
        }
        with child("deployments.cli", "up", environment=surroundings, log=self.folder / "up.log") as process:
            eventually(lambda: self._answers() or process.poll() is not None)
            assert process.poll() is None, (self.folder / "up.log").read_text()
            try:
                yield process
            finally:
                kill_all(process.pid)

    def ask(self) -> None:
        """Give one more alert, and what was never answered: under the same key, so once whatever the tries."""
        self.asked += 1
        self.unanswered[f"alert-{self.asked}"] = office.alert("Famille", self.asked)
        self.ask_again()

    def ask_again(self) -> None:
        """Give what was never answered; a server that has died is no answer."""
        for key, form in list(self.unanswered.items()):
            try:
                answer = self._post(key, form)
            except httpx2.TransportError:
                return
            assert answer.status_code == 201, answer.text
            self.acknowledged[key] = UUID(answer.json()["case_id"])
            del self.unanswered[key]

    def asks_until_a_mail_leaves(self) -> Callable[[], bool]:
        """Alerts come in while the relay starts; true once it works."""
        before = len(self.mails())

        def has_left() -> bool:
            self.ask()
            return len(self.mails()) > before

        return has_left

    def mails(self) -> list[str]:
        """The Message-ID of every mail that the local mailbox accepted, once for each time."""
        with closing(sqlite3.connect(f"file:{self.folder / 'mailbox' / FILE_NAME}?mode=ro", uri=True)) as mailbox:
            return [message_id for (message_id,) in mailbox.execute("SELECT message_id FROM mail")]

    def is_idle(self) -> bool:
        """Whether nothing is left to do. Proof is asked of a doubt after two minutes: that wait is cut short."""
        with self.runtime.database.write("test") as unit:
            for doubt in unit.session.scalars(select(Message).where(Message.state == MessageState.UNKNOWN)):
                doubt.leased_until = unit.lease_time()
            work = unit.session.scalar(select(func.count()).select_from(Work)) or 0
            due = (
                select(func.count())
                .select_from(Message)
                .where(Message.state.in_(UNDER_WAY), Message.due_at <= unit.now)
            )
            return work + (unit.session.scalar(due.where(Message.channel == Channel.EMAIL)) or 0) == 0

    def _post(self, key: str, form: dict[str, Any]) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key}
        url = f"http://127.0.0.1:{self.ports['port']}/api/v1/alerts"
        return httpx2.post(url, json=form, headers=headers, timeout=10, trust_env=False)

    def _answers(self) -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(f"http://127.0.0.1:{self.ports['port']}/healthz", timeout=1, trust_env=False).is_success
        return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    ports = {name: free_port() for name in ("port", "catcher_smtp_port", "catcher_web_port", "prefect_port")}
    runtime = build(Settings(data_folder=tmp_path, database_url=None))
    migrating.upgrade(runtime.database)
    office.found(runtime.database)
    yield Place(tmp_path, ports, runtime, office.key(runtime.database))
    runtime.database.dispose()


@pytest.mark.timeout(1800)
def test_killed_under_traffic_nothing_acknowledged_is_lost_and_no_mail_leaves_twice(
    place: Place, all_points: bool, chance: random.Random
) -> None:
    for _ in range(MANY_DEATHS if all_points else DEATHS):
        with place.up() as process:
            power_cut = threading.Timer(chance.uniform(0, 1), kill_all, (process.pid,))
            eventually(place.asks_until_a_mail_leaves())
            power_cut.start()
            while process.poll() is None:
                place.ask()
            power_cut.join()
        let_time_pass(place.runtime.database)
    with place.up():
        place.ask_again()
        eventually(place.is_idle)

    assert place.unanswered == {}
    with place.runtime.database.read() as unit:
        cases = list(unit.session.scalars(select(Case.id)))
        accepted = select(Message.message_id).where(Message.state == MessageState.ACCEPTED)
        expected = list(unit.session.scalars(accepted))
        assert problems(unit) == []
    assert sorted(cases) == sorted(place.acknowledged.values())
    assert [message_id for message_id, times in Counter(place.mails()).items() if times > 1] == []
    assert sorted(place.mails()) == sorted(expected)
    assert len(expected) >= place.asked  # each alert giver has his receipt


def kill_all(pid: int) -> None:
    """Kill a process and all that it started, the way a power cut does: nobody is asked."""
    tree = [pid]
    for parent in tree:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                tree += [int(found) for found in task.read_text().split()]
    for each in tree:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
