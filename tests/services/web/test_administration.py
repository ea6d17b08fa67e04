"""The administrator's page: what is set aside, put right with a reason, and nobody's name."""

import re

import pytest
from sqlalchemy import select, update

from models.engine import Event, Message, Work
from models.vocabulary import MessageState, Role, WorkState
from services.accounts.accounts import create_account
from services.cases import alerts
from services.foundation.database import UnitOfWork
from services.operations import health
from services.rules import work
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests.factories import PASSWORD, Office, alert_form, make_case
from tests.services.web.browser import browser, send


def park(office: Office) -> int:
    """An event that failed too often; Alex, who administers."""
    giver = Actor("form", office.giver_id, programme_id=office.programme_id, organisation_id=office.giver_id)
    with office.runtime.database.write("test") as unit:
        alerts.submit(unit, Hand(giver), alert_form())
        unit.session.execute(update(Work).values(state=WorkState.PARKED.value, attempts=12, error="KeyError x:1"))
        appoint_alex(unit, office)
        return work.parked(unit)[0].id


def appoint_alex(unit: UnitOfWork, office: Office) -> None:
    create_account(
        unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, programme_id=office.programme_id,
        role=Role.ADMINISTRATOR,
    )  # fmt: skip


def test_an_administrator_sees_what_is_set_aside_and_no_household(office: Office) -> None:
    park(office)
    client = browser(office, "alex")
    assert client.get("/a-faire").headers["location"] == "/administration"
    page = client.get("/administration").text

    assert "alert.submitted" in page
    assert "Demande de visite reçue" in page
    assert "KeyError x:1" in page
    assert "Le Goff" not in page
    assert "/recherche" not in page  # it would never find a case for him
    assert "/recherche" in browser(office, "claire").get("/a-faire").text


def test_an_event_that_nobody_can_read_is_shown_all_the_same(office: Office) -> None:
    park(office)
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(Event).where(Event.type == "alert.submitted").values(payload={}))

    page = browser(office, "alex").get("/administration")

    assert page.status_code == 200
    assert "Événement que cette version de Relais ne sait pas lire" in page.text


@pytest.mark.parametrize(
    ("name", "found", "chip"), [("parked_work", "1", "à voir"), ("parked_work", "0", "bien"), ("tick", "7 s", "bien")]
)
def test_what_stops_nobody_from_serving_wants_a_look_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str, found: str, chip: str
) -> None:
    park(office)
    monkeypatch.setattr(health, "readiness", lambda _: [health.Line(name, ok=True, found=found)])

    page = browser(office, "alex").get("/administration").text

    assert re.search(rf"</span><span>{found} <span[^>]*>{chip}", page)


def test_a_remedy_wants_its_reason(office: Office) -> None:
    event = park(office)
    client = browser(office, "alex")
    refused = send(client, f"/administration/evenements/{event}", once="a", reason="")
    assert (refused.status_code, "Dites pourquoi" in refused.text) == (422, True)
    done = send(client, f"/administration/evenements/{event}", once="b", reason="Version corrigée.")
    assert done.status_code == 303

    page = client.get("/administration").text
    assert "KeyError" not in page
    assert "Version corrigée." in page


def test_a_refused_message_sent_again_is_taken_back_from_the_bar(office: Office) -> None:
    make_case(office)
    with office.runtime.database.write("test") as unit:
        message = unit.session.scalars(select(Message).where(Message.text == "alert_receipt")).one()
        message.state, message.done_at, message.reply_code = MessageState.REFUSED.value, unit.now, 550
        appoint_alex(unit, office)
    client = browser(office, "alex")

    send(client, f"/administration/messages/{message.id}", reason="Serveur réparé.")
    page = client.get("/administration").text
    (event,) = re.findall(r'name="event" value="([^"]+)"', page)
    taken_back = send(client, "/envois-retenus/annuler", event=event)

    assert "Message renvoyé" in page
    assert taken_back.headers["location"] == "/administration?fait=rappel"
    with office.runtime.database.read() as unit:
        kept = unit.session.get_one(Message, message.id)
        assert (kept.state, kept.reply_code) == (MessageState.REFUSED, 550)
    assert "550" in client.get("/administration").text


def test_the_coordination_does_not_administer(office: Office) -> None:
    assert browser(office, "claire").get("/administration").status_code == 403
