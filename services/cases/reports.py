"""The visit's report: a file and a summary, given to the household; shared further only with its permission."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Document, Report, Visit
from models.events import DiagnosisFinished, ReportDelivered
from models.lifecycles import CaseAction
from models.vocabulary import PermissionKind, VisitState
from services.cases import agreements, permissions
from services.forms import ReportForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


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
    document = unit.session.get(Document, form.document_id)
    if document is None or document.case_id != case.id:
        raise InvalidInput("file", "Joignez le fichier du rapport.")
    if not all(permissions.is_partner(unit, case, each) for each in form.to_partner_ids):
        raise InvalidInput("to_partner_ids", "Le rapport ne va qu’à des partenaires du dispositif.")
    report = _report(unit, hand, case, summary=form.summary, document_id=document.id)
    fact = ReportDelivered(report_id=report.id, to_alert_giver=form.to_alert_giver)
    casework.record(unit, case, fact, hand=hand, action=CaseAction.DELIVER_REPORT)
    for kind, partner_id in _agreed(form):
        agreements.note(unit, hand, case, kind, organisation_id=partner_id)
    return report


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
