"""`relais doctor` finds what is broken and says it in one line each; what rests on it is left out."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import update

from deployments.diagnosis import Finding, examine
from deployments.environment import PREFECT_EVERYWHERE
from deployments.preparing import prepare
from models.engine import Work
from models.vocabulary import WorkState
from services.foundation.database import Database
from services.foundation.settings import Settings
from tests.machines import postgres_database
from tests.ports import free_port
from tests.work import make_work

LATE: Final = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _prefect_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examination sets what is missing in the environment: nothing is."""
    for name, value in PREFECT_EVERYWHERE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["sqlite", "postgresql"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A data folder and a database that are ready to serve."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_database()) if request.param == "postgresql" else None
        settings = Settings(data_folder=tmp_path, database_url=url)
        database = Database(settings.url)
        stack.callback(database.dispose)
        prepare(database)
        yield settings


def sentences(findings: list[Finding], state: str) -> str:
    return "\n".join(finding.sentence for finding in findings if finding.state == state)


def with_work(settings: Settings, **changed: object) -> None:
    database = Database(settings.url)
    make_work(database)
    with database.write("test") as unit:
        unit.session.execute(update(Work).values(created_at=unit.lease_time() - LATE, **changed))
    database.dispose()


def test_a_sound_installation_has_nothing_to_mend(installed: Settings) -> None:
    findings = examine(installed)

    assert sentences(findings, "wrong") == ""
    assert "La base de données répond" in sentences(findings, "well")


def test_an_event_that_waits_too_long_is_wrong(installed: Settings) -> None:
    with_work(installed)

    assert "attend depuis 2\u00a0min" in sentences(examine(installed), "wrong")


def test_an_event_set_aside_is_worth_a_look(installed: Settings) -> None:
    with_work(installed, state=WorkState.PARKED.value)

    assert "mis de côté après leurs essais\u00a0: 1" in sentences(examine(installed), "look")


def test_an_empty_database_says_which_command_fills_it(tmp_path: Path) -> None:
    assert "relais migrate" in sentences(examine(Settings(data_folder=tmp_path, database_url=None)), "wrong")


def test_a_mail_server_that_does_not_answer_is_wrong(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, database_url=None, smtp_host="127.0.0.1", smtp_port=free_port())

    assert "Le serveur de courrier" in sentences(examine(settings), "wrong")


def test_a_mailbox_that_is_not_started_is_only_worth_a_look(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path, database_url=None, catcher_smtp_port=free_port())

    assert "boîte locale n’est pas lancée" in sentences(examine(settings), "look")


def test_a_mailbox_of_replies_that_does_not_open_is_wrong(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data_folder=tmp_path, database_url=None, imap_host="127.0.0.1", imap_port=port)

    assert f"La boîte des réponses 127.0.0.1:{port} ne s’ouvre pas (CONNECT" in sentences(examine(settings), "wrong")
