"""A person reminds whoever owes something, beside what the clock does.

A reminder leaves with the mail of the day, like any other: never more than one mail a day to one partner.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import select

from models import events as e
from models.engine import Event, Task
from models.vocabulary import Party, ReferralKind, Role, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.rules import casework
from services.rules.casework import Hand
from services.rules.effects import is_recalled
from services.rules.policy import Actor, Right, case_for, rights
from services.rules.published import calendar_of

WITH_TEXT: Final = {Party.PARTNER: {"answer_referral", "report_outcome"}, Party.ALERT_GIVER: {"correct_number"}}
"""What a partner and an alert giver can be reminded of; an operator, of anything."""

REMINDERS: Final = (e.TaskReminded.type, e.ReminderDue.type)


def remind(unit: UnitOfWork, hand: Hand, task_id: UUID) -> Task:
    """Remind now whoever owes this task; refused when that would be the second reminder of the day."""
    task = unit.session.get(Task, task_id)
    if task is None:
        raise NotFound
    case = case_for(unit, hand.actor, task.case_id, Right.REFER)
    unit.session.refresh(task)
    if not may_remind(hand.actor, task):
        raise GuardRefused("Personne ne peut être relancé pour cette tâche.")
    if task.provisional:
        raise GuardRefused("La demande n’est pas encore remise : il n’y a rien à relancer.")
    if _reminded_today(unit, task):
        raise GuardRefused("Une relance est déjà partie ou part aujourd’hui : une par jour suffit.")
    fact = e.TaskReminded(
        task_id=task.id, kind=task.kind, party=Party(task.party), recall_until=casework.recall_until(unit, hand)
    )
    casework.record(unit, case, fact, hand=hand)
    return task


def may_remind(actor: Actor, task: Task) -> bool:
    """Whether a mail of this reader may chase this task: one of somebody else's, that we have words for."""
    if Right.REFER not in rights(actor) or task.state != TaskState.OPEN or task.paused_at is not None:
        return False
    if task.party == Party.OPERATOR:
        return actor.role is Role.COORDINATOR
    asked_outside = task.referral is not None and task.referral.kind == ReferralKind.OUTSIDE_PORTAL
    return task.kind in WITH_TEXT.get(Party(task.party), ()) and not asked_outside


def _reminded_today(unit: UnitOfWork, task: Task) -> bool:
    calendar = calendar_of(unit, task.programme_id)
    today = calendar.local_day(unit.now)
    asked = select(Event).where(Event.case_id == task.case_id, Event.type.in_(REMINDERS))
    return any(
        event.payload["task_id"] == str(task.id)
        and calendar.local_day(event.occurred_at) == today
        and not is_recalled(unit, event)
        for event in unit.session.scalars(asked)
    )
