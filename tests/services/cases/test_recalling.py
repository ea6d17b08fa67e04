"""What a person sends from a page waits a minute and can be taken back whole: nothing of it was said to anybody."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Case, Referral
from models.engine import Event, Message
from models.events import (
    AddressMended,
    HouseholdAddressMended,
    MessageHastened,
    MessageSentAgain,
    QuestionAnswered,
    ReferralSent,
    ReminderDue,
)
from models.vocabulary import MessageState, ReferralState, Role, TaskState
from services.cases import addresses, notes, recalling, referrals, reminding, rerouting
from services.correspondence import messages
from services.forms import AddressForm, Answer, HouseholdAddressForm, NextStep, OnBehalf, Question, Remedy
from services.foundation.errors import Denied, GuardRefused, NotFound
from services.operations import administration
from services.overview import coming
from services.rules.casework import RECALL, Hand
from services.rules.policy import Actor, agreement_with_partner
from tests.ledger import problems
from tests.services.rules.situations import (
    ADA,
    BO,
    ELSEWHERE,
    OTHER_PARTNER,
    PARTNER,
    PROGRAMME,
    Office,
    referral_form,
    shown,
)

ADAS_PAGE, BOS_PAGE = replace(ADA, holds=True), replace(BO, holds=True)
ALEXS_PAGE = Hand(Actor("person", UUID(int=30), PROGRAMME, Role.ADMINISTRATOR, name="Alex"), holds=True)
A_MINUTE = RECALL + timedelta(seconds=1)
BY_PHONE = OnBehalf(said_by="M. Roy", how="téléphone")


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


def transferred(office: Office) -> tuple[UUID, UUID, UUID]:
    """Bo gives a request to another partner, from a page: the case, the first request, the second."""
    case_id, first = office.referred()
    second: Referral = office.do(rerouting.transfer, BOS_PAGE, first, referral_form(partner_id=OTHER_PARTNER))
    office.drain()
    return case_id, first, second.id


def state(office: Office, referral_id: UUID) -> str:
    return office.referral(referral_id).state


def test_a_request_from_a_page_waits_a_minute_and_can_be_taken_back_whole(office: Office) -> None:
    case_id = office.reported()
    referral_id = ask(office, case_id)
    office.drain()
    with office.database.read() as unit:
        (held,) = recalling.held(unit, BO.actor)
        due = {
            message.due_at for message in office.sent(case_id) if message.text in {"referral_request", "who_will_call"}
        }
        assert due == {held.until} == {unit.now + RECALL}
        assert recalling.held(unit, ADA.actor) == []
    with pytest.raises(Denied):
        office.do(recalling.recall, ADA, held.event_id)

    office.do(recalling.recall, BO, held.event_id)
    office.drain()

    assert waiting(office, case_id)["referral_request"] == MessageState.CANCELLED
    assert waiting(office, case_id)["who_will_call"] == MessageState.CANCELLED
    assert office.referral(referral_id).state == ReferralState.DRAFT
    assert [found.kind for found in office.tasks(case_id, TaskState.OPEN)] == ["finish_draft"]
    with office.database.read() as unit:
        assert agreement_with_partner(unit, office.referral(referral_id)) is None
        assert recalling.held(unit, BO.actor) == []
    office.do(recalling.recall, BO, held.event_id)  # the button was pressed twice
    assert office.events(case_id).count("referral.recalled") == 1


def test_what_is_taken_back_before_the_engine_looked_never_leaves(office: Office) -> None:
    case_id = office.reported()
    ask(office, case_id)

    office.do(recalling.recall, BO, sending(office, case_id, ReferralSent.type))
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
    office.do(recalling.recall, ADA, first)
    office.do(reminding.remind, ADAS_PAGE, asked)  # not reminded today after all
    office.drain()

    second = sending(office, case_id, "task.reminded")
    office.clock.at += RECALL + timedelta(seconds=1)
    with pytest.raises(GuardRefused, match="trop tard"):
        office.do(recalling.recall, ADA, second)

    with office.database.read() as unit:
        states = {
            message.event_id: message.state
            for message in unit.session.scalars(select(Message).where(Message.text == "task_reminder"))
        }
    assert states == {first: MessageState.CANCELLED, second: MessageState.QUEUED}


def test_a_request_taken_back_from_another_partner_leaves_the_first_one_as_he_was(office: Office) -> None:
    case_id, first, second = transferred(office)
    assert (state(office, first), state(office, second)) == (ReferralState.SENT, ReferralState.SENT)
    office.do(recalling.recall, BO, sending(office, case_id, ReferralSent.type))
    office.clock.at += A_MINUTE
    office.take_over()
    office.drain()

    assert (state(office, first), state(office, second)) == (ReferralState.SENT, ReferralState.DRAFT)
    assert {"answer_referral", "finish_draft"} <= set(office.due(case_id))
    assert office.sent(case_id, "referral_ended") == []
    office.do(referrals.send_draft, BO, second, referral_form(partner_id=OTHER_PARTNER))  # sent again, it takes over
    assert state(office, first) == ReferralState.SUPERSEDED


def test_a_minute_later_the_first_partner_is_told_and_loses_his_access(office: Office) -> None:
    case_id, first, second = transferred(office)
    office.clock.at += A_MINUTE
    office.take_over()
    office.drain()

    assert (state(office, first), state(office, second)) == (ReferralState.SUPERSEDED, ReferralState.SENT)
    assert [message.organisation_id for message in office.sent(case_id, "referral_ended")] == [PARTNER]


def test_a_second_request_that_ended_within_its_minute_takes_over_nothing(office: Office) -> None:
    _, first, second = transferred(office)
    office.do(referrals.withdraw, BO, second)
    office.clock.at += A_MINUTE
    office.take_over()

    assert state(office, first) == ReferralState.SENT
    assert office.referral(second).takes_over_at is None


def test_an_answer_to_a_partners_question_is_taken_back_and_he_never_reads_it(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(referrals.ask, ADA, referral_id, Question(note="Qui est le bailleur ?", on_behalf=BY_PHONE))
    office.drain()
    office.do(referrals.answer_question, BOS_PAGE, referral_id, Question(note="La SCI du Pont."))
    office.drain()
    said = "La SCI du Pont."
    assert "answer_question" not in office.due(case_id)
    assert said not in conversation(office, referral_id)

    office.do(recalling.recall, BO, sending(office, case_id, QuestionAnswered.type))
    office.clock.at += A_MINUTE
    office.drain()

    assert waiting(office, case_id)["question_answered"] == MessageState.CANCELLED
    assert "answer_question" in office.due(case_id)
    assert said not in conversation(office, referral_id)
    office.do(referrals.answer_question, BOS_PAGE, referral_id, Question(note="M. Pont."))
    office.clock.at += A_MINUTE
    assert conversation(office, referral_id)[-1] == "M. Pont."


def conversation(office: Office, referral_id: UUID) -> list[str]:
    with office.database.read() as unit:
        return [each.text for each in notes.conversation(unit, office.referral(referral_id))]


def test_an_answer_is_not_taken_back_once_the_partner_has_decided(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.do(referrals.ask, ADA, referral_id, Question(note="Qui ?", on_behalf=BY_PHONE))
    office.do(referrals.answer_question, BOS_PAGE, referral_id, Question(note="Lui."))
    office.do(referrals.accept, ADA, referral_id, Answer(on_behalf=BY_PHONE))

    with pytest.raises(GuardRefused, match="n’attend plus"):
        office.do(recalling.recall, BO, sending(office, case_id, QuestionAnswered.type))


def test_a_step_taken_at_once_and_taken_back_leaves_on_its_own_day(office: Office) -> None:
    case_id, _ = office.referred()
    hasten(office, case_id)
    office.drain()
    office.do(recalling.recall, BO, sending(office, case_id, ReminderDue.type))
    office.at("2025-10-16T10:00")

    told = [(day, state) for day, _, state in office.told(case_id, "referral_soft_reminder")]
    assert told == [("2025-10-08 12:00", "recalled"), ("2025-10-15 09:00", "queued")]
    assert office.occurrences(case_id, "answer_referral") == [(0, "suppressed", "recalled"), (0, "fired", None)]


def hasten(office: Office, case_id: UUID) -> None:
    """Bo lets the first reminder of the partner leave, from a page."""
    with office.database.read() as unit:
        steps = coming.of_case(unit, BO.actor, case_id)
    clock = next(each.clock for each in steps if each.text == "referral_soft_reminder")
    assert clock is not None
    at = NextStep(generation=clock.generation, step=clock.step)
    office.do(coming.leave_now, BOS_PAGE, case_id, clock.id, at)


def test_a_step_whose_task_ended_meanwhile_is_taken_back_and_comes_no_more(office: Office) -> None:
    case_id, referral_id = office.referred()
    hasten(office, case_id)
    office.do(referrals.accept, ADA, referral_id, Answer(on_behalf=BY_PHONE))
    office.do(recalling.recall, BO, sending(office, case_id, ReminderDue.type))
    office.at("2025-10-16T10:00")

    assert {state for _, _, state in office.told(case_id, "referral_soft_reminder")} <= {"recalled"}


def test_a_message_that_was_hastened_waits_for_its_hour_again(office: Office) -> None:
    case_id = office.triaged()
    office.sleep_to("2025-10-06T22:30")
    office.accept(case_id)
    office.drain()
    (mail,) = (each for each in office.sent(case_id) if each.party == "operator" and each.channel == "email")
    office.do(messages.send_now, BOS_PAGE, case_id, mail.id)
    assert leaves(office, mail) == "2025-10-06 22:31"
    with pytest.raises(GuardRefused, match="n’attend plus son heure"):
        office.do(messages.send_now, BOS_PAGE, case_id, mail.id)

    office.do(recalling.recall, BO, sending(office, case_id, MessageHastened.type))

    assert leaves(office, mail) == "2025-10-07 08:00"
    with office.database.read() as unit:
        assert recalling.held(unit, BO.actor) == []


def leaves(office: Office, message: Message) -> str:
    with office.database.read() as unit:
        return shown(unit.session.get_one(Message, message.id).due_at)


def refused_request(office: Office) -> tuple[UUID, UUID]:
    """A request that the partner's server refused: the case, the request."""
    case_id = office.reported()
    referral_id = office.refer(case_id)
    office.drain()
    office.bounce("referral_request")
    office.drain()
    return case_id, referral_id


