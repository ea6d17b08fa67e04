"""Triage: the coordinator takes a case up and gives it to an operator, or refuses it with its reason."""

from uuid import UUID

from models.cases import Case
from models.events import CaseAccepted, CaseReassigned, CaseRejected
from models.lifecycles import CaseAction
from models.programmes import Organisation
from models.vocabulary import OrganisationKind, Party
from services import supply_cuts
from services.forms import Acceptance, Reassignment, Rejection
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.notes import write_note
from services.rules import casework, pauses
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def accept(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Acceptance) -> Case:
    """Take the case up; the operator sees it from now on."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    operator = _operator(unit, case, form.operator_id)
    case.operator_id = operator.id
    casework.record(unit, case, CaseAccepted(operator_id=operator.id), hand=hand, action=CaseAction.ACCEPT)
    supply_cuts.take_up(unit, hand, case)
    return case


def reassign(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Reassignment) -> Case:
    """Give the case to another operator: the first sees it no more, and his tasks go over by the same dates."""
    case = case_for(unit, hand.actor, case_id, Right.REASSIGN)
    operator = _operator(unit, case, form.operator_id)
    if case.operator_id is None:
        raise GuardRefused("Cette situation n’est pas encore acceptée.")
    if case.operator_id == operator.id:
        raise InvalidInput("operator_id", "Cet opérateur a déjà la situation.")
    case.operator_id = operator.id
    for task in pauses.open_tasks(unit, case.id):
        if task.party == Party.OPERATOR:
            task.organisation_id, task.person_id = operator.id, None
    event = casework.record(unit, case, CaseReassigned(operator_id=operator.id), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return case


def _operator(unit: UnitOfWork, case: Case, operator_id: UUID) -> Organisation:
    """An operator of today, held so that he does not end meanwhile."""
    operator = unit.session.get(Organisation, operator_id, with_for_update={"read": True})
    ours = operator is not None and operator.programme_id == case.programme_id and operator.ended_on is None
    if operator is None or not ours or operator.kind != OrganisationKind.OPERATOR:
        raise InvalidInput("operator_id", "Choisissez un opérateur de ce dispositif.")
    return operator


def reject(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Rejection) -> Case:
    """Refuse the case; the alert giver learns the family of the reason, the household gets another contact."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    event = casework.record(unit, case, CaseRejected(reason=form.reason), hand=hand, action=CaseAction.REJECT)
    case.outcome = form.reason.value
    write_note(unit, case, hand, form.note, event=event)
    return case
