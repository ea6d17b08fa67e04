"""The town of the tests of doors: one of each thing, and what each kind of person holds."""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr
from pyotp import TOTP
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import new_id
from models.cases import Alert, Case, Document, Loan, Permission, Referral, Report
from models.engine import Event, IncomingMail, Message, Obligation, WebhookDelivery, Work
from models.programmes import ApiKey, Membership, Organisation, Person, Programme, Service, SignInLink, WebSession
from models.vocabulary import (
    CaseState,
    IncomingKind,
    KeyScope,
    OrganisationKind,
    PermissionKind,
    Role,
    Theme,
    WebhookState,
    WorkState,
)
from services.accounts import account_links, api_keys, partner_access, second_factor
from services.accounts.sessions import IDLE, open_session
from services.cases import household_page, loans, partner_team, permissions, referrals
from services.channels.inbox import Received
from services.correspondence import letters, replies, webhooks
from services.forms import Answer, KeyForm, LoanForm, OnBehalf, PermissionForm, ReferralForm, WebhookForm
from services.foundation.database import UnitOfWork
from services.imports.files import Dropped, drop, receive
from services.network import sheets
from services.programme import closures, presence
from services.rules.casework import Hand
from services.rules.household import code_of
from services.rules.links import alert_url, letter_url, requests_url, sheet_url, sign_in_url, task_url
from services.rules.policy import Actor
from services.web.link_cookies import NAMES
from services.web.pages.household import COOKIE
from services.web.sessions import cookie_name
from tests.factories import PASSWORD, Office, act, deliver_mail, make_case, referral_id_of, task_of
from tests.mails import reply
from tests.remembered import Still
from tests.served import served
from tests.services.imports.office import HEADER, KADRI
from tests.services.web.doors import SMS_SECRET, Holder, World

BROWSER: Final = "b"
PEOPLE: Final = {
    "coordinator": "claire", "operator": "karim", "other": "nadia", "administrator": "ines", "foreign": "rose",
}  # fmt: skip


def build(office: Office) -> World:
    """A case in the operator's hands, whose partner has answered by a mail and takes it; another's with another."""
    settings = office.runtime.settings.model_copy(update={"sms_webhook_secret": SecretStr(SMS_SECRET)})
    case_id = make_case(office, CaseState.ORIENTING)
    world = World(office, served(replace(office.runtime, settings=settings)))
    deliver_mail(office, case_id)
    accepted = Answer(on_behalf=OnBehalf(said_by="Mme Riou", how="téléphone"))
    act(office, lambda unit: referrals.accept(unit, Hand(office.karim), referral_id_of(office, case_id), accepted))
    _reply(office, case_id)
    other_case_id = make_case(office, CaseState.REPORT_DELIVERED, surname="Bihan")
    act(office, lambda unit: _ask_another(unit, office, other_case_id))
    with office.runtime.database.write("test") as unit:
        _people(unit, world)
        world.things["case_id"] = case_id
        _parts(unit, world, case_id)
        _settings(unit, world)
        _partner(unit, world)
        _links(unit, world, case_id, other_case_id)
    world.things["task_id"] = task_of(office, case_id, "report_outcome").id
    world.things["/en-lot"] = {"act": "prendre", "tache": str(world.things["task_id"])}
    world.still = Still(office.runtime.database)
    return world


def _reply(office: Office, case_id: UUID) -> None:
    with office.runtime.database.read() as unit:
        query = select(Message.message_id).where(Message.case_id == case_id, Message.text == "referral_request")
        content = reply(unit.session.scalars(query).one(), From="adil@brest.test")
    received = Received("1", content, len(content))
    act(office, lambda unit: replies.receive(unit, received, own="relais@brest.test"))


