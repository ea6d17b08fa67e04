"""An office at work: its people, its partners, cases at any point of the path, and the engine drained by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from deployments.publishing import read_pathway
from models.base import new_id
from models.cases import Case, Document, Referral, Visit
from models.engine import Event, Message, Obligation, Occurrence, Task
from models.pathway import Pathway
from models.programmes import Commune, Membership, Organisation, Person, Programme, Service, Territory
from models.vocabulary import Channel, MessageState, OrganisationKind, Role, TaskState, Theme
from services.cases import alerts, calls, closing, follow_up, referrals, reports, triage, visits
from services.forms import (
    Acceptance,
    AlertForm,
    Answer,
    CallForm,
    ClosureForm,
    Completion,
    Decline,
    Failure,
    FollowUpForm,
    HeldVisit,
    OnBehalf,
    Question,
    ReferralForm,
    ReplacementForm,
    ReportForm,
    VisitForm,
)
from services.foundation import yaml_files
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.rules import aftermath, obligations
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import publish
from tests import engine
from tests.remembered import Past

L = TypeVar("L", bound=Callable[..., Any])

PARIS: Final = ZoneInfo("Europe/Paris")
DEFAULT_PATHWAY: Final = Path(__file__).parents[3] / "deployments" / "pathways" / "slime.yaml"

PROGRAMME, ELSEWHERE = UUID(int=1), UUID(int=2)
CARRIER, OPERATOR, OTHER_OPERATOR = UUID(int=10), UUID(int=11), UUID(int=12)
GIVER, PARTNER, OTHER_PARTNER = UUID(int=13), UUID(int=14), UUID(int=15)
ADA_ID, BO_ID, CY_ID, DI_ID = UUID(int=20), UUID(int=21), UUID(int=22), UUID(int=23)

ADA: Final = Hand(Actor("person", ADA_ID, PROGRAMME, Role.COORDINATOR, name="Ada"))
"""Coordinates."""
BO: Final = Hand(Actor("person", BO_ID, PROGRAMME, Role.OPERATOR, OPERATOR, "Bo"))
"""Makes the visits."""
CY: Final = Hand(Actor("person", CY_ID, PROGRAMME, Role.OPERATOR, OTHER_OPERATOR, "Cy"))
"""Works for another operator: must see nothing."""
DI: Final = Hand(Actor("person", DI_ID, ELSEWHERE, Role.COORDINATOR, name="Di"))
"""Coordinates another programme: must see nothing."""
KARIM: Final = Hand(Actor("form", GIVER, PROGRAMME, organisation_id=GIVER, name="MDS Est"))
"""Gives alerts."""
BY_PHONE: Final = OnBehalf(said_by="L’accueil", how="téléphone")
ACTS: Final = {"expire_referral": referrals.expire}


@cache
def _written() -> dict[str, Any]:
    return dict(yaml_files.read(DEFAULT_PATHWAY.read_text()))


def default_pathway(**changes: Any) -> Pathway:
    """The pathway that ships, with parts replaced."""
    return Pathway.model_validate(_written() | changes) if changes else read_pathway()


def paris(text: str) -> datetime:
    """An instant as Paris reads it."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def shown(instant: datetime) -> str:
    """`2025-10-16 18:00`, in Paris."""
    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M}"


def remembered(live: L) -> L:
    """A situation that is put back when it was lived before."""

    @wraps(live)
    def lived(self: "Office", **given: Any) -> Any:
        return self.past.lived((live.__name__, repr(given)), lambda: live(self, **given))

    return cast(L, lived)


