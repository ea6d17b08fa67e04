"""What the desk shows: the day's list, the pipeline, one case; read models, each narrowed by the policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from models.cases import Alert, Case, Document, Dwelling, Household, Loan, Permission, Phone, Referral, Report, Visit
from models.engine import Event, Message, Task
from models.events import CaseSuspended
from models.programmes import AccessEntry, Organisation, Person
from models.refusals import CaseworkError
from models.vocabulary import (
    CaseState,
    Channel,
    MessageState,
    OrganisationKind,
    Party,
    Role,
    Stage,
    SuspensionReason,
    TaskState,
    VisitState,
)
from services.alerts import search_key
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.foundation.phones import normalise
from services.messages import in_doubt
from services.rules import obligations
from services.rules.obligations import Coming
from services.rules.policy import Actor, Right, require, visible
from services.rules.presence import closed_today
from services.rules.published import calendar_of, pathway_of
from services.rules.titles import task_title
from services.rules.work import unhandled

PAGE: Final = 50
HORIZON_WORKING_DAYS: Final = 5
"""How far ahead a task counts as "to do": a call in six months does not."""

DANGER: Final = "acknowledge_danger"
YOU: Final = "vous"


@dataclass(frozen=True)
class Todo:
    """The most pressing task of one case. `doubt` is the message that it asks to check."""

    case: Case
    task: Task
    title: str
    waiting_for: str
    phone: str
    doubt: UUID | None


@dataclass(frozen=True)
class Today:
    """What needs a person, and how many cases go on by themselves."""

    lines: list[Todo]
    alone: int
    letters: int


def today(unit: UnitOfWork, actor: Actor) -> Today:
    """The day of a coordinator (the programme's own tasks, everybody's late ones, dangers) or of an operator."""
    query = _open_tasks(actor).where(_concerns(unit, actor)).order_by(Task.kind != DANGER, Task.due_at, Task.id)
    pressing: dict[UUID, Task] = {}
    for task in unit.session.scalars(query):
        pressing.setdefault(task.case_id, task)
    lines = [_todo(unit, actor, task) for task in pressing.values()]
    under_way = CaseQuery(actor, open_only=True).count(unit)
    return Today(lines, under_way - len(lines), letters_waiting(unit, actor))


def _open_tasks(actor: Actor) -> Select[Task]:
    cases = visible(actor).with_only_columns(Case.id)
    return select(Task).where(Task.state == TaskState.OPEN, Task.paused_at.is_(None), Task.case_id.in_(cases))


def _concerns(unit: UnitOfWork, actor: Actor) -> ColumnElement[bool]:
    party = Party.COORDINATOR if actor.role is Role.COORDINATOR else Party.OPERATOR
    soon = unit.now
    if actor.programme_id is not None:
        soon = calendar_of(unit, actor.programme_id).due_after(unit.now, working_days=HORIZON_WORKING_DAYS)
    own = and_(Task.party == party, Task.due_at <= soon)
    late = Task.due_at < unit.now
    return or_(own, late, Task.kind == DANGER) if actor.role is Role.COORDINATOR else or_(own, Task.kind == DANGER)


def _todo(unit: UnitOfWork, actor: Actor, task: Task) -> Todo:
    message = in_doubt(unit, task) if task.kind == "check_message" else None
    who, phone = waited_for(unit, actor, task)
    title = task_title(pathway_of(unit, task.case.pathway_hash), task.kind)
    return Todo(task.case, task, title, who, phone, message.id if message else None)


def waited_for(unit: UnitOfWork, actor: Actor, task: Task) -> tuple[str, str]:
    """Who has the ball, in the words of this reader, and the number where they answer (E.164, or empty).

    Whoever of the team took it is named.
    """
    who, phone = _side(unit, actor, task)
    if task.person is None or task.party not in _TEAM:
        return who, phone
    return (YOU, "") if task.person_id == actor.id else (task.person.name, phone)


_TEAM: Final = frozenset({Party.COORDINATOR, Party.OPERATOR})


def _side(unit: UnitOfWork, actor: Actor, task: Task) -> tuple[str, str]:
    if task.party == Party.COORDINATOR:
        return (YOU if actor.role is Role.COORDINATOR else "la coordination"), ""
    if task.party == Party.OPERATOR:
        operator = task.organisation or task.case.operator
        mine = actor.role is Role.OPERATOR
        return (
            (YOU, "") if mine else (operator.name if operator else "l’opérateur", (operator and operator.phone) or "")
        )
    if task.party == Party.PARTNER and task.referral is not None:
        return task.referral.partner.name, task.referral.partner.phone or ""
    alert = unit.session.get(Alert, task.alert_id) if task.alert_id else None
    if alert is not None:
        return (alert.organisation.name if alert.organisation else alert.giver_name), alert.giver_phone or ""
    return (task.organisation.name if task.organisation else "le donneur d’alerte"), ""


def letters_waiting(unit: UnitOfWork, actor: Actor) -> int:
    """Letters to print or to post; none for those who do not post."""
    if actor.role is not Role.COORDINATOR:
        return 0
    waiting = (MessageState.QUEUED, MessageState.PRINTED)
    query = select(func.count()).where(
        Message.programme_id == actor.programme_id,
        Message.channel == Channel.LETTER,
        Message.state.in_(waiting),
        Message.due_at <= unit.now,
    )
    return unit.session.scalar(query) or 0


@dataclass(frozen=True)
class CaseQuery:
    """One question for counts and lists alike, so that a count and its list never differ."""

    actor: Actor
    stage: Stage | None = None
    words: str = ""
    open_only: bool = False

    def select(self) -> Select[Case]:
        """The cases, in no order."""
        query = visible(self.actor)
        if self.stage is not None:
            query = query.where(Case.stage == self.stage)
        if self.open_only:
            query = query.where(Case.stage != Stage.CLOSED)
        return query.where(self._matches()) if self.words else query

    def count(self, unit: UnitOfWork) -> int:
        """How many."""
        return unit.session.scalar(select(func.count()).select_from(self.select().subquery())) or 0

    def by_stage(self, unit: UnitOfWork) -> dict[str, int]:
        """How many at each stage."""
        found = self.select().subquery()
        rows = unit.session.execute(select(found.c.stage, func.count()).group_by(found.c.stage))
        return {row[0]: row[1] for row in rows}

    def page(self, unit: UnitOfWork, number: int) -> list[Case]:
        """One page (1, 2, …), the most recent first."""
        query = self.select().order_by(Case.opened_at.desc(), Case.id.desc())
        return list(unit.session.scalars(query.limit(PAGE).offset((number - 1) * PAGE)))

    def _matches(self) -> ColumnElement[bool]:
        key = search_key(self.words)
        matches = [Case.number == self.words.strip()]
        if key:
            matches += [
                Case.household_id.in_(select(Household.id).where(Household.search_key.contains(key, autoescape=True))),
                Case.dwelling_id.in_(select(Dwelling.id).where(Dwelling.search_key.contains(key, autoescape=True))),
            ]
        try:
            number = normalise(self.words)
        except CaseworkError:
            return or_(*matches)
        return or_(*matches, Case.household_id.in_(select(Phone.household_id).where(Phone.number == number)))


@dataclass(frozen=True)
class Sheet:
    """One case with all that its page shows. `tasks` are open and running, the most pressing first; `paused` wait."""

    case: Case
    tasks: Sequence[Task]
    paused: Sequence[Task]
    referrals: Sequence[Referral]
    visits: Sequence[Visit]
    permissions: Sequence[Permission]
    documents: Sequence[Document]
    reports: Sequence[Report]
    loans: Sequence[Loan]
    coming: Sequence[Coming]
    in_engines_hands: bool

    @property
    def planned_visit(self) -> Visit | None:
        """The visit to come, or to report."""
        return next((visit for visit in self.visits if visit.state == VisitState.PLANNED), None)


def readable(unit: UnitOfWork, actor: Actor, case_id: UUID) -> Case:
    """A case to read, not locked. Raises `NotFound` alike for a foreign and a missing one."""
    case: Case | None = unit.session.scalars(visible(actor).where(Case.id == case_id)).first()
    if case is None:
        raise NotFound
    return case


def sheet(unit: UnitOfWork, actor: Actor, case_id: UUID) -> Sheet:
    """Everything of one case."""
    case = readable(unit, actor, case_id)
    session = unit.session
    tasks = session.scalars(
        select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN).order_by(Task.due_at, Task.id)
    ).all()
    return Sheet(
        case=case,
        tasks=[task for task in tasks if task.paused_at is None],
        paused=[task for task in tasks if task.paused_at is not None],
        referrals=session.scalars(select(Referral).where(Referral.case_id == case.id).order_by(Referral.id)).all(),
        visits=session.scalars(select(Visit).where(Visit.case_id == case.id).order_by(Visit.ordinal)).all(),
        permissions=session.scalars(
            select(Permission).where(Permission.case_id == case.id).order_by(Permission.given_on, Permission.id)
        ).all(),
        documents=session.scalars(select(Document).where(Document.case_id == case.id).order_by(Document.id)).all(),
        reports=session.scalars(select(Report).where(Report.case_id == case.id).order_by(Report.id)).all(),
        loans=session.scalars(select(Loan).where(Loan.case_id == case.id).order_by(Loan.lent_on.desc(), Loan.id)).all(),
        coming=obligations.coming(unit, case.id),
        in_engines_hands=bool(unhandled(unit, [case.id])),
    )


def double_of(unit: UnitOfWork, actor: Actor, number: str) -> Case | None:
    """The case of this reference, if the actor may read it."""
    found: Case | None = unit.session.scalars(visible(actor).where(Case.number == number)).first()
    return found


def merged_into(unit: UnitOfWork, actor: Actor, case: Case) -> Case | None:
    """The case that goes on in the place of a merged one, if the actor may read it."""
    query = visible(actor).where(Case.id == case.merged_into_id)
    found: Case | None = unit.session.scalars(query).first() if case.merged_into_id else None
    return found


def absorbed(unit: UnitOfWork, actor: Actor, case: Case) -> list[Case]:
    """The doubles that were merged into this case."""
    return list(unit.session.scalars(visible(actor).where(Case.merged_into_id == case.id).order_by(Case.number)))


def why_suspended(unit: UnitOfWork, case: Case) -> SuspensionReason | None:
    """What the case waits for; None when it does not."""
    if case.state != CaseState.SUSPENDED:
        return None
    query = select(Event.payload).where(Event.case_id == case.id, Event.type == CaseSuspended.type)
    found = unit.session.scalars(query.order_by(Event.seq.desc()).limit(1)).first()
    return SuspensionReason(found["reason"]) if found else None


def organisations(unit: UnitOfWork, actor: Actor, kind: OrganisationKind) -> list[Organisation]:
    """The programme's operators, partners or alert givers, by name; a partner that is closed today is left out."""
    query = select(Organisation).where(Organisation.programme_id == actor.programme_id, Organisation.kind == kind)
    closed = closed_today(unit, actor.programme_id) if actor.programme_id else {}
    return [each for each in unit.session.scalars(query.order_by(Organisation.name)) if each.id not in closed]


