"""Builds the answers: each reader gets what the policy lets through, read in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from models.cases import Alert, Case, Document, Dwelling, Household, Loan, Note, Permission, Referral, Visit
from models.engine import Message, Task
from models.lifecycles import FHIR_STATUS_REASON, FHIR_TASK_STATUS
from models.pathway import Pathway
from models.programmes import Organisation
from models.vocabulary import (
    AgreementMode,
    BestTime,
    CaseState,
    Channel,
    Danger,
    Loop,
    MessageState,
    OrganisationKind,
    Party,
    PermissionKind,
    ReferralKind,
    ReferralState,
    Role,
    Stage,
    TaskState,
    Tenure,
    Theme,
    Urgency,
    VisitState,
)
from services import desk
from services.foundation.database import UnitOfWork
from services.rules import work
from services.rules.policy import Actor, visible
from services.rules.published import pathway_of
from services.rules.titles import task_title
from services.web.api import answers as a

T = TypeVar("T", Task, Visit, Referral, Loan, Permission, Message, Note, Document)
_MINE: Final = {Role.COORDINATOR: "coordinator", Role.OPERATOR: "operator"}


def cases(unit: UnitOfWork, actor: Actor, *, stage: Stage | None, after: UUID | None, limit: int) -> a.Cases:
    """A page of what the actor may read; `after` is the last id of the page before."""
    query = visible(actor).options(selectinload(Case.dwelling).selectinload(Dwelling.commune))
    if stage is not None:
        query = query.where(Case.stage == stage.value)
    last = unit.session.scalars(visible(actor).where(Case.id == after)).first() if after else None
    if last is not None:
        older = and_(Case.opened_at == last.opened_at, Case.id < last.id)
        query = query.where(or_(Case.opened_at < last.opened_at, older))
    found = unit.session.scalars(query.order_by(Case.opened_at.desc(), Case.id.desc()).limit(limit + 1)).all()
    page = found[:limit]
    ids = [case.id for case in page]
    open_tasks = unit.session.scalars(
        select(Task).where(Task.case_id.in_(ids), Task.state == TaskState.OPEN).options(selectinload(Task.organisation))
    ).all()
    busy = work.unhandled(unit, ids)
    lines = [
        case_line(case, [task for task in open_tasks if task.case_id == case.id], busy=case.id in busy) for case in page
    ]
    return a.Cases(items=lines, next=ids[-1] if len(found) > limit else None)


def case_line(case: Case, open_tasks: Sequence[Task], *, busy: bool) -> a.CaseLine:
    """One case in a list; `busy` while the engine still has an event of it to handle."""
    return a.CaseLine(
        id=case.id,
        number=case.number,
        state=CaseState(case.state),
        stage=Stage(case.stage),
        urgency=Urgency(case.urgency),
        danger=Danger(case.danger) if case.danger else None,
        commune=case.dwelling.commune.name,
        operator=case.operator.name if case.operator else None,
        opened_at=case.opened_at,
        version=case.version,
        waiting_for=waiting_for(open_tasks, busy=busy),
    )


def waiting_for(open_tasks: Iterable[Task], *, busy: bool) -> a.Waiting | None:
    """Who has the ball: the most pressing open task; Relais itself while it works on the case; nobody at the end."""
    running = [task for task in open_tasks if task.paused_at is None]
    task = min(running, key=lambda each: (each.due_at, each.id), default=None)
    if task is None:
        return a.Waiting(party=None) if busy else None
    organisation = task.organisation.name if task.organisation else None
    return a.Waiting(party=Party(task.party), organisation=organisation, until=task.due_at, task=task.kind)


def case(unit: UnitOfWork, actor: Actor, found: Case) -> a.CaseAnswer:
    """A whole case for one reader."""
    tasks = _of_case(unit, Task, found.id, Task.opened_at)
    still_open = [task for task in tasks if task.state == TaskState.OPEN]
    pathway, kept = pathway_of(unit, found.pathway_hash), desk.merged_into(unit, actor, found)
    line = case_line(found, still_open, busy=bool(work.unhandled(unit, [found.id])))
    return a.CaseAnswer(
        **dict(line),
        closed_at=found.closed_at,
        outcome=found.outcome,
        suspended_until=found.suspended_until,
        merged_into=kept.number if kept else None,
        household=_household(found.household, found.dwelling),
        checks=a.Checks(**found.checks) if actor.role is Role.COORDINATOR and found.checks else None,
        alerts=[_alert(each) for each in found.alerts],
        tasks=[_task(each, found.number, pathway) for each in tasks],
        visits=[_visit(each) for each in _of_case(unit, Visit, found.id, Visit.ordinal)],
        referrals=[_referral(each) for each in _of_case(unit, Referral, found.id, Referral.id)],
        loans=[_loan(each) for each in _of_case(unit, Loan, found.id, Loan.lent_on)],
        permissions=[_permission(unit, each) for each in _of_case(unit, Permission, found.id, Permission.given_on)],
        messages=[_message(each) for each in _of_case(unit, Message, found.id, Message.created_at)],
        notes=[
            a.NoteLine(author=each.author, audience=each.audience, text=each.text, at=each.at)
            for each in _of_case(unit, Note, found.id, Note.at)
        ],
        documents=[_document(each) for each in _of_case(unit, Document, found.id, Document.added_at)],
    )


def tasks_of(unit: UnitOfWork, actor: Actor, *, before: datetime | None, after: UUID | None, limit: int) -> a.Tasks:
    """The open tasks that wait for the actor's side, most pressing first, due before an instant if one is given."""
    mine = _MINE.get(actor.role, "") if actor.role else ""
    readable = visible(actor).with_only_columns(Case.id)
    query = select(Task, Case).join(Case, Case.id == Task.case_id)
    query = query.where(
        Task.state == TaskState.OPEN, Task.paused_at.is_(None), Task.party == mine, Task.case_id.in_(readable)
    )
    if before is not None:
        query = query.where(Task.due_at < before)
    last = unit.session.get(Task, after) if after else None
    if last is not None:
        later = and_(Task.due_at == last.due_at, Task.id > last.id)
        query = query.where(or_(Task.due_at > last.due_at, later))
    rows = unit.session.execute(
        query.order_by(Task.due_at, Task.id).limit(limit + 1).options(selectinload(Task.organisation))
    ).all()
    page = rows[:limit]
    following = page[-1][0].id if len(rows) > limit else None
    lines = [_task(task, case.number, pathway_of(unit, case.pathway_hash)) for task, case in page]
    return a.Tasks(items=lines, next=following)


