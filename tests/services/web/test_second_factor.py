"""The second proof: set up at the first sign-in of those who read everything, then asked, once a code."""

import re
from datetime import timedelta
from html import unescape

import pytest
from pyotp import TOTP
from sqlalchemy import select
from starlette.testclient import TestClient

from models.programmes import AccessEntry, Person, Programme, RecoveryCode
from tests.factories import PASSWORD, Office
from tests.services.web.browser import browser, send

SHORT = timedelta(seconds=30)
ON_PAPER = r"<code>([A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4})</code>"


def signed(client: TestClient, who: str = "claire", suite: str = "") -> str:
    """Where the password leads."""
    typed = {"email": f"{who}@brest.test", "password": PASSWORD, "suite": suite}
    return str(client.post("/connexion", data=typed).headers["location"])


def telephone(client: TestClient) -> TOTP:
    """An application that has read the page."""
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", client.get("/connexion/telephone").text)
    assert found
    return TOTP(found[1].replace(" ", ""))


def set_up(office: Office, client: TestClient) -> tuple[TOTP, list[str]]:
    """Sign in for the first time; the application and the codes for paper."""
    signed(client)
    otp = telephone(client)
    shown = client.post("/connexion/telephone", data={"code": otp.at(office.clock.at)})
    return otp, re.findall(ON_PAPER, shown.text)


def give(client: TestClient, code: str) -> int:
    return client.post("/connexion/code", data={"code": code, "suite": "/situations"}).status_code


def test_a_coordinator_sets_her_telephone_up_before_anything_else(office: Office) -> None:
    client = browser(office)
    assert signed(client, suite="/situations") == "/connexion/telephone?suite=/situations"
    assert client.get("/a-faire").status_code == 303  # half in is not in
    page = client.get("/connexion/telephone?suite=/situations").text
    assert "<svg" in page
    assert "style=" not in page

    otp = telephone(client)
    assert client.post("/connexion/telephone", data={"code": "000000"}).status_code == 401
    done = client.post("/connexion/telephone", data={"code": otp.at(office.clock.at), "suite": "/situations"})

    codes = re.findall(ON_PAPER, done.text)
    assert len(codes) == 10
    assert 'href="/situations"' in done.text
    assert client.get("/a-faire").status_code == 200
    with office.runtime.database.read() as unit:
        person = unit.session.get_one(Person, office.claire.id)
        stored = f"{person.totp_seed} {[code.code_hash for code in unit.session.scalars(select(RecoveryCode))]}"
    assert not any(secret in stored for secret in (otp.secret, *codes))


def test_each_code_serves_once_and_a_clock_may_be_half_a_minute_wrong(office: Office) -> None:
    otp, _ = set_up(office, browser(office))
    served, client = otp.at(office.clock.at), browser(office)
    assert signed(client, suite="/situations") == "/connexion/code?suite=/situations"
    assert client.get("/a-faire").status_code == 303

    assert give(client, served) == 401
    assert give(client, otp.at(office.clock.at + 2 * SHORT)) == 401
    ahead = otp.at(office.clock.at + SHORT)
    assert give(client, f"{ahead[:3]} {ahead[3:]}") == 303
    assert client.get("/situations").status_code == 200

    again = browser(office)
    signed(again)
    assert give(again, ahead) == 401
    assert give(again, served) == 401  # older than one that has served
    office.clock.at += 2 * SHORT
    assert give(again, otp.at(office.clock.at)) == 303


def test_a_code_on_paper_replaces_the_telephone_once(office: Office) -> None:
    _, codes = set_up(office, browser(office))
    client, again = browser(office), browser(office)
    signed(client)
    signed(again)

    assert give(client, codes[3].lower().replace("-", " ")) == 303
    assert give(again, codes[3]) == 401
    assert "Il vous reste 9 codes" in client.get("/compte").text
    with office.runtime.database.read() as unit:
        actions = unit.session.scalars(select(AccessEntry.action).order_by(AccessEntry.id)).all()
    assert set(actions[-3:]) == {"second_factor.paper_code_used", "sign_in", "second_factor.refused"}

    shown = client.post("/compte/codes", data={"code": codes[4]})
    new = re.findall(ON_PAPER, shown.text)[0]
    assert [give(again, code) for code in (codes[5], new)] == [401, 303]


