"""A request that presses: its own delay and ladder, its mail at once; a calm one goes as before."""

from datetime import timedelta
from uuid import UUID

from services.cases import referrals
from services.forms import Answer
from tests.services.rules.situations import BO, BY_PHONE, PARTNER, Office, shown


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
