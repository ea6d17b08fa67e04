"""Households above the ceilings: an exception is asked with its reason, and the coordination grants or refuses it."""

from uuid import UUID

from models import events as e
from models.cases import Case, Note
from models.vocabulary import CaseState, Derogation, RejectionReason
from services import triage
from services.forms import DerogationDecision, DerogationForm, Rejection
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.notes import write_note
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def ask(unit: UnitOfWork, hand: Hand, case_id: UUID, form: DerogationForm) -> Case:
    """Ask for it while the request is examined: whoever examines it has the ball already."""
    case = case_for(unit, hand.actor, case_id, Right.NOTE)
    if case.state != CaseState.TRIAGE:
        raise GuardRefused("Une dérogation se demande pendant que la demande est examinée.")
    if case.derogation is not None:
        raise GuardRefused("Une dérogation est déjà demandée pour cette situation.")
    note(unit, hand, case, form.reason, by=hand.actor.name)
    return case


def note(unit: UnitOfWork, hand: Hand, case: Case, reason: str, *, by: str) -> None:
    """Write down that it is asked, and why: read by the team alone. `by` signs the words."""
    case.derogation = Derogation.ASKED.value
    event = casework.record(unit, case, e.DerogationAsked(), hand=hand)
    unit.session.add(
        Note(case_id=case.id, event_id=event.id, audience="team", author=by, text=reason, at=event.occurred_at)
    )


def decide(unit: UnitOfWork, hand: Hand, case_id: UUID, form: DerogationDecision) -> Case:
    """Grant it, and the request goes on as any other; or refuse it, and the request ends as above the ceilings."""
    case = case_for(unit, hand.actor, case_id, Right.TRIAGE)
    if case.derogation != Derogation.ASKED:
        raise GuardRefused("Aucune dérogation n’attend de décision.")
    decision = Derogation.GRANTED if form.granted else Derogation.REFUSED
    case.derogation = decision.value
    event = casework.record(unit, case, e.DerogationDecided(decision=decision), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return case if form.granted else triage.reject(unit, hand, case.id, Rejection(reason=RejectionReason.OVER_INCOME))
