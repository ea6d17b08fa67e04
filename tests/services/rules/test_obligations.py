"""Clocks fire at their instant, once, and never on what is over. Source: stories S1 and S8, ladder of answers."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.engine import Obligation, Task
from services.cases import referrals, visits
from services.forms import Question, VisitForm
from services.foundation.database import UnitOfWork
from services.overview import coming
from services.rules import obligations
from tests.services.rules.situations import ADA, BO, BY_PHONE, Office, paris, shown

QUESTION = Question(note="Quel étage ?", on_behalf=BY_PHONE)


def test_a_late_first_call_reminds_the_operator_then_the_coordinator(office: Office) -> None:
    case_id = office.triaged()
    office.at("2025-10-09T10:00")
    office.accept(case_id)
    office.at("2025-10-22T10:00")

    assert [told[:2] for told in office.told(case_id, "task_late")] == [
        ("2025-10-16 18:00", "operator"),
        ("2025-10-21 09:00", "coordinator"),
    ]


def test_a_visit_is_recalled_by_letter_then_by_sms(office: Office) -> None:
    case_id = office.triaged()
    office.at("2025-10-09T10:00")
    office.accept(case_id)
    office.at("2025-10-15T10:00")
    office.call(case_id)
    office.plan(case_id, "2025-11-05T10:00")
    office.at("2025-11-05T09:00")

    reminders = {message.channel: shown(message.created_at) for message in office.sent(case_id, "visit_reminder")}
    assert (reminders["letter"], reminders["sms"]) == ("2025-10-24 09:00", "2025-11-03 09:00")


def test_what_is_to_come_is_projected_as_it_will_happen(office: Office) -> None:
    case_id = office.triaged()
    with office.database.read() as unit:
        foreseen = [shown(each.at) for each in coming.of_case(unit, ADA.actor, case_id) if each.clock]
    office.at("2025-10-20T10:00")

    assert foreseen == [told[0] for told in office.told(case_id, "task_late")]


def test_fifty_ticks_fire_a_step_once(office: Office) -> None:
    case_id = office.triaged()
    office.sleep_to("2025-10-09T18:00")
    for _ in range(50):
        office.tick()
    office.drain()

    assert office.events(case_id).count("reminder.due") == 1
    assert office.occurrences(case_id, "triage") == [(0, "fired", None)]
    assert len(office.told(case_id, "task_late")) == 1


def test_days_without_a_tick_are_caught_up_once_and_the_missed_steps_kept_as_stale(office: Office) -> None:
    case_id = office.triaged()
    office.sleep_to("2025-10-16T10:00")
    office.drain()

    assert office.occurrences(case_id, "triage") == [(0, "suppressed", "stale"), (1, "fired", None)]
    assert office.told(case_id, "task_late") == [("2025-10-16 10:00", "coordinator", "queued")]


def test_a_task_that_is_done_never_reminds(office: Office) -> None:
    case_id = office.triaged()
    office.accept(case_id)
    office.at("2025-10-14T10:00")

    assert office.occurrences(case_id, "triage") == []


def test_a_visit_that_moved_is_recalled_for_its_new_date_only(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-11-05T10:00")
    office.drain()
    office.do(visits.move_visit, BO, case_id, VisitForm(starts_at=paris("2025-11-19T10:00")))
    office.at("2025-11-19T09:00")

    letters = [message for message in office.sent(case_id, "visit_reminder") if message.channel == "letter"]
    assert [shown(message.created_at) for message in letters] == ["2025-11-07 09:00"]


def test_the_answers_clock_starts_when_the_mail_server_takes_the_request(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    office.sleep_to("2025-10-09T10:00")
    office.deliver("referral_request")

    (task,) = office.tasks(case_id)
    assert (task.provisional, shown(task.due_at)) == (False, "2025-10-30 18:00")
    assert "referral.delivered" in office.events(case_id)


def test_a_request_not_delivered_in_a_working_day_is_the_coordinators(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.at("2025-10-09T08:59")
    assert "mend_address" not in office.due(case_id)

    office.at("2025-10-09T09:00")

    assert "mend_address" in office.due(case_id)


def test_delivery_at_last_ends_the_search_for_the_address(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.at("2025-10-10T10:00")
    office.deliver("referral_request")

    assert set(office.due(case_id)) == {"answer_referral"}


def test_a_silent_partner_is_reminded_twice_then_the_request_expires(office: Office) -> None:
    case_id, referral_id = office.referred()  # delivered on 8 October
    office.at("2025-10-29T18:00")

    assert office.told(case_id, "referral_soft_reminder")[0][0] == "2025-10-15 09:00"
    assert office.told(case_id, "referral_firm_reminder")[0][0] == "2025-10-22 09:00"
    assert office.referral(referral_id).state == "expired"
    assert [(task.kind, task.party) for task in office.tasks(case_id)] == [("reorient", "coordinator")]


def test_a_request_that_never_arrived_never_expires(office: Office) -> None:
    case_id = office.reported()
    referral_id = office.refer(case_id)
    office.at("2026-01-15T10:00")

    assert office.referral(referral_id).state == "sent"


def test_a_question_gives_the_delay_again_once(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.at("2025-10-20T10:00")
    office.do(referrals.ask, ADA, referral_id, QUESTION)
    once = office.due(case_id)["answer_referral"]
    office.at("2025-10-22T10:00")
    office.do(referrals.ask, ADA, referral_id, QUESTION)

    assert once == office.due(case_id)["answer_referral"] == "2025-11-10 18:00"


def test_a_clock_armed_again_forgets_its_older_life(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.at("2025-10-15T10:00")
    office.do(referrals.ask, ADA, referral_id, QUESTION)
    office.at("2025-10-28T10:00")

    soft = [told[0] for told in office.told(case_id, "referral_soft_reminder")]
    assert soft == ["2025-10-15 09:00", "2025-10-22 09:00"]
    assert len(office.told(case_id, "referral_firm_reminder")) == 0


def test_a_danger_is_recalled_day_and_night_until_somebody_takes_it_in_hand(office: Office) -> None:
    case_id = office.triaged(urgency="danger")
    office.at("2025-10-06T11:30")
    office.do(visits.acknowledge_danger, ADA, case_id)
    office.at("2025-10-08T10:00")

    assert [told[0] for told in office.told(case_id, "danger")] == ["2025-10-06 10:00", "2025-10-06 11:00"]


def test_a_danger_comes_back_each_morning_closed_days_too_until_somebody_takes_it_in_hand(office: Office) -> None:
    office.sleep_to("2025-10-10 20:00")  # a Friday
    case_id = office.triaged(urgency="danger")
    office.at("2025-10-14T12:00")
    office.do(visits.acknowledge_danger, ADA, case_id)
    office.at("2025-10-16T12:00")

    told = [moment for moment, *_ in office.told(case_id, "danger")]
    evening = ["2025-10-10 20:00", "2025-10-10 21:00", "2025-10-11 00:00"]
    assert told == [*evening, *(f"2025-10-{day} 09:00" for day in (11, 12, 13, 14))]


def test_a_clock_that_comes_again_is_caught_up_once_after_an_outage(office: Office) -> None:
    case_id = office.triaged(urgency="danger")
    office.at("2025-10-07T09:00")
    before = len(office.told(case_id, "danger"))
    office.clock.at += timedelta(days=5)
    office.drain()

    assert len(office.told(case_id, "danger")) == before + 1


def test_what_comes_again_does_so_however_late_its_clock_begins(office: Office) -> None:
    office.submit(urgency="danger")
    office.clock.at += timedelta(days=3)
    office.drain()

    assert office.next_due() == paris("2025-10-10 09:00")


# --- A clock that cannot take its step ------------------------------------------------------------------------------


def test_a_clock_that_fails_is_set_aside_and_the_others_fire_in_the_same_tick(office: Office) -> None:
    broken, other = two_untouched_cases(office)
    set_ladder(office, broken, "nowhere")
    office.sleep_to("2025-10-09T18:00")

    assert office.tick() == 2
    assert (office.occurrences(broken, "triage"), office.occurrences(other, "triage")) == ([], [(0, "fired", None)])
    assert failing(office) == 1
    assert str(clock_of(office, broken).error).startswith("KeyError services.rules.obligations:")


def test_a_clock_that_failed_is_tried_again_after_a_quarter_of_an_hour_and_is_not_late(office: Office) -> None:
    case_id = office.triaged()
    set_ladder(office, case_id, "nowhere")
    office.sleep_to("2025-10-09T18:00")
    office.tick()
    set_ladder(office, case_id, "late_coordination")

    office.sleep_to("2025-10-09T18:14")
    assert office.tick() == 0
    office.sleep_to("2025-10-09T18:15")
    assert office.tick() == 1

    assert office.occurrences(case_id, "triage") == [(0, "fired", None)]
    assert failing(office) == 0
    assert clock_of(office, case_id).next_at == paris("2025-10-14T09:00")


def test_a_clock_that_keeps_failing_is_tried_at_least_once_a_day(office: Office) -> None:
    set_ladder(office, office.triaged(), "nowhere")
    office.sleep_to("2025-10-09T18:00")
    waits = []
    for _ in range(10):
        office.tick()
        tried_at, office.clock.at = office.clock.at, due_after(office)
        waits.append((office.clock.at - tried_at).total_seconds() / 60)

    assert waits == [15, 15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_a_clock_that_keeps_failing_is_logged_once_by_its_numbers_alone(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    case_id = office.triaged()
    set_ladder(office, case_id, "nowhere")
    office.sleep_to("2025-10-09T18:00")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            office.tick()
            office.clock.at = due_after(office)

    (line,) = caplog.messages
    assert line.startswith(f"clock {clock_of(office, case_id).id} of case {case_id} cannot take step 0: KeyError")


def test_what_an_act_did_before_it_failed_is_undone(office: Office) -> None:
    _, referral_id = office.referred()
    office.at("2025-10-29T17:00")

    def expire_and_fail(unit: UnitOfWork, task: Task) -> None:
        referrals.expire(unit, task)
        raise ValueError

    office.sleep_to("2025-10-29T18:00")
    with office.database.write("test") as unit:
        obligations.tick(unit, {"expire_referral": expire_and_fail})

    assert office.referral(referral_id).state == "sent"
    assert failing(office) == 1
    office.at("2025-10-29T18:15")
    assert office.referral(referral_id).state == "expired"


def test_a_database_that_goes_away_is_no_clocks_fault(office: Office) -> None:
    office.referred()
    office.at("2025-10-29T17:00")
    office.sleep_to("2025-10-29T18:00")

    def lose_the_database(unit: UnitOfWork, task: Task) -> None:
        raise OperationalError("select 1", {}, OSError(), connection_invalidated=True)

    with pytest.raises(OperationalError), office.database.write("test") as unit:
        obligations.tick(unit, {"expire_referral": lose_the_database})

    assert failing(office) == 0


def test_a_clock_armed_again_is_no_longer_failing(office: Office) -> None:
    case_id, referral_id = office.referred()
    set_ladder(office, case_id, "nowhere")
    office.sleep_to("2025-10-15T10:00")
    office.tick()
    set_ladder(office, case_id, "answer")

    office.do(referrals.ask, ADA, referral_id, QUESTION)

    assert failing(office) == 0


def two_untouched_cases(office: Office) -> tuple[UUID, UUID]:
    return office.triaged(), office.triaged(surname="Petit", phone="06 39 98 77 77", street="3 quai Sud")


def clock_of(office: Office, case_id: UUID) -> Obligation:
    with office.database.read() as unit:
        query = select(Obligation).where(Obligation.case_id == case_id, Obligation.ended_at.is_(None))
        found = unit.session.scalars(query).one()
        unit.session.expunge(found)
        return found


def set_ladder(office: Office, case_id: UUID, ladder: str) -> None:
    """A ladder that the pathway has not got stands for any error of ours."""
    with office.database.write("test") as unit:
        unit.session.get_one(Obligation, clock_of(office, case_id).id).ladder = ladder


def failing(office: Office) -> int:
    with office.database.read() as unit:
        return obligations.failing(unit)


def due_after(office: Office) -> datetime:
    due = office.next_due()
    assert due is not None
    return due