def test_new_paper_codes_asked_for_twice_by_one_form_are_made_once(office: Office) -> None:
    client = browser(office)
    _, codes = set_up(office, client)

    first, second = (send(client, "/compte/codes", code=codes[0]) for _ in range(2))

    new = re.findall(ON_PAPER, first.text)
    assert (first.status_code, second.status_code, re.findall(ON_PAPER, second.text)) == (200, 409, [])
    assert "Il vous reste 10 codes" in second.text
    again = browser(office)
    signed(again)
    assert give(again, new[0]) == 303


def test_five_wrong_codes_close_the_door_for_a_while(office: Office) -> None:
    otp, _ = set_up(office, browser(office))
    client = browser(office)
    signed(client)
    office.clock.at += 2 * SHORT

    assert [give(client, "123456") for _ in range(6)] == [401] * 5 + [429]
    assert give(client, otp.at(office.clock.at)) == 429
    office.clock.at += timedelta(minutes=4)
    assert give(client, otp.at(office.clock.at)) == 303


def test_the_first_proof_alone_is_forgotten_after_ten_minutes(office: Office) -> None:
    otp, _ = set_up(office, browser(office))
    client = browser(office)
    signed(client)
    office.clock.at += timedelta(minutes=10)

    assert client.post("/connexion/code", data={"code": otp.at(office.clock.at)}).headers["location"] == "/connexion"
    assert client.get("/connexion/code").headers["location"] == "/connexion"


def test_an_operators_staff_may_have_a_telephone_and_change_it_with_its_code(office: Office) -> None:
    client, other = browser(office, "karim"), browser(office, "karim")
    client.post("/compte/telephone")
    otp = telephone(client)
    client.post("/connexion/telephone", data={"code": otp.at(office.clock.at)})
    assert (client.get("/compte").status_code, other.get("/compte").status_code) == (200, 303)
    assert signed(browser(office), "karim") == "/connexion/code?suite=/a-faire"

    assert client.post("/compte/telephone", data={"code": "000000"}).status_code == 401
    office.clock.at += SHORT
    changed = client.post("/compte/telephone", data={"code": otp.at(office.clock.at)})
    assert changed.headers["location"] == "/connexion/telephone?suite=/compte"
    assert telephone(client).secret != otp.secret


def test_a_demonstration_asks_for_no_telephone_and_says_so(office: Office) -> None:
    assert "Démonstration" not in browser(office).get("/connexion").text
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Programme, office.programme_id).is_demonstration = True

    assert "aucun code" in browser(office).get("/connexion").text.lower()
    assert signed(browser(office)) == "/a-faire"


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_was_typed_before_a_session_ended_goes_through_both_proofs(office: Office) -> None:
    client = browser(office)
    otp, _ = set_up(office, client)
    office.clock.at += timedelta(hours=3)

    stopped = client.post("/recherche", data={"q": "Le Goff"})
    carried = unescape(re.findall(r'name="kept" value="([^"]*)"', stopped.text)[0])
    typed = {"email": "claire@brest.test", "password": PASSWORD, "kept": carried}
    asked = client.post("/connexion", data=typed)
    wrong = client.post("/connexion/code", data={"code": "000000", "kept": carried})
    back = client.post("/connexion/code", data={"code": otp.at(office.clock.at), "kept": carried})

    assert [each.status_code for each in (stopped, asked, wrong, back)] == [401, 200, 401, 200]
    assert all('name="kept"' in each.text for each in (asked, wrong))
    assert 'action="/recherche"' in back.text
    assert 'name="q" value="Le Goff"' in back.text
