"""The administrator's pages of other software: added, its secret shown once, what it missed sent again."""

import asyncio
import re
from typing import Any

import pytest

from flows import relay
from flows.webhooks import tell_due
from models.programmes import Membership, Person
from models.vocabulary import CaseState, Role
from services.correspondence import webhooks
from services.rules.texts.labels import has_label
from tests.factories import Office, make_case
from tests.listener import Listener
from tests.services.web.browser import browser, send

HERE = "/administration/abonnements"


@pytest.fixture
def _ines(office: Office) -> None:
    """An administrator."""
    with office.runtime.database.write("test") as unit:
        person = Person(email="ines@brest.test", name="Inès")
        unit.session.add(person)
        unit.session.flush()
        role = Role.ADMINISTRATOR.value
        unit.session.add(Membership(person_id=person.id, programme_id=office.programme_id, role=role))


@pytest.mark.usefixtures("_ines")
def test_an_administrator_adds_a_software_reads_its_secret_once_and_sends_again(office: Office) -> None:
    client = browser(office, "ines")
    with Listener() as listener:
        typed: dict[str, Any] = {"label": "Entrepôt", "url": listener.url, "types": ["alert.*"]}
        wrong = send(client, HERE, **typed | {"url": "http://10.0.0.1/"})
        assert wrong.status_code == 422
        assert 'value="Entrepôt"' in wrong.text
        assert 'value="alert.*" checked' in wrong.text.replace("\n", " ")

        made = send(client, HERE, once="deux", **typed)
        assert "whsec_" in made.text
        assert made.headers["cache-control"] == "no-store"
        assert send(client, HERE, once="deux", **typed).status_code == 303
        make_case(office, CaseState.TRIAGE)
        found = re.search(rf"{HERE}/[0-9a-f-]{{36}}", client.get(HERE).text)
        assert found is not None
        period = {"since": "2025-10-06", "until": "2025-10-07", "reason": "Vide"}
        assert send(client, f"{found[0]}/rejouer", once="trois", **period | {"since": "hier"}).status_code == 422
        assert send(client, f"{found[0]}/rejouer", once="quatre", **period).status_code == 303
        asyncio.run(relay.drain())
        asyncio.run(tell_due())

        page = client.get(found[0]).text
        assert "alert.submitted" in page
        assert "whsec_" not in page
        again = re.search(rf"{found[0]}/envois/[0-9a-f-]{{36}}", page)
        assert again is not None
        assert send(client, again[0], once="cinq").status_code == 422
        assert send(client, again[0], once="six", reason="Perdu").status_code == 303
        renewed = send(client, f"{found[0]}/secret", once="sept", reason="Perdu")
        assert re.findall("whsec_[^<]+", renewed.text) != re.findall("whsec_[^<]+", made.text)
        assert send(client, f"{found[0]}/arreter", once="huit", reason="Fini").status_code == 303
        assert "Arrêté" in client.get(found[0]).text
        assert len(listener.heard) == 1


@pytest.mark.usefixtures("_ines")
@pytest.mark.parametrize("status", [500, 503], ids=["refuses this one", "is away"])
def test_what_waits_says_when_it_is_tried_next(office: Office, status: int) -> None:
    client = browser(office, "ines")
    with Listener(answers=[status]) as listener:
        send(client, HERE, label="Entrepôt", url=listener.url, types=["alert.*"])
        make_case(office, CaseState.TRIAGE)
        found = re.search(rf"{HERE}/[0-9a-f-]{{36}}", client.get(HERE).text)
        assert found is not None
        send(client, f"{found[0]}/rejouer", once="b", since="2025-10-06", until="2025-10-07", reason="Vide")
        asyncio.run(tell_due())

    line = re.search(r'<li class="split">.*?alert\.submitted.*?</li>', client.get(found[0]).text, re.DOTALL)

    assert line is not None
    assert "prochain essai" in line[0].replace("\N{NO-BREAK SPACE}", " ")


def test_the_coordination_has_no_such_page(office: Office) -> None:
    client = browser(office, "claire")

    assert client.get(HERE).status_code == 403
    assert send(client, HERE, label="x", url="https://x.example", types=["alert.*"]).status_code == 403


def test_every_family_of_events_has_a_name() -> None:
    missing = [each for each in webhooks.FAMILIES if not has_label("webhook_family", each.removesuffix(".*"))]

    assert missing == []


@pytest.mark.usefixtures("_ines")
@pytest.mark.parametrize(
    ("types", "told"),
    [([*webhooks.FAMILIES], "Tous les événements"), (["alert.*", "visit.*"], "Demandes de visite, Visites")],
)
def test_what_a_software_is_told_of_is_said_in_words(office: Office, types: list[str], told: str) -> None:
    client = browser(office, "ines")
    with Listener() as listener:
        send(client, HERE, label="Entrepôt", url=listener.url, types=types)

    assert f"</strong></a> · {told}<br>" in client.get(HERE).text
