"""Builds the answers: each reader gets what the policy lets through, read in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from models.cases import Alert, Case, Document, Dwelling, Loan, Note, Permission, Referral, SupplyCut, Visit
from models.engine import Message, Task
from models.lifecycles import FHIR_STATUS_REASON, FHIR_TASK_STATUS
from models.pathway import Pathway
from models.programmes import Organisation
from models.vocabulary import (
    AgreementMode,
    BestTime,
    CaseState,
    Channel,
    Contract,
    CutOutcome,
    Danger,
    Derogation,
    Energy,
    Equipment,
    EquipmentState,
    ExitCriterion,
    Heating,
    IncomeClass,
    Known,
    Loop,
    LossReason,
    MessageState,
    Method,
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
    Vulnerability,
)
from services import listing
from services.cases import findings, kits, needs, scorecards, supply_cuts, surveys
from services.cases.circumstances import means_of
from services.foundation.database import UnitOfWork
from services.listing import RUNNING, Filters
from services.overview import desk, doubles
from services.rules import work
from services.rules.policy import Actor, is_visible, knows_household, visible
from services.rules.published import pathway_of
from services.rules.titles import task_title
from services.web.api import answers as a

T = TypeVar("T", Task, Visit, Referral, Loan, Permission, Message, Note, Document, SupplyCut)
_MINE: Final = {Role.COORDINATOR: "coordinator", Role.OPERATOR: "operator"}


def cases(unit: UnitOfWork, actor: Actor, asked: Filters, *, after: UUID | None, limit: int) -> a.Cases:
    """A page of what the actor may read; `after` is the last id of the page before."""
    query = listing.cases(unit, actor, asked).query
    query = query.options(selectinload(Case.dwelling).selectinload(Dwelling.commune))
    last = unit.session.scalars(visible(actor).where(Case.id == after)).first() if after else None
    if last is not None:
        query = query.where(tuple_(Case.opened_at, Case.id) < (last.opened_at, last.id))
    found = unit.session.scalars(query.order_by(Case.opened_at.desc(), Case.id.desc()).limit(limit + 1)).all()
    page = found[:limit]
    return a.Cases(items=lines(unit, page), next=page[-1].id if len(found) > limit else None)


def lines(unit: UnitOfWork, page: Sequence[Case]) -> list[a.CaseLine]:
    """Cases in a list, with whom each waits for."""
    ids = [case.id for case in page]
    open_tasks = unit.session.scalars(
        select(Task).where(Task.case_id.in_(ids), Task.state == TaskState.OPEN).options(selectinload(Task.organisation))
    ).all()
    busy = work.unhandled(unit, ids)
    return [
        case_line(case, [task for task in open_tasks if task.case_id == case.id], busy=case.id in busy) for case in page
    ]


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
    is_known = knows_household(unit, actor, found)
    line = case_line(found, still_open, busy=bool(work.unhandled(unit, [found.id])))
    return a.CaseAnswer(
        **dict(line),
        closed_at=found.closed_at,
        outcome=found.outcome,
        suspended_until=found.suspended_until,
        merged_into=kept.number if kept else None,
        absorbed=[each.number for each in desk.absorbed(unit, actor, found)],
        household=_household(unit, found) if is_known else None,
        checks=_checks(unit, actor, found) if actor.role is Role.COORDINATOR and found.checks else None,
        alerts=[_alert(each, is_known=is_known) for each in found.alerts],
        tasks=[_task(each, found, pathway) for each in tasks],
        visits=[_visit(each) for each in _of_case(unit, Visit, found.id, Visit.ordinal)],
        referrals=[_referral(each, is_known=is_known) for each in _of_case(unit, Referral, found.id, Referral.id)],
        loans=[_loan(each) for each in _of_case(unit, Loan, found.id, Loan.lent_on)],
        cuts=[_cut(each) for each in _of_case(unit, SupplyCut, found.id, SupplyCut.cut_on)],
        permissions=[
            _permission(unit, each, is_known=is_known)
            for each in _of_case(unit, Permission, found.id, Permission.given_on)
        ],
        derogation=Derogation(found.derogation) if found.derogation else None,
        findings=[_finding(each) for each in findings.of_household(unit, found)] if is_known else [],
        survey=[_answer(each) for each in surveys.of_case(unit, found)] if is_known else [],
        kit=_kit(unit, found),
        scorecard=_scorecard(unit, found),
        gaps=[a.GapLine(theme=each.theme, reason=each.reason, at=each.at) for each in needs.unmet(unit, found)],
        matches=_matches(unit, actor, found) if is_known else [],
        messages=[_message(each) for each in _of_case(unit, Message, found.id, Message.created_at)],
        notes=[
            a.NoteLine(author=each.author, audience=each.audience, text=each.text, at=each.at)
            for each in (_of_case(unit, Note, found.id, Note.at) if is_known else ())
        ],
        documents=[
            _document(each) for each in (_of_case(unit, Document, found.id, Document.added_at) if is_known else ())
        ],
    )


def tasks_of(unit: UnitOfWork, actor: Actor, *, before: datetime | None, after: UUID | None, limit: int) -> a.Tasks:
    """The open tasks that wait for the actor's side, most pressing first, due before an instant if one is given."""
    mine = _MINE.get(actor.role, "") if actor.role else ""
    query = select(Task, Case).join(Case, Case.id == Task.case_id)
    query = query.where(Task.programme_id == actor.programme_id, RUNNING, Task.party == mine, is_visible(actor))
    if before is not None:
        query = query.where(Task.due_at < before)
    last = unit.session.get(Task, after) if after else None
    if last is not None:
        query = query.where(tuple_(Task.due_at, Task.id) > (last.due_at, last.id))
    rows = unit.session.execute(
        query.order_by(Task.due_at, Task.id).limit(limit + 1).options(selectinload(Task.organisation))
    ).all()
    page = rows[:limit]
    following = page[-1][0].id if len(rows) > limit else None
    told = [_task(task, case, pathway_of(unit, case.pathway_hash)) for task, case in page]
    return a.Tasks(items=told, next=following)


