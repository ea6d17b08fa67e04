"""Situations by name: a programme with its people, and cases brought to a state by the use cases themselves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Final
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import select

from deployments.publishing import read_pathway
from models.base import new_id
from models.cases import Case, Referral
from models.engine import Message, Task
from models.programmes import Commune, Membership, Organisation, Person, Programme, Service, Territory
from models.vocabulary import (
    CallResult,
    CaseState,
    ClosureOutcome,
    DeclineReason,
    MessageState,
    Motive,
    OrganisationKind,
    RejectionReason,
    Role,
    TaskState,
    Theme,
)
from services.cases import alerts, calls, closing, documents, referrals, reports, triage, visits
from services.forms import (
    Acceptance,
    AlertForm,
    CallForm,
    ClosureForm,
    Decline,
    HeldVisit,
    OnBehalf,
    ReferralForm,
    Rejection,
    ReportForm,
    VisitForm,
)
from services.foundation.clock import SetClock
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime
from services.rules import obligations
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import publish
from tests import engine
from tests.programmes import a_programme
from tests.remembered import Past

PASSWORD: Final = "un mot de passe assez long"
PDF: Final = b"%PDF-1.7\n%rapport de visite\n"
_numbers = count(10)


@dataclass(frozen=True)
class Office:
    """The Slime of Brest: Claire coordinates, Karim works for the operator, Nadia for another one."""

    runtime: Runtime
    clock: SetClock
    past: Past
    programme_id: UUID
    claire: Actor
    karim: Actor
    nadia: Actor
    operator_id: UUID
    other_operator_id: UUID
    giver_id: UUID
    adil_id: UUID
    phones: Iterator[str] = field(default_factory=lambda: (f"06 39 98 01 {number:02d}" for number in range(100)))


def make_office(runtime: Runtime) -> Office:
    """A programme, its territory, its people, its partner; nobody has asked for anything yet."""
    clock = runtime.clock
    assert isinstance(clock, SetClock)
    past = Past(runtime.database, clock, runtime.settings.data_folder / "documents")
    return Office(runtime, clock, past, *past.lived(("founded",), lambda: _found(runtime)))


def _found(runtime: Runtime) -> tuple[Any, ...]:
    with runtime.database.write("office") as unit:
        pathway = publish(unit, read_pathway())
        unit.session.add_all(
            [
                Commune(code="29019", name="Brest", search_key="brest", postcodes=["29200"], department="29"),
                Commune(
                    code="22278", name="Saint-Brieuc", search_key="saintbrieuc", postcodes=["22000"], department="22"
                ),
                Commune(code="61001", name="Alençon", search_key="alencon", postcodes=["61000"], department="61"),
                Commune(code="29011", name="Bohars", search_key="bohars", postcodes=["29820"], department="29"),
                Commune(code="29069", name="Guilers", search_key="guilers", postcodes=["29820"], department="29"),
            ]
        )
        programme = _programme(unit, pathway)
        unit.session.add(Territory(programme_id=programme.id, commune_code="29019", from_on=unit.now.date()))
        operator = _organisation(unit, programme, "energence", OrganisationKind.OPERATOR, "Énergence")
        other = _organisation(unit, programme, "compagnons", OrganisationKind.OPERATOR, "Compagnons bâtisseurs")
        giver = _organisation(unit, programme, "ccas", OrganisationKind.ALERT_GIVER, "CCAS de Brest")
        adil = _organisation(unit, programme, "adil", OrganisationKind.PARTNER, "ADIL du Finistère")
        adil.services = [Service(name=adil.name, themes=[Theme.LANDLORD_MEDIATION.value, Theme.LEGAL.value])]
        claire = _person(unit, programme, Role.COORDINATOR, "Claire Morvan")
        karim = _person(unit, programme, Role.OPERATOR, "Karim Le Gall", operator)
        nadia = _person(unit, programme, Role.OPERATOR, "Nadia Prigent", other)
        return programme.id, claire, karim, nadia, operator.id, other.id, giver.id, adil.id


def _programme(unit: UnitOfWork, pathway: str) -> Programme:
    programme = a_programme(pathway, phone="+33199001200", email="coordination@brest.test")
    unit.session.add(programme)
    unit.session.flush()
    return programme


def _organisation(unit: UnitOfWork, programme: Programme, slug: str, kind: OrganisationKind, name: str) -> Organisation:
    made = Organisation(
        programme_id=programme.id, slug=slug, kind=kind.value, name=name, email=f"{slug}@brest.test",
        phone="+33199001234",
    )  # fmt: skip
    unit.session.add(made)
    unit.session.flush()
    return made


def _person(
    unit: UnitOfWork, programme: Programme, role: Role, name: str, organisation: Organisation | None = None
) -> Actor:
    email = f"{name.split(maxsplit=1)[0].lower()}@brest.test"
    person = Person(email=email, name=name, password_hash=_hashed())
    unit.session.add(person)
    unit.session.flush()
    organisation_id = organisation.id if organisation else None
    unit.session.add(
        Membership(person_id=person.id, programme_id=programme.id, role=role.value, organisation_id=organisation_id)
    )
    unit.session.flush()
    return Actor("person", person.id, programme.id, role, organisation_id, name)


@cache
def _hashed() -> str:
    return PasswordHash.recommended().hash(PASSWORD)


def alert_form(**given: object) -> AlertForm:
    """A plain request; each one has a telephone of its own."""
    usual = {
        "surname": "Le Goff",
        "first_name": "Lucette",
        "civility": "Madame",
        "phone": f"06 39 98 00 {next(_numbers) % 90 + 10:02d}",
        "street": "3 rue de Siam",
        "commune_code": "29019",
        "postcode": "29200",
        "tenure": "private_tenant",
        "motives": [Motive.COLD, Motive.ARREARS],
        "urgency": "none",
        "best_time": "morning",
        "agreement": True,
        "giver_name": "Anne Kerbrat",
        "giver_email": "anne.kerbrat@ccas-brest.fr",
    }
    return AlertForm.model_validate(usual | given)


def drain(office: Office) -> None:
    """Do what the engine does, until it has nothing left."""
    engine.drain(office.runtime.database)


_ROAD: Final = (
    CaseState.SUBMITTED,
    CaseState.TRIAGE,
    CaseState.TO_CONTACT,
    CaseState.CONTACTING,
    CaseState.QUALIFIED,
    CaseState.VISIT_PLANNED,
    CaseState.VISITED,
    CaseState.REPORT_DELIVERED,
    CaseState.ORIENTING,
    CaseState.CLOSED,
)


def make_case(office: Office, state: CaseState = CaseState.TRIAGE, **given: object) -> UUID:
    """A case brought to this state along the common road; business time moves past the visit where it must."""
    given = {"phone": next(office.phones), **given}
    return office.past.lived((state, repr(sorted(given.items()))), lambda: _make_case(office, state, given))


def _make_case(office: Office, state: CaseState, given: dict[str, object]) -> UUID:
    giver = Actor("form", office.giver_id, office.programme_id, organisation_id=office.giver_id, name="CCAS de Brest")
    with office.runtime.database.write("case") as unit:
        case_id = alerts.submit(unit, Hand(giver), alert_form(**given)).id
    if state is CaseState.SUBMITTED:
        return case_id
    drain(office)
    if state is CaseState.REJECTED:
        form = Rejection(reason=RejectionReason.OUT_OF_TERRITORY)
        act(office, lambda unit: triage.reject(unit, Hand(office.claire), case_id, form))
        return case_id
    lead(office, case_id, state)
    return case_id


def lead(office: Office, case_id: UUID, state: CaseState) -> None:
    """Go on along the common road, from where the case stands."""
    office.past.lived((case_id, state), lambda: _lead(office, case_id, state))


def _lead(office: Office, case_id: UUID, state: CaseState) -> None:
    here = _ROAD.index(CaseState(state_of(office, case_id)))
    for step in _ROAD[here + 1 : _ROAD.index(state) + 1]:
        act(office, lambda unit, step=step: _STEPS[step](unit, office, case_id))


def act(office: Office, do: object) -> None:
    """One act in its own transaction, and what follows from it."""
    with office.runtime.database.write("act") as unit:
        do(unit)  # type: ignore[operator]
    drain(office)


def _accept(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    triage.accept(unit, Hand(office.claire), case_id, Acceptance(operator_id=office.operator_id))


def _attempt(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    calls.record_call(unit, Hand(office.karim), case_id, CallForm(result=CallResult.NO_ANSWER))


def _reach(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    calls.record_call(unit, Hand(office.karim), case_id, CallForm(result=CallResult.REACHED))


def _plan(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    starts_at = unit.now + timedelta(days=14)
    visits.plan_visit(unit, Hand(office.karim), case_id, VisitForm(starts_at=starts_at, officer_id=office.karim.id))


def _hold(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    case = unit.session.get_one(Case, case_id)
    office.clock.at = max(office.clock.at, visits.planned_visit(unit, case).starts_at + timedelta(hours=2))
    unit.now = office.clock.now()
    visits.hold_visit(unit, Hand(office.karim), case_id, HeldVisit())


def _deliver(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    stored = documents.store(office.runtime, [PDF])
    document = documents.add_document(unit, Hand(office.karim), case_id, "rapport.pdf", stored)
    form = ReportForm(document_id=document.id, summary="Logement froid, fenêtres à reprendre.")
    reports.deliver_report(unit, Hand(office.karim), case_id, form)


def _refer(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    form = ReferralForm(
        partner_id=office.adil_id,
        theme=Theme.LANDLORD_MEDIATION,
        brief="Le bailleur ne répond pas au sujet des fenêtres.",
        permission=True,
    )
    referrals.send(unit, Hand(office.karim), case_id, form)


def _close(unit: UnitOfWork, office: Office, case_id: UUID) -> None:
    referral = unit.session.scalars(select(Referral).where(Referral.case_id == case_id)).one()
    referrals.withdraw(unit, Hand(office.karim), referral.id)
    closing.close_case(unit, Hand(office.karim), case_id, ClosureForm(outcome=ClosureOutcome.SOLVED))


_STEPS: Final = {
    CaseState.TO_CONTACT: _accept,
    CaseState.CONTACTING: _attempt,
    CaseState.QUALIFIED: _reach,
    CaseState.VISIT_PLANNED: _plan,
    CaseState.VISITED: _hold,
    CaseState.REPORT_DELIVERED: _deliver,
    CaseState.ORIENTING: _refer,
    CaseState.CLOSED: _close,
}


def task_of(office: Office, case_id: UUID, kind: str) -> Task:
    """The open task of this kind, free of the database."""
    with office.runtime.database.read() as unit:
        query = select(Task).where(Task.case_id == case_id, Task.kind == kind, Task.state == TaskState.OPEN)
        task = unit.session.scalars(query).one()
        unit.session.expunge(task)
        return task


def referral_id_of(office: Office, case_id: UUID) -> UUID:
    """The latest referral."""
    with office.runtime.database.read() as unit:
        query = select(Referral.id).where(Referral.case_id == case_id).order_by(Referral.id.desc())
        return unit.session.scalars(query).first() or new_id()


def deliver_mail(office: Office, case_id: UUID) -> None:
    """As if the partner's mail server had taken the request: its clock starts."""
    task = task_of(office, case_id, "answer_referral")
    act(
        office,
        lambda unit: obligations.start_clock(unit, unit.session.get_one(Task, task.id), delivered_at=unit.now),
    )