def organisations(unit: UnitOfWork, actor: Actor, kind: OrganisationKind | None) -> a.Organisations:
    """The directory of the actor's programme, by name."""
    query = select(Organisation).where(Organisation.programme_id == actor.programme_id)
    if kind is not None:
        query = query.where(Organisation.kind == kind.value)
    found = unit.session.scalars(query.order_by(Organisation.name, Organisation.id)).all()
    return a.Organisations(items=[_organisation(each) for each in found])


def _of_case(unit: UnitOfWork, kind: type[T], case_id: UUID, order: InstrumentedAttribute[Any]) -> Sequence[T]:
    return unit.session.scalars(select(kind).where(kind.case_id == case_id).order_by(order, kind.id)).all()


def _household(household: Household, dwelling: Dwelling) -> a.HouseholdBlock:
    phones = [
        a.PhoneLine(id=phone.id, number=phone.number, blocked=phone.blocked_at is not None)
        for phone in household.phones
    ]
    return a.HouseholdBlock(
        name=household.name,
        email=household.email,
        phones=phones,
        best_time=BestTime(household.best_time),
        people=household.people,
        birth_year=household.birth_year,
        street=dwelling.street,
        complement=dwelling.complement,
        postcode=dwelling.postcode,
        commune=dwelling.commune.name,
        tenure=Tenure(dwelling.tenure),
        landlord=dwelling.landlord,
    )


