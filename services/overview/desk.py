"""What the desk shows: the day's list, the pipeline, one case; read models, each narrowed by the policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, func, or_, select
from sqlalchemy import case as either
from sqlalchemy.orm import joinedload, selectinload

from models.cases import (
    Alert,
    Case,
    Document,
    Dwelling,
    Household,
    Loan,
    Permission,
    Referral,
    Report,
    SupplyCut,
    Visit,
)
from models.engine import Event, Message, Task
from models.events import CaseAccepted, CaseSuspended, FollowUpStarted, ReportDelivered, VisitHeld
from models.programmes import AccessEntry, Organisation, Person
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
    Urgency,
    VisitState,
)
from services import listing
from services.cases import supply_cuts
from services.correspondence.messages import in_doubt
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.listing import EVERYTHING, PAGE, Filters, Page
from services.overview import coming
from services.overview.coming import Departure
from services.rules import relevance
from services.rules.finding import by_name
from services.rules.policy import (
    Actor,
    Right,
    is_known,
    knows_household,
    letters_of,
    look_up_known,
    posts_letters,
    readable,
    require,
    visible,
)
from services.rules.presence import closed_today
from services.rules.published import pathway_of
from services.rules.ranking import DANGER, Rank, Stake, rank, score_of
from services.rules.titles import task_title
from services.rules.work import held_up, unhandled

READERS: Final = 50
YOU: Final = "vous"
HOLD_VISIT: Final = "hold_visit"


@dataclass(frozen=True)
class Todo:
    """The most pressing task of one case, and why it comes here. `doubt` is the message that it asks to check."""

    case: Case
    task: Task
    title: str
    waiting_for: str
    phone: str
    reasons: tuple[str, ...]
    doubt: UUID | None


@dataclass(frozen=True)
class Today:
    """What needs a person, the most pressing first, and how many cases go on by themselves."""

    lines: Page[Todo]
    alone: int
    letters: int


def today(unit: UnitOfWork, actor: Actor, filters: Filters = EVERYTHING, *, number: int = 1) -> Today:
    """The day of a coordinator (the programme's own tasks, everybody's late ones, dangers) or of an operator.

    A case stands once, with its most pressing task. Its counts are those of `listing.cases` with the same filters.
    """
    asked = filters.but(to_do=True)
    total = listing.owed(unit, actor, asked).count(unit, of=Task.case_id)
    number = listing.nearest(number, total)
    ranked = _ranked(unit, actor, asked, number)
    tasks = listing.owed(unit, actor).those(unit, ranked)
    look_up_known(unit, actor, [task.case for task in tasks])
    lines = [_todo(unit, actor, task, ranked[task.id]) for task in tasks]
    alone = listing.cases(unit, actor, filters.but(alone=True)).count(unit)
    return Today(Page(lines, number, total), alone, letters_waiting(unit, actor))


def _ranked(unit: UnitOfWork, actor: Actor, filters: Filters, number: int) -> dict[UUID, Rank]:
    """The most pressing task of each case, one page of them in order: a bad day has thousands.

    Age and size of a household weigh, and are said, for those alone who may know it.
    """
    read = (
        listing.owed(unit, actor, filters, with_case=True)
        .query.join(Household, Household.id == Case.household_id)
        .with_only_columns(
            Task.id, Task.case_id, Task.kind, Task.due_at, Case.urgency, Household.birth_year, Household.people,
            is_known(actor).label("knows"),
        )
        .subquery()
    ).c  # fmt: skip
    born, people = either((read.knows, read.birth_year)), either((read.knows, read.people))
    score = score_of(read.kind, read.due_at, read.urgency, born, people, now=unit.now)
    query = select(
        read.id, read.case_id, read.kind, read.due_at, read.urgency, born.label("born"), people.label("people")
    )
    query = query.order_by(score.desc(), read.due_at, read.case_id, read.id)
    rows = listing.first_of_each_case(unit, query, number * PAGE)[(number - 1) * PAGE :]
    return {row.id: rank(_stake(row, unit.now), unit.now) for row in rows}


def _stake(row: Row[Any], now: datetime) -> Stake:
    age = now.year - row.born if row.born else None
    return Stake(row.kind, row.due_at, Urgency(row.urgency), age, row.people)


def _todo(unit: UnitOfWork, actor: Actor, task: Task, found: Rank) -> Todo:
    message = in_doubt(unit, task) if task.kind == "check_message" else None
    who, phone = waited_for(unit, actor, task)
    title = task_title(pathway_of(unit, task.case.pathway_hash), task.kind)
    return Todo(task.case, task, title, who, phone, found.reasons, message.id if message else None)


def owed_first(unit: UnitOfWork, actor: Actor, cases: Sequence[Case]) -> dict[UUID, Task]:
    """What is to be done first on each of these cases where something is: a danger, else what is due first."""
    query = listing.owed(unit, actor).query.where(Task.case_id.in_([case.id for case in cases]))
    found: dict[UUID, Task] = {}
    for task in unit.session.scalars(query.order_by(Task.kind != DANGER, Task.due_at, Task.id).options(*_WHOSE)):
        found.setdefault(task.case_id, task)
    return found


_WHOSE: Final = (
    joinedload(Task.organisation), joinedload(Task.person), joinedload(Task.referral).joinedload(Referral.partner),
)  # fmt: skip


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
    if alert is not None and knows_household(unit, actor, task.case):  # a household may have asked by itself
        return (alert.organisation.name if alert.organisation else alert.giver_name), alert.giver_phone or ""
    return (task.organisation.name if task.organisation else "le donneur d’alerte"), ""


def letters_waiting(unit: UnitOfWork, actor: Actor) -> int:
    """Letters to print or to post, without those that would not be written any more; none for those who do not post."""
    if not posts_letters(unit, actor):
        return 0
    waiting = (MessageState.QUEUED, MessageState.PRINTED)
    query = select(func.count()).select_from(Message)
    query = query.where(
        # Of each of the few: for a join SQLite may read all cases first.
        select(letters_of(unit, actor)).where(Case.id == Message.case_id).scalar_subquery(),
        Message.programme_id == actor.programme_id,
        Message.channel == Channel.LETTER,
        Message.state.in_(waiting),
        Message.due_at <= unit.now,
        or_(Message.state == MessageState.PRINTED, relevance.is_wanted(unit.now)),
    )
    return unit.session.scalar(query) or 0


@dataclass(frozen=True)
class Sheet:
    """One case with all that its page shows. `tasks` are open and running, the most pressing first; `paused` wait.

    `is_known`: the reader may know whose case it is; otherwise no document and no report is here. `reached`: the stage
    it is in; of a case that ended, the last one it came to.
    """

    case: Case
    is_known: bool
    tasks: Sequence[Task]
    paused: Sequence[Task]
    referrals: Sequence[Referral]
    visits: Sequence[Visit]
    permissions: Sequence[Permission]
    documents: Sequence[Document]
    reports: Sequence[Report]
    loans: Sequence[Loan]
    cuts: Sequence[SupplyCut]
    coming: Sequence[Departure]
    in_engines_hands: bool
    is_held_up: bool
    reached: Stage
    now: datetime

    @property
    def planned_visit(self) -> Visit | None:
        """The visit to come, or to report."""
        return next((visit for visit in self.visits if visit.state == VisitState.PLANNED), None)

    @property
    def visit_is_to_come(self) -> bool:
        """Whether the hour of the visit has not struck: nobody can say that it was made."""
        return self.planned_visit is not None and self.planned_visit.starts_at > self.now


def sheet(unit: UnitOfWork, actor: Actor, case_id: UUID) -> Sheet:
    """Everything of one case."""
    case = readable(unit, actor, case_id, *_OF_CASE)
    session, is_known, of_case = unit.session, knows_household(unit, actor, case), {"case": case.id}
    referrals, visits = session.scalars(_REFERRALS, of_case).all(), session.scalars(_VISITS, of_case).all()
    tasks = session.scalars(_OPEN_TASKS, of_case).all()
    is_held_up = bool(held_up(unit, [case.id]))
    return Sheet(
        case=case,
        is_known=is_known,
        tasks=[task for task in tasks if task.paused_at is None],
        paused=[task for task in tasks if task.paused_at is not None],
        referrals=referrals,
        visits=visits,
        permissions=session.scalars(_PERMISSIONS, of_case).all(),
        documents=session.scalars(_DOCUMENTS, of_case).all() if is_known else (),
        reports=session.scalars(_REPORTS, of_case).all() if is_known else (),
        loans=session.scalars(_LOANS, of_case).all(),
        cuts=supply_cuts.followed(unit, case.id),
        coming=coming.of_case(unit, actor, case.id),
        in_engines_hands=bool(unhandled(unit, [case.id])) and not is_held_up,
        is_held_up=is_held_up,
        reached=_reached(unit, case) if case.is_closed else Stage(case.stage),
        now=unit.now,
    )


def _reached(unit: UnitOfWork, case: Case) -> Stage:
    came = set(unit.session.scalars(select(Event.type).where(Event.case_id == case.id, Event.type.in_(_COMES_TO))))
    return next((stage for type_, stage in _COMES_TO.items() if type_ in came), Stage.DETECTION)


_COMES_TO: Final = {
    FollowUpStarted.type: Stage.FOLLOW_UP,
    ReportDelivered.type: Stage.ORIENTATION,
    VisitHeld.type: Stage.DIAGNOSTIC,
    CaseAccepted.type: Stage.VISIT,
}
"""The event that opens each stage, the last stage first."""

# Everything that the page speaks of comes with what it hangs on: a question for each of them would cost more.
_OF_CASE: Final = (
    joinedload(Case.programme, innerjoin=True),
    joinedload(Case.household, innerjoin=True).selectinload(Household.phones),
    joinedload(Case.dwelling, innerjoin=True).joinedload(Dwelling.commune, innerjoin=True),
    joinedload(Case.operator),
    selectinload(Case.alerts).joinedload(Alert.organisation),
)
# Made once for all pages.
_CASE: Final[ColumnElement[UUID]] = bindparam("case", type_=Case.id.type)
_REFERRALS: Final = (
    select(Referral)
    .where(Referral.case_id == _CASE)
    .order_by(Referral.id)
    .options(joinedload(Referral.need, innerjoin=True), joinedload(Referral.partner, innerjoin=True))
)
_VISITS: Final = (
    select(Visit)
    .where(Visit.case_id == _CASE)
    .order_by(Visit.ordinal)
    .options(joinedload(Visit.officer), joinedload(Visit.second_officer))
)
_OPEN_TASKS: Final = (
    select(Task)
    .where(Task.case_id == _CASE, Task.state == TaskState.OPEN)
    .order_by(Task.due_at, Task.id)
    .options(joinedload(Task.organisation), joinedload(Task.person))
)
_PERMISSIONS: Final = select(Permission).where(Permission.case_id == _CASE).order_by(Permission.given_on, Permission.id)
_DOCUMENTS: Final = select(Document).where(Document.case_id == _CASE).order_by(Document.id)
_REPORTS: Final = select(Report).where(Report.case_id == _CASE).order_by(Report.id)
_LOANS: Final = select(Loan).where(Loan.case_id == _CASE).order_by(Loan.lent_on.desc(), Loan.id)


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
    """The programme's operators, partners or alert givers, by name, without those that ended or are closed today."""
    query = select(Organisation).where(
        Organisation.programme_id == actor.programme_id, Organisation.kind == kind, Organisation.ended_on.is_(None)
    )
    closed = closed_today(unit, actor.programme_id) if actor.programme_id else {}
    return [each for each in sorted(unit.session.scalars(query), key=by_name) if each.id not in closed]


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


