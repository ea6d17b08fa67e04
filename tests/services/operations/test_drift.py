"""What is stored follows from what happened; where it does not, the nightly round says so and touches nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from models.base import earliest_id, new_id
from models.cases import Case, Referral, Visit
from models.engine import Event, Task, Work
from models.vocabulary import CaseState, ReferralState, Stage, VisitState
from services.operations import drift, upkeep
from tests.services.rules.situations import Office


def drifts(office: Office, case_id: UUID) -> list[str]:
    with office.database.read() as unit:
        return [each.what for each in drift.of_cases(unit, [case_id])]


def spoil(office: Office, statement: Any) -> None:
    """Somebody writes past `casework.record`."""
    with office.database.write("test") as unit:
        unit.session.execute(statement.execution_options(synchronize_session=False))


def test_a_case_is_what_its_events_say(office: Office) -> None:
    case_id, _ = office.followed()
    assert drifts(office, case_id) == []

    values = {"state": CaseState.CLOSED.value, "stage": Stage.CLOSED.value, "closed_at": office.clock.at}
    spoil(office, update(Case).values(values))
    spoil(office, update(Task).values(stage=Stage.CLOSED.value))

    assert drifts(office, case_id) == ["case is closed, its events say in_follow_up"]


def test_a_request_and_a_visit_are_what_their_events_say(office: Office) -> None:
    case_id, _ = office.followed()

    spoil(office, update(Referral).values(state=ReferralState.DECLINED.value, ended_at=office.clock.at))
    spoil(office, update(Visit).values(state=VisitState.PLANNED.value))

    assert drifts(office, case_id) == [
        "referral is declined, its events say accepted",
        "visit is planned, its events say held",
    ]


def test_an_event_that_is_gone_is_missed(office: Office) -> None:
    case_id = office.triaged()

    spoil(office, delete(Event).where(Event.type == "case.examined"))

    assert drifts(office, case_id) == [
        "its events are not numbered one after the other",
        "case is triage, its events say submitted",
    ]


def test_nobody_waits_for_nothing_in_orientation(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.answer(referral_id, "decline")
    office.drain()
    assert drifts(office, case_id) == []

    spoil(office, update(Task).where(Task.kind == "reorient").values(state="superseded", closed_at=office.clock.at))

    assert drifts(office, case_id) == ["orienting, and nothing is awaited or to be decided"]


def test_what_is_asked_is_counted_in_the_stage_of_its_case_and_put_back_there(office: Office) -> None:
    case_id = office.accepted()
    office.drain()
    assert drifts(office, case_id) == []

    spoil(office, update(Task).where(Task.kind == "first_call").values(stage="detection"))

    assert drifts(office, case_id) == ["task first_call is counted in detection, its case in visit"]
    with office.database.write("test") as unit:
        assert upkeep.right_stages(unit) == ["tasks: 1"]
    assert drifts(office, case_id) == []


def test_a_case_that_moves_while_it_is_looked_at_is_left_for_the_next_night(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = office.accepted()
    read = drift._told

    def read_late(*given: Any) -> Any:
        office.call(case_id)
        return read(*given)

    monkeypatch.setattr(drift, "_told", read_late)

    assert drifts(office, case_id) == []


def test_only_cases_that_moved_lately_are_looked_at(office: Office) -> None:
    old, new = office.submit(), office.submit()
    with office.database.write("test") as unit:
        unit.session.execute(delete(Work).where(Work.case_id == old))
        long_ago = earliest_id(unit.lease_time() - drift.LATELY - timedelta(minutes=1))
        unit.session.execute(update(Event).where(Event.case_id == old).values(id=long_ago))

    with office.database.read() as unit:
        assert drift.changed_lately(unit) == [new]


def test_an_identifier_is_of_its_instant(office: Office) -> None:
    with office.database.read() as unit:
        now = unit.lease_time()

    assert earliest_id(now - timedelta(seconds=5)) < new_id() < earliest_id(now + timedelta(seconds=5))
