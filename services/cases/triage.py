"""Triage: the coordinator takes a case up and gives it to an operator, or refuses it with its reason."""

from uuid import UUID

from models.cases import Case
from models.engine import Task
from models.events import CaseAccepted, CaseReassigned, CaseRejected
from models.lifecycles import CaseAction
from models.pathway import Pathway
from models.programmes import Organisation
from models.vocabulary import OrganisationKind, Party
from services.cases import supply_cuts, visits
from services.cases.notes import write_note
from services.forms import Acceptance, Reassignment, Rejection
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, clocks, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.published import pathway_of


def accept(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Acceptance) -> Case:
    """Take the case up; the operator sees it from now on, with what is asked already: a device lent, a cut ahead."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    operator = _operator(unit, case, form.operator_id)
    if case.operator_id != operator.id:
        _give(unit, case, operator)
    casework.record(unit, case, CaseAccepted(operator_id=operator.id), hand=hand, action=CaseAction.ACCEPT)
    supply_cuts.take_up(unit, hand, case)
    return case


def reassign(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Reassignment) -> Case:
    """Give the case to another operator: the first sees it no more, and his tasks go over by the same dates, those too
    that he had given back to the coordination."""
    case = case_for(unit, hand.actor, case_id, Right.REASSIGN)
    operator = _operator(unit, case, form.operator_id)
    if case.operator_id is None:
        raise GuardRefused("Cette situation n’est pas encore acceptée.")
    if case.operator_id == operator.id:
        raise InvalidInput("operator_id", "Cet opérateur a déjà la situation.")
    _give(unit, case, operator)
    event = casework.record(unit, case, CaseReassigned(operator_id=operator.id), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    visits.relieve_officers(unit, hand, case)
    return case


def _give(unit: UnitOfWork, case: Case, operator: Organisation) -> None:
    case.operator_id = operator.id
    pathway = pathway_of(unit, case.pathway_hash)
    for task in open_tasks.of_case(unit, case.id):
        if pathway.tasks[task.kind].party is Party.OPERATOR:
            _hand_on(unit, task, operator, pathway)


def _hand_on(unit: UnitOfWork, task: Task, operator: Organisation, pathway: Pathway) -> None:
    """A task that had been given back is chased as the operator's again."""
    was_returned, ladder = task.party != Party.OPERATOR, pathway.tasks[task.kind].ladder
    task.party, task.organisation_id, task.person_id = Party.OPERATOR.value, operator.id, None
    if not was_returned or ladder is None:
        return
    for clock in clocks.running(unit, task):
        clock.ladder, clock.generation = ladder, clock.generation + 1
        clocks.first_step(unit, clock, pathway, delivered=False)


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
    casework.check_no_partner_asked(unit, case)
    event = casework.record(unit, case, CaseRejected(reason=form.reason), hand=hand, action=CaseAction.REJECT)
    case.outcome = form.reason.value
    write_note(unit, case, hand, form.note, event=event)
    return case
