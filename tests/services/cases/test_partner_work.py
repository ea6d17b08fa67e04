"""Between a partner's yes and the end of his help; and the household's own word on it."""

from datetime import date
from uuid import UUID

import pytest

from models.vocabulary import Channel, ClosureOutcome, HoldReason, Loop, MessageState, ReferralState
from services.cases import closing, partner_work, referrals
from services.correspondence import letters
from services.forms import Answer, ClosureForm, Hold, Meeting, NoteForm
from services.foundation.errors import GuardRefused, InvalidInput, TransitionRefused
from services.overview import desk
from tests.services.rules.situations import ADA, BY_PHONE, Office, default_pathway, paris

SAID = Answer(on_behalf=BY_PHONE)


def hold(reason: HoldReason, until: date = date(2025, 10, 30)) -> Hold:
    return Hold(reason=reason, until=until, on_behalf=BY_PHONE)


def meeting(text: str) -> Meeting:
    return Meeting(meets_at=paris(text), on_behalf=BY_PHONE)


def accepted(office: Office) -> tuple[UUID, UUID]:
    case_id, referral_id = office.followed()
    assert office.due(case_id)["report_outcome"] == "2025-12-08 18:00"
    return case_id, referral_id


def test_a_partner_who_studies_a_request_has_his_delay_again_once(office: Office) -> None:
    case_id, referral_id = office.referred()
    before = office.due(case_id)["answer_referral"]
    office.sleep_to("2025-10-13 10:00")
    office.do(partner_work.acknowledge, ADA, referral_id, SAID)
    office.drain()

    assert office.due(case_id)["answer_referral"] > before
    with pytest.raises(TransitionRefused):
        office.do(partner_work.acknowledge, ADA, referral_id, SAID)


def test_a_day_given_for_the_household_is_a_yes_and_the_household_is_told(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(partner_work.propose, ADA, referral_id, meeting("2025-10-14 10:30"))
    office.drain()

    referral = office.referral(referral_id)
    assert (referral.state, referral.meets_at) == (ReferralState.ACCEPTED, paris("2025-10-14 10:30"))
    assert office.due(case_id)["report_outcome"]
    (letter,), (sms,) = office.sent(case_id, "partner_accepted"), office.sent(case_id, "partner_meets")
    assert (letter.channel, sms.channel) == (Channel.LETTER, Channel.SMS)


def test_a_letter_that_waited_is_not_printed_once_a_later_one_says_more(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.drain()
    office.do(referrals.accept, ADA, referral_id, SAID)
    office.drain()

    with office.database.read() as unit:
        to_print = [each.text for each in letters.to_print(unit, ADA.actor).all(unit)]
        assert "partner_accepted" in to_print
        assert "who_will_call" not in to_print  # nobody counts what will not be printed
        assert desk.letters_waiting(unit, ADA.actor) == len(to_print)
    office.do(letters.print_batch, ADA)

    (before,), (after,) = office.sent(case_id, "who_will_call"), office.sent(case_id, "partner_accepted")
    assert (before.state, before.error) == (MessageState.CANCELLED, "task_closed")
    assert after.state == MessageState.PRINTED


def test_another_day_replaces_the_first_and_one_that_is_over_is_refused(office: Office) -> None:
    _, referral_id = office.referred()
    office.do(partner_work.propose, ADA, referral_id, meeting("2025-10-14 10:30"))
    office.do(partner_work.propose, ADA, referral_id, meeting("2025-10-16 14:00"))
    office.drain()

    assert office.referral(referral_id).meets_at == paris("2025-10-16 14:00")
    with pytest.raises(InvalidInput, match="à venir"):
        office.do(partner_work.propose, ADA, referral_id, meeting("2025-09-01 14:00"))
    office.do(partner_work.start, ADA, referral_id, SAID)
    office.do(partner_work.propose, ADA, referral_id, meeting("2025-10-17 14:00"))
    assert office.referral(referral_id).state == ReferralState.IN_PROGRESS


def test_help_that_began_is_asked_about_sixty_days_later(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.sleep_to("2025-10-20 10:00")
    office.do(partner_work.start, ADA, referral_id, SAID)
    office.drain()

    assert office.referral(referral_id).state == ReferralState.IN_PROGRESS
    assert office.due(case_id)["report_outcome"] == "2025-12-19 18:00"


def test_a_partner_who_waits_for_somebody_else_is_not_chased(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.HOUSEHOLD))
    office.drain()

    (paused,) = [task for task in office.tasks(case_id) if task.kind == "report_outcome"]
    assert paused.paused_at is not None
    assert office.due(case_id)["review_hold"] == "2025-10-30 18:00"


def test_a_partner_who_waits_for_himself_is(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.PARTNER))
    office.drain()

    (task,) = [task for task in office.tasks(case_id) if task.kind == "report_outcome"]
    assert task.paused_at is None


def test_help_that_goes_on_is_due_later_by_the_time_that_it_waited(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.THIRD_PARTY))
    office.drain()
    office.at("2025-10-30 10:00")
    office.do(partner_work.resume, ADA, referral_id, SAID)
    office.drain()

    assert office.due(case_id)["report_outcome"] > "2025-12-20"
    assert "review_hold" not in office.due(case_id)


