"""Whom the default pathway tells of a turn that a case takes."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from models.engine import Message
from models.vocabulary import CaseState, Danger, VisitState
from services.cases import closing, endings, visits
from services.forms import DangerForm, LostVisit, Withdrawal
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.services.rules.situations import ADA, BO, Office

CALLED_OFF = LostVisit(state=VisitState.CANCELLED_BY_HOUSEHOLD)
DAY = timedelta(days=1)


def readers(office: Office, case_id: object, text: str) -> list[tuple[str, str]]:
    return [(message.party, message.channel) for message in office.sent(case_id, text)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("day", "told"), [("2025-11-19T10:00", 0), ("2025-11-28T10:00", 1)])
def test_a_visit_far_from_the_households_yes_is_told_to_the_coordination(office: Office, day: str, told: int) -> None:
    case_id = office.qualified()
    office.plan(case_id, day)
    office.drain()

    assert readers(office, case_id, "visit_comes_late") == [("coordinator", "email")] * told


def test_a_visit_in_the_next_days_is_told_to_the_household_by_sms_too(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")
    office.drain()

    assert ("household", "sms") in readers(office, case_id, "visit_confirmation")


@pytest.mark.parametrize(("danger", "told"), [(Danger.CARBON_MONOXIDE, 1), (Danger.PERSON, 0)])
def test_a_danger_of_the_dwelling_is_told_to_the_household_with_whom_to_call(
    office: Office, danger: Danger, told: int
) -> None:
    case_id = office.visited()
    office.do(visits.report_danger, BO, case_id, DangerForm(danger=danger))
    office.drain()

    assert readers(office, case_id, "danger_advice") == [("household", "sms")] * told


def test_another_danger_is_told_anew(office: Office) -> None:
    case_id = office.visited()
    for danger in (Danger.STRUCTURE, Danger.CARBON_MONOXIDE):
        office.do(visits.report_danger, BO, case_id, DangerForm(danger=danger))
        office.drain()

    assert len(readers(office, case_id, "danger_advice")) == 2


def test_a_second_visit_called_off_is_told_to_the_coordination(office: Office) -> None:
    case_id = office.qualified()
    told = []
    for day in ("2025-10-20T10:00", "2025-10-21T10:00"):
        office.plan(case_id, day)
        office.do(visits.lose_visit, BO, case_id, CALLED_OFF)
        office.drain()
        told.append(readers(office, case_id, "visit_cancelled_again"))

    assert told == [[], [("coordinator", "email")]]


def test_a_partner_who_said_yes_is_reminded_to_call_and_the_coordination_hears(office: Office) -> None:
    case_id, _ = office.followed()
    office.run_to(office.clock.now() + 40 * DAY)

    assert readers(office, case_id, "first_contact_reminder") == [("partner", "email")]
    assert readers(office, case_id, "no_first_contact") == [("coordinator", "email")]


def test_a_partner_who_has_begun_is_not(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "report_progress")
    office.run_to(office.clock.now() + 40 * DAY)

    assert readers(office, case_id, "first_contact_reminder") == []


def test_a_household_hears_that_its_partner_stayed_silent(office: Office) -> None:
    case_id, _ = office.referred()
    office.at("2025-10-29T18:00")

    assert readers(office, case_id, "partner_silent") == [("household", "letter")]


def test_a_case_that_goes_on_is_told_to_its_household_and_to_who_asked(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.close(case_id)
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert office.case(case_id).state != CaseState.CLOSED
    assert readers(office, case_id, "reopened") == [("household", "letter")]
    assert readers(office, case_id, "milestone_reopened") == [("alert_giver", "email")]


@pytest.mark.parametrize("knew", [True, False])
def test_only_who_heard_of_an_end_hears_that_the_case_goes_on(office: Office, knew: bool) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.drain()
    office.close(case_id)
    office.drain()
    if knew:
        office.deliver("closing")
    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    with office.database.read() as unit:
        for text in ("milestone_reopened", "reopened"):
            (told,) = office.sent(case_id, text)
            with nullcontext() if knew else pytest.raises(Suppressed, match="nothing_new"):
                render_message(unit, unit.session.get_one(Message, told.id))


def test_the_coordination_hears_of_a_household_that_withdrew(office: Office) -> None:
    case_id = office.qualified()
    office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="La personne"))
    office.drain()

    assert readers(office, case_id, "case_withdrawn") == [("coordinator", "email")]


def test_a_request_that_nobody_examines_reaches_whoever_is_on_duty(office: Office) -> None:
    case_id = office.triaged()
    office.at("2025-10-16T10:00")

    late = office.sent(case_id, "task_late")
    assert [message.urgent for message in late] == [False, True]
