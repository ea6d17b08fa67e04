"""Referrals: every dead end has an owner at once, and nobody is left waiting."""

from uuid import UUID

import pytest

from models.cases import Referral
from models.engine import Message
from models.vocabulary import CaseState, ClosureOutcome, Theme
from services.cases import closing, referrals
from services.forms import Answer, ClosureForm
from services.foundation.errors import GuardRefused, InvalidInput, TransitionRefused
from services.rules.rendering import render_message
from tests.services.rules.situations import ADA, ANSWERS, BO, OTHER_PARTNER, PARTNER, Office, referral_form


@pytest.mark.parametrize("answers", [["decline"], ["full"], ["accept", "fail"]])
def test_a_dead_end_is_the_coordinators_in_the_same_transaction(office: Office, answers: list[str]) -> None:
    case_id, referral_id = office.referred()
    for answer in answers:
        office.answer(referral_id, answer)

    assert "reorient" in office.due(case_id)  # nothing was drained


def test_a_partner_who_declines_for_lack_of_capacity_is_shown_full_for_a_month(office: Office) -> None:
    _, referral_id = office.referred()
    office.answer(referral_id, "full")

    with office.database.read() as unit:
        referral = unit.session.get_one(Referral, referral_id)
        assert [str(each.full_until) for each in referral.partner.services] == ["2025-11-07"]


def test_nobody_is_asked_without_the_households_permission(office: Office) -> None:
    case_id = office.reported()

    with pytest.raises(InvalidInput) as refusal:
        office.do(referrals.send, BO, case_id, referral_form(permission=False))

    assert refusal.value.field == "permission"


def test_a_partner_is_not_asked_the_same_thing_twice(office: Office) -> None:
    case_id, _ = office.referred()

    with pytest.raises(GuardRefused, match="déjà cette demande"):
        office.refer(case_id)


@pytest.mark.parametrize("answers", [["ask"], ["accept"], ["accept", "report_progress"]])
def test_nor_once_he_takes_it_or_asks_about_it(office: Office, answers: list[str]) -> None:
    case_id, referral_id = office.referred()
    for answer in answers:
        office.answer(referral_id, answer)

    with pytest.raises(GuardRefused, match="déjà cette demande"):
        office.refer(case_id)


def test_a_need_is_in_the_hands_of_one_partner_whoever_asks_the_next(office: Office) -> None:
    """Source: peers 3.2, transition 1: no live referral for the same need unless parallel."""
    case_id, first = office.referred()
    second = office.refer(case_id, OTHER_PARTNER, replaces_id=first)
    office.drain()

    assert (office.referral(first).state, office.referral(second).state) == ("superseded", "sent")
    assert [message.organisation_id for message in office.sent(case_id, "referral_ended")] == [PARTNER]
    with pytest.raises(GuardRefused, match="déjà chez un partenaire"):
        office.refer(case_id, replaces_id=first)


def test_what_is_still_being_prepared_is_sent_or_withdrawn_not_replaced(office: Office) -> None:
    case_id = office.reported()
    draft = office.do(referrals.prepare, BO, case_id, referral_form())

    with pytest.raises(GuardRefused, match="en préparation"):
        office.refer(case_id, OTHER_PARTNER, replaces_id=draft.id)


def test_a_case_with_a_live_referral_does_not_close(office: Office) -> None:
    case_id, _ = office.followed()

    with pytest.raises(GuardRefused, match="adil"):
        office.do(closing.close_case, ADA, case_id, ClosureForm(outcome=ClosureOutcome.SOLVED))


def test_an_answer_for_a_partner_says_who_gave_it(office: Office) -> None:
    _, referral_id = office.referred()

    with pytest.raises(InvalidInput, match="qui a donné"):
        office.do(referrals.accept, ADA, referral_id, Answer())