@dataclass
class Office:
    """A founded database and its clock. Acts are done by the right person, each in its own transaction."""

    database: Database
    clock: SetClock
    past: Past

    # -- The engine

    def handle(self, limit: int = 50) -> int:
        """Carry out the oldest events of one flow as one batch; how many."""
        return engine.handle(self.database, limit)

    def tick(self) -> int:
        """Turn what is due into events; how many clocks were looked at."""
        with self.database.write("test") as unit:
            return obligations.tick(unit, ACTS)

    def take_over(self) -> None:
        """What the tick does beside the clocks."""
        with self.database.write("test") as unit:
            referrals.take_over_due(unit)

    def drain(self) -> None:
        """Until nothing is left to do at this instant."""
        while self.handle() or self.tick():
            pass

    def at(self, text: str) -> None:
        """Let time run to an instant of Paris, from due instant to due instant, the engine working all along."""
        self.run_to(paris(text))

    def run_to(self, instant: datetime) -> None:
        """The same, to an aware instant."""
        self.drain()
        while (due := self.next_due()) is not None and due <= instant:
            self.clock.at = max(due, self.clock.at)
            self.drain()
        self.clock.at = instant
        self.drain()

    def sleep_to(self, text: str) -> None:
        """Let time pass while nothing runs."""
        self.clock.at = paris(text)

    def next_due(self) -> datetime | None:
        """When a clock is next due."""
        with self.database.read() as unit:
            return obligations.next_due(unit)

    def deliver(self, text: str) -> int:
        """The mail server takes the queued messages of this text; how many."""
        with self.database.write("test") as unit:
            found = unit.session.scalars(
                select(Message).where(Message.text == text, Message.state == MessageState.QUEUED)
            ).all()
            for message in found:
                message.state, message.done_at = MessageState.ACCEPTED.value, unit.now
                aftermath.message_accepted(unit, message)
        return len(found)

    def bounce(self, text: str, *, unknown: bool = False) -> int:
        """The queued messages of this text are refused for good, or nobody can tell; how many."""
        state = MessageState.UNKNOWN if unknown else MessageState.REFUSED
        with self.database.write("test") as unit:
            found = unit.session.scalars(
                select(Message).where(Message.text == text, Message.state == MessageState.QUEUED)
            ).all()
            for message in found:
                message.state, message.done_at = state.value, None if unknown else unit.now
                aftermath.message_failed(unit, message, unknown=unknown)
        return len(found)

    # -- What people do

    def do(self, act: Callable[..., Any], hand: Hand, *given: Any, **named: Any) -> Any:
        """One use case in one transaction."""
        with self.database.write("test") as unit:
            return act(unit, hand, *given, **named)

    def submit(self, **given: Any) -> UUID:
        """An alert by Karim; `given` replaces any field. Not examined yet."""
        case: Case = self.do(alerts.submit, KARIM, alert_form(**given))
        return case.id

    def accept(self, case_id: UUID) -> None:
        """Ada gives the case to Bo's operator."""
        self.do(triage.accept, ADA, case_id, Acceptance(operator_id=OPERATOR))

    def call(self, case_id: UUID, result: str = "reached") -> None:
        """Bo calls the household."""
        self.do(calls.record_call, BO, case_id, CallForm.model_validate({"result": result}))

    def plan(self, case_id: UUID, when: str | datetime) -> UUID:
        """Bo agrees on a visit that he makes himself, whatever the day."""
        starts_at = paris(when) if isinstance(when, str) else when
        form = VisitForm(starts_at=starts_at, officer_id=BO_ID, on_closed_day=True)
        visit: Visit = self.do(visits.plan_visit, BO, case_id, form)
        return visit.id

    def hold(self, case_id: UUID, **given: Any) -> None:
        """Bo made the visit."""
        self.do(visits.hold_visit, BO, case_id, HeldVisit.model_validate(given))

    def report(self, case_id: UUID, hand: Hand = BO, **given: Any) -> None:
        """Bo, or whoever has the case, gave the report."""
        with self.database.write("test") as unit:
            form = ReportForm(document_id=_file(unit, case_id), summary="Fuites d’air.", **given)
            reports.deliver_report(unit, hand, case_id, form)

    def replace_report(self, case_id: UUID) -> None:
        """Ada puts the right report in the place of the wrong one."""
        with self.database.write("test") as unit:
            form = ReplacementForm(document_id=_file(unit, case_id), summary="Toiture à isoler.")
            reports.replace(unit, ADA, case_id, form)

    def refer(self, case_id: UUID, partner: UUID = PARTNER, **given: Any) -> UUID:
        """Bo asks a partner."""
        referral: Referral = self.do(referrals.send, BO, case_id, referral_form(partner_id=partner, **given))
        return referral.id

    def answer(self, referral_id: UUID, answer: str) -> None:
        """Ada notes what the partner said on the telephone: accept, decline, report_progress, complete or fail."""
        act, form = ANSWERS[answer]
        self.do(act, ADA, referral_id, form)

    def follow_up(self, case_id: UUID, result: str = "reached") -> None:
        """Bo makes a call of the follow-up."""
        self.do(follow_up.record_follow_up, BO, case_id, FollowUpForm.model_validate({"result": result}))

    def close(self, case_id: UUID, outcome: str = "solved") -> None:
        """Ada closes the case."""
        self.do(closing.close_case, ADA, case_id, ClosureForm.model_validate({"outcome": outcome}))

    # -- Situations

    @remembered
    def triaged(self, **given: Any) -> UUID:
        """A case that waits for the coordinator."""
        case_id = self.submit(**given)
        self.drain()
        return case_id

    @remembered
    def accepted(self, **given: Any) -> UUID:
        """A case that waits for its first call."""
        case_id = self.triaged(**given)
        self.accept(case_id)
        self.drain()
        return case_id

    @remembered
    def qualified(self, **given: Any) -> UUID:
        """A household that was reached."""
        case_id = self.accepted(**given)
        self.call(case_id)
        self.drain()
        return case_id

    @remembered
    def visited(self, **given: Any) -> UUID:
        """A visit held two days later."""
        case_id = self.qualified(**given)
        starts_at = self.clock.at + timedelta(days=2)
        self.plan(case_id, starts_at)
        self.run_to(starts_at + timedelta(hours=2))
        self.hold(case_id)
        self.drain()
        return case_id

    @remembered
    def reported(self, **given: Any) -> UUID:
        """A case to orient."""
        case_id = self.visited(**given)
        self.report(case_id)
        self.drain()
        return case_id

    @remembered
    def referred(self, **given: Any) -> tuple[UUID, UUID]:
        """A partner was asked; his mail server took the request. The case and the referral."""
        case_id = self.reported(**given)
        referral_id = self.refer(case_id)
        self.drain()
        self.deliver("referral_request")
        self.drain()
        return case_id, referral_id

    @remembered
    def followed(self, **given: Any) -> tuple[UUID, UUID]:
        """The partner accepted: the follow-up has begun. The case and the referral."""
        case_id, referral_id = self.referred(**given)
        self.answer(referral_id, "accept")
        self.drain()
        return case_id, referral_id

    # -- What can be seen

    def case(self, case_id: UUID) -> Case:
        """The case as it stands."""
        with self.database.read() as unit:
            found = unit.session.get_one(Case, case_id)
            unit.session.expunge(found)
            return found

    def referral(self, referral_id: UUID) -> Referral:
        """The referral as it stands."""
        with self.database.read() as unit:
            found = unit.session.get_one(Referral, referral_id)
            unit.session.expunge(found)
            return found

    def tasks(self, case_id: UUID, *states: TaskState) -> list[Task]:
        """The case's open tasks (or those of these states), soonest first."""
        wanted = states or (TaskState.OPEN,)
        with self.database.read() as unit:
            query = select(Task).where(Task.case_id == case_id, Task.state.in_(wanted)).order_by(Task.due_at, Task.id)
            found = list(unit.session.scalars(query))
            unit.session.expunge_all()
            return found

    def due(self, case_id: UUID) -> dict[str, str]:
        """Each open task's kind and its date in Paris."""
        return {task.kind: shown(task.due_at) for task in self.tasks(case_id)}

    def sent(self, case_id: UUID, text: str | None = None) -> list[Message]:
        """The case's messages (of one text), in the order in which they were planned."""
        with self.database.read() as unit:
            query = select(Message).where(Message.case_id == case_id).order_by(Message.created_at, Message.id)
            found = list(unit.session.scalars(query if text is None else query.where(Message.text == text)))
            unit.session.expunge_all()
            return found

    def told(self, case_id: UUID, text: str) -> list[tuple[str, str, str]]:
        """When a text was planned, to whom, and its state or why it was not sent."""
        found = self.sent(case_id, text)
        return [(shown(each.created_at), each.party, each.error or each.state) for each in found]

    def events(self, case_id: UUID) -> list[str]:
        """The types of what happened, in order."""
        with self.database.read() as unit:
            query = select(Event.type).where(Event.case_id == case_id).order_by(Event.seq)
            return list(unit.session.scalars(query))

    def occurrences(self, case_id: UUID, kind: str) -> list[tuple[int, str, str | None]]:
        """Step, state and reason of what the clocks of such a task did, in order."""
        with self.database.read() as unit:
            query = (
                select(Occurrence)
                .join(Obligation, Obligation.id == Occurrence.obligation_id)
                .join(Task, Task.id == Obligation.task_id)
                .where(Task.case_id == case_id, Task.kind == kind)
                .order_by(Occurrence.generation, Occurrence.due_at, Occurrence.step)
            )
            return [(each.step, each.state, each.reason) for each in unit.session.scalars(query)]


