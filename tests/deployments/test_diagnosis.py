"""`relais doctor` says what waits for somebody, on an installation that works."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from deployments import migrating
from deployments.diagnosis import examine
from deployments.environment import PREFECT_EVERYWHERE
from models.engine import Message, Obligation
from services.foundation.clock import SetClock
from services.foundation.runtime import build
from services.foundation.settings import Settings
from tests.services.rules.situations import Office, found_office


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in PREFECT_EVERYWHERE.items():
        monkeypatch.setenv(name, value)
    return Settings(data_folder=tmp_path, database_url=None, smtp_host=None)


@pytest.fixture
def office(settings: Settings, clock: SetClock) -> Iterator[Office]:
    runtime = build(settings, clock=clock)
    migrating.upgrade(runtime.database)
    yield found_office(runtime.database, clock)
    runtime.database.dispose()


def told(settings: Settings) -> list[str]:
    return [found.sentence for found in examine(settings) if found.state == "look" and "boîte locale" not in str(found)]


def test_nothing_is_told_when_nothing_waits_for_somebody(office: Office, settings: Settings) -> None:
    office.triaged()

    assert told(settings) == []


def test_reminders_that_fail_and_messages_in_doubt_are_counted(office: Office, settings: Settings) -> None:
    office.triaged()
    with office.database.write("test") as unit:
        for clock in unit.session.scalars(select(Obligation)):
            clock.failed_at, clock.error = unit.now, "KeyError"
        for message in unit.session.scalars(select(Message).limit(1)):
            message.state = "unknown"

    assert told(settings) == [
        "Rappels en échec, essayés de nouveau chaque jour au moins\u00a0: 1.",
        "Messages dont personne ne sait s’ils sont partis\u00a0: 1.",
    ]