def test_an_answer_given_for_a_partner_is_stored_as_his(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.answer(referral_id, "accept")
    office.drain()

    assert office.case(case_id).state == "in_follow_up"
    assert set(office.due(case_id)) == {"report_outcome", "follow_up_call"}


def test_a_request_sent_again_to_another_partner_ends_the_dead_end(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.answer(referral_id, "decline")
    office.refer(case_id, OTHER_PARTNER, replaces_id=referral_id)
    office.drain()

    assert set(office.due(case_id)) == {"answer_referral"}


def test_another_kind_of_help_asked_in_place_of_a_first_is_a_need_of_its_own(office: Office) -> None:
    """Source: domain 3: a mediation that fails goes on as law."""
    case_id, referral_id = office.referred()
    office.answer(referral_id, "decline")
    other = office.refer(case_id, replaces_id=referral_id, theme=Theme.FSL)
    office.drain()

    assert set(office.due(case_id)) == {"answer_referral"}
    with office.database.read() as unit:
        themes = {each: unit.session.get_one(Referral, each).need.theme for each in (referral_id, other)}
    assert themes == {referral_id: Theme.LANDLORD_MEDIATION, other: Theme.FSL}


def test_a_draft_leaves_for_the_help_that_is_asked_in_the_end(office: Office) -> None:
    case_id = office.reported()
    draft = office.do(referrals.prepare, BO, case_id, referral_form())
    office.do(referrals.send_draft, BO, draft.id, referral_form(theme=Theme.FSL))
    office.drain()

    with office.database.read() as unit:
        assert unit.session.get_one(Referral, draft.id).need.theme == Theme.FSL


def test_the_case_stays_in_orientation_while_one_partner_has_not_answered(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.refer(case_id, OTHER_PARTNER)
    office.answer(referral_id, "accept")
    office.drain()

    assert office.case(case_id).state == "orienting"


def test_taking_back_the_only_request_begins_the_follow_up(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(referrals.withdraw, BO, referral_id)
    office.drain()

    assert (office.case(case_id).state, set(office.due(case_id))) == ("in_follow_up", {"follow_up_call"})


@pytest.mark.parametrize("answers", [["decline"], ["accept", "fail"]])
def test_a_dead_end_may_be_left_there(office: Office, answers: list[str]) -> None:
    case_id, referral_id = office.referred()
    for answer in answers:
        office.answer(referral_id, answer)
        office.drain()
    office.do(referrals.drop_need, ADA, case_id)
    office.drain()

    assert (office.case(case_id).state, set(office.due(case_id))) == ("in_follow_up", {"follow_up_call"})


def test_nothing_to_orient_at_all_begins_the_follow_up(office: Office) -> None:
    case_id = office.reported()
    office.do(referrals.drop_need, BO, case_id)
    office.drain()

    assert set(office.due(case_id)) == {"follow_up_call"}


def test_the_orientation_is_not_dropped_while_an_answer_is_awaited(office: Office) -> None:
    case_id, _ = office.referred()

    with pytest.raises(GuardRefused, match="pas encore répondu"):
        office.do(referrals.drop_need, BO, case_id)


def test_there_is_nothing_to_drop_once_the_follow_up_goes_on(office: Office) -> None:
    case_id, _ = office.followed()

    with pytest.raises(GuardRefused, match="rien à réorienter"):
        office.do(referrals.drop_need, BO, case_id)


def test_a_request_made_during_the_follow_up_keeps_its_calls(office: Office) -> None:
    case_id, _ = office.followed()
    second = office.refer(case_id, OTHER_PARTNER)
    office.drain()
    office.answer(second, "accept")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)].count("follow_up_call") == 1


@pytest.mark.parametrize("answer", sorted(set(ANSWERS) - {"accept"}))
def test_a_declined_referral_takes_no_other_answer(office: Office, answer: str) -> None:
    _, referral_id = office.referred()
    office.answer(referral_id, "decline")

    with pytest.raises(TransitionRefused):
        office.answer(referral_id, answer)


def test_a_reopened_case_is_owed_the_calls_that_were_not_made(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.close(case_id)
    assert office.tasks(case_id) == []

    office.do(closing.reopen_case, ADA, case_id)
    office.drain()

    assert set(office.due(case_id)) == {"follow_up_call"}


def test_cases_settled_together_each_go_on_by_what_they_wait_for(office: Office) -> None:
    answered, referral_id = office.referred()
    awaiting, _ = office.referred(surname="Kowalski", phone="06 39 98 00 03")
    office.answer(referral_id, "accept")

    with office.database.write("test") as unit:
        referrals.settle(unit, answered, awaiting)

    states = [office.case(each).state for each in (answered, awaiting)]
    assert states == [CaseState.IN_FOLLOW_UP, CaseState.ORIENTING]


@pytest.mark.parametrize("brief", ["M. MARTIN a froid.", "Au 12, rue du Pont.", "Joindre le 06 39 98 12 34."])
def test_what_a_partner_reads_before_his_answer_does_not_say_who_the_household_is(office: Office, brief: str) -> None:
    case_id = office.reported()

    with pytest.raises(InvalidInput, match="qui est le ménage"):
        office.refer(case_id, brief=brief, brief_is_open=True)
    office.refer(case_id, brief=brief)
    office.refer(case_id, OTHER_PARTNER, brief="Un couple et deux enfants, sans chauffage.", brief_is_open=True)


@pytest.mark.parametrize(
    ("also", "said"), [([], "il faut en trouver un autre"), ([OTHER_PARTNER], "rien n’est à décider")]
)
def test_the_coordination_reads_whether_another_partner_may_still_answer(
    office: Office, also: list[UUID], said: str
) -> None:
    case_id = office.reported()
    referral_id = office.refer(case_id, theme=Theme.LANDLORD_MEDIATION, also_ids=also)
    office.answer(referral_id, "decline")
    office.drain()

    (mail,) = office.sent(case_id, "reorient")
    with office.database.read() as unit:
        assert said in render_message(unit, unit.session.get_one(Message, mail.id)).body
