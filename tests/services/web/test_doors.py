"""Who passes which door: every route, by every kind of person, against a table that a reviewer reads (`doors.txt`)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from models.base import new_id
from models.cases import Case, Document, Note, Permission, Referral
from models.engine import IncomingMail, Message, Obligation, Task
from models.programmes import AccessEntry, Membership, Organisation, Person, Programme, Service
from models.vocabulary import CaseState, Contract, IncomingKind, Role, TaskState
from services import loans, webhooks
from services.forms import LoanForm, WebhookForm
from services.foundation import wording
from services.imports.files import Dropped, drop, receive
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.sessions import open_session
from services.web.sessions import cookie_name
from tests.factories import Office, make_case
from tests.served import served

TABLE: Final = Path(__file__).with_name("doors.txt")
ACTORS: Final = ("nobody", "foreign", "other", "administrator", "operator", "coordinator")
"""The columns, in the order in which they come: who may do most comes last, as he changes most."""
PASSES, DENIED, UNKNOWN, SIGN_IN, EXPIRED = "+", "n", "-", "s", "x"
SAME_SITE: Final = {"sec-fetch-site": "same-origin"}
SAFE: Final = frozenset({"GET"})
LAST: Final = ("/deconnexion", "/compte/navigateurs/fermer")
"""Doors behind which one is signed out."""
FOREIGN_THINGS: Final = re.compile(
    r"<(?:script|style)[ >](?![^>]*src=)|<[^>]* (?:on[a-z]+|style)="
    r"|<(?:link|img|script)[^>]*(?:src|href)=.(?:https?:)?//"
)
"""What the content security policy forbids: inline scripts and styles, and anything of another site."""


@dataclass
class World:
    """One application and one database for all doors: a case in the operator's hands and one thing of each kind."""

    office: Office
    app: FastAPI
    things: dict[str, object] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    pages: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def knock(self, client: TestClient, actor: str, method: str, path: str) -> str:
        """How somebody is received."""
        address = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: str(self.things.get(found[1], uuid4())), path)
        by_api = address.startswith("/api/")
        headers = dict(SAME_SITE) | ({"idempotency-key": uuid4().hex} if by_api else {})
        client.cookies.clear()
        if actor in self.cookies:
            client.cookies.set(cookie_name(self.office.runtime.settings), self.cookies[actor])
        sent = self._sent(method, path) if by_api and method not in SAFE else {}
        answer = client.request(method, address, headers=headers, **sent)
        assert answer.status_code != HTTPStatus.INTERNAL_SERVER_ERROR, f"{actor}: {method} {address}"
        if method == "GET" and answer.headers.get("content-type", "").startswith("text/html"):
            self.pages.append((address, answer.text))
        if answer.headers.get("content-type", "").startswith(("text/", "application/json")):
            self.told.append((address, answer.text))
        return received(answer)

    def _sent(self, method: str, path: str) -> dict[str, Any]:
        """The example of the description, about things that are there: only the permission can refuse it."""
        asked = self.app.openapi()["paths"].get(path, {}).get(method.lower(), {}).get("requestBody")
        if asked is None:
            return {}
        if "multipart/form-data" in asked["content"]:
            return {"files": {"file": ("a.pdf", b"%PDF-1.7")}}
        body = asked["content"]["application/json"]["example"]
        known = {name: str(self.things[name]) for name in body if name.endswith("_id") and name in self.things}
        return {"json": body | known}


def received(answer: httpx2.Response) -> str:
    """A letter of the table for an answer."""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return SIGN_IN
    if answer.is_redirect and answer.headers["location"].partition("?")[0] == "/connexion":
        return SIGN_IN
    refused = {HTTPStatus.FORBIDDEN: DENIED, HTTPStatus.NOT_FOUND: UNKNOWN, HTTPStatus.GONE: EXPIRED}
    return refused.get(HTTPStatus(answer.status_code), PASSES)


