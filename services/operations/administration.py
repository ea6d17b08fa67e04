"""What an administrator looks after: events set aside, messages refused, failing clocks; a remedy leaves its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Case
from models.engine import Event, Message, Obligation, Work
from models.events import MessageSentAgain
from models.programmes import AccessEntry
from models.vocabulary import MessageState, WorkState
from services.forms import Remedy
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.rules import casework, work
from services.rules.casework import Hand
from services.rules.ledger import CARRIED
from services.rules.news import MONTHLY
from services.rules.policy import Actor, Right, locked_case, note_access, programme_of

SHOWN: Final = 200
TROUBLED: Final = (MessageState.REFUSED, MessageState.UNKNOWN)
EVENT_TRIED: Final = "event.tried_again"
MESSAGE_SENT: Final = "message.sent_again"


@dataclass(frozen=True)
class ParkedEvent:
    """An event that failed twelve times: it holds back its own case. `error` is a class and a place in our code."""

    id: int
    type: str
    payload: dict[str, Any]
    reference: str
    since: datetime
    attempts: int
    error: str


@dataclass(frozen=True)
class Remedied:
    """Something that was put right: by whom (kind and id), when, why."""

    action: str
    actor: str
    at: datetime
    reason: str


def parked(unit: UnitOfWork, actor: Actor) -> list[ParkedEvent]:
    """The programme's events set aside, the oldest first."""
    rows = unit.session.execute(
        select(Work, Case.number, Event.payload)
        .join(Event, Event.id == Work.event_id)
        .join(Case, Case.id == Work.case_id)
        .where(Work.state == WorkState.PARKED, Event.programme_id == programme_of(actor, Right.ADMINISTER))
        .order_by(Work.id)
        .limit(SHOWN)
    )
    return [
        ParkedEvent(row.id, row.type, payload, number, row.created_at, row.attempts, row.error or "")
        for row, number, payload in rows
    ]


def try_again(unit: UnitOfWork, hand: Hand, work_id: int, form: Remedy) -> None:
    """Give an event twelve new tries. Raises `GuardRefused` if it is not set aside any more."""
    if work_id not in {event.id for event in parked(unit, hand.actor)}:
        raise NotFound
    if not work.try_again(unit, work_id):
        raise GuardRefused("Cet événement n’est plus mis de côté.")
    note_access(unit, hand.actor, EVENT_TRIED, case_id=None, reason=form.reason)


def troubled(unit: UnitOfWork, actor: Actor) -> Sequence[Message]:
    """The programme's messages that were refused for good or may not have arrived, the latest first."""
    query = select(Message).where(
        Message.programme_id == programme_of(actor, Right.ADMINISTER), Message.state.in_(TROUBLED)
    )
    return unit.session.scalars(query.order_by(Message.created_at.desc(), Message.id).limit(SHOWN)).all()


def send_again(unit: UnitOfWork, hand: Hand, message_id: UUID, form: Remedy) -> Message:
    """Let a refused message leave once more. One in doubt is settled on its case, never sent again blindly.

    One about a case waits its minute, during which it is taken back; an invitation twice harms nobody, and leaves.
    """
    query = select(Message).where(
        Message.id == message_id, Message.programme_id == programme_of(hand.actor, Right.ADMINISTER)
    )
    case_id = unit.session.scalar(query.with_only_columns(Message.case_id))
    if case_id is not None:
        locked_case(unit, case_id)
    message = unit.session.scalars(query.with_for_update(of=Message)).first()
    if message is None:
        raise NotFound
    harmless = message.case_id is None and message.text != MONTHLY  # an invitation twice harms nobody
    may_leave = message.state == MessageState.REFUSED or harmless
    if not may_leave or message.channel not in CARRIED or not message.address:
        raise GuardRefused("Seul un message refusé, qui a une adresse, peut repartir.")
    until = casework.recall_until(unit, hand) if message.case else None
    fact = MessageSentAgain(
        message_id=message.id, refused_at=message.done_at, reply_code=message.reply_code, recall_until=until
    )
    message.state, message.error, message.done_at, message.reply_code = MessageState.QUEUED.value, None, None, None
    message.attempts, message.first_tried_at, message.due_at = 0, None, until or unit.now
    if message.case:
        casework.record(unit, message.case, fact, hand=hand)
    note_access(unit, hand.actor, MESSAGE_SENT, case_id=message.case_id, reason=form.reason)
    return message


def failing_clocks(unit: UnitOfWork, actor: Actor) -> Sequence[Obligation]:
    """The programme's clocks that cannot take their step; each is tried again by itself, once a day at least."""
    query = (
        select(Obligation)
        .join(Case, Case.id == Obligation.case_id)
        .where(
            Case.programme_id == programme_of(actor, Right.ADMINISTER),
            Obligation.failed_at.is_not(None),
            Obligation.next_at.is_not(None),
        )
    )
    return unit.session.scalars(query.order_by(Obligation.failed_at).limit(SHOWN)).all()


def remedies(unit: UnitOfWork, actor: Actor) -> list[Remedied]:
    """What administrators put right, the latest first."""
    ours = AccessEntry.programme_id == programme_of(actor, Right.ADMINISTER)
    query = select(AccessEntry).where(ours, AccessEntry.action.in_((EVENT_TRIED, MESSAGE_SENT)))
    rows = unit.session.scalars(query.order_by(AccessEntry.at.desc()).limit(SHOWN))
    return [Remedied(row.action, row.actor, row.at, row.reason or "") for row in rows]
