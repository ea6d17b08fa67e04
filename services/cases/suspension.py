"""Suspension: the case waits for its household, every clock with it, until a day when somebody looks again."""

from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Referral
from models.engine import Task
from models.events import CaseResumed, CaseSuspended
from models.lifecycles import CaseAction, next_case_state
from models.vocabulary import CaseState, ReferralState, TaskState
from services.cases import referrals, visits
from services.cases.notes import write_note
from services.forms import Suspension
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks, pauses
from services.rules.casework import Hand
from services.rules.pauses import REVIEW_SUSPENSION
from services.rules.policy import Right, case_for
from services.rules.published import today_of

LONGEST: Final = timedelta(days=183)


def suspend(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Suspension) -> Case:
    """Stop every clock of the case; the coordinator looks at it again on the day named. It makes a pause longer too."""
    case = case_for(unit, hand.actor, case_id, Right.SUSPEND)
    _check_day(unit, case, form.until)
    if visits.is_planned(unit, case):
        raise GuardRefused("Une visite est prévue : annulez-la ou déplacez-la d’abord.")
    if case.state == CaseState.SUSPENDED:
        casework.close(unit, open_tasks.of_case(unit, case.id, REVIEW_SUSPENSION), TaskState.SUPERSEDED)
    else:
        pauses.pause(unit, open_tasks.of_case(unit, case.id), pauses.CASE_SUSPENDED)
    fact = CaseSuspended(reason=form.reason, until=form.until)
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.SUSPEND)
    case.suspended_until = form.until
    write_note(unit, case, hand, form.note, event=event)
    return case


def _check_day(unit: UnitOfWork, case: Case, until: date) -> None:
    today = today_of(unit, case.programme_id)
    if until <= today:
        raise InvalidInput("until", "Ce jour doit être à venir.")
    if until > today + LONGEST:
        raise InvalidInput("until", "Une situation attend six mois au plus : au-delà, terminez-la.")


def resume(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """Go on where the case was; dates move by the working time that it waited."""
    case = case_for(unit, hand.actor, case_id, Right.SUSPEND)
    before = CaseState(case.resumes_in) if case.resumes_in else None
    state = next_case_state(CaseState(case.state), CaseAction.RESUME, before)
    casework.record(unit, case, CaseResumed(state=state.value), hand=hand, action=CaseAction.RESUME)
    pauses.resume(unit, _waiting(unit, case))
    referrals.settle(unit, case.id)
    return case


def _waiting(unit: UnitOfWork, case: Case) -> list[Task]:
    """The paused tasks of the case, but for those that wait with a partner's help."""
    held = select(Referral.id).where(Referral.case_id == case.id, Referral.state == ReferralState.ON_HOLD)
    on_hold = set(unit.session.scalars(held))
    asked = open_tasks.of_case(unit, case.id)
    return [task for task in asked if task.paused_at is not None and task.referral_id not in on_hold]
