"""One of each thing, so that every page of the application has something to show, and the way to each page."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from uuid import UUID, uuid4

from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models.base import new_id
from models.cases import Alert, Permission, Referral
from models.engine import IncomingMail, Message, Obligation
from models.programmes import Organisation, Service, SignInLink
from models.vocabulary import CallResult, CaseState, Danger, IncomingKind, Motive, PermissionKind, Role
from services.accounts import account_links, partner_access, second_factor
from services.accounts.accounts import create_account
from services.accounts.second_factor import CODE, SET_UP
from services.cases import calls, permissions, referrals, visits
from services.channels.inbox import Received
from services.correspondence import replies, webhooks
from services.forms import Answer, CallForm, DangerForm, OnBehalf, PermissionForm, WebhookForm
from services.foundation.database import UnitOfWork
from services.imports.files import Dropped, drop, receive
from services.rules.casework import Hand
from services.rules.links import alert_url, letter_url, requests_url, sheet_url, sign_in_url, task_url
from services.rules.policy import Actor
from services.web.link_cookies import NAMES
from tests.browser.conftest import Town
from tests.browser.people import enter, open_context
from tests.factories import PASSWORD, act, decline, deliver_mail, make_case, referral_id_of, task_of
from tests.mails import reply
from tests.services.web.doors import ACTORS, doors, table

NOT_PAGES: Final = re.compile(
    r"/api/(?!docs)|\.(?:pdf|yaml|\{kind\})$|^/(?:healthz|readyz|metrics|envois-retenus)$|^/(?:documents|acces/rapport)/|^/$"
)
"""What is no page: data for other software, files, a fragment, and the door that leads to the first page of each."""

FILE: Final = Dropped(), receive("Nom;Étape;Date du signalement\nKermarrec;à appeler;02/09/2025".encode(), "suivi.csv")


@dataclass
class Streets:
    """The pages of one town: who opens each, at which address."""

    town: Town
    chromium: Browser
    things: dict[str, object] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    open: dict[str, Page] = field(default_factory=dict)
    cases: dict[str, UUID] = field(default_factory=dict)

    def visit(self, route: str) -> Page:
        """The page of a route, in the browser of whoever may do most there."""
        page = self.browser_of(route)
        answer = page.goto(self.address(route))
        assert answer is not None
        assert answer.ok, f"{route}: {answer.status}"
        return page

    def address(self, route: str) -> str:
        """Where a route leads, with the things that are there. Raises `KeyError` for what nobody made."""
        path = self.links.get(route) or re.sub(r"\{(\w+)\}", lambda found: str(self.things[found[1]]), route)
        return path if path.startswith("http") else self.town.pages + path

    def browser_of(self, route: str) -> Page:
        """The browser of its reader; strangers keep the little cookies that their links gave them."""
        who = reader_of(route)
        if who not in self.open:
            self.open[who] = enter(self.chromium, self.town, who) if who else open_context(self.chromium).new_page()
        page = self.open[who]
        if route in self.cookies:
            name, _, value = self.cookies[route].partition("=")
            page.context.add_cookies([{"name": name, "value": value, "url": self.town.pages}])
        return page


STRANGERS: Final = frozenset({
    "/acces", "/acces/rapport", "/acces/{token}", "/connexion/code", "/connexion/lien/{token}", "/connexion/telephone",
    "/demande/{token}", "/demande/{token}/affiche", "/demande/{token}/envoyee", "/demandes/{token}", "/fiche/{token}",
    "/l/{token}", "/l/{token}/toutes", "/d/{slug}/ma-situation", "/lettre-du-mois/{token}",
})  # fmt: skip
"""Doors that a link or a cookie opens, and no account."""
READERS: Final = {"coordinator": "claire", "operator": "karim", "administrator": "alex"}
"""By their columns of `doors.txt`, whoever may do most first."""


def reader_of(route: str) -> str:
    """Who may do most there; nobody where no account is asked for. Raises `KeyError` for a door without a line."""
    letters = _doors()["GET", route]
    if route in STRANGERS or letters[0] != "s":
        return ""
    return next(name for actor, name in READERS.items() if letters[ACTORS.index(actor)] == "+")


@cache
def _doors() -> dict[tuple[str, str], str]:
    return table()


def pages(app: FastAPI) -> list[str]:
    """Every route that answers a page, from the application itself."""
    return [path for method, path in doors(app) if method == "GET" and not NOT_PAGES.search(path)]


def build(town: Town, chromium: Browser) -> Streets:
    """Cases in every state that a page tells of, and one of each other thing."""
    office, runtime = town.office, town.office.runtime
    make_case(office, surname="Kermarrec", urgency="cut_announced", motives=[Motive.CUT_ANNOUNCED])
    make_case(office, surname="Kermarrec")
    make_case(office, CaseState.TO_CONTACT)
    unreached = make_case(office, CaseState.TO_CONTACT)
    act(office, lambda unit: calls.record_call(
        unit, Hand(office.karim), unreached, CallForm(result=CallResult.WRONG_NUMBER)
    ))  # fmt: skip
    planned = make_case(office, CaseState.VISIT_PLANNED)
    act(office, lambda unit: visits.report_danger(
        unit, Hand(office.karim), planned, DangerForm(danger=Danger.ELECTRICAL)
    ))  # fmt: skip
    visited = make_case(office, CaseState.VISITED)  # where a report is awaited
    closed = make_case(office, CaseState.CLOSED)
    answered = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, answered)
    _reply(town, answered)
    taken = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, taken)
    accepted = Answer(on_behalf=OnBehalf(said_by="Mme Riou", how="téléphone"))
    act(office, lambda unit: referrals.accept(unit, Hand(office.karim), referral_id_of(office, taken), accepted))
    asked = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, asked)
    refused = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, refused)
    decline(office, refused)  # last: the directory then says that the partner is full
    streets = Streets(town, chromium)
    streets.links["/situations/{case_id}/rapport"] = f"/situations/{visited}/rapport"
    streets.cases |= {"in danger": planned, "closed": closed, "refused by a partner": refused}
    with runtime.database.write("streets") as unit:
        alex = create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, programme_id=office.programme_id,
            role=Role.ADMINISTRATOR,
        )  # fmt: skip
        administrator = Hand(Actor("person", alex.id, programme_id=office.programme_id, role=Role.ADMINISTRATOR))
        software = WebhookForm(label="Entrepôt", url="http://127.0.0.1:9/", types=["case.*"])
        unit.session.add(_apart(unit, office.programme_id))
        service = unit.session.scalars(select(Service)).one()
        streets.things |= {
            "case_id": asked, "referral_id": referral_id_of(office, asked), "organisation_id": office.giver_id,
            "service_id": service.id, "person_id": office.karim.id, "slug": "brest", "what": "accept",
            "webhook_id": webhooks.add(unit, administrator, software, local=True).id,
            "task_id": task_of(office, asked, "answer_referral").id, "path": "absence",
            "permission_id": unit.session.scalars(select(Permission.id).where(Permission.case_id == asked)).first(),
            "clock_id": unit.session.scalars(select(Obligation.id).where(Obligation.case_id == asked)).first(),
            "import_id": drop(unit, Hand(office.claire), *FILE).id,
            "text": "alert_receipt", "party": "alert_giver", "channel": "email",
        }  # fmt: skip
    _links(streets, asked, answered, taken)
    return streets


def _links(streets: Streets, asked: UUID, answered: UUID, taken: UUID) -> None:
    """What only a link or a cookie opens."""
    office, runtime = streets.town.office, streets.town.office.runtime
    link = task_url(runtime, task_of(office, asked, "answer_referral"))
    reading = task_of(office, answered, "read_reply")
    with runtime.database.write("streets") as unit:
        giver = unit.session.get_one(Organisation, office.giver_id)
        account_links.ask(unit, "karim@brest.test", browser="b")
        sign_in = unit.session.scalars(select(SignInLink)).one()
        alert = unit.session.scalars(select(Alert).where(Alert.case_id == asked)).one()
        service = unit.session.scalars(select(Service)).one()
        of_alert = select(Message).where(Message.case_id == asked, Message.text == "alert_receipt")
        receipt = unit.session.scalars(of_alert).one()  # any mail of his leads to the page that stops his letter
        streets.links |= {
            "/l/{token}": link, "/l/{token}/toutes": f"{link}/toutes", "/fiche/{token}": sheet_url(runtime, service),
            "/demande/{token}": alert_url(runtime, giver), "/demandes/{token}": requests_url(runtime, alert),
            "/demande/{token}/affiche": f"{alert_url(runtime, giver)}/affiche",
            "/demande/{token}/envoyee": f"{alert_url(runtime, giver)}/envoyee",
            "/lettre-du-mois/{token}": letter_url(runtime, receipt),
            "/organisations/{organisation_id}/situations": f"/organisations/{office.operator_id}/situations",
            "/connexion/lien/{token}": sign_in_url(runtime, sign_in),
            "/situations/{case_id}/reponses/{task_id}": f"/situations/{answered}/reponses/{reading.id}",
        }  # fmt: skip
        referral = unit.session.get_one(Referral, referral_id_of(office, taken))
        for route, opened in (("/acces", True), ("/acces/{token}", False)):
            found = partner_access.ask_link(unit, referral, browser="b")
            streets.links[route] = route if opened else sign_in_url(runtime, found)
            if opened:
                token = sign_in_url(runtime, found).rpartition("/")[2]
                token = partner_access.open_session(unit, runtime, token, browser="b")
                streets.cookies[route] = streets.cookies["/acces/rapport"] = f"{NAMES['session']}={token}"
        agreed = PermissionForm(kind=PermissionKind.REPORT_TO_PARTNER, organisation_id=office.adil_id)
        permissions.give(unit, Hand(office.karim), taken, agreed)
        for route, kind in (("/connexion/code", CODE), ("/connexion/telephone", SET_UP)):
            token = second_factor.open_step(unit, sign_in.person_id or new_id(), kind)
            streets.cookies[route] = f"{NAMES['step']}={token}"


def _reply(town: Town, case_id: UUID) -> None:
    office = town.office
    with office.runtime.database.read() as unit:
        query = select(Message.message_id).where(Message.case_id == case_id, Message.text == "referral_request")
        content = reply(unit.session.scalars(query).one(), "Bonjour,\n\nNous acceptons.", From="adil@brest.test")
    received = Received("1", content, len(content))
    act(office, lambda unit: replies.receive(unit, received, own="relais@brest.test"))


def _apart(unit: UnitOfWork, programme_id: UUID) -> IncomingMail:
    return IncomingMail(
        message_id=str(uuid4()), kind=IncomingKind.REPLY.value, programme_id=programme_id,
        received_at=unit.now, waits=True, sender="adil@brest.test", subject="Une question",
    )  # fmt: skip