ANSWERS: Final[dict[str, tuple[Callable[..., Any], Answer]]] = {
    "accept": (referrals.accept, Answer(on_behalf=BY_PHONE)),
    "decline": (referrals.decline, Decline.model_validate({"reason": "out_of_scope", "on_behalf": BY_PHONE})),
    "full": (referrals.decline, Decline.model_validate({"reason": "capacity", "on_behalf": BY_PHONE})),
    "ask": (referrals.ask, Question(note="Qui est le bailleur ?", on_behalf=BY_PHONE)),
    "report_progress": (referrals.report_progress, Answer(on_behalf=BY_PHONE)),
    "complete": (referrals.complete, Completion.model_validate({"outcome": "helped_fully", "on_behalf": BY_PHONE})),
    "fail": (referrals.fail, Failure.model_validate({"reason": "landlord_refused", "on_behalf": BY_PHONE})),
}


def _file(unit: UnitOfWork, case_id: UUID) -> UUID:
    """The row of a file that lies nowhere."""
    document = Document(
        case_id=case_id,
        filename="rapport.pdf",
        media_type="application/pdf",
        size=4,
        sha256="0" * 64,
        stored_as=str(new_id()),
        added_at=unit.now,
    )
    unit.session.add(document)
    unit.session.flush()
    return document.id


