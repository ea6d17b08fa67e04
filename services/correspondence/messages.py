"""What a person decides about a message: whether one in doubt arrived, and that one which waits leaves at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import aliased, joinedload

from models.cases import Case
from models.engine import Event, Message, Task
from models.events import MessageFailed, MessageHastened, MessageLost
from models.vocabulary import Channel, MessageState, Party
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.rules import casework, ledger, relevance
from services.rules.aftermath import AFTERMATH
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, is_visible
from services.rules.published import calendar_of

UNOWNED: Final = (Party.COORDINATOR, Party.OPERATOR, Party.ALERT_GIVER)
"""Whose refused mails open no item: of a partner's and a household's somebody owes the right address."""
TOLD_FOR: Final = timedelta(days=14)
TEXT_KEPT: Final = timedelta(days=90)
A_NIGHT: Final = 50_000
"""So many texts are forgotten in one round: what years left behind holds nobody up."""


def forget_old(unit: UnitOfWork) -> None:
    """Drop the words of messages that ended `TEXT_KEPT` ago; that they left, when and to whom stays in the ledger."""
    said = or_(Message.body.is_not(None), Message.subject.is_not(None))
    old = select(Message.id).where(Message.done_at < unit.now - TEXT_KEPT, said).limit(A_NIGHT)
    forgotten = update(Message).where(Message.id.in_(old)).values(subject=None, body=None)
    unit.session.execute(forgotten, execution_options={"synchronize_session": False})


def came_back(unit: UnitOfWork, actor: Actor) -> Sequence[Message]:
    """The latest mail that each reader's address refused of late, and took none since; on cases that go on."""
    query = (
        select(Message)
        .join(Case, Case.id == Message.case_id)
        .where(Message.state == MessageState.REFUSED, Message.channel == Channel.EMAIL, Message.party.in_(UNOWNED))
        .where(Message.due_at > unit.now - 2 * TOLD_FOR)  # found by its index: a mail comes back within days
        .where(Message.done_at > unit.now - TOLD_FOR, Case.closed_at.is_(None), is_visible(actor), ~_TAKEN_SINCE)
        .options(joinedload(Message.case), joinedload(Message.organisation))
        .order_by(Message.done_at, Message.id)
    )
    return list({message.address: message for message in unit.session.scalars(query)}.values())


_LATER: Final = aliased(Message)
_TAKEN_SINCE: Final = exists().where(
    _LATER.programme_id == Message.programme_id,
    _LATER.address == Message.address,
    _LATER.done_at > Message.done_at,
    _LATER.state == MessageState.ACCEPTED,
)


def settle(unit: UnitOfWork, hand: Hand, case_id: UUID, message_id: UUID, *, delivered: bool) -> None:
    """End the doubt: delivered, its clock starts; not delivered, it leaves again, in a minute if a page says so. The
    check is then done.

    Messages that left in the same mail share its end: what is said of one is said of all.
    """
    case = case_for(unit, hand.actor, case_id, Right.SETTLE_MESSAGE)
    message = _of(unit, case, message_id)
    if message.state != MessageState.UNKNOWN:
        raise GuardRefused("Ce message n’est plus à vérifier.")
    doubt = ledger.doubt_of(unit, message)
    if delivered:
        ledger.settle(unit, AFTERMATH, doubt=doubt, verdict="yes")
        return
    until = casework.recall_until(unit, hand)
    started_at = message.data_started_at
    ids = ledger.settle(unit, AFTERMATH, doubt=doubt, verdict="no", again_at=until)
    fact = MessageLost(message_id=doubt.id, message_ids=list(ids), started_at=started_at, recall_until=until)
    casework.record(unit, case, fact, hand=hand)


def send_now(unit: UnitOfWork, hand: Hand, case_id: UUID, message_id: UUID) -> None:
    """Let a message leave without waiting for its hour. A household keeps its quiet hours. Raises `GuardRefused`."""
    case = case_for(unit, hand.actor, case_id, Right.SEND_NOW)
    message = _of(unit, case, message_id)
    if keeps_hours(unit, case.programme_id, message.party, message.channel):
        raise GuardRefused("Un ménage ne reçoit rien la nuit ni les jours fermés : ce message partira à son heure.")
    until = casework.recall_until(unit, hand)
    fact = MessageHastened(
        message_id=message_id, was_due_at=message.due_at, was_daily=message.daily, recall_until=until
    )
    if not ledger.hasten(unit, message_id, at=until):
        raise GuardRefused("Ce message n’attend plus son heure.")
    casework.record(unit, case, fact, hand=hand)


def _of(unit: UnitOfWork, case: Case, message_id: UUID) -> Message:
    message = unit.session.get(Message, message_id)
    if message is None or message.case_id != case.id:
        raise NotFound
    return message


def may_leave_now(unit: UnitOfWork, case: Case) -> frozenset[UUID]:
    """The messages of a case that wait for an hour which `send_now` would not make them wait for."""
    query = select(Message.id).where(
        Message.case_id == case.id,
        Message.state == MessageState.QUEUED,
        Message.due_at > unit.now + casework.RECALL,  # one that was hastened leaves once its minute is over
        Message.channel.in_(ledger.CARRIED),
        relevance.is_wanted(unit.now),
    )
    if _is_quiet(unit, case.programme_id):
        query = query.where(Message.party != Party.HOUSEHOLD, Message.channel != Channel.SMS)
    return frozenset(unit.session.scalars(query))


def keeps_hours(unit: UnitOfWork, programme_id: UUID, party: str, channel: str) -> bool:
    """Whether a message must wait for the morning whatever a person wants: a household's, at night."""
    return (party == Party.HOUSEHOLD or channel == Channel.SMS) and _is_quiet(unit, programme_id)


def _is_quiet(unit: UnitOfWork, programme_id: UUID) -> bool:
    return calendar_of(unit, programme_id).next_sending_time(unit.now) > unit.now


def in_doubt(unit: UnitOfWork, task: Task) -> Message | None:
    """The message that a task asks to check; None once it is settled."""
    event = unit.session.get(Event, UUID(task.effect_key.split(":")[0]))
    if event is None or event.type != MessageFailed.type:
        return None
    message = unit.session.get(Message, UUID(event.payload["message_id"]))
    return message if message is not None and message.state == MessageState.UNKNOWN else None
