"""What follows the life of a message, in the transaction that records it: clocks start, dead ends get an owner."""

from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload

from models.cases import Case, Referral
from models.engine import Event, Message, Task
from models.events import MessageFailed
from models.vocabulary import Channel, Party, TaskState
from services.foundation.database import UnitOfWork
from services.rules import casework, obligations, open_tasks
from services.rules.ledger import UNWRITTEN, Aftermath
from services.rules.policy import locked_case
from services.rules.rendering import render_message

# Built once, as it is asked for each mail, with what a clock needs.
_WAITING: Final = (
    select(Task)
    .where(Task.id == bindparam("task_id"), Task.provisional.is_(True))
    .options(joinedload(Task.case).joinedload(Case.programme), joinedload(Task.referral).joinedload(Referral.need))
)


def message_accepted(unit: UnitOfWork, message: Message) -> None:
    """The reader's server took it: if it is the request of a task, the task's clock starts now."""
    if message.task_id is None:
        return
    task = unit.session.scalars(_WAITING, {"task_id": message.task_id}).one_or_none()
    if task is not None:
        obligations.start_clock(unit, task, delivered_at=unit.now)


def message_failed(unit: UnitOfWork, message: Message, *, unknown: bool) -> None:
    """It was refused for good, or nobody can tell: an event, so that somebody owns it.

    Each time that it happens: a message that leaves again may end so again. A mail about an account has no case: its
    reader asks for another, and the administrator sees it on his page.
    """
    if message.case_id is None:
        return
    case = locked_case(unit, message.case_id)
    if not unknown:
        _write_there_no_more(unit, case, message)
    fact = MessageFailed(
        message_id=message.id,
        task_id=message.task_id,
        referral_id=message.referral_id,
        unknown=unknown,
        party=Party(message.party),
        channel=Channel(message.channel),
    )
    casework.record(unit, case, fact, hand=casework.engine_hand())


def _write_there_no_more(unit: UnitOfWork, case: Case, message: Message) -> None:
    """The household's address refused: no mail goes there until somebody mends it.

    A text that could not be written says nothing of the address.
    """
    of_household = message.party == Party.HOUSEHOLD and message.channel == Channel.EMAIL
    if of_household and message.address == case.household.email and not (message.error or "").startswith(UNWRITTEN):
        case.household.email_refused_at = unit.now
        unit.session.flush()


def message_bounced(unit: UnitOfWork, message: Message) -> None:
    """It came back after its reader's server had taken it: the clock that it started stops, and somebody owns it.

    The request waits for its delivery again, so silence behind a dead address never becomes an expiry.
    """
    task = unit.session.get(Task, message.task_id) if message.task_id else None
    if task is not None:
        obligations.stop_clock(unit, task)
    message_failed(unit, message, unknown=False)
    doubt_ended(unit, message)


def doubt_ended(unit: UnitOfWork, message: Message) -> None:
    """What became of it is known: whoever was asked to check it has nothing left to check."""
    if message.case_id is None:  # about an account: nobody is asked
        return
    events = select(Event).where(Event.case_id == message.case_id, Event.type == MessageFailed.type)
    told = {str(event.id) for event in unit.session.scalars(events) if event.payload["message_id"] == str(message.id)}
    checks = open_tasks.of_case(unit, message.case_id, "check_message")
    checked = [task for task in checks if task.effect_key.partition(":")[0] in told]
    casework.close(unit, checked, TaskState.COMPLETED)


AFTERMATH: Final = Aftermath(render_message, message_accepted, message_failed, doubt_ended)
"""What the ledger is handed wherever messages are."""