def alert_form(**given: Any) -> AlertForm:
    """An alert as Karim types it."""
    usual = {
        "surname": "Martin",
        "phone": "06 39 98 12 34",
        "street": "12 rue du Pont",
        "commune_code": "69149",
        "postcode": "69600",
        "tenure": "private_tenant",
        "motives": ["high_bill", "damp"],
        "urgency": "none",
        "best_time": "any",
        "agreement": True,
        "giver_name": "Karim Haddad",
        "giver_email": "karim@example.org",
    }
    return AlertForm.model_validate(usual | given)


def referral_form(**given: Any) -> ReferralForm:
    """A request to a partner, with the household's permission."""
    usual = {"partner_id": PARTNER, "theme": Theme.LANDLORD_MEDIATION, "brief": "Toit à réparer.", "permission": True}
    return ReferralForm.model_validate(usual | given)


def found_office(database: Database, clock: SetClock, pathway: Pathway | None = None) -> Office:
    """Write the programme, its people and its organisations into an empty database."""
    past = Past(database, clock)
    past.lived(
        ("founded", pathway and pathway.model_dump_json()), lambda: _found(database, pathway or default_pathway())
    )
    return Office(database, clock, past)


def _found(database: Database, pathway: Pathway) -> None:
    with database.write("test") as unit:
        pathway_hash = publish(unit, pathway)
        unit.session.add(
            Commune(
                code="69149", name="Oullins-Pierre-Bénite", search_key="oullins", postcodes=["69600"], department="69"
            )
        )
        for id_, slug in ((PROGRAMME, "valdorne"), (ELSEWHERE, "ailleurs")):
            unit.session.add(_programme(id_, slug, pathway_hash))
        unit.session.flush()
        unit.session.add(Territory(programme_id=PROGRAMME, commune_code="69149", from_on=date(2020, 1, 1)))
        _organisations(unit)
        _people(unit)


def _programme(id_: UUID, slug: str, pathway_hash: str) -> Programme:
    return Programme(
        id=id_,
        slug=slug,
        name=f"Slime {slug}",
        public_name="Mon logement",
        carrier="Département",
        phone="+33472000000",
        email=f"{slug}@relais.example",
        postal_address="1 rue de la Paix, 69600 Oullins",
        city="Oullins",
        pathway_hash=pathway_hash,
    )


def _organisations(unit: UnitOfWork) -> None:
    for id_, kind, slug in (
        (CARRIER, OrganisationKind.CARRIER, "departement"),
        (OPERATOR, OrganisationKind.OPERATOR, "energie-proche"),
        (OTHER_OPERATOR, OrganisationKind.OPERATOR, "toit-solidaire"),
        (GIVER, OrganisationKind.ALERT_GIVER, "mds-est"),
        (PARTNER, OrganisationKind.PARTNER, "adil"),
        (OTHER_PARTNER, OrganisationKind.PARTNER, "soliha"),
    ):
        is_partner = kind is OrganisationKind.PARTNER
        offered = [Service(name=slug, themes=["landlord_mediation", "fsl"])] if is_partner else []
        email = f"{slug}@relais.test"
        unit.session.add(
            Organisation(
                id=id_, programme_id=PROGRAMME, slug=slug, kind=kind.value, name=slug, email=email, services=offered
            )
        )
    unit.session.flush()


def _people(unit: UnitOfWork) -> None:
    for hand in (ADA, BO, CY, DI):
        actor = hand.actor
        unit.session.add(Person(id=actor.id, email=f"{actor.name.lower()}@relais.test", name=actor.name))
    unit.session.flush()
    for hand in (ADA, BO, CY, DI):
        actor = hand.actor
        unit.session.add(
            Membership(
                person_id=actor.id,
                programme_id=actor.programme_id,
                organisation_id=actor.organisation_id,
                role=actor.role,
            )
        )


def texts(messages: list[Message], channel: Channel) -> list[str]:
    """The texts planned for one channel."""
    return [message.text for message in messages if message.channel == channel]
