"""The demonstration fills an empty database with a lively programme, and none of its past is ever sent."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import func, select

from deployments import demonstration, migrating
from deployments.demonstration import rehearsal
from models.cases import Case
from models.engine import Message, Work
from models.programmes import Programme
from models.vocabulary import Channel, MessageState, Stage
from services.accounts import accounts
from services.foundation.clock import SetClock
from services.foundation.errors import Setup
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from services.overview import desk
from services.programme import programmes

TODAY: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ALL: Final = len(demonstration.STORIES) + demonstration.GENERATED


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A database with the demonstration of 24 November 2026; tests only read it."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("demonstration"), database_url=None)
    runtime = build(settings, clock=SetClock(TODAY))
    migrating.upgrade(runtime.database)
    demonstration.load(runtime)
    with use(runtime):
        yield runtime
    runtime.database.dispose()


def test_every_stage_has_cases(loaded: Runtime) -> None:
    with loaded.database.read() as unit:
        stages = list(unit.session.scalars(select(Case.stage)))

    assert len(stages) == ALL
    assert set(stages) == {stage.value for stage in Stage}


def test_nothing_of_the_past_waits_to_leave(loaded: Runtime) -> None:
    with loaded.database.read() as unit:
        waiting = select(Message.text).where(
            Message.state.not_in([MessageState.ACCEPTED, MessageState.CANCELLED]), Message.channel != Channel.LETTER
        )

        assert unit.session.scalars(waiting).all() == []
        assert unit.session.scalars(select(Work)).all() == []


def test_the_day_has_late_present_and_coming_things(loaded: Runtime) -> None:
    with loaded.database.read() as unit:
        programme_id = unit.session.scalars(select(Programme.id)).one()
        claire = programmes.member(unit, programme_id, demonstration.ACCOUNTS[0][0])
        dues = [line.task.due_at for line in desk.today(unit, claire).lines.rows]

    assert any(due < TODAY for due in dues)
    assert any(TODAY <= due < TODAY + timedelta(hours=15) for due in dues)
    assert any(due > TODAY + timedelta(hours=15) for due in dues)


def test_the_accounts_shown_open(loaded: Runtime) -> None:
    for email, password, _ in demonstration.ACCOUNTS:
        assert accounts.sign_in(loaded.database, email, password).email == email


def test_communes_are_of_one_department_and_each_has_its_own_code() -> None:
    with (demonstration.FOLDER / "communes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    codes = {row["code"] for row in rows}
    assert len(codes) == len(rows) > 50
    assert all(code.startswith("69") and len(code) == 5 for code in codes)


def test_an_interrupted_load_is_completed(runtime: Runtime, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.at = TODAY
    monkeypatch.setattr(demonstration, "GENERATED", 4)
    with monkeypatch.context() as patch:
        patch.setattr(rehearsal, "message_accepted", _die)
        with pytest.raises(KeyboardInterrupt):
            demonstration.load(runtime)
    with runtime.database.read() as unit:
        assert demonstration.wanted(unit)

    demonstration.load(runtime)
    demonstration.load(runtime)

    with runtime.database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Case)) == len(demonstration.STORIES) + 4
        assert not demonstration.wanted(unit)


def test_a_database_in_use_is_left_alone(runtime: Runtime) -> None:
    with runtime.database.write("test") as unit:
        from deployments.publishing import read_pathway
        from services.programme.programmes import ProgrammeForm, create_programme

        form = ProgrammeForm(
            slug="brest",
            name="Slime de Brest",
            public_name="Ma maison",
            carrier="Brest métropole",
            phone="06 39 98 00 00",
            email="coordination@relais.example",
            postal_address="24 rue Coat-ar-Guéven, 29200 Brest",
            city="Brest",
        )
        create_programme(unit, form, read_pathway())

    with pytest.raises(Setup, match="base vide"):
        demonstration.load(runtime)


def _die(*_: object) -> None:
    raise KeyboardInterrupt
