"""Signing in and out, and how long it lasts."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select

from models.programmes import AccessEntry, Person, WebSession
from models.vocabulary import CaseState, Role
from services.accounts.accounts import create_account
from services.web.sessions import PLAIN_COOKIE
from tests.factories import PASSWORD, Office, make_case, state_of
from tests.services.web.browser import browser, send

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


def test_ten_failures_close_an_address_to_strangers_and_leave_a_known_browser_in(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = counted_hashes(monkeypatch)
    known, stranger = browser(office, "karim", by_password=True), browser(office)
    right = {"email": KARIM, "password": PASSWORD}
    computed.clear()
    for email in (KARIM, "qui@brest.test"):
        tries = [stranger.post("/connexion", data={"email": email, "password": "non"}) for _ in range(11)]
        assert [answer.status_code for answer in tries] == [401] * 10 + [429]
        assert "recommencez dans 2 minutes" in tries[-1].text
    assert len(computed) == 20  # as many for nobody's address; none once it is closed

    assert stranger.post("/connexion", data=right).status_code == 429
    assert known.post("/connexion", data=right).status_code == 303
    office.clock.at += timedelta(minutes=15)
    assert stranger.post("/connexion", data=right).status_code == 303


def counted_hashes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each password that is compared with a hash, somebody's or nobody's; quick."""
    computed: list[bool] = []

    def verify(_self: object, password: str, _hashed: str) -> bool:
        computed.append(password == PASSWORD)
        return computed[-1]

    monkeypatch.setattr("pwdlib.PasswordHash.verify", verify)
    return computed


def test_a_person_sees_and_closes_the_browsers_that_are_signed_in(office: Office) -> None:
    here = browser(office)
    here.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"
    here.post("/connexion", data={"email": KARIM, "password": PASSWORD})
    there, nadia = browser(office, "karim"), browser(office, "nadia")

    page = here.get("/compte").text
    assert "Firefox, Linux" in page
    (end,) = re.findall(r"/compte/navigateurs/[0-9a-f-]+/fermer", page)
    assert nadia.post(end).status_code == 404
    assert here.post(end).status_code == 303

    assert there.get("/a-faire").status_code == 303
    assert [client.get("/a-faire").status_code for client in (here, nadia)] == [200, 200]


def test_a_new_password_ends_every_other_session(office: Office) -> None:
    here, there = browser(office, "karim"), browser(office, "karim")
    new = "quatre mots sans lien"

    for current, password, wrong in [
        ("non", new, "votre mot de passe actuel"),
        (PASSWORD, "karim@brest.test", "se devine trop vite"),
    ]:
        refused = here.post("/compte/mot-de-passe", data={"current": current, "password": password})
        assert (refused.status_code, wrong in refused.text) == (422, True)
    assert there.get("/a-faire").status_code == 200
    here.post("/compte/mot-de-passe", data={"current": PASSWORD, "password": new})

    assert (here.get("/compte").status_code, there.get("/compte").status_code) == (200, 303)
    assert browser(office).post("/connexion", data={"email": KARIM, "password": PASSWORD}).status_code == 401
    assert browser(office).post("/connexion", data={"email": KARIM, "password": new}).status_code == 303


def test_a_password_changed_by_a_form_pressed_twice_is_changed_once(office: Office) -> None:
    here, new = browser(office, "karim"), "quatre mots sans lien"

    answers = [send(here, "/compte/mot-de-passe", current=PASSWORD, password=new) for _ in range(2)]
    another = send(here, "/compte/mot-de-passe", current=new, password="encore quatre autres mots")

    assert [answer.headers.get("location") for answer in answers] == ["/compte?fait=mot-de-passe"] * 2
    assert (another.status_code, "déjà été envoyé" in another.text) == (409, True)
    with office.runtime.database.read() as unit:
        assert unit.session.scalar(select(func.count()).where(AccessEntry.action == "password.changed")) == 1


