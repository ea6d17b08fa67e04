"""The delivery ledger: who may hand a message over, and what is written of each attempt.

Nothing here waits for a network. The sequence is claim → mark_data → (the channel) → record; a message whose mark
outlives its lease is *unknown*: it is never sent again unless proof says that it did not leave.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Select, and_, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from models.cases import Case
from models.engine import Message
from models.vocabulary import Channel, MessageState
from services.channels.evidence import Verdict
from services.channels.mail import Handover
from services.foundation.database import UnitOfWork, lease_until
from services.foundation.errors import CaseworkError
from services.foundation.tokens import new_token
from services.rules.rendering import Rendered, Suppressed

CARRIED: Final = (Channel.EMAIL, Channel.SMS)  # letters are printed, by another road
DATA_LEASE_S: Final = 660  # the ten minutes of the last reply, and one
DOUBT_S: Final = 120
"""How long an unknown message rests before proof is asked: the server may still be storing it."""

BACK_OFF: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))
HOURLY: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(days=4)  # Source: RFC 5321 §4.5.4.1 — at least four to five days


class Failed(Protocol):
    """Hears that a message was refused for good, or that nobody can tell whether it left (`unknown`)."""

    def __call__(self, unit: UnitOfWork, message: Message, *, unknown: bool) -> None: ...


@dataclass(frozen=True)
class Aftermath:
    """What the office does with a message: writes it, then draws the consequences in the transaction that records it.

    `write` raises `Suppressed` when the message must not leave any more.
    """

    write: Callable[[UnitOfWork, Message], Rendered]
    accepted: Callable[[UnitOfWork, Message], None]
    failed: Failed


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A claimed message, free of the database. `token` proves the claim; `at` is business time."""

    id: UUID
    token: str
    channel: Channel
    address: str
    subject: str
    body: str
    ics: bytes | None
    message_id: str
    thread: str
    programme: str
    reply_to: str
    at: datetime


@dataclass(frozen=True)
class Doubt:
    """An unknown message that rested long enough for its proof to be asked."""

    id: UUID
    message_id: str
    channel: Channel


# --- Claiming -------------------------------------------------------------------------------------------------------


def claim(
    unit: UnitOfWork, aftermath: Aftermath, *, limit: int, lease_s: float, channel: Channel | None = None
) -> list[Envelope]:
    """Reserve due messages for this worker and write them; the oldest first, none that somebody else holds.

    A claim that ran out without a DATA mark counts as abandoned: a dead worker delays a message by `lease_s` at most.
    Suppressed messages are cancelled; those that cannot be written are refused, so they never block the others.
    """
    free = and_(Message.channel.in_([channel] if channel else CARRIED), _claimable(unit))
    ids = _locked(unit, select(Message.id).where(free).order_by(Message.due_at, Message.id).limit(limit))
    if not ids:
        return []
    token = new_token()
    values = {"state": MessageState.LEASED, "token": token, "leased_until": lease_until(unit, lease_s)}
    unit.session.execute(update(Message).where(Message.id.in_(ids), free).values(values), execution_options=_UNSYNCED)
    mine = (
        select(Message)
        .options(joinedload(Message.case).joinedload(Case.programme))
        .where(Message.token == token)
        .order_by(Message.due_at, Message.id)
        .execution_options(populate_existing=True)
    )
    claimed = [_envelope(unit, aftermath, message=message) for message in unit.session.scalars(mine)]
    return [envelope for envelope in claimed if envelope is not None]


def release(unit: UnitOfWork, envelopes: Iterable[Envelope]) -> None:
    """Put claimed messages back as they were, mark included: they certainly did not leave, and no attempt counts."""
    values = {"state": MessageState.QUEUED, "token": None, "leased_until": None, "data_started_at": None}
    for envelope in envelopes:
        _change(unit, _held_by(envelope), values)


def mark_data(unit: UnitOfWork, envelope: Envelope) -> bool:
    """Note durably that DATA starts; False if the claim is no longer ours, and then nothing may be sent."""
    values = {
        "state": MessageState.DATA_STARTED,
        "data_started_at": unit.now,
        "leased_until": lease_until(unit, DATA_LEASE_S),
    }
    ours = and_(Message.id == envelope.id, Message.token == envelope.token, Message.state == MessageState.LEASED)
    return _change(unit, ours, values)


