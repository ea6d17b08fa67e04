"""What households answer by SMS: three answers to the follow-up, STOP, and words for a person to read."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Note, Permission, Phone
from models.engine import IncomingMail, Message
from models.programmes import Organisation
from models.vocabulary import ContactBy, PermissionKind
from services.cases import follow_up
from services.cases.permissions import give, revoke
from services.correspondence import replies
from services.correspondence.incoming_sms import ReceivedSms, receive
from services.forms import ContactForm, PermissionForm
from services.foundation.errors import Denied, InvalidInput, NotFound
from tests.services.rules.situations import ADA, BO, CY, OPERATOR, PROGRAMME, Office

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


def waiting(office: Office) -> list[IncomingMail]:
    with office.database.read() as unit:
        return list(replies.waiting(unit, ADA.actor))


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


def test_a_first_sms_is_filed_on_the_only_open_case_of_its_number(office: Office) -> None:
    case_id = office.accepted(phone=NUMBER)

    found = say(office, "Vous m'avez appelée ?")

    assert found is not None
    assert (found.waits, found.case_id, found.programme_id, found.text) == (False, case_id, PROGRAMME, "")
    assert "read_reply" in office.due(case_id)
    with office.database.read() as unit:
        note = unit.session.scalars(select(Note).where(Note.case_id == case_id, Note.event_id.is_not(None))).one()
        assert (note.author, note.audience, note.text) == ("Le ménage", "team", "Vous m'avez appelée ?")
        (task,) = (each for each in office.tasks(case_id) if each.kind == "read_reply")
        assert [each.text for each in replies.to_read(unit, BO.actor, task.id)[1]] == ["Vous m'avez appelée ?"]
        with pytest.raises(NotFound):
            replies.to_read(unit, CY.actor, task.id)
    assert waiting(office) == []


def test_the_only_case_of_a_subsidised_operator_is_read_by_him_alone(office: Office) -> None:
    case_id = office.accepted(phone=NUMBER)
    with office.database.write("test") as unit:
        unit.session.get_one(Organisation, OPERATOR).contract = "subsidy"

    say(office, "C'est Madame Amar.")

    (task,) = (each for each in office.tasks(case_id) if each.kind == "read_reply")
    with office.database.read() as unit:
        assert replies.waiting(unit, ADA.actor) == []
        with pytest.raises(Denied):
            replies.to_read(unit, ADA.actor, task.id)


def test_an_sms_of_a_number_of_two_open_cases_waits(office: Office) -> None:
    one, other = office.accepted(phone=NUMBER), office.accepted(phone=NUMBER, surname="Benali", street="3 rue Haute")

    found = say(office, "Qui êtes-vous ?")

    assert found is not None
    assert (found.waits, found.case_id, found.programme_id) == (True, None, PROGRAMME)
    assert "read_reply" not in {**office.due(one), **office.due(other)}


def test_a_closed_case_or_a_wrong_number_leaves_one_case_or_none(office: Office) -> None:
    closed, case_id = office.accepted(phone=NUMBER), office.accepted(phone=NUMBER, surname="Benali", street="3 rue X")
    office.close(closed, "moved")
    office.drain()

    first = say(office, "Bonjour")
    office.call(case_id, "wrong_number")
    second = say(office, "Bonjour", reference="r2")

    assert first is not None
    assert second is not None
    assert [(each.case_id, each.waits) for each in (first, second)] == [(case_id, False), (None, True)]


def test_a_first_word_that_is_stop_is_respected_and_asks_nothing(office: Office) -> None:
    case_id = office.accepted(phone=NUMBER)

    found = say(office, "STOP")

    assert found is not None
    assert (found.waits, found.text) == (False, "")
    assert "read_reply" not in office.due(case_id)
    with office.database.read() as unit:
        assert unit.session.scalars(select(Phone.no_sms_at).where(Phone.number == NUMBER)).one() is not None


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


def test_who_took_back_the_agreement_to_sms_is_asked_by_sms_only_once_it_agrees_again(office: Office) -> None:
    case_id = asked(office)
    with office.database.read() as unit:
        agreed = unit.session.scalars(select(Permission).filter_by(case_id=case_id, kind=PermissionKind.SMS)).one()
    office.do(revoke, BO, agreed.id)
    by_sms = ContactForm(contact_by=ContactBy.SMS)
    with pytest.raises(InvalidInput, match="nouvel accord"):
        office.do(follow_up.choose_contact, BO, case_id, by_sms)

    office.do(give, BO, case_id, PermissionForm(kind=PermissionKind.SMS))

    assert office.do(follow_up.choose_contact, BO, case_id, by_sms).contact_by == ContactBy.SMS