def organisations(unit: UnitOfWork, actor: Actor, kind: OrganisationKind | None, *, ended: bool) -> a.Organisations:
    """The directory of the actor's programme, by name; those that ended too if asked."""
    query = select(Organisation).where(Organisation.programme_id == actor.programme_id)
    if not ended:
        query = query.where(Organisation.ended_on.is_(None))
    if kind is not None:
        query = query.where(Organisation.kind == kind.value)
    query = query.options(selectinload(Organisation.services)).order_by(Organisation.name, Organisation.id)
    found = unit.session.scalars(query).all()
    return a.Organisations(items=[organisation_line(each) for each in found])


def _of_case(unit: UnitOfWork, kind: type[T], case_id: UUID, order: InstrumentedAttribute[Any]) -> Sequence[T]:
    return unit.session.scalars(select(kind).where(kind.case_id == case_id).order_by(order, kind.id)).all()


def _household(unit: UnitOfWork, case: Case) -> a.HouseholdBlock:
    household, dwelling, means = case.household, case.dwelling, means_of(unit, case)
    phones = [
        a.PhoneLine(id=phone.id, number=phone.number, blocked=phone.blocked_at is not None)
        for phone in household.phones
    ]
    return a.HouseholdBlock(
        name=household.name,
        email=household.email,
        email_refuses=household.email_refused_at is not None,
        phones=phones,
        best_time=BestTime(household.best_time),
        people=household.people,
        reference_income=household.reference_income,
        income_class=means.income_class if means else None,
        ceilings_on=means.table.from_on if means else None,
        breathing=household.breathing,
        birth_year=household.birth_year,
        children=household.children,
        language=household.language,
        companion=household.companion,
        guardian=household.guardian,
        guardian_phone=household.guardian_phone,
        vulnerabilities=[Vulnerability(each) for each in household.vulnerabilities],
        heating=Heating(dwelling.heating) if dwelling.heating else None,
        safety=dwelling.safety,
        street=dwelling.street,
        complement=dwelling.complement,
        postcode=dwelling.postcode,
        commune=dwelling.commune.name,
        tenure=Tenure(dwelling.tenure),
        landlord=dwelling.landlord,
    )


def _alert(alert: Alert, *, is_known: bool) -> a.AlertLine:
    return a.AlertLine(
        id=alert.id,
        organisation=alert.organisation.name if alert.organisation else None,
        origin=alert.origin,
        notice_said=alert.notice_said,
        giver_name=alert.giver_name if is_known else None,
        motives=alert.motives if is_known else [],
        free_text=alert.free_text if is_known else None,
        received_at=alert.received_at,
        cut_energy=Energy(alert.cut_energy) if alert.cut_energy and is_known else None,
        cut_on=alert.cut_on if is_known else None,
        income_class=IncomeClass(alert.income_class) if alert.income_class and is_known else None,
        followed_by=alert.followed_by if is_known else "",
    )


def _finding(figure: findings.Figure) -> a.FindingLine:
    row = figure.finding
    value = row.value / findings.UNITS[figure.kind]
    return a.FindingLine(
        kind=figure.kind, value=value, method=Method(row.method), method_version=row.method_version, at=row.at
    )


def _answer(answer: surveys.Answer) -> a.SurveyAnswerLine:
    return a.SurveyAnswerLine(**answer.place._asdict(), value=answer.value, words=answer.words, at=answer.at)


