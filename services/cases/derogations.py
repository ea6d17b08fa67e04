"""Households above the ceilings: an exception is asked with its reason, and the coordination grants or refuses it."""

from uuid import UUID

from models import events as e
from models.cases import Case, Note
from models.engine import Event
from models.vocabulary import CaseState, Derogation, RejectionReason, Stage
from services.cases import triage
from services.cases.notes import write_note
from services.forms import DerogationDecision, DerogationForm, Rejection
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for, rights


def ask(unit: UnitOfWork, hand: Hand, case_id: UUID, form: DerogationForm) -> Case:
    """Ask for it while the request is examined: whoever examines it has the ball already.

    Later, when the income comes to be known, it is noted by whoever may grant it, and is granted by that.
    """
    case = case_for(unit, hand.actor, case_id, Right.NOTE)
    casework.check_open(case)
    is_examined = case.state == CaseState.TRIAGE
    may_note_it = case.stage != Stage.DETECTION and Right.TRIAGE in rights(hand.actor)
    if not (is_examined or may_note_it):
        raise GuardRefused("Une dérogation se demande à l’examen de la demande ; ensuite, la coordination la note.")
    if case.derogation is not None:
        raise GuardRefused("Une dérogation est déjà demandée pour cette situation.")
    note(unit, hand, case, form.reason, by=hand.actor.name)
    if not is_examined:
        _record(unit, hand, case, Derogation.GRANTED)
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
    event = _record(unit, hand, case, Derogation.GRANTED if form.granted else Derogation.REFUSED)
    write_note(unit, case, hand, form.note, event=event)
    return case if form.granted else triage.reject(unit, hand, case.id, Rejection(reason=RejectionReason.OVER_INCOME))


def _record(unit: UnitOfWork, hand: Hand, case: Case, decision: Derogation) -> Event:
    case.derogation = decision.value
    return casework.record(unit, case, e.DerogationDecided(decision=decision), hand=hand)
