"""Relays killed, stopped and cut off from their database at random, under traffic: nothing is lost, nothing twice."""

import asyncio
import dataclasses
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from flows import relay
from flows.delivery import postman
from models.cases import Case
from models.engine import Message
from models.vocabulary import Channel, MessageState
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests.databases import MORNING, with_tables
from tests.faults import office
from tests.faults.journey import let_time_pass, settle
from tests.faults.mailbox import mailbox
from tests.faults.workers import be_relay, deliver_stopping_at, forked, is_stopped
from tests.ledger import problems
from tests.machines import own_postgres
from tests.served import served
from tests.sink import Sink
from tests.waiting import eventually

RELAYS: Final = {"postgresql": 3, "sqlite": 1}
DAYS: Final = (0, 4, 14)
"""Business time of the rounds: the second and the third find reminders due."""
QUICK_S: Final = 10.0
"""Within which the database's absence is said, and its return found, on a loaded machine: both take five at most."""
FENCE_S: Final = 0.3
"""In the place of the ten seconds before DATA."""
PAUSE_S: Final = 11.0
"""Longer than the fence before DATA."""
IDLE_S: Final = 2.0
"""Shorter than a doubt rests: a server that is asked for proof has closed the connection of whoever was stopped."""


@dataclass
class Storm:
    """An office under traffic and its relays; what the weather does to them is the test's."""

    runtime: Runtime
    sink: Sink
    chance: random.Random
    key: str
    relays: list[BaseProcess] = field(default_factory=list)
    asked: int = 0
    acknowledged: dict[str, UUID] = field(default_factory=dict)
    unanswered: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[tuple[int, float]] = field(default_factory=list)

    @property
    def dialect(self) -> str:
        return self.runtime.database.dialect

    def start(self, count: int | None = None) -> None:
        """More relays, at the office's present time."""
        for _ in range(count or RELAYS[self.dialect]):
            self.relays.append(forked(be_relay, self.runtime.settings, self.runtime.clock.now()))

    def kill_one(self) -> None:
        """One of them dies; another takes its place."""
        self.end(self.relays.pop(self.chance.randrange(len(self.relays))))
        self.start(1)

    def end_all(self) -> None:
        """All are killed, and their leases run out."""
        while self.relays:
            self.end(self.relays.pop())
        let_time_pass(self.runtime.database)

    def end(self, relay: BaseProcess) -> None:
        """This one dies, whatever it was doing."""
        relay.kill()
        relay.join()

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Somebody gives alerts all along, and again what was not answered, under the same key."""
        done = threading.Event()

        def give() -> None:
            client = TestClient(served(self.runtime), raise_server_exceptions=False)
            while not done.is_set():
                self.asked += 1
                self.unanswered[f"alert-{self.asked}"] = office.alert("Famille", self.asked)
                self.give_again(client)
                done.wait(0.05)

        giver = threading.Thread(target=give)
        giver.start()
        try:
            yield
        finally:
            done.set()
            giver.join()

    def give_again(self, client: TestClient) -> None:
        """Give what was never answered. The database may be away: that is said soon, and never taken for a yes."""
        for key, form in list(self.unanswered.items()):
            began = time.monotonic()
            headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key}
            answer = client.post("/api/v1/alerts", json=form, headers=headers)
            self.answers.append((answer.status_code, time.monotonic() - began))
            if answer.status_code != 201:
                return
            self.acknowledged[key] = UUID(answer.json()["case_id"])
            del self.unanswered[key]

    def is_served(self) -> bool:
        """Whether the last alert was taken."""
        return bool(self.answers) and self.answers[-1][0] == 201

    def calm(self) -> None:
        """No relay but one, which is not disturbed, until nothing is left to do."""
        self.end_all()
        self.give_again(TestClient(served(self.runtime), raise_server_exceptions=False))
        self.settle()

    def settle(self) -> None:
        """Do what is left to do here and now."""

        async def all_of_it() -> None:
            async with postman() as carrier:
                await settle(carrier)

        with use(self.runtime):
            asyncio.run(all_of_it())

    def unsound(self) -> list[str]:
        """What was sent twice or lost of the mail, and what is broken in the database."""
        sent = Counter(mail["Message-ID"] for mail in self.sink.messages)
        with self.runtime.database.read() as unit:
            mails = select(Message.message_id).where(
                Message.state == MessageState.ACCEPTED, Message.channel == Channel.EMAIL, Message.bundle_id.is_(None)
            )
            accepted = set(unit.session.scalars(mails))
            found = problems(unit, drained=True)
        found += [f"mail {id_}: left {times} times" for id_, times in sent.items() if times > 1]
        found += [f"mail {id_}: accepted, never sent" for id_ in accepted - set(sent)]
        return found + [f"mail {id_}: sent, not accepted" for id_ in set(sent) - accepted]

    def wrong(self) -> list[str]:
        """The same, and what became of the alerts: each taken is a case with its receipt, and nothing else is."""
        found, taken = self.unsound(), set(self.acknowledged.values())
        with self.runtime.database.read() as unit:
            cases = set(unit.session.scalars(select(Case.id)))
            receipts = Counter(unit.session.scalars(select(Message.case_id).where(Message.text == "alert_receipt")))
        found += [f"case {id_}: acknowledged and lost" for id_ in taken - cases]
        found += [f"case {id_}: nobody asked for it" for id_ in cases - taken]
        found += [f"case {id_}: {receipts[id_]} receipts" for id_ in cases if receipts[id_] != 1]
        return found + [f"{key}: never taken" for key in self.unanswered]


@contextmanager
def storm_over(runtime: Runtime, chance: random.Random, *, idle_s: float | None = IDLE_S) -> Iterator[Storm]:
    """An office whose mail goes to a sink that proves what it took; it leaves no client connected that is silent."""
    office.found(runtime.database)
    with mailbox(idle_s=idle_s) as (sink, evidence_port):
        settings = runtime.settings.model_copy(
            update={"catcher_smtp_port": sink.port, "catcher_web_port": evidence_port}
        )
        storm = Storm(dataclasses.replace(runtime, settings=settings), sink, chance, office.key(runtime.database))
        try:
            yield storm
        finally:
            storm.end_all()


def travel(clock: SetClock, days: int) -> None:
    clock.at = MORNING + timedelta(days=days)


# --- Death ----------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(1800)
def test_relays_killed_all_the_time_lose_nothing_and_send_nothing_twice(
    runtime: Runtime, clock: SetClock, all_points: bool, chance: random.Random
) -> None:
    kills, rounds = (60, 4) if all_points else (5, 1)
    if runtime.database.dialect == "sqlite" and not all_points:
        pytest.skip("one relay killed at each of its points is what the journey tries")
    with storm_over(runtime, chance) as storm:
        for _ in range(rounds):
            for days in DAYS if all_points else DAYS[:2]:
                travel(clock, max(days, (clock.at - MORNING).days))
                storm.start()
                with storm.traffic():
                    for _ in range(kills):
                        time.sleep(chance.uniform(0.08, 0.5))
                        storm.kill_one()
                storm.end_all()
        storm.calm()

        assert storm.wrong() == []
        assert len(storm.sink.messages) > kills


# --- Sleep ----------------------------------------------------------------------------------------------------------


def test_a_worker_stopped_between_the_mark_and_data_finds_when_he_wakes_that_another_has_sent_it(
    runtime: Runtime, chance: random.Random
) -> None:
    with storm_over(runtime, chance, idle_s=None) as storm:
        with storm.runtime.database.write("test") as unit:
            office.submit(unit, "Martin", 1)
        with use(storm.runtime):
            asyncio.run(relay.drain())
        settings, now = storm.runtime.settings, runtime.clock.now()
        sleeper = forked(deliver_stopping_at, settings, now, "mail.before_data", FENCE_S)
        eventually(lambda: is_stopped(sleeper))
        time.sleep(FENCE_S)

        let_time_pass(storm.runtime.database)
        storm.settle()
        left = [mail["Message-ID"] for mail in storm.sink.messages]
        os.kill(sleeper.pid or 0, signal.SIGCONT)
        sleeper.join(60)

        assert sleeper.exitcode == 0
        assert [mail["Message-ID"] for mail in storm.sink.messages] == left
        assert len(left) == len(set(left)) == 2
        assert storm.unsound() == []


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_relays_stopped_for_longer_than_their_leases_send_nothing_twice(
    runtime: Runtime, all_points: bool, chance: random.Random
) -> None:
    if not all_points:
        pytest.skip("eleven seconds a pause: make faults")
    with storm_over(runtime, chance) as storm:
        for _ in range(8):
            storm.start()
            with storm.traffic():
                time.sleep(chance.uniform(1, 3))
                sleepers = list(storm.relays)
                for sleeper in sleepers:
                    os.kill(sleeper.pid or 0, signal.SIGSTOP)
                time.sleep(PAUSE_S)
                eventually(lambda: let_time_pass_if_free(storm))
                storm.start()
                time.sleep(3)
                for sleeper in sleepers:
                    os.kill(sleeper.pid or 0, signal.SIGCONT)
                time.sleep(2)
            storm.end_all()
        storm.calm()

        assert storm.wrong() == []


def let_time_pass_if_free(storm: Storm) -> bool:
    """Whoever was stopped in the middle of a transaction holds its rows until PostgreSQL ends it, after 30 s."""
    try:
        let_time_pass(storm.runtime.database)
    except OperationalError:
        return False
    return True


# --- The database ---------------------------------------------------------------------------------------------------


def survives(storm: Storm, accidents: Sequence[Callable[[], None]]) -> None:
    """Each accident is told by a 503 at most, soon; what was taken is there, and everything goes on by itself."""
    storm.start()
    with storm.traffic():
        eventually(storm.is_served)
        for accident in accidents:
            accident()
            over = time.monotonic()
            eventually(storm.is_served)
            assert time.monotonic() - over < QUICK_S
            time.sleep(storm.chance.uniform(0.2, 1))
    assert all(each.is_alive() for each in storm.relays)
    storm.calm()

    assert storm.wrong() == []
    assert {status for status, _ in storm.answers} <= {201, 503}
    assert max(took for status, took in storm.answers if status == 503) < QUICK_S


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_while_the_database_lets_nobody_in_alerts_are_refused_and_then_all_goes_on(
    runtime: Runtime, chance: random.Random
) -> None:
    name = sql.Identifier(str(runtime.database.url.database))
    server = runtime.database.url.set(drivername="postgresql", database="postgres")

    def accident() -> None:
        with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
            admin.execute(sql.SQL("alter database {} allow_connections false").format(name))
            everybody = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
            admin.execute(everybody, [runtime.database.url.database])
            try:
                eventually(lambda: storm.answers[-1][0] == 503)
            finally:
                admin.execute(sql.SQL("alter database {} allow_connections true").format(name))

    with storm_over(runtime, chance) as storm:
        survives(storm, [accident] * 2)


@pytest.mark.timeout(1800)
def test_a_database_server_that_crashes_restarts_or_hangs_loses_nothing(
    all_points: bool, chance: random.Random, tmp_path: Path
) -> None:
    if not all_points:
        pytest.skip("a server to itself, restarted eleven times: make faults")

    with own_postgres() as server:

        def hang() -> None:
            os.kill(server.pid, signal.SIGSTOP)
            time.sleep(PAUSE_S)
            os.kill(server.pid, signal.SIGCONT)

        with_tables(server.url)
        runtime = build(Settings(data_folder=tmp_path, database_url=server.url), clock=SetClock(MORNING))
        with storm_over(runtime, chance) as storm:
            crash, end = partial(server.restart, "immediate"), partial(server.restart, "fast")
            survives(storm, [crash, crash, end, crash, hang, crash, end, crash, crash, end, crash])
        runtime.database.dispose()
