"""Requests that go elsewhere: several partners at once, another partner, asked anew, struck out, another portal."""

from datetime import date
from uuid import UUID

import pytest

from models.cases import Referral
from models.vocabulary import CaseState, ReferralKind, ReferralState, VoidReason, WithdrawReason
from services.cases import notes, referrals, rerouting
from services.forms import Reopening, TakeBack, Voiding
from services.foundation.errors import GuardRefused, InvalidInput, TransitionRefused
from tests.services.rules.situations import ADA, BO, OTHER_PARTNER, PARTNER, Office, referral_form

ERROR = Voiding(reason=VoidReason.WRONG_HOUSEHOLD)


def pooled(office: Office) -> tuple[UUID, UUID, UUID]:
    """Two partners asked at once: the case and both referrals."""
    case_id = office.reported()
    first = office.refer(case_id, also_ids=[OTHER_PARTNER])
    office.drain()
    office.deliver("referral_request")
    office.drain()
    with office.database.read() as unit:
        (other,) = unit.session.query(Referral.id).where(Referral.case_id == case_id, Referral.id != first).all()
    return case_id, first, other[0]


def test_the_first_of_several_partners_to_accept_has_it_and_the_others_are_told(office: Office) -> None:
    case_id, first, other = pooled(office)
    office.answer(other, "accept")
    office.drain()

    assert (office.referral(other).state, office.referral(first).state) == ("accepted", "superseded")
    assert "answer_referral" not in office.due(case_id)
    assert [message.organisation_id for message in office.sent(case_id, "referral_taken")] == [PARTNER]
    with pytest.raises(TransitionRefused):
        office.answer(first, "accept")


def test_one_no_among_several_is_no_dead_end_yet(office: Office) -> None:
    case_id, first, other = pooled(office)
    office.answer(first, "decline")
    office.drain()
    assert "reorient" not in office.due(case_id)
    office.answer(other, "decline")

    assert "reorient" in office.due(case_id)


def test_whichever_of_several_is_asked_again_nobody_looks_for_another_partner(office: Office) -> None:
    case_id, first, other = pooled(office)
    office.answer(first, "decline")
    office.answer(other, "decline")

    draft = office.do(rerouting.reopen, ADA, first, Reopening(note="Il a de la place de nouveau."))
    office.drain()
    assert "reorient" not in office.due(case_id)
    office.do(referrals.send_draft, BO, draft.id, referral_form())
    office.drain()

    assert {"reorient", "finish_draft"} & office.due(case_id).keys() == set()


def test_a_partner_who_loses_a_request_loses_his_access(office: Office) -> None:
    case_id, referral_id = office.referred()
    new = office.do(rerouting.transfer, ADA, referral_id, referral_form(partner_id=OTHER_PARTNER))
    office.drain()

    assert office.referral(referral_id).state == ReferralState.SUPERSEDED
    assert new.replaces_id == referral_id
    waiting = [task.organisation_id for task in office.tasks(case_id) if task.kind == "answer_referral"]
    assert waiting == [OTHER_PARTNER]
    assert [message.organisation_id for message in office.sent(case_id, "referral_ended")] == [PARTNER]


def test_a_need_is_asked_anew_by_a_new_referral_and_the_old_one_stays_closed(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.answer(referral_id, "decline")
    draft = office.do(rerouting.reopen, ADA, referral_id, Reopening(note="Il a de la place de nouveau."))
    office.drain()
    assert office.due(case_id)["finish_draft"]
    sent = office.do(referrals.send_draft, BO, draft.id, referral_form())
    office.drain()

    assert office.referral(referral_id).state == ReferralState.DECLINED
    assert (sent.replaces_id, office.referral(sent.id).state) == (referral_id, ReferralState.SENT)
    assert "finish_draft" not in office.due(case_id)


@pytest.mark.parametrize(("partner", "said"), [(PARTNER, ["Il a de la place de nouveau."]), (OTHER_PARTNER, [])])
def test_why_a_partner_is_asked_anew_is_read_by_no_other(office: Office, partner: UUID, said: list[str]) -> None:
    _, referral_id = office.referred()
    office.answer(referral_id, "decline")
    draft = office.do(rerouting.reopen, ADA, referral_id, Reopening(note="Il a de la place de nouveau."))

    office.do(referrals.send_draft, BO, draft.id, referral_form(partner_id=partner))

    with office.database.read() as unit:
        sent = unit.session.get_one(Referral, draft.id)
        assert [each.text for each in notes.conversation(unit, sent)] == said


def test_nothing_leaves_with_a_draft(office: Office) -> None:
    case_id = office.reported()
    office.do(referrals.prepare, BO, case_id, referral_form(permission=False))
    office.drain()

    assert office.sent(case_id, "referral_request") == []
    assert list(office.due(case_id)) == ["finish_draft"]
    assert office.case(case_id).state == CaseState.ORIENTING


def test_a_draft_does_not_leave_without_the_households_permission(office: Office) -> None:
    case_id = office.reported()
    draft = office.do(referrals.prepare, BO, case_id, referral_form(permission=False))

    with pytest.raises(InvalidInput) as refusal:
        office.do(referrals.send_draft, BO, draft.id, referral_form(permission=False))

    assert refusal.value.field == "permission"


def test_what_was_sent_in_error_is_struck_out_by_somebody_else(office: Office) -> None:
    case_id, referral_id = office.referred()
    with pytest.raises(GuardRefused, match="autre personne"):
        office.do(rerouting.void, BO, referral_id, ERROR)
    office.do(rerouting.void, ADA, referral_id, ERROR)
    office.drain()

    assert office.referral(referral_id).state == ReferralState.ENTERED_IN_ERROR
    assert [message.organisation_id for message in office.sent(case_id, "referral_recalled")] == [PARTNER]
    assert office.case(case_id).state == CaseState.IN_FOLLOW_UP


def test_a_help_recorded_by_mistake_helped_nobody(office: Office) -> None:
    _, referral_id = office.followed()
    office.answer(referral_id, "complete")
    office.do(rerouting.void, ADA, referral_id, ERROR)

    assert office.referral(referral_id).outcome is None


def test_a_request_is_taken_back_with_its_reason(office: Office) -> None:
    _, referral_id = office.referred()
    office.do(referrals.withdraw, ADA, referral_id, TakeBack(reason=WithdrawReason.NEED_GONE))

    assert office.referral(referral_id).reason == "need_gone"


def test_a_partner_with_a_portal_of_his_own_gets_no_mail_and_somebody_looks_for_his_answer(office: Office) -> None:
    case_id = office.reported()
    form = referral_form(kind=ReferralKind.OUTSIDE_PORTAL, check_on=date(2025, 10, 24), file_number="A-12")
    referral = office.do(referrals.send, BO, case_id, form)
    office.at("2025-10-24 18:30")

    assert office.sent(case_id, "referral_request") == []
    assert office.due(case_id) == {"check_back": "2025-10-24 18:00"}
    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]
    office.answer(referral.id, "accept")
    office.drain()
    assert "follow_outside" in office.due(case_id)
    office.answer(referral.id, "complete")
    office.drain()
    assert "follow_outside" not in office.due(case_id)


def test_a_request_to_a_portal_says_when_its_answer_is_looked_for(office: Office) -> None:
    case_id = office.reported()

    with pytest.raises(InvalidInput) as refusal:
        office.do(referrals.send, BO, case_id, referral_form(kind=ReferralKind.OUTSIDE_PORTAL))

    assert refusal.value.field == "check_on"