def decline(office: Office, case_id: UUID, reason: DeclineReason = DeclineReason.CAPACITY) -> None:
    """The partner says no on the telephone."""
    said = OnBehalf(said_by="Mme Riou", how="téléphone")
    form = Decline(reason=reason, on_behalf=said)
    act(office, lambda unit: referrals.decline(unit, Hand(office.karim), referral_id_of(office, case_id), form))


def doubt_message(office: Office, case_id: UUID) -> UUID:
    """One e-mail of the case that nobody can tell about, and the task that somebody checks it."""
    from services.rules.aftermath import message_failed

    with office.runtime.database.write("doubt") as unit:
        query = select(Message).where(
            Message.case_id == case_id, Message.channel == "email", Message.state == MessageState.QUEUED
        )
        message = unit.session.scalars(query.order_by(Message.id)).first()
        assert message is not None
        message.state = MessageState.UNKNOWN.value
        message_failed(unit, message, unknown=True)
        found = message.id
    drain(office)
    return found


def state_of(office: Office, case_id: UUID) -> str:
    """Where the case stands."""
    with office.runtime.database.read() as unit:
        return unit.session.get_one(Case, case_id).state


def number_of(office: Office, case_id: UUID) -> str:
    """Its reference, as everybody says it."""
    with office.runtime.database.read() as unit:
        return unit.session.get_one(Case, case_id).number


def at(office: Office, moment: datetime) -> None:
    """Set business time."""
    office.clock.at = moment