def test_a_request_sent_again_to_a_mended_address_waits_and_its_item_comes_back(office: Office) -> None:
    case_id, referral_id = refused_request(office)
    office.do(addresses.mend_address, ADAS_PAGE, referral_id, AddressForm(email="accueil@example.org"))
    office.drain()
    again = office.sent(case_id, "referral_request")[-1]
    assert leaves(office, again) == shown(office.clock.at + RECALL)
    assert "mend_address" not in office.due(case_id)

    office.do(recalling.recall, ADA, sending(office, case_id, AddressMended.type))
    office.drain()

    assert [each.state for each in office.sent(case_id, "referral_request")] == ["refused", "cancelled"]
    assert {"answer_referral", "mend_address"} <= set(office.due(case_id))
    with office.database.read() as unit:
        assert recalling.held(unit, ADA.actor) == []
        assert problems(unit, drained=True) == []


def test_a_mended_address_taken_back_is_mended_once_more(office: Office) -> None:
    case_id, referral_id = refused_request(office)
    office.do(addresses.mend_address, ADAS_PAGE, referral_id, AddressForm(email="acceuil@example.org"))
    office.do(recalling.recall, ADA, sending(office, case_id, AddressMended.type))
    office.drain()
    office.do(addresses.mend_address, ADAS_PAGE, referral_id, AddressForm(email="accueil@example.org"))
    office.clock.at += A_MINUTE
    office.drain()

    told = [(each.address, each.state) for each in office.sent(case_id, "referral_request")]
    assert told[1:] == [("acceuil@example.org", "cancelled"), ("accueil@example.org", "queued")]
    assert "mend_address" not in office.due(case_id)


