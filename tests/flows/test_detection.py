"""From an alert to the coordinator's task, through the real flows, services and shipped pathway; then its clock."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from deployments.publishing import read_pathway
from flows import relay, reminders, upkeep
from flows.detection import detection
from flows.engine import Batch
from models.cases import Case
from models.engine import Event, Message, Occurrence, Task
from models.programmes import Commune, Membership, Person, Territory
from models.vocabulary import BestTime, Motive, Role, Stage, Tenure, Urgency
from services.cases import alerts
from services.forms import AlertForm
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import publish
from tests.programmes import a_programme
from tests.work import read_work


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture
def case_id(database: Database) -> UUID:
    """Ada told of a household of Metz; nobody handled it yet."""
    with database.write("test") as unit:
        actor = Actor("form", None, programme_id=_programme(unit))
        form = AlertForm(
            surname="Martin",
            phone="+33612345678",
            street="1 rue de la Paix",
            commune_code="57463",
            postcode="57000",
            tenure=Tenure.OWNER,
            motives=[Motive.COLD],
            urgency=Urgency.NONE,
            best_time=BestTime.ANY,
            agreement=True,
            giver_name="Ada",
        )
        return alerts.submit(unit, Hand(actor), form).id


def test_an_alert_is_examined_and_becomes_the_coordinators_task_in_one_drain(database: Database, case_id: UUID) -> None:
    asyncio.run(relay.drain())

    with database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        assert (case.stage, case.checks["in_territory"]) == (Stage.DETECTION, True)
        assert _column(unit, Event.type) == ["alert.submitted", "case.examined"]
        assert "triage" in _column(unit, Task.kind)
    assert read_work(database) == []


def test_handling_a_cases_events_again_changes_nothing(database: Database, case_id: UUID) -> None:
    asyncio.run(relay.drain())
    before = _counts(database)
    with database.read() as unit:
        batch = Batch(event_ids=tuple(unit.session.scalars(select(Event.id).order_by(Event.seq))))

    asyncio.run(detection.fn(batch))

    assert _counts(database) == before


def test_a_clock_that_lapses_becomes_one_reminder_however_often_the_tick_comes(
    database: Database, case_id: UUID, clock: SetClock
) -> None:
    asyncio.run(relay.drain())
    clock.at += timedelta(days=30)

    asyncio.run(reminders.tick())
    asyncio.run(reminders.tick())
    asyncio.run(relay.drain())

    with database.read() as unit:
        reminded = [type_ for type_ in _column(unit, Event.type) if type_ == "reminder.due"]
        assert len(reminded) == 1
    assert read_work(database) == []


def test_upkeep_puts_a_drifted_stage_right_and_says_so(database: Database, case_id: UUID) -> None:
    with database.write("test") as unit:
        unit.session.get_one(Case, case_id).stage = Stage.CLOSED.value

    assert asyncio.run(upkeep.keep_up()) == ["submitted → detection: 1"]
    assert asyncio.run(upkeep.keep_up()) == []


def _column(unit: UnitOfWork, column: object) -> Sequence[str]:
    found: Sequence[str] = unit.session.scalars(select(column)).all()  # type: ignore[call-overload]
    return sorted(found)


def _counts(database: Database) -> list[int | None]:
    with database.read() as unit:
        tables = (Event, Task, Message, Occurrence)
        return [unit.session.scalar(select(func.count()).select_from(table)) for table in tables]


def _programme(unit: UnitOfWork) -> UUID:
    programme = a_programme(publish(unit, read_pathway()))
    coordinator = Person(email="bo@relais.test", name="Bo")
    unit.session.add(Commune(code="57463", name="Metz", search_key="metz", postcodes=["57000"], department="57"))
    unit.session.add(coordinator)
    unit.session.flush()
    unit.session.add(programme)
    unit.session.flush()
    unit.session.add(Territory(programme_id=programme.id, commune_code="57463", from_on=date(2020, 1, 1)))
    unit.session.add(Membership(person_id=coordinator.id, programme_id=programme.id, role=Role.COORDINATOR.value))
    unit.session.flush()
    return programme.id
