"""The end of a case, with its outcome; and its reopening."""

from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Referral
from models.events import CaseClosed, CaseReopened
from models.lifecycles import UNANSWERED, UNDER_WAY, CaseAction, next_case_state
from models.vocabulary import CaseState
from services.forms import ClosureForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.notes import write_note
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def close_case(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ClosureForm) -> Case:
    """Close with an outcome. Refused while a partner still has the ball."""
    case = case_for(unit, hand.actor, case_id, Right.CLOSE)
    live = unit.session.scalars(
        select(Referral).where(Referral.case_id == case.id, Referral.state.in_(UNANSWERED | UNDER_WAY))
    ).all()
    if live:
        names = ", ".join(sorted(referral.partner.name for referral in live))
        raise GuardRefused(f"Une orientation est encore ouverte ({names}) : terminez-la ou retirez-la d’abord.")
    event = casework.record(unit, case, CaseClosed(outcome=form.outcome), hand=hand, action=CaseAction.CLOSE)
    case.outcome = form.outcome.value
    write_note(unit, case, hand, form.note, event=event)
    return case


def reopen_case(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """The same case goes on, its history kept."""
    case = case_for(unit, hand.actor, case_id, Right.REOPEN)
    state = next_case_state(CaseState(case.state), CaseAction.REOPEN)
    casework.record(unit, case, CaseReopened(state=state.value), hand=hand, action=CaseAction.REOPEN)
    return case
