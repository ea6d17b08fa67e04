"""The day's letters: listed, printed as one file, posted when a person says so; what lost its reason is cancelled."""

import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import selectinload

from models.cases import Case
from models.engine import LetterBatch, Message
from models.programmes import Programme
from models.vocabulary import Channel, MessageState, Role
from services.channels.letters import ADDRESS_LINES, ADDRESS_WIDTH, Letter, Sender, render_batch
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, GuardRefused, InvalidInput, NotFound
from services.foundation.runtime import runtime
from services.listing import Question
from services.rules import ledger, relevance
from services.rules.casework import Hand
from services.rules.household import code_of
from services.rules.policy import Actor, known, letters_of
from services.rules.published import today_of
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message

NOON: Final = time(12)


@dataclass(frozen=True)
class Printed:
    """A batch with letters of it."""

    batch: LetterBatch
    letters: Sequence[Message]


def to_print(unit: UnitOfWork, actor: Actor) -> Question[Message]:
    """Letters that wait for the printer, the oldest first: those that this actor posts and that will be written."""
    wanted = _due(unit, actor).where(relevance.is_wanted(unit.now))
    return Question(wanted, _OLDEST_FIRST, (_WITH_READER,))


def to_post(unit: UnitOfWork, actor: Actor) -> Question[Message]:
    """Letters that were printed and are not posted, batch by batch, the oldest first."""
    letters_of(unit, actor)
    query = (
        select(Message)
        .join(LetterBatch, LetterBatch.id == Message.batch_id)
        .where(_own(actor), LetterBatch.posted_on.is_(None), Message.state == MessageState.PRINTED)
    )
    return Question(query, (LetterBatch.on, LetterBatch.ordinal, *_OLDEST_FIRST), (_WITH_READER,))


def by_batch(unit: UnitOfWork, letters: Iterable[Message]) -> list[Printed]:
    """The same letters, in their batches."""
    found = groupby(letters, key=lambda letter: letter.batch_id)
    return [Printed(unit.session.get_one(LetterBatch, batch_id), list(each)) for batch_id, each in found]