def test_what_a_program_sends_again_leaves_at_once(office: Office) -> None:
    case_id, referral_id = refused_request(office)
    office.do(addresses.mend_address, ADA, referral_id, AddressForm(email="accueil@example.org"))
    office.drain()

    assert leaves(office, office.sent(case_id, "referral_request")[-1]) == shown(office.clock.at)


def test_nothing_leaves_for_a_households_address_that_was_taken_back(office: Office) -> None:
    case_id = office.qualified(email="martni@example.org")
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()
    office.bounce("visit_confirmation")
    office.drain()
    form = HouseholdAddressForm(email="martin@exemple.org")
    office.do(addresses.mend_household_address, BOS_PAGE, case_id, form)
    office.drain()
    confirmation = office.sent(case_id, "visit_confirmation")[-1]
    assert (confirmation.address, leaves(office, confirmation)) == (form.email, shown(office.clock.at + RECALL))
    assert "mend_household_address" not in office.due(case_id)

    office.do(recalling.recall, BO, sending(office, case_id, HouseholdAddressMended.type))
    office.drain()

    assert waiting(office, case_id)["visit_confirmation"] == MessageState.CANCELLED
    assert "mend_household_address" in office.due(case_id)
    with office.database.read() as unit:
        assert unit.session.get_one(Case, case_id).household.mail_address is None
        assert problems(unit, drained=True) == []