def doors(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every route of the application, pages and API alike; those that sign out come last."""
    found = [
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in sorted(set(route.methods or ()) - {"HEAD"})
    ]
    yield from sorted(found, key=lambda door: (door[1] in LAST, door[0] not in SAFE))


def table() -> dict[tuple[str, str], str]:
    """What a reviewer agreed to: a line for each door, a letter for each actor."""
    rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    found = {(method, path): letters for letters, method, path in rows}
    assert len(found) == len(rows), "a door has two lines"
    return found


@pytest.fixture
def world(office: Office) -> World:
    made = World(office, served(office.runtime))
    case_id = make_case(office, CaseState.ORIENTING)
    with office.runtime.database.write("test") as unit:
        foreign = _foreign_programme(unit.session, office)
        ines = _person(unit.session, "ines", office.programme_id, Role.ADMINISTRATOR)
        rose = _person(unit.session, "rose", foreign, Role.COORDINATOR)
        paul = _person(unit.session, "paul", office.programme_id, Role.COORDINATOR)
        unit.session.flush()
        people = dict(iter(unit.session.execute(select(Person.email, Person.id))))
        for actor, email in (("coordinator", "claire@brest.test"), ("operator", "karim@brest.test"),
                             ("other", "nadia@brest.test"), ("administrator", ines), ("foreign", rose)):  # fmt: skip
            made.labels[f"person:{people[email]}"] = actor
            made.cookies[actor] = open_session(unit, unit.session.get_one(Person, people[email]))
        hand = Hand(Actor("person", people[ines], programme_id=office.programme_id, role=Role.ADMINISTRATOR))
        told = WebhookForm(label="Entrepôt", url="http://127.0.0.1:9/", types=["case.*"])
        mail = IncomingMail(
            message_id="m", kind=IncomingKind.REPLY.value, programme_id=office.programme_id,
            received_at=unit.now, waits=True,
        )  # fmt: skip
        unit.session.add(mail)
        made.things |= {
            "case_id": case_id, "organisation_id": office.giver_id, "mail_id": mail.id, "what": "accept",
            "slug": "brest", "kind": "csv", "habit": "complet",
            "text": "alert_receipt", "party": "alert_giver", "channel": "email",
            "operator_id": office.operator_id, "partner_id": office.adil_id, "person_id": people[paul],
            "token": "0" * 32 + ".x", "work_id": 1, "webhook_id": webhooks.add(unit, hand, told, local=True).id,
        }  # fmt: skip
        kept = Dropped(), receive("Nom;Étape\nKermarrec;à appeler".encode(), "suivi.csv")
        made.things["import_id"] = drop(unit, Hand(office.claire), *kept).id
        for name, kind in (("referral_id", Referral), ("permission_id", Permission), ("message_id", Message),
                           ("document_id", Document), ("clock_id", Obligation)):  # fmt: skip
            made.things[name] = unit.session.scalars(select(kind.id).where(kind.case_id == case_id)).first() or uuid4()
        waiting = select(Task.id).where(Task.case_id == case_id, Task.state == TaskState.OPEN)
        made.things["task_id"] = unit.session.scalars(waiting).first()
        made.things["service_id"] = unit.session.scalars(select(Service.id)).first()
        # Behind one door the household stops: what is lent to it keeps its case in the operator's sight.
        lent = LoanForm(item="wattmeter", due_on=unit.now.date() + timedelta(days=30))
        loans.lend(unit, Hand(office.karim), case_id, lent)
    return made


def _foreign_programme(session: Any, office: Office) -> UUID:
    known = session.get_one(Programme, office.programme_id)
    kept = {column.name: getattr(known, column.name) for column in Programme.__table__.columns}
    made = Programme(**kept | {"id": new_id(), "slug": "quimper", "name": "Slime de Quimper"})
    session.add(made)
    session.flush()
    return made.id


def _person(session: Any, name: str, programme_id: UUID, role: Role) -> str:
    person = Person(email=f"{name}@brest.test", name=name.capitalize())
    session.add(person)
    session.flush()
    session.add(Membership(person_id=person.id, programme_id=programme_id, role=role.value))
    return person.email


@pytest.mark.timeout(300)  # two thousand requests
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_every_door_opens_for_whom_the_table_says_and_for_nobody_else(world: World) -> None:
    found: dict[tuple[str, str], str] = dict.fromkeys(doors(world.app), "")
    for place, actor in enumerate(ACTORS):  # each from a place of his own: what is limited is counted by place
        with TestClient(
            world.app, base_url="http://127.0.0.1:8000", follow_redirects=False, raise_server_exceptions=False,
            client=(f"192.0.2.{place}", 50000),
        ) as client:  # fmt: skip
            for door in found:
                found[door] += world.knock(client, actor, *door)

    lines = {f"{letters} {method:4} {path}" for (method, path), letters in found.items()}
    agreed = {f"{letters} {method:4} {path}" for (method, path), letters in table().items()}
    # A new door, or one that opens otherwise, wants a reviewer: what was found is a line for doors.txt.
    assert (sorted(lines - agreed), sorted(agreed - lines)) == ([], [])
    wrong = [(address, hit[0]) for address, text in world.pages if (hit := FOREIGN_THINGS.search(text))]
    assert wrong == []
    assert denials_of(world) == refused_on_the_case(found)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_no_door_tells_the_coordination_whom_an_association_under_a_subsidy_helps(world: World) -> None:
    office = world.office
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.operator_id).contract = Contract.SUBSIDY.value
        case = unit.session.get_one(Case, world.things["case_id"])
        secrets = ["Le Goff", "fenêtres", "rue de Siam", case.household.phones[0].number, "rapport.pdf"]
        secrets.append(wording.phone(case.household.phones[0].number))
        unit.session.add(Note(case_id=case.id, audience="team", author="Karim", text="fenêtres", at=unit.now))

    with TestClient(world.app, base_url="http://127.0.0.1:8000", follow_redirects=False) as client:
        for method, path in doors(world.app):
            if method in SAFE:
                world.knock(client, "coordinator", method, path)
        client.cookies.set(cookie_name(office.runtime.settings), world.cookies["coordinator"])
        found = client.post("/recherche", data={"q": "Le Goff"}, headers=SAME_SITE).text
        own = client.post("/recherche", data={"q": case.number}, headers=SAME_SITE).text

        world.knock(client, "operator", "GET", "/situations/{case_id}")

    *told, (_, theirs) = world.told
    told = [each for each in told if not each[0].startswith(("/api/openapi", "/api/docs"))]  # their examples
    assert "Le Goff" in theirs
    assert [(address, word) for address, text in told for word in secrets if word in text] == []
    assert (f"/situations/{case.id}" in found, f"/situations/{case.id}" in own) == (False, True)


def refused_on_the_case(found: dict[tuple[str, str], str]) -> Counter[str]:
    """How often each was refused something of the case; a reading of the API is no act and tells it otherwise."""
    counted: Counter[str] = Counter()
    for (method, path), letters in found.items():
        if "{case_id}" in path and not (path.startswith("/api/") and method in SAFE):
            counted.update(actor for actor, letter in zip(ACTORS, letters, strict=True) if letter in {DENIED, UNKNOWN})
    return counted


def denials_of(world: World) -> Counter[str]:
    """How often a refusal on the case was written down, by actor."""
    with world.office.runtime.database.read() as unit:
        query = (
            select(AccessEntry.actor, func.count())
            .where(AccessEntry.allowed.is_(False), AccessEntry.case_id == world.things["case_id"])
            .group_by(AccessEntry.actor)
        )
        return Counter({world.labels[actor]: count for actor, count in unit.session.execute(query)})
