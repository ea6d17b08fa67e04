"""Tasks in the hands of people: taken, given back, handed over, put off."""

from datetime import date
from uuid import UUID

import pytest

from models.vocabulary import ReturnReason, SnoozeReason, TaskState
from services.cases import tasks, triage
from services.forms import HandOver, Reassignment, Snooze, TaskDone, TaskReturn
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from tests.services.rules.situations import ADA, BO, BO_ID, CY, CY_ID, OTHER_OPERATOR, Office


def only(office: Office, case_id: UUID) -> UUID:
    (task,) = office.tasks(case_id)
    return task.id


def snooze(until: date) -> Snooze:
    return Snooze(reason=SnoozeReason.WAITING_DOCUMENT, until=until)


def test_who_takes_a_task_is_known_to_the_others(office: Office) -> None:
    case_id = office.accepted()
    office.do(tasks.take, BO, only(office, case_id))

    assert office.tasks(case_id)[0].person_id == BO_ID


def test_a_task_given_back_is_the_coordinations_with_a_delay_of_its_own(office: Office) -> None:
    case_id = office.accepted()
    office.sleep_to("2025-10-13 17:00")
    office.do(tasks.give_back, BO, only(office, case_id), TaskReturn(reason=ReturnReason.NO_CAPACITY))
    office.drain()

    (task,) = office.tasks(case_id)
    assert (task.kind, task.party) == ("first_call", "coordinator")
    assert office.due(case_id) == {"first_call": "2025-10-16 18:00"}
    assert [each.state for each in office.tasks(case_id, TaskState.RETURNED)] == ["returned"]


def test_a_task_given_back_is_chased_with_its_new_owner(office: Office) -> None:
    case_id = office.accepted()
    office.do(tasks.give_back, BO, only(office, case_id), TaskReturn(reason=ReturnReason.NOT_MINE))
    office.at("2025-10-13 18:30")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["coordinator"]


def test_a_task_given_back_goes_to_the_operator_to_whom_the_case_goes(office: Office) -> None:
    case_id = office.accepted()
    office.do(tasks.give_back, BO, only(office, case_id), TaskReturn(reason=ReturnReason.NO_CAPACITY))
    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))
    office.at("2025-10-13 18:30")

    (task,) = office.tasks(case_id)
    assert (task.kind, task.party, task.organisation_id) == ("first_call", "operator", OTHER_OPERATOR)
    assert office.due(case_id) == {"first_call": "2025-10-13 18:00"}
    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]


def test_the_act_that_a_task_asks_for_ends_it_whoever_has_it(office: Office) -> None:
    case_id = office.accepted()
    office.do(tasks.give_back, BO, only(office, case_id), TaskReturn(reason=ReturnReason.NOT_MINE))
    office.call(case_id)
    office.drain()

    assert list(office.due(case_id)) == ["plan_visit"]


def test_a_task_is_handed_over_within_its_team(office: Office) -> None:
    case_id = office.accepted()
    task_id = only(office, case_id)
    with pytest.raises(InvalidInput):
        office.do(tasks.hand_over, ADA, task_id, HandOver(person_id=CY_ID))
    office.do(tasks.hand_over, ADA, task_id, HandOver(person_id=BO_ID))

    assert office.tasks(case_id)[0].person_id == BO_ID


def test_reminders_are_put_off_and_the_date_stays(office: Office) -> None:
    case_id = office.accepted()
    office.do(tasks.snooze, BO, only(office, case_id), snooze(date(2025, 10, 15)))
    office.at("2025-10-14 18:00")
    assert office.told(case_id, "task_late") == []
    assert office.due(case_id) == {"first_call": "2025-10-13 18:00"}
    office.at("2025-10-15 09:01")

    assert len(office.told(case_id, "task_late")) == 1


@pytest.mark.parametrize("until", [date(2025, 10, 6), date(2025, 10, 21)])
def test_reminders_are_put_off_for_ten_working_days_at_most(office: Office, until: date) -> None:
    case_id = office.accepted()

    with pytest.raises(InvalidInput):
        office.do(tasks.snooze, BO, only(office, case_id), snooze(until))


def test_reminders_are_put_off_twice_at_most(office: Office) -> None:
    case_id = office.accepted()
    task_id = only(office, case_id)
    office.do(tasks.snooze, BO, task_id, snooze(date(2025, 10, 8)))
    office.do(tasks.snooze, BO, task_id, snooze(date(2025, 10, 9)))

    with pytest.raises(GuardRefused, match="deux fois"):
        office.do(tasks.snooze, BO, task_id, snooze(date(2025, 10, 10)))


def test_an_operator_acts_on_his_own_tasks_only(office: Office) -> None:
    triage = only(office, office.triaged())
    call = only(office, office.accepted())

    with pytest.raises(NotFound):
        office.do(tasks.take, BO, triage)
    with pytest.raises(NotFound):
        office.do(tasks.take, CY, call)
    office.do(tasks.take, ADA, call)


def test_a_task_that_asks_for_an_act_is_not_ticked_off(office: Office) -> None:
    with pytest.raises(GuardRefused, match="action"):
        office.do(tasks.complete, BO, only(office, office.accepted()), TaskDone())


def test_a_request_at_a_partners_is_not_given_back(office: Office) -> None:
    case_id, _ = office.referred()

    with pytest.raises(Denied):
        office.do(tasks.give_back, BO, only(office, case_id), TaskReturn(reason=ReturnReason.OTHER))
    with pytest.raises(GuardRefused):
        office.do(tasks.give_back, ADA, only(office, case_id), TaskReturn(reason=ReturnReason.OTHER))


def test_an_operator_is_told_to_call_only_where_the_first_call_is_owed(office: Office) -> None:
    new, under_way = office.accepted(), office.reported()
    for case_id in (new, under_way):
        office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))
        office.drain()

    assert len(office.sent(new, "case_assigned")) == 2
    assert [len(office.sent(under_way, text)) for text in ("case_assigned", "case_passed_on")] == [1, 1]
