"""A request that presses: its own delay and ladder, its mail at once; a calm one goes as before."""

from datetime import timedelta
from uuid import UUID

from models.vocabulary import SkipReason
from services.cases import referrals
from services.forms import Answer, Skip
from services.overview import coming
from tests.services.rules.situations import ADA, BO, BY_PHONE, PARTNER, Office, shown


def asked_on_friday_evening(office: Office) -> tuple[UUID, UUID]:
    case_id = office.reported()
    office.at("2025-10-17T19:30")
    referral_id = office.refer(case_id, PARTNER, urgent=True)
    office.drain()
    return case_id, referral_id


def test_an_urgent_request_leaves_at_once_and_is_chased_in_hours_then_days(office: Office) -> None:
    case_id, _ = asked_on_friday_evening(office)

    (request,) = office.sent(case_id, "referral_request")
    assert (shown(request.due_at), request.daily) == ("2025-10-17 19:30", False)
    office.deliver("referral_request")
    assert office.due(case_id)["answer_referral"] == "2025-10-23 18:00"  # three working days from Monday

    office.at("2025-10-21T12:00")
    (reminder,) = office.sent(case_id, "referral_urgent_reminder")
    assert (shown(reminder.created_at), shown(reminder.due_at)) == ("2025-10-17 23:30", "2025-10-20 08:00")
    assert [shown(each.created_at) for each in office.sent(case_id, "referral_firm_reminder")] == ["2025-10-21 09:00"]
    assert office.sent(case_id, "referral_soft_reminder") == []
    office.at("2025-10-23T18:01")
    assert "reorient" in office.due(case_id)


def asked_on_thursday_afternoon(office: Office) -> UUID:
    """Four hours lead to 20:00: its reminder would leave at eight, an hour before the next one of the same request."""
    case_id = office.reported()
    office.at("2025-10-16T16:00")
    office.refer(case_id, PARTNER, urgent=True)
    office.drain()
    office.deliver("referral_request")
    return case_id


def test_a_reminder_of_the_night_gives_way_to_the_next_one_of_its_morning(office: Office) -> None:
    case_id = asked_on_thursday_afternoon(office)

    office.at("2025-10-17T12:00")

    assert office.sent(case_id, "referral_urgent_reminder") == []
    assert [shown(each.due_at) for each in office.sent(case_id, "referral_firm_reminder")] == ["2025-10-17 09:00"]
    assert office.occurrences(case_id, "answer_referral") == [(0, "suppressed", "gives_way"), (1, "fired", None)]


def test_what_gives_way_is_not_shown_as_coming_and_the_step_after_it_may_be_decided(office: Office) -> None:
    case_id = asked_on_thursday_afternoon(office)
    with office.database.read() as unit:
        foreseen = [each for each in coming.of_case(unit, ADA.actor, case_id) if each.kind == "answer_referral"]
    assert [(shown(each.at), each.text) for each in foreseen] == [
        ("2025-10-17 09:00", "referral_firm_reminder"),
        ("2025-10-17 09:00", "task_late"),
        ("2025-10-21 18:00", ""),
    ]
    clock = foreseen[0].clock
    assert clock is not None
    assert clock.is_next

    told = {"generation": clock.generation, "step": clock.step, "reason": SkipReason.TOLD}
    office.do(coming.skip, ADA, case_id, clock.id, Skip.model_validate(told))
    office.at("2025-10-17T12:00")

    assert office.told(case_id, "referral_firm_reminder") == []
    assert office.occurrences(case_id, "answer_referral") == [
        (0, "suppressed", "gives_way"), (1, "suppressed", "skipped"),
    ]  # fmt: skip


def test_a_reminder_of_the_night_stays_where_the_next_one_comes_another_day(office: Office) -> None:
    case_id, _ = asked_on_friday_evening(office)
    office.deliver("referral_request")

    office.at("2025-10-20T12:00")

    assert office.occurrences(case_id, "answer_referral") == [(0, "fired", None)]


def test_an_urgent_request_that_is_not_delivered_within_the_hour_is_somebodys(office: Office) -> None:
    case_id, _ = asked_on_friday_evening(office)

    office.at("2025-10-17T20:31")

    assert "mend_address" in office.due(case_id)


def test_the_case_being_urgent_does_not_make_its_requests_so(office: Office) -> None:
    case_id = office.reported(urgency="cut_announced")

    office.refer(case_id)
    office.drain()

    (request,) = office.sent(case_id, "referral_request")
    assert request.daily
    office.deliver("referral_request")
    assert office.tasks(case_id)[-1].due_at > request.due_at + timedelta(days=15)


def test_news_keep_the_partners_link_and_start_his_delay_again(office: Office) -> None:
    case_id, referral_id = office.followed()
    (before,) = (task for task in office.tasks(case_id) if task.kind == "report_outcome")
    office.clock.at += timedelta(days=20)

    office.do(referrals.report_progress, BO, referral_id, Answer(on_behalf=BY_PHONE))
    office.drain()

    (after,) = (task for task in office.tasks(case_id) if task.kind == "report_outcome")
    assert (after.id, after.link_version) == (before.id, before.link_version)
    assert after.due_at > before.due_at
