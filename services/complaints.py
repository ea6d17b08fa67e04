"""Complaints of the service: written down in the words of whoever makes them, answered by the coordination."""

from uuid import UUID

from models import events as e
from models.cases import Case
from services.forms import ComplaintForm, NoteForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.notes import write_note
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for

ANSWER = "answer_complaint"


def receive(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ComplaintForm) -> Case:
    """Write it down; the coordination owes an answer. On a case that ended: it is reopened first."""
    case = case_for(unit, hand.actor, case_id, Right.NOTE)
    casework.check_open(case)
    event = casework.record(unit, case, e.ComplaintReceived(), hand=hand)
    write_note(unit, case, hand, f"{form.said_by} : {form.text}", event=event)
    return case


def answer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: NoteForm) -> Case:
    """Say what was answered, and how."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    if not open_tasks.of_case(unit, case.id, ANSWER):
        raise GuardRefused("Aucune réclamation n’attend de réponse.")
    event = casework.record(unit, case, e.ComplaintAnswered(), hand=hand)
    write_note(unit, case, hand, form.text, event=event)
    return case
