"""Complaints of the service: written down in the words of whoever makes them, answered by the coordination."""

from uuid import UUID

from models import events as e
from models.cases import Case
from models.vocabulary import CaseState
from services.cases.notes import write_note
from services.forms import ComplaintForm, NoteForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.ranking import COMPLAINT


def receive(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ComplaintForm) -> Case:
    """Write it down; the coordination owes an answer, whatever becomes of the case. One that ended stays ended."""
    case = case_for(unit, hand.actor, case_id, Right.NOTE)
    if case.erased_at is not None:
        raise GuardRefused("Plus rien ne dit qui était ce ménage : notez ailleurs cette réclamation.")
    if case.state == CaseState.MERGED:
        raise GuardRefused("Cette situation est réunie à une autre : notez la réclamation sur celle qui continue.")
    event = casework.record(unit, case, e.ComplaintReceived(), hand=hand)
    write_note(unit, case, hand, f"{form.said_by} : {form.text}", event=event)
    return case


def answer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: NoteForm) -> Case:
    """Say what was answered, and how."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    if not open_tasks.of_case(unit, case.id, COMPLAINT):
        raise GuardRefused("Aucune réclamation n’attend de réponse.")
    event = casework.record(unit, case, e.ComplaintAnswered(), hand=hand)
    write_note(unit, case, hand, form.text, event=event)
    return case
