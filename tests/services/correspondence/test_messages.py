"""Messages that wait for their hour: people of the trade may be written to at once, a household keeps its nights.

And messages in doubt: somebody checks them, once for each attempt that ends so.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Case
from models.engine import Message
from models.vocabulary import MessageState, TaskState
from services.cases import recalling
from services.channels.evidence import Verdict
from services.correspondence import messages
from services.foundation.errors import GuardRefused, NotFound
from services.operations import upkeep
from services.overview import timeline
from services.rules import ledger
from services.rules.aftermath import AFTERMATH
from services.rules.casework import RECALL
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.services.rules.situations import ADA, BO, CY, PARIS, Office, shown


def at_night(office: Office) -> UUID:
    """A case accepted on Monday 6 October at 22:30; its mails wait for the morning."""
    case_id = office.triaged()
    office.sleep_to("2025-10-06T22:30")
    office.accept(case_id)
    office.drain()
    return case_id


def waiting(office: Office, case_id: UUID, party: str) -> Message:
    sent = [each for each in office.sent(case_id) if each.party == party and each.state == "queued"]
    return next(each for each in sent if each.channel != "letter")


def may_leave_now(office: Office, case_id: UUID) -> frozenset[UUID]:
    with office.database.read() as unit:
        return messages.may_leave_now(unit, unit.session.get_one(Case, case_id))


def due_at(office: Office, message: Message) -> str:
    with office.database.read() as unit:
        return shown(unit.session.get_one(Message, message.id).due_at)


def story(office: Office, case_id: UUID) -> list[timeline.Entry]:
    with office.database.read() as unit:
        return timeline.of_case(unit, ADA.actor, unit.session.get_one(Case, case_id), PARIS)


def test_a_mail_that_waits_leaves_at_once_when_somebody_says_so(office: Office) -> None:
    case_id = at_night(office)
    mail = waiting(office, case_id, "operator")
    assert (due_at(office, mail), mail.id in may_leave_now(office, case_id)) == ("2025-10-07 08:00", True)

    office.do(messages.send_now, BO, case_id, mail.id)

    assert due_at(office, mail) == "2025-10-06 22:30"
    assert mail.id not in may_leave_now(office, case_id)


def test_the_story_says_when_a_message_leaves_and_who_hastened_it(office: Office) -> None:
    case_id = at_night(office)
    mail = waiting(office, case_id, "operator")
    (entry,) = (each for each in story(office, case_id) if each.message_id == mail.id)
    assert entry.chip == timeline.Chip("Partira mardi 7\u00a0octobre à 8\u00a0h", "info")

    office.do(messages.send_now, ADA, case_id, mail.id)

    assert ("Envoi demandé tout de suite", "Ada") in [(each.text, each.by) for each in story(office, case_id)]


def test_a_household_keeps_its_quiet_hours(office: Office) -> None:
    case_id = office.qualified(email="martin@example.org")
    office.sleep_to("2025-10-06T22:30")
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()
    mail = waiting(office, case_id, "household")

    with pytest.raises(GuardRefused, match="ménage"):
        office.do(messages.send_now, ADA, case_id, mail.id)

    assert mail.id not in may_leave_now(office, case_id)


def test_a_message_that_has_left_is_not_hastened(office: Office) -> None:
    case_id = at_night(office)
    mail = waiting(office, case_id, "operator")
    office.deliver(mail.text)

    with pytest.raises(GuardRefused, match="n’attend plus"):
        office.do(messages.send_now, ADA, case_id, mail.id)


def test_a_letter_waits_for_the_printer_not_for_an_hour(office: Office) -> None:
    case_id = at_night(office)
    (letter,) = (each for each in office.sent(case_id) if each.channel == "letter")

    with pytest.raises(GuardRefused):
        office.do(messages.send_now, ADA, case_id, letter.id)


def test_a_message_is_hastened_in_its_own_case_by_those_who_see_it(office: Office) -> None:
    case_id, other = at_night(office), office.accepted(surname="Benali", phone="0639980155")
    mail = waiting(office, case_id, "operator")

    for hand, case in ((CY, case_id), (ADA, other)):
        with pytest.raises(NotFound):
            office.do(messages.send_now, hand, case, mail.id)


# -- In doubt


def lose(office: Office, message_id: UUID) -> None:
    """Its worker vanished after the mark of its DATA, and its lease ran out."""
    with office.database.write("test") as unit:
        mail = unit.session.get_one(Message, message_id)
        mail.state, mail.leased_until = MessageState.DATA_STARTED.value, unit.lease_time() - timedelta(seconds=1)
    with office.database.write("test") as unit:
        assert ledger.rescue(unit, AFTERMATH) == 1


def receipt(office: Office, case_id: UUID) -> Message:
    return next(each for each in office.sent(case_id) if each.text == "alert_receipt")


def test_a_mail_that_leaves_again_may_end_in_doubt_again(office: Office) -> None:
    case_id = office.triaged()
    mail = receipt(office, case_id)

    for _ in range(2):
        lose(office, mail.id)
        office.drain()
        assert [task.kind for task in office.tasks(case_id)].count("check_message") == 1
        office.do(messages.settle, ADA, case_id, mail.id, delivered=False)
        assert receipt(office, case_id).state == MessageState.QUEUED

    assert len([task for task in office.tasks(case_id, TaskState.COMPLETED) if task.kind == "check_message"]) == 2


@pytest.mark.parametrize("verdict", ["yes", "no"])
@pytest.mark.parametrize("asked_already", [True, False])
def test_nobody_checks_a_mail_whose_server_told_what_became_of_it(
    office: Office, verdict: Verdict, asked_already: bool
) -> None:
    case_id = office.triaged()
    mail = receipt(office, case_id)
    lose(office, mail.id)
    if asked_already:
        office.drain()
    assert ("check_message" in office.due(case_id)) == asked_already

    with office.database.write("test") as unit:
        doubt = ledger.doubt_of(unit, unit.session.get_one(Message, mail.id))
        assert ledger.settle(unit, AFTERMATH, doubt=doubt, verdict=verdict)
    office.drain()

    assert "check_message" not in office.due(case_id)


def test_a_new_request_is_not_announced_to_whoever_has_examined_it(office: Office) -> None:
    case_id = office.triaged()
    (announced,) = office.sent(case_id, "new_alert")
    office.accept(case_id)
    office.drain()

    with office.database.read() as unit, pytest.raises(Suppressed, match="task_closed"):
        render_message(unit, unit.session.get_one(Message, announced.id))


def test_the_words_of_a_message_are_forgotten_after_ninety_days_and_its_leaving_is_not(office: Office) -> None:
    case_id = office.qualified()
    with office.database.write("test") as unit:
        left, waits = unit.session.scalars(select(Message).where(Message.case_id == case_id).limit(2)).all()
        for message in (left, waits):
            message.subject, message.body = "Objet", "Bonjour"
        left.state, left.done_at = MessageState.ACCEPTED.value, unit.now
        waits.state, waits.done_at = MessageState.QUEUED.value, None
        ids = left.id, waits.id

    def kept() -> list[tuple[str, str | None]]:
        with office.database.write("upkeep") as unit:
            upkeep.forget_texts(unit)
            found = [unit.session.get_one(Message, each) for each in ids]
            return [(each.state, each.body) for each in found]

    assert kept() == [("accepted", "Bonjour"), ("queued", "Bonjour")]
    office.clock.at += timedelta(days=91)
    assert kept() == [("accepted", None), ("queued", "Bonjour")]
    assert upkeep.forget_texts in upkeep.ROUNDS


def test_what_is_said_not_delivered_leaves_in_a_minute_and_may_be_taken_back(office: Office) -> None:
    """The mail carried two cases: their doubt ends together, and stands again together."""
    page, cases = replace(ADA, holds=True), [office.reported(phone=f"06 39 98 70 0{n}") for n in (1, 2)]
    for case_id in cases:
        office.refer(case_id)
    office.drain()
    mails = [mail for case_id in cases for mail in office.sent(case_id, "referral_request")]
    with office.database.write("test") as unit:
        first, other = (unit.session.get_one(Message, mail.id) for mail in mails)
        other.bundle_id = first.id
        first.data_started_at = other.data_started_at = left_at = unit.now
    office.bounce("referral_request", unknown=True)
    office.drain()
    assert all("check_message" in office.due(case_id) for case_id in cases)

    office.do(messages.settle, page, cases[0], mails[0].id, delivered=False)
    office.drain()
    again = [mail for case_id in cases for mail in office.sent(case_id, "referral_request")]
    assert {(mail.state, mail.due_at - office.clock.at) for mail in again} == {("queued", RECALL)}
    assert not any("check_message" in office.due(case_id) for case_id in cases)
    with office.database.read() as unit:
        (held,) = recalling.held(unit, ADA.actor)
    office.do(recalling.recall, page, held.event_id)
    office.drain()

    kept = [mail for case_id in cases for mail in office.sent(case_id, "referral_request")]
    assert [(mail.state, mail.bundle_id) for mail in kept] == [("unknown", None), ("unknown", mails[0].id)]
    assert {mail.data_started_at for mail in kept} == {left_at}
    assert all("check_message" in office.due(case_id) for case_id in cases)


def test_what_is_said_not_delivered_by_a_machine_leaves_at_once(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    office.bounce("referral_request", unknown=True)
    (mail,) = office.sent(case_id, "referral_request")
    office.do(messages.settle, ADA, case_id, mail.id, delivered=False)

    (again,) = office.sent(case_id, "referral_request")
    assert (again.state, again.due_at) == ("queued", office.clock.at)