def print_batch(unit: UnitOfWork, hand: Hand) -> LetterBatch | None:
    """Write every waiting letter and put them into one batch; None when each had lost its reason."""
    actor = hand.actor
    letters_of(unit, actor)
    programme = unit.session.get_one(Programme, actor.programme_id, with_for_update=True)
    due = _due(unit, actor).order_by(*_OLDEST_FIRST).options(_WITH_READER)
    waiting = unit.session.scalars(due.with_for_update(of=Message)).all()
    written = [message for message in waiting if _write(unit, message)]
    if not written:
        return None
    today = today_of(unit, programme.id)
    ordinal = unit.session.scalar(
        select(func.coalesce(func.max(LetterBatch.ordinal), 0)).where(
            LetterBatch.programme_id == programme.id, LetterBatch.on == today
        )
    )
    batch = LetterBatch(
        programme_id=programme.id,
        operator_id=_operator(actor),
        on=today,
        ordinal=(ordinal or 0) + 1,
        printed_at=unit.now,
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
        message.error = f"{ledger.UNWRITTEN}: {error.code}"
        return False
    message.subject, message.body, message.error = written.subject, written.body, None
    return True


def batch_for(unit: UnitOfWork, actor: Actor, batch_id: UUID) -> Printed:
    """A batch that the actor printed, without the letters whose household he may not know any more, or whose words are
    forgotten.

    Raises `NotFound`.
    """
    letters_of(unit, actor)
    batch = unit.session.scalars(select(LetterBatch).where(LetterBatch.id == batch_id, _own(actor))).first()
    if batch is None:
        raise NotFound
    letters = _of(unit, batch, MessageState.PRINTED, MessageState.POSTED)
    readable = known(unit, actor, {each.case_id for each in letters if each.case_id})
    return Printed(batch, [each for each in letters if each.body is not None and each.case_id in readable])


def pdf_of(unit: UnitOfWork, printed: Printed) -> bytes:
    """The file to print; the same each time it is asked for."""
    if not printed.letters:
        raise GuardRefused("Ces lettres ne sont plus à imprimer.")
    programme, current = unit.session.get_one(Programme, printed.batch.programme_id), runtime()
    sender = Sender(
        name=programme.public_name,
        address=tuple(part.strip() for part in programme.postal_address.split(",")),
        place=programme.city,
        phone=programme.phone,
        foot=f"Où en est ma situation ? Est-ce bien vous qui sonnez ? {current.settings.public_url}/d/{programme.slug}",
    )
    letters = [_letter(message, programme, code_of(current.secrets, message.of_case)) for message in printed.letters]
    return render_batch(letters, sender=sender, day=printed.batch.on)


def _letter(message: Message, programme: Programme, code: str) -> Letter:
    *paragraphs, signature = [part for part in (message.body or "").strip().split("\n\n") if part.strip()]
    return Letter(
        address=address_of(message.of_case),
        reference=message.of_case.number,
        subject=message.subject or "",
        paragraphs=tuple(paragraphs),
        signed_by=signature.splitlines()[0],
        role=programme.public_name,
        phone=programme.phone,
        code=code,
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
    letters_of(unit, hand.actor)
    own = select(LetterBatch.id).where(_own(hand.actor))
    zone = unit.session.get_one(Programme, hand.actor.programme_id).zone
    if on > today_of(unit, hand.actor.programme_id):
        raise InvalidInput("posted_on", "Ce jour n’est pas encore venu.")
    query = select(Message).where(Message.id.in_(ids), Message.batch_id.in_(own), Message.state == MessageState.PRINTED)
    letters = unit.session.scalars(query.with_for_update(of=Message)).all()
    posted_at = min(unit.now, datetime.combine(on, NOON, tzinfo=zone))
    for letter in letters:
        letter.state, letter.done_at = MessageState.POSTED.value, posted_at
    unit.session.flush()
    for batch in {letter.batch_id for letter in letters}:
        _end(unit, hand, batch, on)
    return len(letters)


def of_batch(unit: UnitOfWork, actor: Actor, batch_id: UUID) -> list[UUID]:
    """All the letters of a batch that are still to be posted."""
    query = to_post(unit, actor).where(Message.batch_id == batch_id).query
    return list(unit.session.scalars(query.with_only_columns(Message.id)))


def _end(unit: UnitOfWork, hand: Hand, batch_id: UUID | None, on: date) -> None:
    batch = unit.session.get_one(LetterBatch, batch_id)
    if not _of(unit, batch, MessageState.PRINTED):
        batch.posted_on, batch.posted_by_id = on, hand.actor.id


def _own(actor: Actor) -> ColumnElement[bool]:
    """The batches of whoever prints: the coordination's together, an operator's apart."""
    return and_(
        LetterBatch.programme_id == actor.programme_id, LetterBatch.operator_id.is_not_distinct_from(_operator(actor))
    )


def _operator(actor: Actor) -> UUID | None:
    return actor.organisation_id if actor.role is Role.OPERATOR else None


def _due(unit: UnitOfWork, actor: Actor) -> Select[Message]:
    return (
        select(Message)
        .join(Case, Case.id == Message.case_id)
        .where(
            letters_of(unit, actor),
            Message.programme_id == actor.programme_id,
            Message.channel == Channel.LETTER,
            Message.state == MessageState.QUEUED,
            Message.due_at <= unit.now,
        )
    )


_OLDEST_FIRST: Final = (Message.due_at, Message.id)
_WITH_READER: Final = selectinload(Message.case).selectinload(Case.household)


def _of(unit: UnitOfWork, batch: LetterBatch, *states: MessageState) -> Sequence[Message]:
    query = select(Message).where(Message.batch_id == batch.id, Message.state.in_(states))
    return unit.session.scalars(query.order_by(*_OLDEST_FIRST).options(_WITH_READER)).all()
