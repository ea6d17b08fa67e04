"""A person reminds whoever owes something, beside what the clock does; and takes back what he has just sent.

A reminder leaves with the mail of the day, like any other: never more than one mail a day to one partner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select, update

from models import events as e
from models.cases import Case, Referral
from models.engine import Event, Message, Task
from models.lifecycles import ReferralAction
from models.vocabulary import MessageState, Party, ReferralKind, Role, TaskState
from services import referrals
from services.forms import Answer
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, GuardRefused, NotFound
from services.rules import casework
from services.rules.casework import RECALL, Hand
from services.rules.effects import RECALLED, is_recalled
from services.rules.policy import Actor, Right, agreement_with_partner, case_for, rights, sees
from services.rules.published import calendar_of

WITH_TEXT: Final = {Party.PARTNER: {"answer_referral", "report_outcome"}, Party.ALERT_GIVER: {"correct_number"}}
"""What a partner and an alert giver can be reminded of; an operator, of anything."""

REMINDERS: Final = (e.TaskReminded.type, e.ReminderDue.type)
SENDINGS: Final = (e.ReferralSent.type, e.TaskReminded.type)
_UNSYNCED: Final = {"synchronize_session": False}


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


@dataclass(frozen=True)
class Held:
    """A sending that its author may still take back, until an instant. `type` is its event's."""

    event_id: UUID
    type: str
    number: str
    until: datetime


def held(unit: UnitOfWork, actor: Actor) -> list[Held]:
    """What this person sent within the minute and did not take back, the latest first."""
    mine = {"programme": actor.programme_id, "since": unit.now - RECALL, "actor": actor.label}
    found = {row.id: (row.number, _until(row.payload)) for row in unit.rows(_JUST_SENT, **mine)}
    waiting = {id_: (number, until) for id_, (number, until) in found.items() if until and until > unit.now}
    if not waiting:  # as for almost every page
        return []
    query = select(Event).where(Event.id.in_(waiting)).order_by(Event.occurred_at.desc(), Event.id.desc())
    return [
        Held(event.id, event.type, *waiting[event.id])
        for event in unit.session.scalars(query)
        if not is_recalled(unit, event)
    ]


_JUST_SENT: Final = (
    select(Event.id, Event.payload, Case.number)
    .join(Case, Case.id == Event.case_id)
    .where(
        Event.programme_id == bindparam("programme"),
        Event.occurred_at > bindparam("since"),
        Event.actor == bindparam("actor"),
        Event.type.in_(SENDINGS),
    )
)


def _until(payload: Mapping[str, Any]) -> datetime | None:
    until = payload.get("recall_until")
    return datetime.fromisoformat(until) if until else None


def recall(unit: UnitOfWork, hand: Hand, event_id: UUID) -> Case:
    """Take back what one has just sent: nothing of it leaves, a request is in preparation again."""
    event = unit.session.get(Event, event_id)
    if event is None or not sees(unit, hand.actor, event.case_id):
        raise NotFound
    case = case_for(unit, hand.actor, event.case_id, Right.REFER)
    if event.actor != hand.actor.label or event.type not in SENDINGS:
        raise Denied
    until = _until(event.payload)
    if until is None or until <= unit.now or is_recalled(unit, event):
        raise GuardRefused("C’est trop tard : l’envoi est parti.")
    _call_back(unit, event)
    if event.type == e.TaskReminded.type:
        task_id, kind = UUID(event.payload["task_id"]), event.payload["kind"]
        casework.record(unit, case, e.ReminderRecalled(task_id=task_id, kind=kind, recalls=event.id), hand=hand)
    else:
        _prepare_again(unit, hand, referrals.found(unit, UUID(event.payload["referral_id"])), event)
    return case


def _call_back(unit: UnitOfWork, event: Event) -> None:
    """Nothing was claimed yet: none of its messages is due before its minute is over."""
    waiting = (Message.event_id == event.id, Message.state == MessageState.QUEUED)
    cancelled = {"state": MessageState.CANCELLED, "error": RECALLED, "done_at": unit.now}
    unit.session.execute(update(Message).where(*waiting).values(cancelled), execution_options=_UNSYNCED)


def _prepare_again(unit: UnitOfWork, hand: Hand, referral: Referral, event: Event) -> None:
    """A draft as before; the permission that was given for this sending goes with it."""
    referral = referrals.lock(unit, referral)
    referrals.move(referral, ReferralAction.RECALL, Answer())
    referral.sent_at, referral.snapshot = None, {}
    permission = agreement_with_partner(unit, referral)
    if permission is not None:
        permission.revoked_at = unit.now
    fact = e.ReferralRecalled(**referrals.ids(referral), recalls=event.id)
    casework.record(unit, referral.case, fact, hand=hand)
