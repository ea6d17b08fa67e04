"""Who passes which door: the table that a reviewer reads (`doors.txt`), and how somebody knocks at each route."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from models.programmes import AccessEntry
from tests.factories import Office
from tests.remembered import Still

TABLE: Final = Path(__file__).with_name("doors.txt")
ACTORS: Final = (
    "nobody", "disabled", "expired", "household", "giver", "other partner", "partner",
    "foreign", "other", "administrator", "operator", "coordinator",
)  # fmt: skip
"""The columns of the table, in its order."""
PASSES, DENIED, UNKNOWN, SIGN_IN, EXPIRED = "+", "n", "-", "s", "x"
SAME_SITE: Final = {"sec-fetch-site": "same-origin"}
SAFE: Final = frozenset({"GET"})
NO_TOKEN: Final = "0" * 32 + ".x"
SMS_SECRET: Final = "ce que le fournisseur sait"
PROGRAMS: Final = {"/api/v1/sms": SMS_SECRET}
"""Doors of programs, with the secret that each has: whoever knocks holds it."""
HERE: Final[Mapping[str, Mapping[str, str]]] = {
    "/calendrier/{kind}": {"kind": "absences"},
    "/organisations/{organisation_id}/services": {"organisation_id": "partner_id"},
    "/organisations/{organisation_id}/situations": {"organisation_id": "operator_id"},
    "/organisations/{organisation_id}/open-cases": {"organisation_id": "operator_id"},
    "/partners/{partner_id}/absences": {"absence_id": "partner_absence_id", "delegate_id": "reader_id"},
    "/reponses/{task_id}": {"task_id": "reply_task_id"},
    "/read-reply": {"task_id": "reply_task_id"},
    "/replies/{task_id}": {"task_id": "reply_task_id"},
}
"""Routes at which a name of the address means another thing than elsewhere."""


@dataclass
class Holder:
    """What one kind of person holds: cookies, the tokens of links by the place that they open, things of his own."""

    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    own: dict[str, object] = field(default_factory=dict)
    label: str = ""
    """His name in the log; empty for whoever has none."""

    def token(self, path: str) -> str:
        """What he shows at this door: the token that it asks for, else any that he holds."""
        fits = [token for place, token in self.tokens.items() if path.startswith(place)]
        return next(iter(fits or self.tokens.values()), NO_TOKEN)


@dataclass
class World:
    """One application and one database for all doors: whoever knocks finds it as it was made."""

    office: Office
    app: FastAPI
    things: dict[str, object] = field(default_factory=dict)
    holders: dict[str, Holder] = field(default_factory=lambda: {actor: Holder() for actor in ACTORS})
    told: list[tuple[str, str, str]] = field(default_factory=list)
    """To whom, at which address, in which words: pages and answers of the API."""
    denials: Counter[str] = field(default_factory=Counter)
    still: Still = field(init=False, repr=False)

    def knock(self, client: TestClient, actor: str, method: str, path: str) -> str:
        """How somebody is received; whoever passed has done nothing in the end."""
        answer = self.ask(client, actor, method, path)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:  # of these doors; it says nothing of this one
            self.settle()
            answer = self.ask(client, actor, method, path)
        letter = received(answer)
        if letter == PASSES and method not in SAFE:
            self.settle()
        return letter

    def settle(self) -> None:
        """Count the refusals that were written down on the case, then put everything back as it was made."""
        if not self.still.is_moved:
            return
        written = (
            select(AccessEntry.actor, func.count())
            .where(AccessEntry.allowed.is_(False), AccessEntry.case_id == self.things["case_id"])
            .group_by(AccessEntry.actor)
        )
        with self.office.runtime.database.read() as unit:
            self.denials.update(dict(iter(unit.session.execute(written))))
        self.still.put_back()

    def ask(self, client: TestClient, actor: str, method: str, path: str, query: str = "") -> httpx2.Response:
        """Somebody at a door, with what he holds and what the door asks for."""
        holder = self.holders[actor]
        address = self.address(actor, path)
        by_api = address.startswith("/api/")
        headers = dict(SAME_SITE) | ({"idempotency-key": uuid4().hex} if by_api else {})
        if by_api and "/demande/" in holder.tokens:
            headers["authorization"] = f"Lien {holder.tokens['/demande/']}"
        if path in PROGRAMS:
            headers["authorization"] = f"Bearer {PROGRAMS[path]}"
        client.cookies.clear()
        client.cookies.update(holder.cookies)
        sent = self._sent(actor, method, path)
        answer = client.request(method, address + query, headers=headers, **sent)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:  # no answer: he knocked at hundreds of doors in a row
            self.settle()
            answer = client.request(method, address + query, headers=headers, **sent)
        unanswered = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.TOO_MANY_REQUESTS}
        assert answer.status_code not in unanswered, f"{actor}: {method} {address}: {answer.status_code}"
        if answer.headers.get("content-type", "").startswith(("text/", "application/json")):
            self.told.append((actor, address, answer.text))
        return answer

    def address(self, actor: str, path: str) -> str:
        """Where a route leads; raises `KeyError` for what nobody made."""
        known = self._named(actor, path)
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: str(known[found[1]]), path)

    def _named(self, actor: str, path: str) -> dict[str, object]:
        """What a name of the address or of what is sent stands for at this door."""
        here = next((meant for part, meant in HERE.items() if part in path), {})
        holder = self.holders[actor]
        own = holder.own if path.startswith("/compte") else {}
        there = {name: self.things.get(thing, thing) for name, thing in here.items()}
        return self.things | own | there | {"token": holder.token(path)}

    def _sent(self, actor: str, method: str, path: str) -> dict[str, Any]:
        """What the door asks for, about things that are there, so that only the permission can refuse it."""
        if method in SAFE:
            return {}
        if not path.startswith("/api/"):
            return {"data": self.holders[actor].own.get(path, self.things.get(path, {}))}
        if path == "/api/v1/sms":
            return {"json": {}}
        asked = self.app.openapi()["paths"].get(path, {}).get(method.lower(), {}).get("requestBody")
        if asked is None:
            return {}
        if "multipart/form-data" in asked["content"]:
            return {"files": {"file": ("a.pdf", b"%PDF-1.7")}}
        body = asked["content"]["application/json"]["example"]
        known = self._named(actor, path)
        return {"json": body | {name: str(known[name]) for name in body if name.endswith("_id") and name in known}}


def received(answer: httpx2.Response) -> str:
    """A letter of the table for an answer."""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return SIGN_IN
    is_out = "Max-Age=0" in answer.headers.get("set-cookie", "")  # he asked for it
    if answer.is_redirect and answer.headers["location"].partition("?")[0] == "/connexion" and not is_out:
        return SIGN_IN
    assert answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
    refused = {HTTPStatus.FORBIDDEN: DENIED, HTTPStatus.NOT_FOUND: UNKNOWN, HTTPStatus.GONE: EXPIRED}
    return refused.get(HTTPStatus(answer.status_code), PASSES)


def doors(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every route of the application, pages and API alike."""
    for route in iter_route_contexts(app.routes):
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            yield method, str(route.path)


def table() -> dict[tuple[str, str], str]:
    """What a reviewer agreed to: a line for each door, a letter for each actor."""
    rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    found = {(method, path): letters for letters, method, path in rows}
    assert len(found) == len(rows), "a door has two lines"
    return found


def knocker(world: World, actor: str) -> TestClient:
    """A browser in a place of its own: what is limited is counted by place."""
    return TestClient(
        world.app,
        base_url=world.office.runtime.settings.public_url,
        follow_redirects=False,
        raise_server_exceptions=False,
        client=(f"192.0.2.{ACTORS.index(actor)}", 50000),
    )