def _alert(alert: Alert) -> a.AlertLine:
    return a.AlertLine(
        id=alert.id,
        organisation=alert.organisation.name if alert.organisation else None,
        giver_name=alert.giver_name,
        motives=alert.motives,
        free_text=alert.free_text,
        received_at=alert.received_at,
    )


def _task(task: Task, number: str, pathway: Pathway) -> a.TaskLine:
    rule = pathway.tasks.get(task.kind)
    return a.TaskLine(
        id=task.id,
        case_id=task.case_id,
        number=number,
        kind=task.kind,
        party=Party(task.party),
        organisation=task.organisation.name if task.organisation else None,
        state=TaskState(task.state),
        opened_at=task.opened_at,
        due_at=task.due_at,
        provisional=task.provisional,
        closed_at=task.closed_at,
        title=task_title(pathway, task.kind),
        taken_by=task.person.name if task.person else None,
        paused_at=task.paused_at,
        snoozed_until=task.snoozed_until,
        outcomes=list(rule.outcomes) if rule is not None else [],
        referral_id=task.referral_id,
        loan_id=task.loan_id,
    )


def _loan(loan: Loan) -> a.LoanLine:
    return a.LoanLine(
        id=loan.id, item=loan.item, lent_on=loan.lent_on, due_on=loan.due_on, returned_on=loan.returned_on
    )


def _permission(unit: UnitOfWork, permission: Permission) -> a.PermissionLine:
    named = desk.organisation_name(unit, permission.organisation_id) if permission.organisation_id else None
    return a.PermissionLine(
        id=permission.id,
        kind=PermissionKind(permission.kind),
        organisation=named,
        mode=AgreementMode(permission.mode),
        collected_by=permission.collected_by,
        given_on=permission.given_on,
        revoked_at=permission.revoked_at,
    )


def _visit(visit: Visit) -> a.VisitLine:
    return a.VisitLine(
        id=visit.id,
        ordinal=visit.ordinal,
        state=VisitState(visit.state),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        officer=visit.officer.name if visit.officer else None,
    )


def _referral(referral: Referral) -> a.ReferralLine:
    return a.ReferralLine(
        id=referral.id,
        partner=referral.partner.name,
        theme=Theme(referral.need.theme),
        state=ReferralState(referral.state),
        fhir_status=FHIR_TASK_STATUS[ReferralState(referral.state)],
        fhir_status_reason=FHIR_STATUS_REASON.get(ReferralState(referral.state), referral.reason),
        kind=ReferralKind(referral.kind),
        check_on=referral.check_on,
        reason=referral.reason,
        outcome=referral.outcome,
        loop=Loop(referral.loop),
        brief=referral.brief,
        file_number=referral.file_number,
        amount_cents=referral.amount_cents,
        replaces_id=referral.replaces_id,
        sent_at=referral.sent_at,
        delivered_at=referral.delivered_at,
        opened_at=referral.opened_at,
        answered_at=referral.answered_at,
        ended_at=referral.ended_at,
    )


def _message(message: Message) -> a.MessageLine:
    return a.MessageLine(
        id=message.id,
        text=message.text,
        party=Party(message.party),
        organisation=message.organisation.name if message.organisation else None,
        channel=Channel(message.channel),
        state=MessageState(message.state),
        due_at=message.due_at,
        done_at=message.done_at,
        attempts=message.attempts,
    )


def _document(document: Document) -> a.DocumentLine:
    return a.DocumentLine(
        id=document.id,
        filename=document.filename,
        media_type=document.media_type,
        size=document.size,
        added_at=document.added_at,
    )


def _organisation(organisation: Organisation) -> a.OrganisationLine:
    return a.OrganisationLine(
        id=organisation.id,
        slug=organisation.slug,
        kind=OrganisationKind(organisation.kind),
        name=organisation.name,
        themes=[Theme(theme) for theme in organisation.themes],
        full_until=organisation.full_until,
    )
