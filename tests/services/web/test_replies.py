"""The pages of answers: read them with their item, file or set aside the others."""

import re
from uuid import UUID

from sqlalchemy import select

from models.cases import Note
from models.engine import Event, IncomingMail, Message, Task
from models.programmes import AccessEntry, Membership
from models.vocabulary import CaseState
from services.accounts import api_keys
from services.channels.inbox import Received
from services.correspondence import replies
from services.foundation.database import UnitOfWork
from services.rules.policy import ENGINE, Actor
from tests.factories import Office, act, make_case, number_of, referral_id_of, task_of
from tests.mails import reply
from tests.services.web.browser import browser, send

SENDER = "adil@brest.test"


def arrive(office: Office, content: bytes) -> None:
    received = Received("1", content, len(content))
    act(office, lambda unit: replies.receive(unit, received, own="relais@brest.test"))


def answered(office: Office, text: str = "ACCEPTE\n\n<b>Hélène</b>") -> tuple[UUID, str]:
    """A case whose partner answered; the address of the page that reads it."""
    case_id = make_case(office, CaseState.ORIENTING)
    with office.runtime.database.read() as unit:
        query = select(Message.message_id).where(Message.case_id == case_id, Message.text == "referral_request")
        ours = unit.session.scalars(query).one()
    arrive(office, reply(ours, text, From=SENDER))
    return case_id, f"/situations/{case_id}/reponses/{task_of(office, case_id, 'read_reply').id}"


def apart(office: Office, text: str = "Bonjour") -> str:
    arrive(office, reply("", text, From=SENDER, References=""))
    with office.runtime.database.read() as unit:
        return str(unit.session.scalars(select(IncomingMail.id)).one())


def test_the_case_offers_to_read_the_answer_and_its_page_shows_it(office: Office) -> None:
    case_id, address = answered(office)
    client = browser(office, "karim")
    assert f'href="{address}"' in client.get(f"/situations/{case_id}").text

    page = client.get(address).text

    assert "ADIL du Finistère" in page
    assert "&lt;b&gt;Hélène&lt;/b&gt;" in page
    assert "le partenaire accepte" in page
    assert f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/reponse" in page


def test_a_plain_yes_is_recorded_by_one_press_of_its_item(office: Office) -> None:
    case_id, address = answered(office, "Oui, nous acceptons.")
    client = browser(office, "karim")
    path = f"/situations/{case_id}/orientations/{referral_id_of(office, case_id)}/oui"
    form = re.search(rf'action="{path}".*?</form>', client.get(address).text, re.DOTALL)
    assert form is not None

    answer = send(client, path, **dict(re.findall(r'name="(\w+)" value="([^"]+)"', form[0])))

    assert answer.headers["location"] == f"/situations/{case_id}?fait=reponse"
    with office.runtime.database.read() as unit:
        told = unit.session.scalars(select(Event).where(Event.type == "referral.accepted")).one()
        assert told.on_behalf_of is not None
        note = unit.session.scalars(select(Note).where(Note.event_id == told.id)).one()
        assert "e-mail" in note.text
        assert unit.session.scalar(select(Task.id).filter_by(kind="read_reply", state="open")) is None


def test_a_key_reads_an_answer_of_its_own_cases(office: Office) -> None:
    case_id, address = answered(office, "Oui.")
    path = f"/api/v1/cases/{case_id}/replies/{address.rpartition('/')[2]}"
    with office.runtime.database.write("test") as unit:
        keys = {
            actor: api_keys.create(unit, ENGINE, membership_of(unit, actor), "test")
            for actor in (office.karim, office.nadia)
        }

    own, foreign = (
        browser(office).get(path, headers={"Authorization": f"Bearer {keys[actor]}"})
        for actor in (office.karim, office.nadia)
    )

    (reply_line,) = own.json()["items"]
    assert (reply_line["text"], reply_line["author"]) == ("Oui.", "ADIL du Finistère")
    assert foreign.status_code == 404


def membership_of(unit: UnitOfWork, actor: Actor) -> UUID:
    return unit.session.scalars(select(Membership.id).filter_by(person_id=actor.id)).one()


def test_reading_an_answer_is_written_down(office: Office) -> None:
    case_id, address = answered(office)

    browser(office, "karim").get(address)

    with office.runtime.database.read() as unit:
        query = select(AccessEntry.actor).where(AccessEntry.case_id == case_id, AccessEntry.action == "read")
        assert unit.session.scalars(query).all() == [office.karim.label]


def test_read_and_nothing_to_do_ends_the_item_once(office: Office) -> None:
    case_id, address = answered(office)
    client = browser(office, "karim")

    first, again = send(client, address), send(client, address)

    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["location"] == f"/situations/{case_id}?fait=reponse-lue"
    assert "Lu, rien à faire" not in client.get(address).text
    assert send(client, address, once="autre").status_code == 409


def test_an_answer_of_another_case_is_not_found(office: Office) -> None:
    _, address = answered(office)
    other = make_case(office)

    wrong = f"/situations/{other}/{address.partition('reponses')[1]}{address.partition('reponses')[2]}"

    assert browser(office, "claire").get(wrong).status_code == 404


def test_a_mail_without_a_case_is_filed_by_its_number(office: Office) -> None:
    mail_id = apart(office, "Au sujet de Mme Le Goff")
    case_id = make_case(office)
    number = number_of(office, case_id)
    client = browser(office, "claire")
    assert "Au sujet de Mme Le Goff" in client.get("/messages-recus").text

    wrong = send(client, f"/messages-recus/{mail_id}/classer", **{f"number-{mail_id}": "1999-1"})
    ending = number.partition("-")[2].lstrip("0")  # nobody types the year and its zeros
    right = send(client, f"/messages-recus/{mail_id}/classer", once="deux", **{f"number-{mail_id}": ending})

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "Aucune situation ne se reconnaît à cette référence" in wrong.text
    assert "Au sujet de Mme Le Goff" in client.get(f"/situations/{case_id}").text
    assert "Aucun message à classer" in client.get("/messages-recus").text


def test_a_mail_without_a_case_is_set_aside(office: Office) -> None:
    mail_id = apart(office)
    client = browser(office, "claire")

    assert send(client, f"/messages-recus/{mail_id}/sans-suite").status_code == 303

    assert "Aucun message à classer" in client.get("/messages-recus").text


def test_an_operator_does_not_read_what_is_kept_apart(office: Office) -> None:
    mail_id = apart(office)
    client = browser(office, "karim")

    assert client.get("/messages-recus").status_code == 403
    assert send(client, f"/messages-recus/{mail_id}/sans-suite").status_code == 403
