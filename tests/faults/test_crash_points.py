"""A journey killed at any of its points and played again ends as if nothing had happened, and no message left twice."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.children import KILLED
from tests.faults.journey import Order, problems, read_state
from tests.faults.mailbox import mailbox
from tests.faults.nursery import Nursery, nursery
from tests.machines import postgres_database
from tests.sink import Sink

SHARES: Final = 2
SAMPLE: Final = 4
DEEPEST: Final = 3
"""Each point is tried at its first, second and third passage."""


@dataclass
class Ground:
    """Empty databases of one kind, and what a journey without any accident leaves in one."""

    template: str
    folder: Path
    nursery: Nursery
    points: list[str] = field(default_factory=list)
    state: dict[str, list[Any]] = field(default_factory=dict)

    @contextmanager
    def place(self, name: str) -> Iterator[tuple[Order, Sink]]:
        """Where to play once."""
        folder = self.folder / name.replace(":", "-")
        folder.mkdir()
        with ExitStack() as stack:
            if self.template.endswith(".sqlite"):
                shutil.copy(self.template, folder / "relais.sqlite")
                url = f"sqlite+pysqlite:///{folder / 'relais.sqlite'}"
            else:
                url = stack.enter_context(postgres_database(template=self.template))
            sink, evidence_port = stack.enter_context(mailbox())
            yield Order(folder, url, sink.port, evidence_port), sink

    def learn(self) -> None:
        """Play without accident: every point that is passed, and the state at the end."""
        trace = self.folder / "trace"
        with self.place("whole") as (order, sink):
            assert self.nursery.play(order, trace=trace) == 0
            assert problems(order, _sent(sink)) == []
            self.state = read_state(order)
        passages = Counter(trace.read_text(encoding="ascii").split())
        self.points = [f"{name}:{nth}" for name in passages for nth in range(1, min(passages[name], DEEPEST) + 1)]

    def kill_at(self, point: str) -> list[str]:
        """Play, die there, play again; what is wrong afterwards."""
        with self.place(point) as (order, sink):
            codes = [self.nursery.play(order, crash_at=point), self.nursery.play(order)]
            if codes != [KILLED, 0]:
                return [f"ended with {codes}"]
            return problems(order, _sent(sink)) + _differences(self.state, read_state(order))


@pytest.fixture(scope="module")
def nurse() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nurse: Nursery) -> Ground:
    kind: str = request.param
    template = str(request.getfixturevalue("sqlite_template" if kind == "sqlite" else "postgres_template"))
    made = Ground(template, tmp_path_factory.mktemp(kind), nurse)
    made.learn()
    return made


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", range(SHARES))
def test_killed_anywhere_and_started_again_a_story_ends_the_same_and_no_message_leaves_twice(
    ground: Ground, share: int, all_points: bool, chance: random.Random
) -> None:
    points = ground.points if all_points else chance.sample(ground.points, SAMPLE)

    wrong = {point: ground.kill_at(point) for point in points[share::SHARES]}

    assert {point: found for point, found in wrong.items() if found} == {}


def test_the_story_passes_every_point_of_the_relay_and_of_the_mail(ground: Ground) -> None:
    passed = {point.partition(":")[0] for point in ground.points}

    assert passed >= {
        *(f"{label}.{side}_commit" for label in LABELS for side in ("before", "after")),
        *("mail.before_connect", "mail.before_mail", "mail.before_rcpt", "mail.before_data", "mail.after_reply"),
        *("sms.before_call", "sms.after_call"),
    }


LABELS: Final = ("claim", "apply", "tick", "delivery.rescue", "delivery.claim", "delivery.mark", "delivery.record")


def _sent(sink: Sink) -> list[str]:
    return [mail["Message-ID"] for mail in sink.messages]


def _differences(whole: dict[str, list[Any]], found: dict[str, list[Any]]) -> list[str]:
    """In words short enough for a failure's report."""
    return [
        f"{name}: {sign} {row}"
        for name in whole
        for sign, these, those in (("lost", whole[name], found[name]), ("new", found[name], whole[name]))
        for row in (Counter(map(repr, these)) - Counter(map(repr, those)))
    ]
