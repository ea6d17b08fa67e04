"""What is to come is shown as it will happen, with its reason; one step may be skipped, or taken at once."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from models.vocabulary import Party, SkipReason, SnoozeReason
from services.cases import suspension, tasks
from services.forms import NextStep, Skip, Snooze, Suspension
from services.foundation.errors import GuardRefused, NotFound
from services.overview import coming
from services.programme import closures
from services.programme.closures import ClosingForm
from services.rules.casework import Hand
from tests.services.rules.situations import ADA, BO, CY, PARTNER, Office, shown


def foreseen(office: Office, case_id: UUID, hand: Hand = ADA) -> list[coming.Departure]:
    with office.database.read() as unit:
        return coming.of_case(unit, hand.actor, case_id)


def next_of(office: Office, case_id: UUID, text: str) -> coming.Departure:
    return next(each for each in foreseen(office, case_id) if each.text == text and each.clock)


def step_of(departure: coming.Departure) -> tuple[UUID, dict[str, int]]:
    assert departure.clock is not None
    return departure.clock.id, {"generation": departure.clock.generation, "step": departure.clock.step}


def skip(office: Office, case_id: UUID, departure: coming.Departure, hand: Hand = ADA) -> None:
    clock, at = step_of(departure)
    office.do(coming.skip, hand, case_id, clock, Skip.model_validate({**at, "reason": SkipReason.TOLD}))


def hasten(office: Office, case_id: UUID, departure: coming.Departure, hand: Hand = ADA) -> None:
    clock, at = step_of(departure)
    office.do(coming.leave_now, hand, case_id, clock, NextStep.model_validate(at))


def test_the_projection_is_what_the_tick_does_pauses_and_snoozes_included(office: Office) -> None:
    case_id, _ = office.referred()
    office.at("2025-10-10T10:00")
    office.do(suspension.suspend, BO, case_id, Suspension.model_validate({"reason": "hospital", "until": "2025-11-03"}))
    office.at("2025-10-20T10:00")
    office.do(suspension.resume, ADA, case_id)
    (asked,) = office.tasks(case_id)
    office.do(tasks.snooze, ADA, asked.id, Snooze(reason=SnoozeReason.OTHER, until=date(2025, 10, 29)))
    office.drain()
    expected = [(shown(each.at), each.text) for each in foreseen(office, case_id) if each.clock and each.channel]
    office.at("2025-12-01T10:00")

    reminders = ("referral_soft_reminder", "referral_firm_reminder")
    done = sorted((told[0], text) for text in reminders for told in office.told(case_id, text))
    assert expected == done
    assert len(done) == 2


def test_each_step_says_why_it_comes_when_it_does(office: Office) -> None:
    case_id, _ = office.referred()

    assert [each.why for each in foreseen(office, case_id) if each.clock] == [
        "5\xa0jours\xa0ouvrés sans réponse depuis la remise du mercredi 8\xa0octobre",
        "10\xa0jours\xa0ouvrés sans réponse depuis la remise du mercredi 8\xa0octobre",
        "échéance du mercredi 29\xa0octobre",
    ]


def test_a_closed_partner_is_said_to_be_closed_and_gets_nothing(office: Office) -> None:
    case_id, _ = office.referred()
    closed = {"organisation_id": PARTNER, "first_on": "2025-10-13", "last_on": "2025-10-17"}
    office.do(closures.close, ADA, ClosingForm.model_validate(closed))

    soft, firm, _ = (each for each in foreseen(office, case_id) if each.clock)
    office.at("2025-10-16T10:00")

    assert (soft.closed_until, firm.closed_until) == (date(2025, 10, 17), None)
    assert office.told(case_id, "referral_soft_reminder") == []


def test_a_skipped_step_never_leaves_and_the_next_keeps_its_day(office: Office) -> None:
    case_id, _ = office.referred()
    skip(office, case_id, next_of(office, case_id, "referral_soft_reminder"))
    office.at("2025-10-23T10:00")

    assert office.told(case_id, "referral_soft_reminder") == []
    assert [told[0] for told in office.told(case_id, "referral_firm_reminder")] == ["2025-10-22 09:00"]
    assert office.occurrences(case_id, "answer_referral")[0] == (0, "suppressed", "skipped")
    assert "reminder.skipped" in office.events(case_id)


def test_a_step_taken_at_once_leaves_once(office: Office) -> None:
    case_id, _ = office.referred()
    hasten(office, case_id, next_of(office, case_id, "referral_soft_reminder"))
    office.at("2025-10-16T10:00")

    assert [told[0] for told in office.told(case_id, "referral_soft_reminder")] == ["2025-10-08 12:00"]
    assert office.occurrences(case_id, "answer_referral") == [(0, "fired", None)]


def test_of_steps_that_fall_together_the_one_that_is_shown_is_the_one_that_is_skipped(office: Office) -> None:
    case_id, _ = office.referred()
    (asked,) = office.tasks(case_id)
    office.do(tasks.snooze, ADA, asked.id, Snooze(reason=SnoozeReason.OTHER, until=date(2025, 10, 22)))
    shown_first = next(each for each in foreseen(office, case_id) if each.clock)
    assert shown_first.text == "referral_firm_reminder"

    skip(office, case_id, shown_first)
    office.at("2025-10-23T10:00")

    assert office.occurrences(case_id, "answer_referral") == [
        (0, "suppressed", "stale"), (1, "suppressed", "skipped"),
    ]  # fmt: skip


def test_an_old_page_moves_no_later_step(office: Office) -> None:
    case_id, _ = office.referred()
    soft = next_of(office, case_id, "referral_soft_reminder")
    skip(office, case_id, soft)

    for again in (skip, hasten):
        with pytest.raises(GuardRefused, match="n’est plus le prochain"):
            again(office, case_id, soft)


def test_what_warns_the_coordination_is_not_skipped_by_an_operator(office: Office) -> None:
    case_id = office.accepted()
    warning = next_of(office, case_id, "task_late")
    skip(office, case_id, warning, BO)
    last = next_of(office, case_id, "task_late")

    assert (warning.party, last.party) == (Party.OPERATOR, Party.COORDINATOR)
    assert not coming.may_decide(BO.actor, last)
    with pytest.raises(GuardRefused, match="elle seule"):
        skip(office, case_id, last, BO)


def test_what_does_more_than_write_and_what_chases_a_danger_is_skipped_by_nobody(office: Office) -> None:
    case_id = office.triaged(urgency="danger")
    danger = next_of(office, case_id, "danger")

    assert not coming.may_decide(ADA.actor, danger)
    with pytest.raises(GuardRefused, match="fait plus"):
        skip(office, case_id, danger)


def test_a_stranger_neither_sees_nor_moves_what_is_to_come(office: Office) -> None:
    case_id, _ = office.referred()
    soft = next_of(office, case_id, "referral_soft_reminder")

    assert foreseen(office, case_id, CY) == []
    with pytest.raises(NotFound):
        skip(office, case_id, soft, CY)


def test_the_coming_days_hold_the_steps_of_every_case_and_the_mails_that_wait(office: Office) -> None:
    office.referred()
    case_id = office.triaged()
    with office.database.read() as unit:
        horizon = unit.now + timedelta(days=14)
        found = coming.until(unit, ADA.actor, horizon)

    assert found == sorted(found, key=lambda each: each.at)
    assert {each.case_id for each in found} >= {case_id}
    assert all(each.at <= horizon for each in found)
    assert {each.text for each in found} >= {"referral_soft_reminder", "referral_firm_reminder", "task_late"}
