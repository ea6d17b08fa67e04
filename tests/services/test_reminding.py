"""A person reminds beside the clock, once a day; what he sends from a page waits a minute and can be taken back."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Referral
from models.engine import Event, Message
from models.events import ReferralSent
from models.vocabulary import MessageState, Party, ReferralState, TaskState
from services import referrals, reminding
from services.foundation.errors import Denied, GuardRefused, NotFound
from services.rules.casework import RECALL
from services.rules.policy import agreement_with_partner
from tests.services.rules.situations import ADA, BO, CY, PARTNER, Office, referral_form, shown

ADAS_PAGE, BOS_PAGE = replace(ADA, holds=True), replace(BO, holds=True)


def task(office: Office, case_id: UUID, kind: str) -> UUID:
    return next(found.id for found in office.tasks(case_id, TaskState.OPEN) if found.kind == kind)


def sending(office: Office, case_id: UUID, kind: str) -> UUID:
    with office.database.read() as unit:
        query = select(Event.id).where(Event.case_id == case_id, Event.type == kind).order_by(Event.seq.desc())
        return unit.session.scalars(query).first() or UUID(int=0)


def ask(office: Office, case_id: UUID) -> UUID:
    """Bo asks the partner from a page."""
    referral: Referral = office.do(referrals.send, BOS_PAGE, case_id, referral_form(partner_id=PARTNER))
    return referral.id


def waiting(office: Office, case_id: UUID) -> dict[str, MessageState]:
    return {message.text: MessageState(message.state) for message in office.sent(case_id)}


def test_a_partner_is_reminded_at_once_and_once_a_day(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    asked = task(office, case_id, "answer_referral")
    with pytest.raises(GuardRefused, match="pas encore remise"):
        office.do(reminding.remind, ADA, asked)
    office.deliver("referral_request")

    office.do(reminding.remind, ADA, asked)
    office.drain()

    (reminder,) = office.sent(case_id, "referral_soft_reminder")
    assert (reminder.daily, reminder.task_id) == (True, asked)
    assert shown(reminder.due_at) == "2025-10-09 08:00"  # his mail of the day has left: with that of tomorrow
    with pytest.raises(GuardRefused, match="une par jour"):
        office.do(reminding.remind, ADA, asked)


def test_only_what_somebody_else_owes_is_chased(office: Office) -> None:
    triaged, accepted = office.triaged(), office.accepted()
    office.drain()
    ours, theirs = task(office, triaged, "triage"), task(office, accepted, "first_call")

    for hand, refused, why in ((ADA, ours, GuardRefused), (BO, theirs, GuardRefused), (CY, theirs, NotFound)):
        with pytest.raises(why):
            office.do(reminding.remind, hand, refused)
    office.do(reminding.remind, ADA, theirs)
    office.drain()

    (reminder,) = office.sent(accepted, "task_reminder")
    assert reminder.party == Party.OPERATOR


def test_a_request_from_a_page_waits_a_minute_and_can_be_taken_back_whole(office: Office) -> None:
    case_id = office.reported()
    referral_id = ask(office, case_id)
    office.drain()
    with office.database.read() as unit:
        (held,) = reminding.held(unit, BO.actor)
        due = {
            message.due_at for message in office.sent(case_id) if message.text in {"referral_request", "who_will_call"}
        }
        assert due == {held.until} == {unit.now + RECALL}
        assert reminding.held(unit, ADA.actor) == []
    with pytest.raises(Denied):
        office.do(reminding.recall, ADA, held.event_id)

    office.do(reminding.recall, BO, held.event_id)
    office.drain()

    assert waiting(office, case_id)["referral_request"] == MessageState.CANCELLED
    assert waiting(office, case_id)["who_will_call"] == MessageState.CANCELLED
    assert office.referral(referral_id).state == ReferralState.DRAFT
    assert [found.kind for found in office.tasks(case_id, TaskState.OPEN)] == ["finish_draft"]
    with office.database.read() as unit:
        assert agreement_with_partner(unit, office.referral(referral_id)) is None
        assert reminding.held(unit, BO.actor) == []
    with pytest.raises(GuardRefused, match="trop tard"):
        office.do(reminding.recall, BO, held.event_id)


def test_what_is_taken_back_before_the_engine_looked_never_leaves(office: Office) -> None:
    case_id = office.reported()
    ask(office, case_id)

    office.do(reminding.recall, BO, sending(office, case_id, ReferralSent.type))
    office.drain()

    followed = {"referral_request", "who_will_call", "milestone_proposed"}
    states = {state for text, state in waiting(office, case_id).items() if text in followed}
    assert states == {MessageState.CANCELLED}


def test_a_minute_later_it_is_gone_and_a_reminder_too_can_be_taken_back(office: Office) -> None:
    case_id = office.accepted()
    office.drain()
    asked = task(office, case_id, "first_call")
    office.do(reminding.remind, ADAS_PAGE, asked)
    first = sending(office, case_id, "task.reminded")
    office.do(reminding.recall, ADA, first)
    office.do(reminding.remind, ADAS_PAGE, asked)  # not reminded today after all
    office.drain()

    second = sending(office, case_id, "task.reminded")
    office.clock.at += RECALL + timedelta(seconds=1)
    with pytest.raises(GuardRefused, match="trop tard"):
        office.do(reminding.recall, ADA, second)

    with office.database.read() as unit:
        states = {
            message.event_id: message.state
            for message in unit.session.scalars(select(Message).where(Message.text == "task_reminder"))
        }
    assert states == {first: MessageState.CANCELLED, second: MessageState.QUEUED}
