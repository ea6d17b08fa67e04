"""Devices lent to a household: out, due back by a day, back or lost."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Loan
from models.events import LoanMade, LoanReturned
from models.vocabulary import LoanEnd
from services.forms import LoanForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for
from services.rules.published import today_of

FARTHEST: Final = timedelta(days=366)
"""A return later than this is a slip of the keyboard."""


def lend(unit: UnitOfWork, hand: Hand, case_id: UUID, form: LoanForm) -> Loan:
    """Lend a device; the operator is asked for it on the day named."""
    case = case_for(unit, hand.actor, case_id, Right.LEND)
    casework.check_open(case)
    today = today_of(unit, case.programme_id)
    if form.due_on <= today:
        raise InvalidInput("due_on", "Le jour du retour doit être à venir.")
    if form.due_on > today + FARTHEST:
        raise InvalidInput("due_on", "Cette date est dans plus d’un an : vérifiez l’année.")
    loan = Loan(
        case_id=case.id,
        item=form.item,
        lent_on=today,
        due_on=form.due_on,
        lent_by_id=hand.actor.person_id,
    )
    unit.session.add(loan)
    unit.session.flush()
    casework.record(unit, case, LoanMade(loan_id=loan.id, until=form.due_on), hand=hand)
    return loan


def give_back(unit: UnitOfWork, hand: Hand, loan_id: UUID) -> Loan:
    """The device is back, even on a case that is over, or after it was taken for lost."""
    return _end(unit, hand, loan_id, LoanEnd.RETURNED)


def write_off(unit: UnitOfWork, hand: Hand, loan_id: UUID) -> Loan:
    """The device is lost or broken: nobody asks for it any more, and the case may end without it."""
    return _end(unit, hand, loan_id, LoanEnd.LOST)


def _end(unit: UnitOfWork, hand: Hand, loan_id: UUID, end: LoanEnd) -> Loan:
    loan = unit.session.get(Loan, loan_id)
    if loan is None:
        raise NotFound
    case = case_for(unit, hand.actor, loan.case_id, Right.LEND)
    unit.session.refresh(loan)
    if loan.returned_on is not None:
        raise GuardRefused("Cet appareil est déjà rendu.")
    if end is LoanEnd.LOST and loan.lost_on is not None:
        raise GuardRefused("Cet appareil est déjà noté perdu.")
    today = today_of(unit, case.programme_id)
    loan.returned_on = today if end is LoanEnd.RETURNED else None
    loan.lost_on = today if end is LoanEnd.LOST else None
    casework.record(unit, case, LoanReturned(loan_id=loan.id, end=end), hand=hand)
    return loan


def of_case(unit: UnitOfWork, actor: Actor, case_id: UUID) -> list[Loan]:
    """What was lent to a household, the latest first."""
    case = case_for(unit, actor, case_id, Right.READ)
    return list(unit.session.scalars(select(Loan).where(Loan.case_id == case.id).order_by(Loan.lent_on.desc())))
