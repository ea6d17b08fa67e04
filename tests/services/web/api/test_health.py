"""`/healthz` and `/readyz`: which line says that the installation cannot work."""

from datetime import timedelta

from alembic.script import ScriptDirectory
from sqlalchemy import select, text, update

from deployments.migrating import FOLDER
from models.engine import Message, Obligation, Routine, Work
from services.operations import health
from tests.services.web.api.office import ALERT, Json, Office, make_ready


def lines(office: Office, status: int) -> dict[str, Json]:
    answer = office.client.get("/readyz")
    assert answer.status_code == status, answer.text
    return {each["name"]: each for each in answer.json()["lines"]}


def failing(office: Office) -> list[str]:
    return [name for name, line in lines(office, 503).items() if not line["ok"]]


def test_the_process_answers_without_its_database(office: Office) -> None:
    assert office.client.get("/healthz").json() == {"status": "ok"}


def test_an_installation_at_work_is_ready(office: Office) -> None:
    make_ready(office.runtime.database)

    assert list(lines(office, 200)) == [
        "database",
        "migrations",
        "oldest_work",
        "parked_work",
        "failing_clocks",
        "messages_in_doubt",
        "webhooks_given_up",
        "tick",
    ]


def test_a_database_without_migrations_is_not_ready(office: Office) -> None:
    assert failing(office) == ["migrations"]


def test_another_version_of_the_database_is_not_ready(office: Office) -> None:
    make_ready(office.runtime.database)
    with office.runtime.database.write("test") as unit:
        unit.session.execute(text("update relais_version set version_num = '0000'"))

    assert failing(office) == ["migrations"]


def test_work_that_waits_too_long_is_told(office: Office) -> None:
    make_ready(office.runtime.database)
    office.post("Ada", "/alerts", ALERT)
    assert lines(office, 200)["oldest_work"]["found"].endswith(" s")
    with office.runtime.database.write("test") as unit:
        late = unit.lease_time() - timedelta(minutes=5)
        unit.session.execute(update(Work).values(created_at=late))

    assert failing(office) == ["oldest_work"]


def test_parked_work_is_counted_and_does_not_stop_the_rest(office: Office) -> None:
    make_ready(office.runtime.database)
    office.post("Ada", "/alerts", ALERT)
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Work).values(state="parked", error="ValueError"))

    assert lines(office, 200)["parked_work"]["found"] == "1"


def test_a_clock_that_fails_is_counted_and_does_not_stop_the_rest(office: Office) -> None:
    make_ready(office.runtime.database)
    office.open_case()
    with office.runtime.database.write("test") as unit:
        armed = update(Obligation).where(Obligation.next_at.is_not(None))
        unit.session.execute(armed.values(failed_at=unit.now, retry_at=unit.now, error="KeyError"))

    assert lines(office, 200)["failing_clocks"]["found"] == "1"


def test_messages_in_doubt_are_counted_those_of_closed_cases_too(office: Office) -> None:
    make_ready(office.runtime.database)
    path = f"/cases/{office.act('Ada', '/alerts', ALERT)['case_id']}"
    office.act("Ada", f"{path}/reject", {"reason": "over_income"})
    with office.runtime.database.write("test") as unit:
        doubtful = unit.session.scalars(select(Message).limit(1)).one()
        doubtful.state = "unknown"

    assert lines(office, 200)["messages_in_doubt"]["found"] == "1"


def test_a_relay_that_ticks_no_more_is_told(office: Office) -> None:
    make_ready(office.runtime.database)
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Routine).values(last_at=unit.lease_time() - timedelta(hours=1)))

    assert failing(office) == ["tick"]


def test_the_newest_migration_is_the_one_that_alembic_knows() -> None:
    assert health.newest_migration() == ScriptDirectory(str(FOLDER)).get_current_head()
