"""What no request may do and what every answer carries."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from models.programmes import AccessEntry, Programme
from models.vocabulary import CaseState
from services.cases import notes
from services.foundation.errors import Unavailable
from services.web import app as web
from services.web import problems
from services.web.rendering import HERE
from services.web.security import LARGEST_BODY, SameSiteOnly
from services.web.sessions import PLAIN_COOKIE
from tests.factories import Office, doubt_message, make_case, referral_id_of
from tests.programmes import a_programme
from tests.services.web.browser import browser

TEMPLATES = HERE / "templates"


def page_routes() -> Iterator[tuple[str, str]]:
    """Every page, from the routers themselves: an application does not list those it includes."""
    for module in web.PAGES:
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            yield from ((method, route.path) for method in sorted(route.methods or ()))


def filled(address: str, office: Office, case_id: UUID) -> str:
    """An address of this page: what it names besides does not exist."""
    known = {
        "referral_id": referral_id_of(office, case_id), "organisation_id": office.giver_id,
        "token": "0" * 32 + ".x", "what": "accept",
    }  # fmt: skip
    return address.format_map(defaultdict(lambda: case_id, known))


def test_what_was_denied_is_written_down(office: Office) -> None:
    case_id = make_case(office)
    client = browser(office, "nadia")

    client.get(f"/situations/{case_id}")

    with office.runtime.database.read() as unit:
        denied = select(func.count()).where(AccessEntry.case_id == case_id, AccessEntry.allowed.is_(False))
        assert unit.session.scalar(denied) == 1


def test_reading_a_case_is_written_down(office: Office) -> None:
    case_id = make_case(office)

    browser(office, "claire").get(f"/situations/{case_id}")

    with office.runtime.database.read() as unit:
        found = unit.session.execute(
            select(AccessEntry.actor, AccessEntry.action).where(AccessEntry.case_id == case_id)
        )
        assert [tuple(row) for row in found] == [(office.claire.label, "read")]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://ailleurs.example"},
        {"origin": "null"},
        {},
    ],
)
def test_a_form_of_another_site_is_refused(office: Office, headers: dict[str, str]) -> None:
    case_id = make_case(office)
    client = browser(office, "claire")
    del client.headers["sec-fetch-site"]

    for method, address in page_routes():
        if method == "POST":
            answer = client.post(filled(address, office, case_id), headers=headers)
            assert answer.status_code == 403, address


def test_a_form_of_another_site_is_answered_by_a_page(office: Office) -> None:
    client = browser(office, "claire")
    del client.headers["sec-fetch-site"]
    page = client.post("/deconnexion", headers={"origin": "null"}).text.replace("\N{NO-BREAK SPACE}", " ")

    assert "<h1>Rien n’a été enregistré</h1>" in page
    assert "Ce formulaire ne vient pas de Relais : revenez à la page et recommencez." in page


def test_a_page_of_a_dead_link_is_headed_with_the_service_that_its_reader_knows(office: Office) -> None:
    name = "<strong>Mieux chauffé chez soi</strong>"
    with office.runtime.database.write("test") as unit:
        ours = unit.session.get_one(Programme, office.programme_id)
        ours.public_name, pathway = "Mieux chauffé chez soi", ours.pathway_hash

    assert name in browser(office).get(f"/l/{'0' * 32}.x").text
    assert name not in browser(office, "claire").get(f"/situations/{office.programme_id}").text
    with office.runtime.database.write("test") as unit:
        unit.session.add(a_programme(pathway, slug="ailleurs"))
    assert "<strong>Relais</strong>" in browser(office).get(f"/l/{'0' * 32}.x").text


def test_the_api_takes_no_cookie_from_elsewhere(office: Office) -> None:
    client = browser(office, "claire")
    del client.headers["sec-fetch-site"]

    assert client.post("/api/v1/absences", json={}).status_code == 403
    ours = {"sec-fetch-site": "same-origin", "idempotency-key": "a-key-of-our-own"}
    assert client.post("/api/v1/absences", json={}, headers=ours).status_code == 422  # the address is a real one


def test_our_own_form_passes_by_its_origin_alone(office: Office) -> None:
    client = browser(office, "claire")
    del client.headers["sec-fetch-site"]

    assert client.post("/deconnexion", headers={"origin": "http://127.0.0.1:8000"}).status_code == 303


@pytest.mark.parametrize("address", ["/connexion", "/a-faire", "/rien", "/api/rien", "/situations/rien"])
def test_every_answer_carries_the_protections(office: Office, address: str) -> None:
    headers = browser(office).get(address).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src 'self';" in headers["content-security-policy"]  # files of ours, nothing written in a page
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers  # of plain http nothing is promised


def test_an_accident_carries_the_protections_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(office, "claire")
    monkeypatch.setattr("services.overview.desk.today", None)

    answer = client.get("/a-faire")

    assert answer.status_code == 500
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(office: Office) -> None:
    from tests.factories import PASSWORD

    answer = browser(office).post("/connexion", data={"email": "karim@brest.test", "password": PASSWORD})

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{PLAIN_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_no_name_is_written_in_an_address(office: Office) -> None:
    make_case(office, surname="Quéméner")

    answer = browser(office, "claire").post("/recherche", data={"q": "quemener"})

    assert "Quéméner" in answer.text
    assert "location" not in answer.headers


def test_a_message_in_doubt_is_settled_by_a_person_once(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    message_id = doubt_message(office, case_id)
    client = browser(office, "claire")
    assert "Vérifier si le message est arrivé" in client.get(f"/situations/{case_id}").text

    address = f"/situations/{case_id}/messages/{message_id}/remis"

    assert client.post(address, data={"once": "a"}).status_code == 303
    assert "Vérifier si le message est arrivé" not in client.get(f"/situations/{case_id}").text
    assert client.post(address, data={"once": "b"}).status_code == 409


def test_the_desk_has_its_scripts_in_files_and_no_template_writes_any_other() -> None:
    found = {
        template.relative_to(TEMPLATES).as_posix(): re.findall(r'<script.*|\son(?!ce=)[a-z]+="|\sstyle=|hx-on', text)
        for template in TEMPLATES.rglob("*.html")
        if (text := template.read_text())
    }

    assert {name: lines for name, lines in found.items() if lines} == {
        "base.html": [
            '<script src="{{ htmx }}" defer></script>',
            '<script src="{{ static("desk.js") }}" defer></script>',
        ]
    }


def test_a_body_whose_length_nobody_announced_is_cut_off_and_refused() -> None:
    read = []

    async def receive() -> Message:
        read.append(1 << 20)
        return {"type": "http.request", "body": b"x" * read[-1], "more_body": True}

    assert answers_to(receive) == [413, None]
    assert sum(read) <= LARGEST_BODY + (1 << 20)


def test_whoever_leaves_in_the_middle_of_his_form_is_no_error() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    assert answers_to(receive) == []


def test_a_file_that_is_too_heavy_is_refused_on_a_page_to_a_person_and_in_a_problem_to_a_program(
    office: Office,
) -> None:
    claire, too_much = browser(office, "claire"), b"x" * (LARGEST_BODY + 1)

    page = claire.post("/reglages/reprises/situations", content=too_much)
    problem = claire.post("/api/v1/imports", content=too_much)

    assert (page.status_code, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "C’est trop lourd" in page.text
    assert 'href="/reglages/reprises/situations"' in page.text
    assert (problem.status_code, problem.json()["type"]) == (413, "/problemes/too-large")


def test_what_was_typed_while_the_database_was_away_can_be_sent_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable

    case_id, claire = make_case(office, CaseState.TRIAGE), browser(office, "claire")
    address, typed = f"/situations/{case_id}/notes", {"once": "a", "text": "Rappeler lundi"}
    with monkeypatch.context() as patch:
        patch.setattr(notes, "add_note", away)
        refused = claire.post(address, data=typed)

    assert (refused.status_code, "rechargez cette page" in refused.text) == (503, True)
    assert refused.headers["retry-after"] == "30"
    assert claire.post(address, data=typed).status_code == 303
    assert "Rappeler lundi" in claire.get(f"/situations/{case_id}").text


def answers_to(receive: Receive) -> list[int | None]:
    """What a form sent in pieces is told by a page that reads all of it."""
    answered = []

    async def send(message: Message) -> None:
        answered.append(message)

    async def reads_all(scope: Scope, receive: Receive, _send: Send) -> None:
        async for _ in Request(scope, receive).stream():
            pass

    headers = [(b"sec-fetch-site", b"same-origin"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    refuse = problems.handler(problems.of_refusal, None)
    asyncio.run(SameSiteOnly(reads_all, refuse)(scope, receive, send))
    return [each.get("status") for each in answered]