def test_a_mail_that_waited_for_the_household_waits_the_minute_of_its_new_address(office: Office) -> None:
    case_id = office.qualified(email="martni@example.org")
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()  # its confirmation may leave at once
    form = HouseholdAddressForm(email="martin@example.org")
    office.do(addresses.mend_household_address, BOS_PAGE, case_id, form)

    (confirmation,) = (each for each in office.sent(case_id, "visit_confirmation") if each.channel == "email")
    assert (confirmation.address, leaves(office, confirmation)) == (form.email, shown(office.clock.at + RECALL))


def test_a_refused_message_that_an_administrator_sends_again_is_taken_back_by_him_alone(office: Office) -> None:
    case_id = office.triaged()
    office.bounce("alert_receipt")
    (message,) = office.sent(case_id, "alert_receipt")
    office.do(administration.send_again, ALEXS_PAGE, message.id, Remedy(reason="Serveur réparé."))
    assert leaves(office, message) == shown(office.clock.at + RECALL)
    with office.database.read() as unit:
        (held,) = recalling.held(unit, ALEXS_PAGE.actor)
    with pytest.raises(Denied):
        office.do(recalling.recall, ADA, held.event_id)

    office.do(recalling.recall, ALEXS_PAGE, held.event_id)
    office.drain()

    (kept,) = office.sent(case_id, "alert_receipt")
    assert (kept.state, kept.error, kept.done_at) == (MessageState.REFUSED, None, message.done_at)
    with office.database.read() as unit:
        assert recalling.held(unit, ALEXS_PAGE.actor) == []
        assert problems(unit, drained=True) == []


def test_a_neighbours_administrator_takes_nothing_back(office: Office) -> None:
    case_id = office.triaged()
    office.bounce("alert_receipt")
    (message,) = office.sent(case_id, "alert_receipt")
    office.do(administration.send_again, ALEXS_PAGE, message.id, Remedy(reason="Serveur réparé."))
    zoe = replace(ALEXS_PAGE, actor=replace(ALEXS_PAGE.actor, id=UUID(int=31), programme_id=ELSEWHERE))

    with pytest.raises(NotFound):
        office.do(recalling.recall, zoe, sending(office, case_id, MessageSentAgain.type))
