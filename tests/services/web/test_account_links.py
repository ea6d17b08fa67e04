"""Coming in by a link to one's own address; what a mail alone opens, and to whom."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from models.engine import Message
from models.programmes import Person, SignInLink
from services.rules.links import sign_in_url
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.factories import PASSWORD, Office
from tests.services.web.browser import browser

KARIM, CLAIRE, NOBODY = "karim@brest.test", "claire@brest.test", "qui@brest.test"
NEW = "quatre mots sans lien"


def ask(client: TestClient, email: str) -> tuple[int, str]:
    answer = client.post("/connexion/lien", data={"email": email})
    return answer.status_code, answer.headers["location"]


def link_of(office: Office) -> str:
    """Where the last mail leads, as its reader gets it."""
    with office.runtime.database.read() as unit:
        message = unit.session.scalars(select(Message).order_by(Message.id.desc())).first()
        assert message is not None
        subject, body, *_ = render_message(unit, message)
    assert subject == "Se connecter à Relais dans les dix minutes"
    (address,) = [line for line in body.splitlines() if line.startswith("http")]
    return address.removeprefix(office.runtime.settings.public_url)


def test_an_officer_comes_in_by_a_link_once_in_the_browser_that_asked(office: Office) -> None:
    client, elsewhere = browser(office), browser(office)
    assert ask(client, f" {KARIM.upper()} ") == (303, "/connexion/lien/envoye")
    link = link_of(office)

    for _ in range(3):
        assert "Entrer" in client.get(link).text  # a scanner that looks uses nothing up
    assert "navigateur où il a été demandé" in elsewhere.get(link).text
    assert elsewhere.post(link).status_code == 410

    assert client.post(link).headers["location"] == "/a-faire"
    assert client.get("/a-faire").status_code == 200
    assert "déjà servi" in client.get(link).text
    assert client.post(link).status_code == 410
    with office.runtime.database.read() as unit:
        message = unit.session.scalars(select(Message)).one()
        assert (message.person_id, message.case_id, message.urgent) == (office.karim.id, None, True)
        with pytest.raises(Suppressed, match="link_past"):
            render_message(unit, message)


def test_an_unknown_address_gets_the_same_answer_and_no_mail(office: Office) -> None:
    answers = [ask(browser(office), email) for email in (NOBODY, KARIM)]

    assert answers[0] == answers[1]
    with office.runtime.database.read() as unit:
        assert unit.session.scalars(select(Message.address)).all() == [KARIM]
    more = [browser(office).post("/connexion/lien", data={"email": NOBODY}).status_code for _ in range(3)]
    assert more == [303, 303, 429]


def test_a_coordinator_chooses_a_password_by_a_link_and_never_comes_in_by_it(office: Office) -> None:
    client, before = browser(office), browser(office, "claire")
    ask(client, CLAIRE)
    link = link_of(office)

    refused = client.post(link)
    assert (refused.status_code, "Choisir un mot de passe" in refused.text) == (409, True)
    assert client.post(f"{link}/mot-de-passe", data={"password": "azertyuiop12"}).status_code == 422
    assert browser(office).post(f"{link}/mot-de-passe", data={"password": NEW}).status_code == 410
    chosen = client.post(f"{link}/mot-de-passe", data={"password": NEW})

    assert chosen.headers["location"].startswith("/connexion?")
    assert client.get("/a-faire").status_code == 303
    assert before.get("/a-faire").status_code == 303
    tries = [client.post("/connexion", data={"email": CLAIRE, "password": one}) for one in (PASSWORD, NEW)]
    assert tries[0].status_code == 401
    assert tries[1].headers["location"].startswith("/connexion/telephone")


def test_a_link_lasts_ten_minutes_and_belongs_to_a_person_who_works_here(office: Office) -> None:
    client = browser(office)
    ask(client, KARIM)
    link = link_of(office)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Person, office.nadia.id).disabled_at = unit.now
    ask(client, "nadia@brest.test")
    office.clock.at += timedelta(minutes=10)

    assert "durait dix minutes" in client.get(link).text
    assert client.post(link).status_code == 410
    with office.runtime.database.read() as unit:
        (row,) = unit.session.scalars(select(SignInLink)).all()
        assert client.get(sign_in_url(office.runtime, row).replace("/connexion/lien/", "/acces/")).status_code == 410
    assert client.get("/connexion/lien/" + "0" * 32 + ".x").status_code == 410
