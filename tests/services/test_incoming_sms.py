"""What households answer by SMS: three answers to the follow-up, STOP, and words for a person to read."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Note, Permission, Phone
from models.engine import IncomingMail, Message
from models.vocabulary import ContactBy, PermissionKind
from services import follow_up
from services.forms import ContactForm, PermissionForm
from services.foundation.errors import InvalidInput
from services.incoming_sms import ReceivedSms, receive
from services.permissions import give
from tests.services.rules.situations import BO, Office

NUMBER = "+33639980101"


def asked(office: Office) -> UUID:
    """A household that prefers SMS and was asked, five days before its first call."""
    case_id, _ = office.followed(phone=NUMBER)
    office.do(give, BO, case_id, PermissionForm(kind=PermissionKind.SMS))
    office.do(follow_up.choose_contact, BO, case_id, ContactForm(contact_by=ContactBy.SMS))
    office.drain()
    office.run_to(next(task for task in office.tasks(case_id) if task.kind == "follow_up_call").due_at)
    assert office.deliver("follow_up_question") == 1
    return case_id


def say(office: Office, text: str, *, sender: str = NUMBER, reference: str = "r1") -> IncomingMail | None:
    with office.database.write("test") as unit:
        found = receive(unit, ReceivedSms(sender=sender, text=text, reference=reference))
        unit.session.flush()
        if found is not None:
            unit.session.refresh(found)
            unit.session.expunge(found)
    office.drain()
    return found


@pytest.mark.parametrize(
    ("text", "event", "opened"),
    [
        ("1", "follow_up.answered", "follow_up_call"),
        ("2 pareil", "follow_up.answered", "follow_up_call"),
        ("3. Rappelez-moi", "follow_up.call_asked", "call_back"),
        ("Bonjour, la chaudière est en panne", "reply.received", "read_reply"),
        ("2 enfants malades", "reply.received", "read_reply"),
    ],
)
def test_an_answer_is_a_fact_and_other_words_are_somebodys(office: Office, text: str, event: str, opened: str) -> None:
    case_id = asked(office)
    before = {task.id for task in office.tasks(case_id)}

    first, again = say(office, text), say(office, text)

    assert first is not None
    assert again is None
    assert office.events(case_id).count(event) == 1
    assert [task.kind for task in office.tasks(case_id) if task.id not in before] == [opened]
    with office.database.read() as unit:
        notes = unit.session.scalars(select(Note.text).where(Note.case_id == case_id)).all()
        assert (text in notes) is (event == "reply.received")


def test_stop_ends_every_sms_and_the_household_is_called_instead(office: Office) -> None:
    case_id = asked(office)

    say(office, "Stop.")

    with office.database.read() as unit:
        phone = unit.session.scalars(select(Phone).where(Phone.number == NUMBER)).one()
        (agreed,) = unit.session.scalars(
            select(Permission).where(Permission.case_id == case_id, Permission.kind == PermissionKind.SMS)
        ).all()
        assert None not in {phone.no_sms_at, agreed.revoked_at}
        assert phone.blocked_at is None
    assert office.case(case_id).contact_by == "call"
    with pytest.raises(InvalidInput, match="SMS"):
        office.do(follow_up.choose_contact, BO, case_id, ContactForm(contact_by=ContactBy.SMS))


def test_an_sms_of_nobody_waits_for_a_person(office: Office) -> None:
    asked(office)

    found = say(office, "Qui êtes-vous ?", sender="+33639989999")

    assert found is not None
    assert (found.waits, found.case_id, found.text) == (True, None, "Qui êtes-vous ?")


def test_an_answer_that_comes_after_the_call_is_read_by_somebody(office: Office) -> None:
    case_id = asked(office)
    office.follow_up(case_id)
    office.drain()

    say(office, "1")

    assert "follow_up.answered" not in office.events(case_id)
    assert "read_reply" in office.due(case_id)


def test_a_household_that_is_called_gets_no_question(office: Office) -> None:
    case_id, _ = office.followed()
    office.run_to(next(task for task in office.tasks(case_id) if task.kind == "follow_up_call").due_at)

    with office.database.read() as unit:
        asked_of = unit.session.scalars(select(Message).where(Message.text == "follow_up_question")).all()
        assert asked_of == []
    with pytest.raises(InvalidInput, match="adresse électronique"):
        office.do(follow_up.choose_contact, BO, case_id, ContactForm(contact_by=ContactBy.EMAIL))
