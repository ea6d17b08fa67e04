"""One key, one act: replayed, refused for another request, whole or absent after a crash."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from models.cases import Alert, Note
from models.programmes import IdempotentAnswer
from services import idempotency
from services.foundation.runtime import Runtime, build, use
from tests.faults.children import KILLED, exit_code
from tests.served import served
from tests.services.web.api.office import ALERT, Office


def count(runtime: Runtime, kind: type[Alert] | type[Note]) -> int:
    with runtime.database.read() as unit:
        return unit.session.scalar(select(func.count()).select_from(kind)) or 0


def test_the_same_request_gets_the_first_answer_again(office: Office) -> None:
    first = office.post("Ada", "/alerts", ALERT, key="one")
    again = office.post("Ada", "/alerts", ALERT, key="one")

    assert (again.status_code, again.json()) == (first.status_code, first.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Idempotent-Replayed" not in first.headers
    assert count(office.runtime, Alert) == 1


def test_a_key_that_answered_another_request_is_refused(office: Office) -> None:
    office.post("Ada", "/alerts", ALERT, key="one")

    other = office.post("Ada", "/alerts", {**ALERT, "surname": "Durand"}, key="one")

    assert (other.status_code, other.json()["type"]) == (422, "/problemes/key-reused")
    assert count(office.runtime, Alert) == 1


def test_two_people_may_choose_the_same_key(office: Office) -> None:
    path = office.open_case()

    ours = [office.post(who, f"{path}/notes", {"text": "Vu."}, key="one") for who in ("Ada", "Bo")]

    assert [each.headers.get("Idempotent-Replayed") for each in ours] == [None, None]
    assert count(office.runtime, Note) == 2


def test_a_refused_act_leaves_its_key_free(office: Office) -> None:
    path = office.open_case()
    assert office.post("Bo", f"{path}/close", {"outcome": "solved"}, key="one").status_code == 409

    assert office.post("Bo", f"{path}/close", {"outcome": "moved"}, key="one").status_code == 200


def test_requests_with_one_key_at_the_same_time_act_once(office: Office) -> None:
    path = office.open_case()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(lambda _: office.post("Bo", f"{path}/notes", {"text": "Vu."}, key="one").status_code, range(8))
        )

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert count(office.runtime, Note) == 1


def test_a_key_in_use_elsewhere_is_told_to_come_back(office: Office) -> None:
    if office.runtime.database.dialect != "postgresql":
        pytest.skip("writers take turns on SQLite")
    with office.runtime.database.write("test") as holder, office.runtime.database.write("test") as unit:
        idempotency.find(holder, "person:1", "route", "key", "hash")

        with pytest.raises(idempotency.KeyInUse):
            idempotency.find(unit, "person:1", "route", "key", "hash")


@pytest.mark.parametrize(("point", "kept"), [("api.before_commit:1", 0), ("api.after_commit:1", 1)])
def test_after_a_crash_act_and_answer_are_both_there_or_neither(office: Office, point: str, kept: int) -> None:
    headers = {"Authorization": f"Bearer {office.keys['Ada']}", "Idempotency-Key": "k"}

    def ask() -> None:
        with use(build(office.runtime.settings)) as runtime:
            TestClient(served(runtime)).post("/api/v1/alerts", json=ALERT, headers=headers)

    assert exit_code(ask, crash_at=point) == KILLED

    assert count(office.runtime, Alert) == kept
    again = office.post("Ada", "/alerts", ALERT, key="k")
    assert ("Idempotent-Replayed" in again.headers) is bool(kept)
    assert count(office.runtime, Alert) == 1


def test_the_kept_answer_holds_no_personal_datum(office: Office) -> None:
    office.post("Ada", "/alerts", ALERT, key="one")

    with office.runtime.database.read() as unit:
        body = unit.session.scalars(select(IdempotentAnswer.body)).one()

    assert set(body) == {"case_id", "number", "state", "stage", "version", "made_id"}
