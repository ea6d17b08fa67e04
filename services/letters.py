"""The day's letters: listed, printed as one file, posted when a person says so; what lost its reason is cancelled."""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from models.base import new_id
from models.cases import Case
from models.engine import LetterBatch, Message
from models.programmes import Programme
from models.vocabulary import Channel, MessageState
from services.channels.letters import ADDRESS_LINES, ADDRESS_WIDTH, Letter, Sender, render_batch
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, GuardRefused, InvalidInput, NotFound
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, require
from services.rules.rendering import Suppressed, render_message

NOON: Final = time(12)


@dataclass(frozen=True)
class Printed:
    """A batch with its letters."""

    batch: LetterBatch
    letters: Sequence[Message]


def to_print(unit: UnitOfWork, actor: Actor) -> list[Message]:
    """Letters that wait for the printer, the oldest first."""
    require(actor, Right.LETTERS)
    return list(unit.session.scalars(_due(unit, actor)))


def to_post(unit: UnitOfWork, actor: Actor) -> list[Printed]:
    """Batches that were printed and whose letters are not all posted, the oldest first."""
    require(actor, Right.LETTERS)
    query = select(LetterBatch).where(LetterBatch.programme_id == actor.programme_id, LetterBatch.posted_on.is_(None))
    batches = unit.session.scalars(query.order_by(LetterBatch.on, LetterBatch.ordinal)).all()
    return [Printed(batch, _of(unit, batch, MessageState.PRINTED)) for batch in batches]


def print_batch(unit: UnitOfWork, hand: Hand) -> LetterBatch | None:
    """Write every waiting letter and put them into one batch; None when each had lost its reason."""
    actor = hand.actor
    require(actor, Right.LETTERS)
    programme = unit.session.get_one(Programme, actor.programme_id, with_for_update=True)
    waiting = unit.session.scalars(_due(unit, actor).with_for_update(of=Message)).all()
    written = [message for message in waiting if _write(unit, message)]
    if not written:
        return None
    today = unit.now.astimezone(ZoneInfo(programme.zone)).date()
    ordinal = unit.session.scalar(
        select(func.coalesce(func.max(LetterBatch.ordinal), 0)).where(
            LetterBatch.programme_id == programme.id, LetterBatch.on == today
        )
    )
    batch = LetterBatch(
        id=new_id(), programme_id=programme.id, on=today, ordinal=(ordinal or 0) + 1, printed_at=unit.now
    )
    unit.session.add(batch)
    unit.session.flush()
    for message in written:
        message.state, message.batch_id = MessageState.PRINTED.value, batch.id
        message.attempts, message.first_tried_at = message.attempts + 1, message.first_tried_at or unit.now
    return batch


def _write(unit: UnitOfWork, message: Message) -> bool:
    try:
        written = render_message(unit, message)
    except Suppressed as suppressed:
        message.state, message.error, message.done_at = MessageState.CANCELLED.value, suppressed.reason, unit.now
        return False
    except CaseworkError as error:  # a text that cannot be written must not hold back the others
        message.error = f"cannot be written: {error.code}"
        return False
    message.subject, message.body, message.error = written.subject, written.body, None
    return True


def batch_for(unit: UnitOfWork, actor: Actor, batch_id: UUID) -> Printed:
    """A batch of the actor's programme, all its letters. Raises `NotFound`."""
    require(actor, Right.LETTERS)
    batch = unit.session.get(LetterBatch, batch_id)
    if batch is None or batch.programme_id != actor.programme_id:
        raise NotFound
    return Printed(batch, _of(unit, batch, MessageState.PRINTED, MessageState.POSTED))


def pdf_of(unit: UnitOfWork, printed: Printed) -> bytes:
    """The file to print; the same each time it is asked for."""
    if not printed.letters:
        raise GuardRefused("Ces lettres ne sont plus à imprimer.")
    programme = unit.session.get_one(Programme, printed.batch.programme_id)
    sender = Sender(
        name=programme.public_name,
        address=tuple(part.strip() for part in programme.postal_address.split(",")),
        place=programme.city,
        phone=programme.phone,
        foot=f"{programme.public_name} – gratuit",
    )
    letters = [_letter(message, programme) for message in printed.letters]
    return render_batch(letters, sender=sender, day=printed.batch.on)


def _letter(message: Message, programme: Programme) -> Letter:
    *paragraphs, signature = [part for part in (message.body or "").strip().split("\n\n") if part.strip()]
    return Letter(
        address=address_of(message.case),
        reference=message.case.number,
        subject=message.subject or "",
        paragraphs=tuple(paragraphs),
        signed_by=signature.splitlines()[0],
        role=programme.public_name,
        phone=programme.phone,
    )


def address_of(case: Case) -> tuple[str, ...]:
    """Six lines of 38 characters at most; what is too long is folded, the town always stays last."""
    dwelling = case.dwelling
    wanted = [case.household.name, dwelling.complement, dwelling.street]
    lines = [line for part in wanted for line in textwrap.wrap(part, ADDRESS_WIDTH)]
    town = f"{dwelling.postcode} {dwelling.commune.name.upper()}"[:ADDRESS_WIDTH]
    return (*lines[: ADDRESS_LINES - 1], town)


def mark_posted(unit: UnitOfWork, hand: Hand, ids: Collection[UUID], *, on: date) -> int:
    """These letters are in the post since that day; return how many. A batch is over with its last letter."""
    require(hand.actor, Right.LETTERS)
    zone = ZoneInfo(unit.session.get_one(Programme, hand.actor.programme_id).zone)
    if on > unit.now.astimezone(zone).date():
        raise InvalidInput("posted_on", "Ce jour n’est pas encore venu.")
    query = select(Message).where(
        Message.id.in_(ids), Message.programme_id == hand.actor.programme_id, Message.state == MessageState.PRINTED
    )
    letters = unit.session.scalars(query.with_for_update(of=Message)).all()
    posted_at = min(unit.now, datetime.combine(on, NOON, tzinfo=zone))
    for letter in letters:
        letter.state, letter.done_at = MessageState.POSTED.value, posted_at
    unit.session.flush()
    for batch in {letter.batch_id for letter in letters}:
        _end(unit, hand, batch, on)
    return len(letters)


def _end(unit: UnitOfWork, hand: Hand, batch_id: UUID | None, on: date) -> None:
    batch = unit.session.get_one(LetterBatch, batch_id)
    if not _of(unit, batch, MessageState.PRINTED):
        batch.posted_on, batch.posted_by_id = on, hand.actor.id


def _due(unit: UnitOfWork, actor: Actor) -> Select[Message]:
    return (
        select(Message)
        .where(
            Message.programme_id == actor.programme_id,
            Message.channel == Channel.LETTER,
            Message.state == MessageState.QUEUED,
            Message.due_at <= unit.now,
        )
        .order_by(Message.due_at, Message.id)
    )


def _of(unit: UnitOfWork, batch: LetterBatch, *states: MessageState) -> Sequence[Message]:
    query = select(Message).where(Message.batch_id == batch.id, Message.state.in_(states))
    return unit.session.scalars(query.order_by(Message.due_at, Message.id)).all()