def test_a_wait_that_is_over_moves_no_date_that_is_counted_after_it(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.THIRD_PARTY))
    office.at("2025-10-30 10:00")
    office.do(partner_work.resume, ADA, referral_id, SAID)
    office.do(referrals.report_progress, ADA, referral_id, SAID)
    office.at("2025-12-29 18:01")

    assert office.due(case_id)["report_outcome"] == "2025-12-29 18:00"
    assert [at for at, _, _ in office.told(case_id, "news_reminder")] == ["2025-12-29 18:00"]


@pytest.mark.parametrize("until", [date(2025, 10, 8), date(2025, 11, 20)])
def test_a_hold_is_looked_at_again_within_a_month(office: Office, until: date) -> None:
    _, referral_id = accepted(office)

    with pytest.raises(InvalidInput) as refusal:
        office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.HOUSEHOLD, until))

    assert refusal.value.field == "until"


def test_what_a_hold_waited_for_ends_with_it(office: Office) -> None:
    _, referral_id = accepted(office)
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.HOUSEHOLD, date(2025, 10, 20)))
    office.answer(referral_id, "complete")

    assert (office.referral(referral_id).reason, office.referral(referral_id).check_on) == (None, None)


def test_a_help_that_the_household_contests_is_the_coordinators_at_once(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne n’est venu."))

    assert office.referral(referral_id).loop == Loop.DISPUTED
    assert "settle_dispute" in office.due(case_id)  # nothing was drained


@pytest.mark.parametrize(("verified", "loop"), [(True, Loop.CONFIRMED), (False, Loop.UNVERIFIABLE)])
def test_the_households_word_ends_the_loop(office: Office, verified: bool, loop: Loop) -> None:
    case_id, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne n’est venu."))
    office.do(partner_work.confirm, ADA, referral_id, verified=verified)
    office.drain()

    assert office.referral(referral_id).loop == loop
    assert "settle_dispute" not in office.due(case_id)


@pytest.mark.parametrize(
    ("before", "after"), [(True, True), (False, False), (True, False)], ids=["twice", "twice unknown", "forgotten"]
)
def test_what_the_household_said_is_said_once_and_not_forgotten(office: Office, before: bool, after: bool) -> None:
    case_id, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.do(partner_work.confirm, ADA, referral_id, verified=before)

    with pytest.raises(GuardRefused, match="déjà"):
        office.do(partner_work.confirm, ADA, referral_id, verified=after)
    assert office.events(case_id).count("referral.confirmed") == 1
    office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne n’est venu."))
    with pytest.raises(GuardRefused, match="déjà contestée"):
        office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne."))


def test_a_household_that_could_not_be_asked_may_say_so_later(office: Office) -> None:
    _, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.do(partner_work.confirm, ADA, referral_id, verified=False)
    office.do(partner_work.confirm, ADA, referral_id, verified=True)

    assert office.referral(referral_id).loop == Loop.CONFIRMED


def test_a_help_is_unverifiable_once_the_last_question_was_asked_in_vain_often_enough(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.drain()
    for moment, loop in (
        ("2025-12-01", Loop.REPORTED),
        ("2026-05-04", Loop.REPORTED),
        ("2026-11-03", Loop.UNVERIFIABLE),
    ):
        office.sleep_to(f"{moment} 10:00")
        office.drain()
        for _ in range(default_pathway().call_attempts):
            assert office.referral(referral_id).loop == Loop.REPORTED
            office.follow_up(case_id, "no_answer")
        office.drain()
        assert office.referral(referral_id).loop == loop


def test_nothing_is_left_to_settle_on_a_case_that_ended(office: Office) -> None:
    case_id, referral_id = accepted(office)
    office.answer(referral_id, "complete")
    office.do(closing.close_case, ADA, case_id, ClosureForm(outcome=ClosureOutcome.SOLVED))

    with pytest.raises(GuardRefused):
        office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne n’est venu."))
    assert office.due(case_id) == {}


def test_a_help_that_nobody_confirmed_before_the_end_cannot_be_verified(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.close(case_id)

    assert office.referral(referral_id).loop == Loop.UNVERIFIABLE
    assert office.events(case_id)[-2:] == ["referral.confirmed", "case.closed"]


def test_a_help_under_way_is_not_contested_yet(office: Office) -> None:
    _, referral_id = accepted(office)

    with pytest.raises(GuardRefused):
        office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Non."))


def test_an_aid_is_disputed_once(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Personne n’est venu."))

    with pytest.raises(GuardRefused, match="déjà contestée"):
        office.do(partner_work.dispute, ADA, referral_id, NoteForm(text="Toujours personne."))

    assert office.events(case_id).count("referral.disputed") == 1


def test_a_hold_is_made_longer_and_looked_at_on_its_new_day(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.HOUSEHOLD, date(2025, 10, 20)))
    office.at("2025-10-20 10:00")
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.THIRD_PARTY, date(2025, 11, 17)))
    office.drain()

    assert office.due(case_id)["review_hold"] == "2025-11-17 18:00"
    assert office.referral(referral_id).check_on == date(2025, 11, 17)
    assert paused(office, case_id) == {"report_outcome": True}


def test_a_hold_that_waits_for_the_partner_from_now_on_lets_his_clock_run(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.HOUSEHOLD, date(2025, 10, 20)))
    office.do(partner_work.hold, ADA, referral_id, hold(HoldReason.PARTNER, date(2025, 10, 27)))
    office.drain()

    assert paused(office, case_id) == {"report_outcome": False}


def paused(office: Office, case_id: UUID) -> dict[str, bool]:
    """Whether the partner's task waits."""
    return {task.kind: task.paused_at is not None for task in office.tasks(case_id) if task.kind == "report_outcome"}
