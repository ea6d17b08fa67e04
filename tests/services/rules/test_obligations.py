"""Clocks fire at their instant, once, and never on what is over. Source: stories S1 and S8, ladder of answers."""

from services import referrals, visits
from services.forms import Question, VisitForm
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
        foreseen = [shown(step.at) for step in obligations.coming(unit, case_id)]
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