def test_a_browser_closed_twice_by_one_form_is_closed(office: Office) -> None:
    here, there = browser(office, "karim"), browser(office, "karim")
    ends = re.findall(r"/compte/navigateurs/[0-9a-f-]+/fermer", here.get("/compte").text)

    assert [send(here, ends[0]).status_code for _ in range(2)] == [303, 303]
    assert send(here, "/compte/navigateurs/fermer").status_code == 303
    assert (here.get("/compte").status_code, there.get("/compte").status_code) == (200, 303)


def test_a_person_with_two_roles_goes_from_one_to_the_other(office: Office) -> None:
    with office.runtime.database.write("test") as unit:
        create_account(
            unit, email=KARIM, name="", password=None, programme_id=office.programme_id, role=Role.ADMINISTRATOR
        )
    client = browser(office, "karim")
    assert client.get("/").headers["location"] == "/a-faire"

    (other,) = re.findall(r"/compte/role/[0-9a-f-]+", client.get("/compte").text)
    client.post(other)

    assert client.get("/").headers["location"] == "/administration"
    assert browser(office, "nadia").post(other).status_code == 404


def test_forms_without_an_account_are_limited_by_place(office: Office) -> None:
    client = browser(office)

    codes = [client.post("/demande/" + "0" * 32 + ".x").status_code for _ in range(61)]

    assert (set(codes[:60]), codes[60]) == ({410}, 429)
    assert client.post("/demande/" + "0" * 32 + ".x").status_code == 429
    with office.runtime.database.read() as unit:
        assert unit.session.scalars(select(AccessEntry.action)).all() == ["sign_in.limited"]  # one a minute


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


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_was_typed_before_a_session_ended_comes_back_in_its_form_to_the_same_person(office: Office) -> None:
    address = f"/situations/{make_case(office, CaseState.CONTACTING)}/appel?retour=%2Fa-faire"
    client, typed = browser(office, "karim"), {"once": "un", "result": "voicemail", "note": "Rappeler « après 18 h »."}
    office.clock.at += timedelta(hours=3)

    stopped = client.post(address, data=typed)
    carried = hidden(stopped.text, "kept")
    wrong = client.post("/connexion", data={"email": KARIM, "password": "non", "kept": carried})
    others = browser(office).post(
        "/connexion", data={"email": "nadia@brest.test", "password": PASSWORD, "kept": carried}
    )
    back = client.post("/connexion", data={"email": KARIM, "password": PASSWORD, "kept": hidden(wrong.text, "kept")})
    again = {name: hidden(back.text, name) for name in ("result", "note", "reprise")}
    shown = client.post(address, data=again)

    assert (stopped.status_code, others.headers["location"], back.status_code) == (401, "/a-faire", 200)
    assert f'action="{address}"' in back.text
    assert (shown.status_code, "Rappeler « après 18 h »." in shown.text) == (422, True)
    assert re.search(r'value="voicemail" checked', shown.text)
    assert state_of(office, UUID(address.split("/")[2])) == CaseState.CONTACTING


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_whoever_writes_in_a_session_that_was_closed_elsewhere_is_told_that_nothing_is_kept(office: Office) -> None:
    address = f"/situations/{make_case(office, CaseState.CONTACTING)}/appel"
    client = browser(office, "karim")
    with office.runtime.database.write("test") as unit:
        unit.session.execute(delete(WebSession))

    lost = client.post(address, data={"once": "un", "note": "Rappeler lundi."})
    untyped = client.post(address, data={"once": "deux"})

    assert "rien n’est enregistré" in client.get(lost.headers["location"]).text
    assert (untyped.status_code, untyped.headers["location"]) == (303, "/connexion")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_page_that_stays_is_never_filled_with_the_sign_in(office: Office) -> None:
    client = browser(office, "karim")
    client.headers["hx-request"] = "true"
    address = f"/situations/{make_case(office, CaseState.CONTACTING)}/appel?retour=%2Fa-faire%3Fretard%3D1"
    office.clock.at += timedelta(hours=3)

    opened, refreshed = client.get(address), client.get("/parcours?vu=1")

    assert opened.headers["hx-redirect"] == "/connexion?suite=/a-faire%3Fretard%3D1"
    assert (opened.text, refreshed.status_code) == ("", 204)
