"""The visit's report: a file and a summary, given to the household; shared further only with its permission."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select, update

from models.cases import Case, Document, Report, Visit
from models.events import DiagnosisFinished, ReportDelivered, ReportReplaced
from models.lifecycles import CaseAction, case_actions
from models.vocabulary import CaseState, PermissionKind, VisitState
from services.cases import agreements, documents, permissions
from services.forms import ReplacementForm, ReportForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.foundation.runtime import runtime
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for, check_known


def finish_diagnosis(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """The diagnosis is done; its report is still to be given to the household."""
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    fact = DiagnosisFinished(visit_id=_visit(unit, case).id)
    casework.record(unit, case, fact, hand=hand, action=CaseAction.FINISH_DIAGNOSIS)
    return case


def _visit(unit: UnitOfWork, case: Case) -> Visit:
    visit = unit.session.scalars(
        select(Visit).where(Visit.case_id == case.id, Visit.state == VisitState.HELD).order_by(Visit.ordinal.desc())
    ).first()
    if visit is None:
        raise GuardRefused("Aucune visite n’a encore eu lieu.")
    return visit


def deliver_report(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ReportForm) -> Report:
    """The household has its report; the orientation is next."""
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    check_not_given(unit, case)
    document = _document(unit, case, form.document_id)
    if not all(permissions.is_partner(unit, case, each) for each in form.to_partner_ids):
        raise InvalidInput("to_partner_ids", "Le rapport ne va qu’à des partenaires du dispositif.")
    report = _report(unit, hand, case, summary=form.summary, document_id=document.id)
    fact = ReportDelivered(report_id=report.id, to_alert_giver=form.to_alert_giver)
    casework.record(unit, case, fact, hand=hand, action=CaseAction.DELIVER_REPORT)
    for kind, partner_id in _agreed(form):
        agreements.note(unit, hand, case, kind, organisation_id=partner_id)
    return report


def check_not_given(unit: UnitOfWork, case: Case) -> None:
    """Raise `GuardRefused` where a report was given and no other is awaited: a wrong one is replaced."""
    is_awaited = CaseAction.DELIVER_REPORT in case_actions(CaseState(case.state))
    if not is_awaited and latest(unit, case) is not None:
        raise GuardRefused("Le rapport est déjà remis. S’il est faux, remplacez-le.")


def _document(unit: UnitOfWork, case: Case, document_id: UUID) -> Document:
    document = unit.session.get(Document, document_id)
    if document is None or document.case_id != case.id:
        raise InvalidInput("file", "Joignez le fichier du rapport.")
    return document


def replace(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ReplacementForm) -> Report:
    """The right report in the place of a wrong one, of which nothing is kept: it may tell of another household.

    Also once the case has ended, since it is still read there. Who may read it, and when it was given, stay.
    """
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    check_known(unit, hand.actor, case)
    report, document = replaceable(unit, case), _document(unit, case, form.document_id)
    wrong = unit.session.get(Document, report.document_id) if report.document_id else None
    report.document_id, report.summary = document.id, form.summary
    unit.session.flush()
    if wrong is not None and wrong is not document:
        unit.session.execute(update(Report).where(Report.document_id == wrong.id).values(document_id=document.id))
        documents.remove(unit, runtime(), [wrong])
    casework.record(unit, case, ReportReplaced(report_id=report.id), hand=hand)
    return report


def replaceable(unit: UnitOfWork, case: Case) -> Report:
    """The report that a right one would replace. Raises `GuardRefused` before the first was given."""
    report = latest(unit, case)
    if report is None:
        raise GuardRefused("Aucun rapport n’a encore été remis : il n’y a rien à remplacer.")
    return report


def latest(unit: UnitOfWork, case: Case) -> Report | None:
    """The report of the last visit that has one."""
    query = select(Report).join(Visit, Visit.id == Report.visit_id).where(Report.case_id == case.id)
    return unit.session.scalars(
        query.order_by(Visit.ordinal.desc(), Report.delivered_at.desc(), Report.id.desc())
    ).first()


def _agreed(form: ReportForm) -> Iterator[tuple[PermissionKind, UUID | None]]:
    """Who may read it beside the household, as it said."""
    told = {
        PermissionKind.REPORT_TO_ALERT_GIVER: form.to_alert_giver,
        PermissionKind.LANDLORD: form.to_landlord,
        PermissionKind.REPORT_TO_REFERENT: form.to_referent,
        PermissionKind.REPORT_TO_COMMITTEE: form.to_committee,
    }
    yield from ((kind, None) for kind, given in told.items() if given)
    yield from ((PermissionKind.REPORT_TO_PARTNER, each) for each in dict.fromkeys(form.to_partner_ids))


def note_delivery(unit: UnitOfWork, hand: Hand, case_id: UUID, summary: str) -> Report:
    """The household had its report before Relais held the case: its file is kept elsewhere."""
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    report = _report(unit, hand, case, summary=summary, document_id=None)
    fact = ReportDelivered(report_id=report.id, to_alert_giver=False)
    casework.record(unit, case, fact, hand=hand, action=CaseAction.DELIVER_REPORT)
    return report


def _report(unit: UnitOfWork, hand: Hand, case: Case, *, summary: str, document_id: UUID | None) -> Report:
    report = Report(
        case_id=case.id,
        visit_id=_visit(unit, case).id,
        document_id=document_id,
        summary=summary,
        delivered_at=hand.occurred_at or unit.now,
    )
    unit.session.add(report)
    unit.session.flush()
    return report