# --- Recording ------------------------------------------------------------------------------------------------------


def record(unit: UnitOfWork, aftermath: Aftermath, *, envelope: Envelope, handover: Handover) -> bool:
    """Write what became of a message; False if it was not ours to write any more.

    An acceptance is a fact and is always written, even by a worker that lost its claim meanwhile.
    """
    match handover.result:
        case "accepted":
            return _accept(unit, aftermath, message_id=envelope.id, handover=handover)
        case "transient":
            return _try_later(unit, aftermath, envelope=envelope, handover=handover)
        case "permanent":
            return _refuse(unit, aftermath, envelope=envelope, handover=handover)
        case "unknown":
            return _doubt(unit, aftermath, held=_held_by(envelope), values=_attempt(unit, envelope, handover))
        case "fenced":
            release(unit, [envelope])
            return False


def rescue(unit: UnitOfWork, aftermath: Aftermath, *, limit: int = 100) -> int:
    """Call *unknown* the messages whose worker vanished after its DATA mark. Returns how many."""
    lost = and_(Message.state == MessageState.DATA_STARTED, Message.leased_until < unit.lease_time())
    ids = _locked(unit, select(Message.id).where(lost).order_by(Message.leased_until).limit(limit))
    values = {"attempts": Message.attempts + 1, "error": "worker lost after DATA"}
    return sum(_doubt(unit, aftermath, held=and_(Message.id == one, lost), values=values) for one in ids)


def doubts(unit: UnitOfWork, *, limit: int = 20) -> list[Doubt]:
    """The unknown messages that rested for two minutes, so that the server had time to store them; oldest first."""
    rested = and_(Message.state == MessageState.UNKNOWN, Message.leased_until < unit.lease_time())
    found = select(Message.id, Message.message_id, Message.channel).where(rested)
    rows = unit.session.execute(found.order_by(Message.leased_until).limit(limit))
    return [Doubt(row.id, row.message_id, Channel(row.channel)) for row in rows]


def settle(unit: UnitOfWork, aftermath: Aftermath, *, doubt: Doubt, verdict: Verdict) -> bool:
    """End a doubt as the proof says: accepted, or queued again only on a certain "no". False while it lasts."""
    if verdict == "yes":
        return _accept(unit, aftermath, message_id=doubt.id, handover=Handover("accepted"))
    unknown = and_(Message.id == doubt.id, Message.state == MessageState.UNKNOWN)
    if verdict == "cannot_tell":
        _change(unit, unknown, {"leased_until": lease_until(unit, DOUBT_S)})
        return False
    again = {"state": MessageState.QUEUED, "due_at": unit.now, "data_started_at": None, "leased_until": None}
    return _change(unit, unknown, again | {"token": None})


def back_off(attempts: int) -> timedelta:
    """How long after its nth failed attempt a message is tried again."""
    return BACK_OFF[attempts - 1] if attempts <= len(BACK_OFF) else HOURLY


# --- Inside ---------------------------------------------------------------------------------------------------------

_UNSYNCED: Final = {"synchronize_session": False}


def _claimable(unit: UnitOfWork) -> ColumnElement[bool]:
    due = and_(Message.state == MessageState.QUEUED, Message.due_at <= unit.now)
    return or_(due, and_(Message.state == MessageState.LEASED, Message.leased_until < unit.lease_time()))


def _locked(unit: UnitOfWork, ids: Select[UUID]) -> list[UUID]:
    """On PostgreSQL rows that another worker holds are passed over; SQLite has one writer and ignores the lock."""
    return list(unit.session.scalars(ids.with_for_update(skip_locked=True)))


def _envelope(unit: UnitOfWork, aftermath: Aftermath, *, message: Message) -> Envelope | None:
    try:
        written = aftermath.write(unit, message)
    except Suppressed as suppressed:
        _end(message, MessageState.CANCELLED, error=suppressed.reason, at=unit.now)
        return None
    except SQLAlchemyError:
        raise  # the transaction is lost: the whole claim fails and is tried again
    except Exception as error:  # noqa: BLE001 - one text that cannot be written must not hold back all the others
        _end(message, MessageState.REFUSED, error=_name(error), at=unit.now)
        aftermath.failed(unit, message, unknown=False)
        return None
    message.subject, message.body = written.subject, written.body
    programme = message.case.programme
    return Envelope(
        id=message.id,
        token=message.token or "",
        channel=Channel(message.channel),
        address=message.address,
        subject=written.subject,
        body=written.body,
        ics=written.ics,
        message_id=message.message_id,
        thread=f"{programme.slug}.{message.case.number}",
        programme=programme.public_name,
        reply_to=programme.email,
        at=unit.now,
    )


