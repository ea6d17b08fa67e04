"""What follows an event, to whom, by when. Source: acceptance stories S1 and S3."""

from datetime import timedelta

import pytest

from models.vocabulary import TaskState
from services.cases import calls
from services.forms import NumberForm
from tests.services.rules.situations import ADA, OPERATOR, PARTNER, Office, shown


def test_the_coordinator_has_three_working_days_for_the_triage(office: Office) -> None:
    case_id = office.triaged()

    assert office.due(case_id) == {"triage": "2025-10-09 18:00"}


def test_an_urgent_case_is_looked_at_the_same_day(office: Office) -> None:
    case_id = office.triaged(urgency="cut_announced")

    assert office.due(case_id)["triage"] == "2025-10-06 18:00"


def test_a_danger_told_at_the_alert_opens_its_own_task(office: Office) -> None:
    case_id = office.triaged(urgency="danger")

    assert set(office.due(case_id)) == {"triage", "acknowledge_danger"}
    assert office.told(case_id, "danger") == [("2025-10-06 10:00", "coordinator", "queued")]


def test_the_operator_has_five_working_days_for_the_first_call(office: Office) -> None:
    case_id = office.triaged()
    office.at("2025-10-09T10:00")
    office.accept(case_id)
    office.drain()

    (task,) = office.tasks(case_id)
    assert (task.kind, shown(task.due_at), task.party, task.organisation_id) == (
        "first_call",
        "2025-10-16 18:00",
        "operator",
        OPERATOR,
    )


def test_three_calls_in_vain_wait_for_the_household_thirty_days_after_the_first(office: Office) -> None:
    case_id = office.accepted()
    for when, result in (("08T10:00", "no_answer"), ("09T17:30", "voicemail"), ("10T12:30", "no_answer")):
        office.at(f"2025-10-{when}")
        office.call(case_id, result)
        office.drain()

    assert office.due(case_id) == {"await_household": "2025-11-07 18:00"}


def test_a_fourth_call_in_vain_asks_nothing_twice(office: Office) -> None:
    case_id = office.accepted()
    for when in ("08T10:00", "09T17:30", "10T12:30", "10T12:31"):
        office.at(f"2025-10-{when}")
        office.call(case_id, "no_answer")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["await_household"]


@pytest.mark.parametrize(
    "calls",
    [("08T10:00", "08T12:30", "08T17:30"), ("08T10:00", "09T10:00", "10T10:00"), ("08T10:00", "08T12:30", "09T10:00")],
)
def test_calls_on_too_few_days_or_at_one_time_of_the_day_ask_for_another(office: Office, calls: list[str]) -> None:
    case_id = office.accepted()
    for when in calls:
        office.at(f"2025-10-{when}")
        office.call(case_id, "no_answer")
        office.drain()
    assert [task.kind for task in office.tasks(case_id)] == ["call_again"]

    office.at("2025-10-13T17:30")
    if len({when[:2] for when in calls}) == 1:
        office.call(case_id, "no_answer")
        office.at("2025-10-14T17:30")
    office.call(case_id, "no_answer")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["await_household"]


def test_a_wrong_number_without_another_asks_the_alert_giver(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")
    office.drain()

    (task,) = office.tasks(case_id)
    assert (task.kind, task.party, shown(task.due_at)) == ("correct_number", "alert_giver", "2025-10-20 18:00")


def test_a_wrong_number_that_nobody_can_correct_is_the_coordinators(office: Office) -> None:
    case_id = office.accepted(giver_email=None)
    office.call(case_id, "wrong_number")
    office.drain()

    assert [(task.kind, task.party) for task in office.tasks(case_id)] == [("find_number", "coordinator")]


def test_the_right_number_puts_the_operator_back_in_charge(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")
    office.drain()
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639980155"))
    office.drain()

    assert [(task.kind, task.party) for task in office.tasks(case_id)] == [("call_again", "operator")]


def test_a_number_given_before_anybody_called_changes_nothing(office: Office) -> None:
    case_id = office.accepted()
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639980155"))
    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["first_call"]


def test_the_report_is_due_fifteen_days_after_the_visit(office: Office) -> None:
    case_id = office.visited()

    assert office.due(case_id) == {"deliver_report": "2025-10-23 18:00"}


def test_the_partners_answer_is_provisional_until_his_server_has_the_request(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)

    (task,) = office.tasks(case_id)
    assert (task.kind, task.organisation_id, task.provisional) == ("answer_referral", PARTNER, True)


def test_the_follow_up_calls_count_from_the_visit(office: Office) -> None:
    case_id, _ = office.followed()

    due = [office.due(case_id)["follow_up_call"]]
    for _ in range(2):
        office.follow_up(case_id)
        office.drain()
        due.append(office.due(case_id)["follow_up_call"])

    assert due == ["2025-11-10 18:00", "2026-04-08 18:00", "2026-10-08 18:00"]


def test_after_the_last_call_somebody_closes_the_case(office: Office) -> None:
    case_id, _ = office.followed()
    for _ in range(3):
        office.follow_up(case_id)
        office.drain()

    assert "close_case" in office.due(case_id)


@pytest.mark.parametrize("result", ["no_answer", "voicemail"])
def test_a_follow_up_call_is_tried_three_times(office: Office, result: str) -> None:
    case_id, _ = office.followed()
    (before,) = (task.id for task in office.tasks(case_id) if task.kind == "follow_up_call")
    for _ in range(2):
        office.follow_up(case_id, result)
        office.drain()
    assert before in {task.id for task in office.tasks(case_id)}

    office.follow_up(case_id, result)

    assert before in {task.id for task in office.tasks(case_id, TaskState.COMPLETED)}


def test_an_act_of_this_morning_counts_from_this_morning(office: Office) -> None:
    case_id = office.triaged()
    office.clock.at += timedelta(days=3)
    office.accept(case_id)
    office.clock.at += timedelta(days=2)
    office.drain()

    assert office.due(case_id)["first_call"] == "2025-10-16 18:00"