def _kit(unit: UnitOfWork, case: Case) -> a.Kit | None:
    items = kits.of_case(unit, case)
    lines = [
        a.KitItemLine(
            item=Equipment(each.item),
            quantity=each.quantity,
            unit_price_cents=each.unit_price_cents,
            state=EquipmentState(each.state),
        )
        for each in items
    ]
    return a.Kit(items=lines, total_cents=kits.total_cents(items)) if lines else None


def _checks(unit: UnitOfWork, actor: Actor, case: Case) -> a.Checks:
    visits = {each.case.number: each.visited_on for each in doubles.alike(unit, actor, case) if each.visited_on}
    return a.Checks(**case.checks, recent_visits=visits)


def _scorecard(unit: UnitOfWork, case: Case) -> a.ScorecardAnswer | None:
    found = scorecards.of_case(unit, case)
    if found is None:
        return None
    lines = [
        a.ExitLineAnswer(criterion=ExitCriterion(each.criterion), met=Known(each.met), method=Method(each.method))
        for each in found.lines
    ]
    return a.ScorecardAnswer(met=found.met, of=found.of, lines=lines)


def _matches(unit: UnitOfWork, actor: Actor, case: Case) -> list[a.MatchLine]:
    """Of cases that the coordination may read; nobody else learns who is known."""
    if actor.role is not Role.COORDINATOR:
        return []
    scores = findings.matches(unit, case)
    numbers = unit.session.execute(
        visible(actor).with_only_columns(Case.id, Case.number).where(Case.id.in_(scores)).order_by(Case.number)
    )
    return [a.MatchLine(number=row.number, score=scores[row.id]) for row in numbers]


def _task(task: Task, case: Case, pathway: Pathway) -> a.TaskLine:
    rule = pathway.tasks.get(task.kind)
    return a.TaskLine(
        id=task.id,
        case_id=case.id,
        number=case.number,
        version=case.version,
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
        cut_id=task.cut_id,
    )


def _cut(cut: SupplyCut) -> a.CutLine:
    return a.CutLine(
        id=cut.id,
        energy=Energy(cut.energy),
        cut_on=cut.cut_on,
        allowed_on=supply_cuts.ahead(cut).day,
        told_on=cut.told_on,
        supplier_called_on=cut.supplier_called_on,
        aid_filed_on=cut.aid_filed_on,
        outcome=CutOutcome(cut.outcome) if cut.outcome else None,
        ended_on=cut.ended_on,
        restored_on=cut.restored_on,
    )


def _loan(loan: Loan) -> a.LoanLine:
    return a.LoanLine(
        id=loan.id,
        item=loan.item,
        lent_on=loan.lent_on,
        due_on=loan.due_on,
        returned_on=loan.returned_on,
        lost_on=loan.lost_on,
    )


def _permission(unit: UnitOfWork, permission: Permission, *, is_known: bool) -> a.PermissionLine:
    named = desk.organisation_name(unit, permission.organisation_id) if permission.organisation_id else None
    return a.PermissionLine(
        id=permission.id,
        kind=PermissionKind(permission.kind),
        organisation=named,
        mode=AgreementMode(permission.mode),
        collected_by=permission.collected_by if is_known else None,
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
        second_officer=visit.second_officer.name if visit.second_officer else None,
        with_whom=visit.with_whom,
        loss_reason=LossReason(visit.loss_reason) if visit.loss_reason else None,
    )


def _referral(referral: Referral, *, is_known: bool) -> a.ReferralLine:
    return a.ReferralLine(
        id=referral.id,
        partner=referral.partner.name,
        theme=Theme(referral.need.theme),
        state=ReferralState(referral.state),
        fhir_status=FHIR_TASK_STATUS[ReferralState(referral.state)],
        fhir_status_reason=FHIR_STATUS_REASON.get(ReferralState(referral.state), referral.reason),
        kind=ReferralKind(referral.kind),
        urgent=referral.urgent,
        check_on=referral.check_on,
        reason=referral.reason,
        outcome=referral.outcome,
        loop=Loop(referral.loop),
        brief=referral.brief if is_known else None,
        brief_is_open=referral.brief_is_open,
        file_number=referral.file_number if is_known else None,
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


def organisation_line(organisation: Organisation) -> a.OrganisationLine:
    """One organisation, as everybody of the programme may read it."""
    return a.OrganisationLine(
        id=organisation.id,
        slug=organisation.slug,
        kind=OrganisationKind(organisation.kind),
        name=organisation.name,
        themes=[Theme(theme) for theme in organisation.themes],
        contract=Contract(organisation.contract) if organisation.contract else None,
        ended_on=organisation.ended_on,
    )
