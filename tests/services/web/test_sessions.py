"""Signing in and out, and how long it lasts."""

from datetime import timedelta

from sqlalchemy import select

from models.programmes import AccessEntry, Person, WebSession
from services.web.sessions import PLAIN_COOKIE
from tests.factories import PASSWORD, Office
from tests.services.web.browser import browser

KARIM = "karim@brest.test"


def test_a_page_leads_a_stranger_to_the_sign_in_and_back(office: Office) -> None:
    client = browser(office)

    answer = client.get("/courriers")

    assert (answer.status_code, answer.headers["location"]) == (303, "/connexion?suite=/courriers")


def test_the_sign_in_never_leads_to_another_site(office: Office) -> None:
    typed = {"email": KARIM, "password": PASSWORD, "suite": "//ailleurs.example"}

    answer = browser(office).post("/connexion", data=typed)

    assert answer.headers["location"] == "/a-faire"


def test_the_token_is_new_at_each_sign_in_and_the_old_one_is_dead(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    planted = client.cookies[PLAIN_COOKIE]

    client.post("/connexion", data={"email": KARIM, "password": PASSWORD})

    assert client.cookies[PLAIN_COOKIE] != planted
    assert browser(office, cookie=f"{PLAIN_COOKIE}={planted}").get("/a-faire").status_code == 303


def test_signing_out_ends_the_session_itself(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    token = client.cookies[PLAIN_COOKIE]

    client.post("/deconnexion")

    assert browser(office, cookie=f"{PLAIN_COOKIE}={token}").get("/a-faire").status_code == 303


def test_a_session_ends_after_two_idle_hours(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    office.clock.at += timedelta(hours=2)

    assert client.get("/a-faire").status_code == 303


def test_a_session_ends_after_twelve_hours_of_use(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    for _ in range(11):
        office.clock.at += timedelta(hours=1)
        assert client.get("/a-faire").status_code == 200
    office.clock.at += timedelta(hours=1)

    assert client.get("/a-faire").status_code == 303


def test_a_disabled_account_is_out_at_once(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Person, office.karim.id).disabled_at = unit.now

    assert client.get("/a-faire").status_code == 303


def test_a_wrong_password_and_an_unknown_address_answer_alike(office: Office) -> None:
    client = browser(office)

    answers = [
        client.post("/connexion", data={"email": email, "password": "non"}) for email in (KARIM, "qui@brest.test")
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text.replace("qui@brest.test", KARIM)


def test_ten_failures_lock_the_account_for_a_quarter_of_an_hour_without_a_word(office: Office) -> None:
    client = browser(office)
    for _ in range(10):
        client.post("/connexion", data={"email": KARIM, "password": "non"})
    right = {"email": KARIM, "password": PASSWORD}

    assert client.post("/connexion", data=right).status_code == 401
    office.clock.at += timedelta(minutes=15)
    assert client.post("/connexion", data=right).status_code == 303


def test_sign_ins_and_refusals_are_written_down_without_a_name(office: Office) -> None:
    client = browser(office, "karim", by_password=True)
    client.post("/connexion", data={"email": KARIM, "password": "non"})

    with office.runtime.database.read() as unit:
        found = unit.session.execute(select(AccessEntry.actor, AccessEntry.allowed).order_by(AccessEntry.id)).all()

    assert [tuple(row) for row in found] == [(office.karim.label, True), (office.karim.label, False)]


def test_only_the_hash_of_a_token_is_stored(office: Office) -> None:
    client = browser(office, "karim", by_password=True)

    with office.runtime.database.read() as unit:
        stored = unit.session.scalars(select(WebSession.token_hash)).all()

    assert client.cookies[PLAIN_COOKIE] not in stored
