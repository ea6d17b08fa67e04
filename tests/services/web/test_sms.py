"""The address at which a provider tells of SMS, and the page of the household's own answer."""

from base64 import b64encode
from dataclasses import replace
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select

from models.cases import Case
from models.engine import IncomingMail, Task
from models.vocabulary import CaseState
from services.foundation.runtime import Runtime
from services.rules.links import task_url
from tests.factories import Office, drain, make_case, state_of, task_of
from tests.served import served
from tests.services.web.browser import browser, send

SECRET = "un-secret-de-fournisseur"
TOLD = {"from": "+33639980020", "text": "Bonjour", "id": "42"}


def provider(runtime: Runtime, secret: str | None = SECRET) -> TestClient:
    kept = SecretStr(secret) if secret else None
    settings = runtime.settings.model_copy(update={"sms_webhook_secret": kept})
    return TestClient(served(replace(runtime, settings=settings)), raise_server_exceptions=False)


def kept(office: Office) -> list[str]:
    with office.runtime.database.read() as unit:
        return list(unit.session.scalars(select(IncomingMail.message_id)))


def test_an_sms_is_told_with_the_secret_once(office: Office) -> None:
    client = provider(office.runtime)
    basic = b64encode(f"relais:{SECRET}".encode()).decode()

    bearer = client.post("/api/v1/sms", json=TOLD, headers={"Authorization": f"Bearer {SECRET}"})
    again = client.post("/api/v1/sms", data=TOLD, headers={"Authorization": f"Basic {basic}"})
    unread = client.post("/api/v1/sms", json={"from": "toto"}, headers={"Authorization": f"Bearer {SECRET}"})

    assert [answer.status_code for answer in (bearer, again, unread)] == [204, 204, 422]
    assert kept(office) == ["sms:42"]


@pytest.mark.parametrize("header", ["", "Bearer un-autre-secret-que-le-bon", "Basic !!!", "Basic cmVsYWlzOg=="])
def test_nobody_else_tells_of_an_sms(office: Office, header: str) -> None:
    answers = [
        provider(office.runtime).post("/api/v1/sms", json=TOLD, headers={"Authorization": header}),
        provider(office.runtime, None).post("/api/v1/sms", json=TOLD, headers={"Authorization": f"Bearer {SECRET}"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 404]
    assert kept(office) == []


def link(office: Office, case_id: UUID) -> str:
    with office.runtime.database.read() as unit:
        task = unit.session.merge(task_of(office, case_id, "follow_up_call"), load=False)
        return task_url(office.runtime, task).removeprefix(office.runtime.settings.public_url)


def followed(office: Office) -> UUID:
    """A case whose first call is to come."""
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    send(browser(office, "karim"), f"/situations/{case_id}/passer-au-suivi")
    drain(office)
    return case_id


def test_a_household_answers_by_a_button_and_reading_does_nothing(office: Office) -> None:
    case_id = followed(office)
    address, reader = link(office, case_id), browser(office)

    page = reader.get(address)
    assert page.status_code == 200
    assert "Ça va mieux" in page.text
    with office.runtime.database.read() as unit:
        assert unit.session.get_one(Case, case_id).household.surname not in page.text

    asked = send(reader, address, "a", answer="call_me")
    drain(office)
    assert asked.headers["location"] == "/d/brest/merci/call_me"
    assert task_of(office, case_id, "call_back").party == "operator"

    send(reader, address, "b", answer="better")
    drain(office)
    assert reader.get(address).status_code == 410
    assert state_of(office, case_id) == CaseState.IN_FOLLOW_UP
    assert "ça va mieux" in browser(office, "karim").get(f"/situations/{case_id}").text


def test_the_thanks_of_the_last_question_promise_no_other(office: Office) -> None:
    case_id = followed(office)
    with office.runtime.database.write("test") as unit:
        task = unit.session.get_one(Task, task_of(office, case_id, "follow_up_call").id)
        task.ordinal = 3
    reader = browser(office)

    asked = send(reader, link(office, case_id), answer="better")

    assert asked.headers["location"] == "/d/brest/merci/better-last"
    assert "notre dernière question" in reader.get("/d/brest/merci/better-last").text


def test_a_call_that_the_household_asked_for_comes_before_that_of_the_follow_up(office: Office) -> None:
    case_id = followed(office)
    send(browser(office), link(office, case_id), answer="call_me")
    drain(office)
    karim, here = browser(office, "karim"), f"/situations/{case_id}/suivi"

    send(karim, here, "a", result="reached")
    drain(office)
    assert open_kinds(office, case_id) == {"follow_up_call"}
    first = task_of(office, case_id, "follow_up_call").ordinal
    send(karim, here, "b", result="reached")
    drain(office)
    assert task_of(office, case_id, "follow_up_call").ordinal == first + 1


def open_kinds(office: Office, case_id: UUID) -> set[str]:
    with office.runtime.database.read() as unit:
        return set(unit.session.scalars(select(Task.kind).filter_by(case_id=case_id, state="open")))


def test_the_officer_says_how_the_household_likes_to_be_asked(office: Office) -> None:
    case_id = followed(office)
    karim, here = browser(office, "karim"), f"/situations/{case_id}"

    refused = send(karim, f"{here}/contact", "a", contact_by="email")
    done = send(karim, f"{here}/contact", "b", contact_by="sms")

    assert (refused.status_code, done.status_code) == (422, 303)
    assert 'value="sms" checked' in karim.get(f"{here}/contact").text
    assert send(browser(office, "nadia"), f"{here}/contact", contact_by="sms").status_code == 404
