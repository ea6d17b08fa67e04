"""Messages that nobody can tell about: a person asks the reader, and says whether it arrived."""

from uuid import UUID

from sqlalchemy import or_, select

from models.engine import Event, Message, Task
from models.events import MessageFailed
from models.vocabulary import Channel, MessageState, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.rules import casework, ledger
from services.rules.aftermath import message_accepted, message_failed
from services.rules.casework import Hand
from services.rules.ledger import Aftermath, Doubt
from services.rules.policy import Right, case_for
from services.rules.rendering import render_message

_AFTERMATH = Aftermath(render_message, message_accepted, message_failed)


def settle(unit: UnitOfWork, hand: Hand, message_id: UUID, *, delivered: bool) -> None:
    """End the doubt: delivered, its clock starts; not delivered, it leaves again. The check is then done."""
    message = unit.session.get(Message, message_id)
    if message is None:
        raise NotFound
    case = case_for(unit, hand.actor, message.case_id, Right.SETTLE_MESSAGE)
    if message.state != MessageState.UNKNOWN:
        raise GuardRefused("Ce message n’est plus à vérifier.")
    doubt = Doubt(message.id, message.message_id, Channel(message.channel))
    ledger.settle(unit, _AFTERMATH, doubt=doubt, verdict="yes" if delivered else "no")
    casework.close(unit, checks(unit, case.id, message_id), TaskState.COMPLETED)


def in_doubt(unit: UnitOfWork, task: Task) -> Message | None:
    """The message that a task asks to check; None once it is settled."""
    event = unit.session.get(Event, UUID(task.effect_key.split(":")[0]))
    if event is None or event.type != MessageFailed.type:
        return None
    message = unit.session.get(Message, UUID(event.payload["message_id"]))
    return message if message is not None and message.state == MessageState.UNKNOWN else None


def checks(unit: UnitOfWork, case_id: UUID, message_id: UUID) -> list[Task]:
    """The open tasks that ask to check this message."""
    events = unit.session.scalars(select(Event).where(Event.case_id == case_id, Event.type == MessageFailed.type)).all()
    told = [event.id for event in events if event.payload["message_id"] == str(message_id)]
    if not told:
        return []
    opened_by = or_(*(Task.effect_key.startswith(f"{event_id}:") for event_id in told))
    query = select(Task).where(
        Task.case_id == case_id, Task.kind == "check_message", Task.state == TaskState.OPEN, opened_by
    )
    return list(unit.session.scalars(query))