def _end(message: Message, state: MessageState, *, error: str, at: datetime) -> None:
    message.state, message.error, message.done_at = state.value, error, at
    message.token = message.leased_until = None


def _name(error: Exception) -> str:
    return f"cannot be written: {error.code if isinstance(error, CaseworkError) else type(error).__name__}"


def _held_by(envelope: Envelope) -> ColumnElement[bool]:
    held = Message.state.in_([MessageState.LEASED, MessageState.DATA_STARTED])
    return and_(Message.id == envelope.id, Message.token == envelope.token, held)


def _change(unit: UnitOfWork, where: ColumnElement[bool], values: dict[str, Any]) -> bool:
    result = unit.session.execute(update(Message).where(where).values(values), execution_options=_UNSYNCED)
    return isinstance(result, CursorResult) and result.rowcount == 1


def _read(unit: UnitOfWork, message_id: UUID) -> Message:
    return unit.session.get_one(Message, message_id, populate_existing=True)


def _attempt(unit: UnitOfWork, envelope: Envelope, handover: Handover) -> dict[str, Any]:
    """What every attempt leaves, whatever its end."""
    message = _read(unit, envelope.id)
    return {
        "attempts": message.attempts + 1,
        "first_tried_at": message.first_tried_at or unit.now,
        "reply_code": handover.code,
        "error": handover.detail,
        "data_started_at": None,
        "token": None,
        "leased_until": None,
    }


def _accept(unit: UnitOfWork, aftermath: Aftermath, *, message_id: UUID, handover: Handover) -> bool:
    # Queued too: a late acceptance of a message that was put back must stop it from leaving twice.
    open_states = (MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN)
    values = {
        "state": MessageState.ACCEPTED,
        "attempts": Message.attempts + (1 if handover.code or handover.queue_id else 0),  # proof is no attempt
        "first_tried_at": func.coalesce(Message.first_tried_at, unit.now),
        "done_at": unit.now,
        "reply_code": handover.code,
        "provider_id": handover.queue_id,
        "error": None,
        "token": None,
        "leased_until": None,
    }
    if not _change(unit, and_(Message.id == message_id, Message.state.in_(open_states)), values):
        return False
    aftermath.accepted(unit, _read(unit, message_id))
    return True


def _try_later(unit: UnitOfWork, aftermath: Aftermath, *, envelope: Envelope, handover: Handover) -> bool:
    left = _attempt(unit, envelope, handover)
    due_at = unit.now + back_off(left["attempts"])
    if due_at > left["first_tried_at"] + GIVE_UP:
        gave_up = Handover("permanent", handover.code, handover.enhanced, detail="gave_up")
        return _refuse(unit, aftermath, envelope=envelope, handover=gave_up)
    return _change(unit, _held_by(envelope), left | {"state": MessageState.QUEUED, "due_at": due_at})


def _refuse(unit: UnitOfWork, aftermath: Aftermath, *, envelope: Envelope, handover: Handover) -> bool:
    values = _attempt(unit, envelope, handover) | {"state": MessageState.REFUSED, "done_at": unit.now}
    if not _change(unit, _held_by(envelope), values):
        return False
    aftermath.failed(unit, _read(unit, envelope.id), unknown=False)
    return True


def _doubt(unit: UnitOfWork, aftermath: Aftermath, *, held: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Keep the mark and the instant: they are all that is known. `leased_until` says when proof may be asked."""
    kept = {name: value for name, value in values.items() if name != "data_started_at"}
    resting = {"state": MessageState.UNKNOWN, "token": None, "leased_until": lease_until(unit, DOUBT_S)}
    changed = update(Message).where(held).values(kept | resting).returning(Message.id)
    message_id = unit.session.scalar(changed, execution_options=_UNSYNCED)
    if message_id is None:
        return False
    aftermath.failed(unit, _read(unit, message_id), unknown=True)
    return True