def referral_of(unit: UnitOfWork, actor: Actor, referral_id: UUID, *, case_id: UUID) -> Referral:
    """A referral of this case, if the actor may read it. Raises `NotFound`."""
    readable(unit, actor, case_id)
    referral = unit.session.get(Referral, referral_id)
    if referral is None or referral.case_id != case_id:
        raise NotFound
    return referral


def organisation_name(unit: UnitOfWork, organisation_id: UUID) -> str:
    """How an organisation is called; empty when it is gone."""
    found = unit.session.get(Organisation, organisation_id)
    return found.name if found else ""


def readers(unit: UnitOfWork, actor: Actor, case_id: UUID) -> list[tuple[str, datetime]]:
    """Who opened a case and when, the latest first; for the coordinator only."""
    require(actor, Right.TRIAGE)
    query = (
        select(AccessEntry.actor, AccessEntry.at)
        .where(AccessEntry.case_id == case_id, AccessEntry.allowed, AccessEntry.action.in_(("read", "download")))
        .order_by(AccessEntry.at.desc())
        .limit(PAGE)
    )
    rows = unit.session.execute(query).all()
    return [(_name_of(unit, row[0]), row[1]) for row in rows]


def _name_of(unit: UnitOfWork, label: str) -> str:
    kind, _, identifier = label.partition(":")
    if kind == "link" and identifier:
        referral = unit.session.get(Referral, UUID(identifier))
        return f"{referral.partner.name} (partenaire)" if referral else label
    person = unit.session.get(Person, UUID(identifier)) if kind == "person" and identifier else None
    return person.name if person else label