def _ask_another(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    """Another case is another partner's."""
    known = unit.session.get_one(Organisation, office.adil_id)
    partner = Organisation(
        programme_id=office.programme_id, slug="clcv", kind=OrganisationKind.PARTNER.value, name="CLCV",
        email="clcv@brest.test", phone=known.phone,
    )  # fmt: skip
    partner.services = [Service(name=partner.name, themes=[Theme.LANDLORD_MEDIATION.value])]
    unit.session.add(partner)
    unit.session.flush()
    form = ReferralForm(
        partner_id=partner.id, theme=Theme.LANDLORD_MEDIATION, brief="Le bailleur se tait.", permission=True
    )
    referrals.send(unit, Hand(office.karim), case_id, form)


def _people(unit: UnitOfWork, world: World) -> None:
    """Everybody with an account, signed in; one whose account was closed since, one who was away too long."""
    office, session = world.office, unit.session
    _person(session, "ines", office.programme_id, Role.ADMINISTRATOR)
    _person(session, "rose", _foreign_programme(session, office), Role.COORDINATOR)
    paul = _person(session, "paul", office.programme_id, Role.COORDINATOR)
    gone = _person(session, "gone", office.programme_id, Role.COORDINATOR)
    late = _person(session, "late", office.programme_id, Role.COORDINATOR)
    world.things["person_id"] = paul.id
    world.things["membership_id"] = _membership(session, paul).id
    for actor, name in PEOPLE.items():
        person = session.scalars(select(Person).where(Person.email == f"{name}@brest.test")).one()
        world.holders[actor] = _signed_in(unit, world, person)
    world.holders["disabled"] = _signed_in(unit, world, gone)
    world.holders["expired"] = _signed_in(unit, world, late)
    gone.disabled_at = unit.now
    left = select(WebSession).where(WebSession.person_id == late.id)
    session.scalars(left).one().seen_at = unit.now - IDLE


def _person(session: Session, name: str, programme_id: UUID, role: Role) -> Person:
    person = Person(email=f"{name}@brest.test", name=name.capitalize())
    session.add(person)
    session.flush()
    session.add(Membership(person_id=person.id, programme_id=programme_id, role=role.value))
    session.flush()
    return person


def _membership(session: Session, person: Person) -> Membership:
    return session.scalars(select(Membership).where(Membership.person_id == person.id)).one()


def _foreign_programme(session: Session, office: Office) -> UUID:
    known = session.get_one(Programme, office.programme_id)
    kept = {column.name: getattr(known, column.name) for column in Programme.__table__.columns}
    made = Programme(**kept | {"id": new_id(), "slug": "quimper", "name": "Slime de Quimper"})
    session.add(made)
    session.flush()
    return made.id


def _signed_in(unit: UnitOfWork, world: World, person: Person) -> Holder:
    """A browser, and one of each thing that stands on the page of one's own account."""
    token = open_session(unit, person)
    unit.session.flush()
    membership = _membership(unit.session, person)
    actor = Actor("person", person.id, membership.programme_id, Role(membership.role), membership.organisation_id)
    api_keys.make_own(unit, actor, KeyForm(label="Entrepôt", scope=KeyScope.READ))
    unit.session.flush()
    key = unit.session.scalars(select(ApiKey).where(ApiKey.membership_id == membership.id)).one()
    browser = unit.session.scalars(select(WebSession).where(WebSession.person_id == person.id)).one()
    return Holder(
        cookies={cookie_name(world.office.runtime.settings): token},
        own={"membership_id": membership.id, "key_id": key.id, "session_id": browser.id},
        label=f"person:{person.id}",
    )


def _parts(unit: UnitOfWork, world: World, case_id: UUID) -> None:
    """What hangs on the case. Behind one door the household stops: what is lent keeps its case in sight."""
    office, things, session = world.office, world.things, unit.session
    lent = LoanForm(item="wattmeter", due_on=unit.now.date() + timedelta(days=30))
    loans.lend(unit, Hand(office.karim), case_id, lent)
    session.flush()
    for name, kind in (("referral_id", Referral), ("permission_id", Permission), ("message_id", Message),
                       ("document_id", Document), ("loan_id", Loan), ("report_id", Report)):  # fmt: skip
        things[name] = session.scalars(select(kind.id).where(kind.case_id == case_id).order_by(kind.id)).first()
    running = select(Obligation).where(Obligation.case_id == case_id, Obligation.next_step.is_not(None))
    clock = session.scalars(running).first()
    assert clock is not None
    things["clock_id"] = clock.id
    things["/situations/{case_id}/envois/{clock_id}/maintenant"] = {
        "generation": clock.generation, "step": clock.next_step,
    }  # fmt: skip
    things["reply_task_id"] = task_of(office, case_id, "read_reply").id
    event = session.scalars(select(Event).where(Event.case_id == case_id)).first()
    assert event is not None
    work = Work(
        event_id=event.id, case_id=case_id, type=event.type, state=WorkState.PARKED.value, created_at=unit.now,
        ready_at=unit.now, attempts=12,
    )  # fmt: skip
    session.add(work)
    things["event_id"] = event.id
    mail = IncomingMail(
        message_id="m", kind=IncomingKind.REPLY.value, programme_id=office.programme_id, received_at=unit.now,
        waits=True, sender="adil@brest.test", subject="Une question",
    )  # fmt: skip
    session.add(mail)
    batch = letters.print_batch(unit, Hand(office.claire))
    session.flush()
    things |= {"mail_id": mail.id, "work_id": work.id, "batch_id": batch and batch.id}


def _settings(unit: UnitOfWork, world: World) -> None:
    """What a programme keeps beside its cases."""
    office, things, claire = world.office, world.things, Hand(world.office.claire)
    told = WebhookForm(label="Entrepôt", url="http://127.0.0.1:9/", types=["case.*"])
    ines = world.holders["administrator"].label.removeprefix("person:")
    hand = Hand(Actor("person", UUID(ines), programme_id=office.programme_id, role=Role.ADMINISTRATOR))
    endpoint = webhooks.add(unit, hand, told, local=True)
    delivery = WebhookDelivery(
        endpoint_id=endpoint.id, event_id=things["event_id"], state=WebhookState.ABANDONED.value, queued_at=unit.now,
        due_at=unit.now,
    )  # fmt: skip
    unit.session.add(delivery)
    day = unit.now.date() + timedelta(days=60)
    away = presence.AbsenceForm(person_id=office.karim.id, first_on=day, last_on=day)
    shut = closures.ClosingForm(first_on=day, last_on=day, label="Pont")
    duty = presence.DutyForm(person_id=office.claire.id, from_at=unit.now, to_at=unit.now + timedelta(days=1))
    rows = (*HEADER, "Étape", "Date de demande"), (*KADRI, "?", "02/09/2025")  # a stage to correct
    kept = Dropped(), receive("\n".join(";".join(row) for row in rows).encode(), "suivi.csv")
    things |= {
        "webhook_id": endpoint.id, "delivery_id": delivery.id, "organisation_id": office.giver_id,
        "operator_id": office.operator_id, "partner_id": office.adil_id, "import_id": drop(unit, claire, *kept).id,
        "absence_id": presence.declare_absence(unit, claire, away).id,
        "closure_id": closures.close(unit, claire, shut).id, "duty_id": presence.set_duty(unit, claire, duty).id,
        "what": "accept", "slug": "brest", "kind": "csv", "habit": "complet", "path": "absence", "decision": "prendre",
        "text": "alert_receipt", "party": "alert_giver", "channel": "email",
    }  # fmt: skip
    own = world.holders["coordinator"].own
    things |= {"row_id": things["absence_id"], "key_id": own["key_id"], "session_id": own["session_id"]}


def _partner(unit: UnitOfWork, world: World) -> None:
    """The partner's people, what he proposes for his sheet, the report that the household lets him read."""
    office, things = world.office, world.things
    service = unit.session.scalars(select(Service).where(Service.organisation_id == office.adil_id)).one()
    adil, day = Hand(office.claire), unit.now.date() + timedelta(days=60)
    made, reader = (
        partner_team.add_colleague(
            unit, adil, office.adil_id, partner_team.ColleagueForm(name=name, email=f"{name.lower()}@adil29.fr")
        )
        for name in ("Helene", "Yann")
    )
    gone = partner_team.GoneForm(first_on=day, last_on=day, colleague_id=made.id)
    absence = partner_team.be_away(unit, adil, office.adil_id, gone)
    said = sheets.as_said(service) | {"area": "", "said_by": "Hélène Roux", "conditions": "Sur rendez-vous."}
    form = Actor("form", office.adil_id, programme_id=office.programme_id)
    proposal = sheets.propose(unit, form, service, sheets.SheetForm.model_validate(said))
    assert proposal is not None
    agreed = PermissionForm(kind=PermissionKind.REPORT_TO_PARTNER, organisation_id=office.adil_id)
    permissions.give(unit, Hand(office.karim), UUID(str(things["case_id"])), agreed)
    unit.session.flush()
    things |= {
        "service_id": service.id, "colleague_id": made.id, "partner_absence_id": absence.id,
        "proposal_id": proposal.id, "reader_id": reader.id,
    }  # fmt: skip


def _links(unit: UnitOfWork, world: World, case_id: UUID, other_case_id: UUID) -> None:
    """Live links and cookies, each in the hands of whom it was made for."""
    office, runtime, session, holders = world.office, world.office.runtime, unit.session, world.holders
    giver = session.get_one(Organisation, office.giver_id)
    alert = session.scalars(select(Alert).where(Alert.case_id == case_id)).one()
    receipt = session.scalars(select(Message).where(Message.case_id == case_id, Message.text == "alert_receipt")).one()
    holders["giver"].label = f"form:{giver.id}"
    holders["giver"].tokens = {
        "/demande/": _token(alert_url(runtime, giver)), "/demandes/": _token(requests_url(runtime, alert)),
        "/lettre-du-mois/": _token(letter_url(runtime, receipt)),
    }  # fmt: skip
    referral = session.get_one(Referral, world.things["referral_id"])
    news, asked = task_of(office, case_id, "report_outcome"), task_of(office, other_case_id, "answer_referral")
    other = session.scalars(select(Service).where(Service.organisation_id == asked.organisation_id)).one()
    service = session.get_one(Service, world.things["service_id"])
    used, unused = (
        _token(sign_in_url(runtime, partner_access.ask_link(unit, referral, browser=BROWSER))) for _ in "ab"
    )
    holders["partner"].tokens = {
        "/l/": _token(task_url(runtime, news)), "/fiche/": _token(sheet_url(runtime, service)), "/acces/": unused,
    }  # fmt: skip
    opened = partner_access.open_session(unit, runtime, used, browser=BROWSER)
    holders["partner"].cookies = {
        _named(world, NAMES["browser"]): BROWSER,
        _named(world, NAMES["session"]): opened,
    }
    holders["other partner"].tokens = {
        "/l/": _token(task_url(runtime, asked)), "/fiche/": _token(sheet_url(runtime, other)),
    }  # fmt: skip
    case = session.get_one(Case, case_id)
    code, digits = code_of(runtime.secrets, case), case.household.phones[0].number[-4:]
    holders["household"].cookies = {
        _named(world, COOKIE): household_page.open_page(unit, runtime, case.programme, code=code, digits=digits)
    }
    holders["household"].own["/d/{slug}/ma-situation"] = {"code": code, "digits": digits}
    _proofs(unit, world)


def _proofs(unit: UnitOfWork, world: World) -> None:
    """Two people in the middle of signing in: the operator gives a code, the coordinator adds her telephone."""
    office, runtime, holders = world.office, world.office.runtime, world.holders
    account_links.ask(unit, "karim@brest.test", browser=BROWSER)
    link = unit.session.scalars(select(SignInLink).where(SignInLink.person_id == office.karim.id)).one()
    assert office.karim.id
    assert office.claire.id
    codes = second_factor.new_paper_codes(unit, runtime, office.karim.id)
    karim, claire = holders["operator"], holders["coordinator"]
    karim.tokens = {"/connexion/lien/": _token(sign_in_url(runtime, link))}
    karim.cookies[_named(world, NAMES["browser"])] = BROWSER
    karim.cookies[_named(world, NAMES["step"])] = second_factor.open_step(unit, office.karim.id, second_factor.CODE)
    claire.cookies[_named(world, NAMES["step"])] = step = second_factor.open_step(
        unit, office.claire.id, second_factor.SET_UP
    )
    secret = second_factor.offer(runtime, *second_factor.step_of(unit, step, second_factor.SET_UP))[1]
    karim.own |= {"/connexion/code": {"code": codes[0]}, "/compte/codes": {"code": codes[1]}}
    claire.own["/connexion/telephone"] = {"code": TOTP(secret).at(unit.now)}
    for one in holders.values():
        one.own["/connexion/lien"] = {"email": "nadia@brest.test"}
    claire.own["/connexion"] = {"email": "claire@brest.test", "password": PASSWORD}


def _named(world: World, cookie: str) -> str:
    return f"__Host-{cookie}" if world.office.runtime.settings.is_https else cookie


def _token(url: str) -> str:
    return url.rpartition("/")[2]