class Opening(NamedTuple):
    """Somebody who opened a case, or tried to without being allowed; `what` is a code of the labels `opening`."""

    name: str
    what: str
    at: datetime


_OPENINGS: Final = {
    "read": "read", "case.read": "by_api", "download": "file", "report": "report", "sheet": "sheet",
    "sign_in": "sign_in",
}  # fmt: skip


def readers(unit: UnitOfWork, actor: Actor, case_id: UUID) -> list[Opening]:
    """Who opened a case and when, the latest first, by the pages or the API, and who was refused; for a coordinator."""
    require(actor, Right.TRIAGE)
    seen = or_(AccessEntry.action.in_(_OPENINGS), AccessEntry.allowed.is_(False))
    rows = unit.session.execute(
        select(AccessEntry.actor, AccessEntry.action, AccessEntry.allowed, AccessEntry.at)
        .where(AccessEntry.case_id == case_id, seen)
        .order_by(AccessEntry.at.desc())
        .limit(READERS)
    ).all()
    names = {row.actor: _name_of(unit, row.actor) for row in rows}
    return [Opening(names[row.actor], _OPENINGS[row.action] if row.allowed else "refused", row.at) for row in rows]


def _name_of(unit: UnitOfWork, label: str) -> str:
    kind, _, identifier = label.partition(":")
    if kind == "link" and identifier:
        referral = unit.session.get(Referral, UUID(identifier))
        return f"{referral.partner.name} (partenaire)" if referral else label
    if kind == "form" and identifier:
        giver = unit.session.get(Organisation, UUID(identifier))
        return f"{giver.name} (donneur d’alerte)" if giver else "Le ménage"
    person = unit.session.get(Person, UUID(identifier)) if kind == "person" and identifier else None
    return person.name if person else label
