"""Triage: the coordinator takes a case up and gives it to an operator, or refuses it with its reason."""

from uuid import UUID

from models.cases import Case
from models.events import CaseAccepted, CaseRejected
from models.lifecycles import CaseAction
from models.programmes import Organisation
from models.vocabulary import OrganisationKind
from services.forms import Acceptance, Rejection
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.notes import write_note
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def accept(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Acceptance) -> Case:
    """Take the case up; the operator sees it from now on."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    operator = unit.session.get(Organisation, form.operator_id)
    if operator is None or operator.programme_id != case.programme_id or operator.kind != OrganisationKind.OPERATOR:
        raise InvalidInput("operator_id", "Choisissez un opérateur de ce dispositif.")
    case.operator_id = operator.id
    casework.record(unit, case, CaseAccepted(operator_id=operator.id), hand=hand, action=CaseAction.ACCEPT)
    return case


def reject(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Rejection) -> Case:
    """Refuse the case; the alert giver learns the family of the reason, the household gets another contact."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    event = casework.record(unit, case, CaseRejected(reason=form.reason), hand=hand, action=CaseAction.REJECT)
    case.outcome = form.reason.value
    write_note(unit, case, hand, form.note, event=event)
    return case
