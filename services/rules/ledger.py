"""The delivery ledger: who may hand a message over, and what is written of each attempt.

Nothing here waits for a network. The sequence is claim → mark_data → (the channel) → record; a message whose mark
outlives its lease is *unknown*: it is never sent again unless proof says that it did not leave.

Daily messages for one address leave in one mail, a bundle: the first is handed over and carries the others. They are
claimed, marked and recorded together, each with its own text, patience and consequences.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Integer, Select, and_, bindparam, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import joinedload

from models.base import Base
from models.cases import Alert, Case, Dwelling, Referral, Visit
from models.engine import Event, Message, Task
from models.programmes import Programme
from models.vocabulary import Channel, MessageState
from services.channels.evidence import Verdict
from services.channels.mail import Handover
from services.foundation.database import UnitOfWork, lease_until
from services.foundation.errors import CaseworkError
from services.foundation.tokens import new_token
from services.rules import daily
from services.rules.presence import is_gathered, reading_calendar
from services.rules.relevance import Suppressed
from services.rules.rendering import Rendered, gather

UNWRITTEN: Final = "cannot be written"
"""How the error of a text that could not be put together begins: its address is not at fault."""
Instant = BindParameter[datetime] | BindParameter[datetime | None]
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

    `write` raises `Suppressed` when the message must not leave any more; `gather` makes one mail of several texts.
    `settled` hears that nobody doubts any more what became of a message.
    """

    write: Callable[[UnitOfWork, Message], Rendered]
    accepted: Callable[[UnitOfWork, Message], None]
    failed: Failed
    settled: Callable[[UnitOfWork, Message], None]
    gather: Callable[[UnitOfWork, Sequence[Message]], Rendered] = gather


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A claimed message and those that it carries, free of the database. `token` proves the claim.

    `at` is business time.
    """

    id: UUID
    carried: tuple[UUID, ...] = ()
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
    stop_link: str | None = None
    at: datetime

    @property
    def ids(self) -> tuple[UUID, ...]:
        """All that leave in it."""
        return (self.id, *self.carried)


@dataclass(frozen=True)
class Doubt:
    """An unknown message that rested long enough for its proof to be asked; those it carries share its end."""

    id: UUID
    message_id: str
    channel: Channel


# --- Claiming -------------------------------------------------------------------------------------------------------


def claim(
    unit: UnitOfWork, aftermath: Aftermath, *, limit: int, lease_s: float, channel: Channel | None = None
) -> list[Envelope]:
    """Reserve due messages for this worker and write them; the oldest first, none that somebody else holds.

    A claim that ran out without a DATA mark counts as abandoned: a dead worker delays a message by `lease_s` at most.
    Suppressed messages are cancelled; those that cannot be written are refused, so they never block the others. Daily
    messages wait for the next morning when their reader had his mail today; else all that are due leave together.
    """
    which = (channel,) if channel else CARRIED, channel is Channel.SMS or daily.may_gather(unit)
    lease_now = unit.lease_time()
    oldest = [row.id for row in unit.rows(_oldest(*which), now=unit.now, lease_now=lease_now, most=limit)]
    if not oldest:
        return []
    free = _free(*which, now=unit.now, lease_now=lease_now)
    ids = _whole_bundles(unit, oldest, free)
    if not ids:
        return []
    token = new_token()
    values = {"state": MessageState.LEASED, "token": token, "leased_until": lease_until(unit, lease_s)}
    unit.session.execute(update(Message).where(Message.id.in_(ids), free).values(values), execution_options=_UNSYNCED)
    mine = (
        select(Message)
        .options(*_WHAT_TEXTS_NEED)
        .where(Message.token == token)
        .order_by(Message.due_at, Message.id)
        .execution_options(populate_existing=True)
    )
    messages = unit.session.scalars(mine).all()
    beside = _beside(unit, messages)
    bundles: dict[object, list[Message]] = {}
    for message in messages:
        place = (message.programme_id, message.address) if message.daily else message.id
        bundles.setdefault(place, []).append(message)
    claimed = [_envelope(unit, aftermath, bundle) for bundle in bundles.values()]
    del beside
    return [envelope for envelope in claimed if envelope is not None]


def release(unit: UnitOfWork, envelopes: Iterable[Envelope]) -> None:
    """Put claimed messages back as they were, mark included: they certainly did not leave, and no attempt counts."""
    for envelope in envelopes:
        _change(unit, _held_by(envelope), _FREE | {"data_started_at": None})


def mark_data(unit: UnitOfWork, envelopes: Iterable[Envelope]) -> set[UUID]:
    """Note durably that DATA starts for these; of which. The claim of the others is lost: they may not be sent."""
    whole = [envelope for envelope in envelopes if not envelope.carried or _all_leased(unit, envelope)]
    values = {
        "its_ids": [message_id for envelope in whole for message_id in envelope.ids],
        "its_tokens": list({envelope.token for envelope in whole}),
        "now": unit.now,
        "until": lease_until(unit, DATA_LEASE_S),
    }
    return set(unit.session.scalars(_MARK, values, execution_options=_UNSYNCED))


# --- Recording ------------------------------------------------------------------------------------------------------


def record(unit: UnitOfWork, aftermath: Aftermath, *, envelope: Envelope, handover: Handover) -> bool:
    """Write what became of a message and of those it carried; False if none was ours to write any more.

    An acceptance is a fact and is always written, even by a worker that lost its claim meanwhile.
    """
    match handover.result:
        case "accepted":
            return bool(_accept(unit, aftermath, ids=envelope.ids, handover=handover))
        case "transient":
            return _try_later(unit, aftermath, envelope=envelope, handover=handover)
        case "permanent":
            return _refuse(unit, aftermath, held=_held_by(envelope), handover=handover)
        case "unknown":
            return _doubt(unit, aftermath, held=_held_by(envelope), values=_attempt(unit, handover))
        case "fenced":
            release(unit, [envelope])
            return False


def rescue(unit: UnitOfWork, aftermath: Aftermath, *, limit: int = 100) -> int:
    """Call *unknown* the messages whose worker vanished after its DATA mark. Returns how many mails."""
    lease_now = unit.lease_time()
    ids = [row.id for row in unit.rows(_OLDEST_LOST, lease_now=lease_now, most=limit)]
    lost = _lost(lease_now)
    values = {"attempts": Message.attempts + 1, "error": "worker lost after DATA"}
    return sum(_doubt(unit, aftermath, held=and_(_bundle(one), lost), values=values) for one in ids)


def doubts(unit: UnitOfWork, *, limit: int = 20) -> list[Doubt]:
    """The unknown messages that rested for two minutes, so that the server had time to store them; oldest first."""
    rows = unit.rows(_RESTED, lease_now=unit.lease_time(), most=limit)
    return [Doubt(row.id, row.message_id, Channel(row.channel)) for row in rows]


def doubt_of(unit: UnitOfWork, message: Message) -> Doubt:
    """The doubt about an unknown message, which is that of the mail that carried it."""
    first = message if message.bundle_id is None else unit.session.get_one(Message, message.bundle_id)
    return Doubt(first.id, first.message_id, Channel(first.channel))


def settle(
    unit: UnitOfWork, aftermath: Aftermath, *, doubt: Doubt, verdict: Verdict, again_at: datetime | None = None
) -> Sequence[UUID]:
    """End a doubt as the proof says: accepted, or queued again (for `again_at`) only on a certain "no".

    The messages whose doubt ended; none while it lasts.
    """
    unknown = and_(_bundle(doubt.id), Message.state == MessageState.UNKNOWN)
    if verdict == "cannot_tell":
        _change(unit, unknown, {"leased_until": lease_until(unit, DOUBT_S)})
        return []
    if verdict == "yes":
        ids = _locked(unit, select(Message.id).where(unknown))
        settled = _accept(unit, aftermath, ids=ids, handover=Handover("accepted"))
    else:
        settled = _changed(unit, unknown, _FREE | {"due_at": again_at or unit.now, "data_started_at": None})
    for message in settled:
        aftermath.settled(unit, message)
    return [message.id for message in settled]


def doubt_again(
    unit: UnitOfWork, aftermath: Aftermath, *, first_id: UUID, ids: Collection[UUID], started_at: datetime | None
) -> None:
    """Whoever said that a mail was lost was wrong: nobody knows, as before; it is one mail still, of its day."""
    waiting = and_(Message.id.in_(ids), Message.state == MessageState.QUEUED)
    _change(unit, waiting, {"data_started_at": started_at})
    _change(unit, and_(waiting, Message.id != first_id), {"bundle_id": first_id})
    _doubt(unit, aftermath, held=waiting, values={})


def bounce(unit: UnitOfWork, message_id: UUID, *, status: str) -> Sequence[Message]:
    """Write that a mail came back after it had left, whatever was known of it; what it carried that had not ended."""
    ended = (MessageState.REFUSED, MessageState.CANCELLED)
    values = {
        "state": MessageState.REFUSED,
        "error": f"bounced {status}".strip(),
        "done_at": unit.now,
        "data_started_at": None,
        "token": None,
        "leased_until": None,
    }
    left = and_(_bundle(message_id), Message.channel == Channel.EMAIL, Message.state.not_in(ended))
    return _changed(unit, left, values)


def hasten(unit: UnitOfWork, message_id: UUID, *, at: datetime | None = None) -> bool:
    """Let a message that waits for its hour be claimed now, or at the instant `at`; False if it waits no longer.

    A daily one leaves alone then: a person's decision is beside the mail of the day.
    """
    leaves_at = at or unit.now
    waiting = and_(Message.id == message_id, Message.state == MessageState.QUEUED, Message.due_at > leaves_at)
    alone = {"due_at": leaves_at, "daily": False, "bundle_id": None}
    return bool(_change(unit, and_(waiting, Message.channel.in_(CARRIED)), alone))


def put_back(unit: UnitOfWork, message_id: UUID, *, due_at: datetime, daily: bool) -> None:
    """Let a message that was hastened wait for its hour after all."""
    waiting = and_(Message.id == message_id, Message.state == MessageState.QUEUED)
    _change(unit, waiting, {"due_at": due_at, "daily": daily})


def back_off(attempts: int) -> timedelta:
    """How long after its nth failed attempt a message is tried again."""
    return BACK_OFF[attempts - 1] if attempts <= len(BACK_OFF) else HOURLY


# --- Inside ---------------------------------------------------------------------------------------------------------


def _lost(lease_now: datetime | Instant) -> ColumnElement[bool]:
    return and_(Message.state == MessageState.DATA_STARTED, Message.leased_until < lease_now)


_WHAT_TEXTS_NEED: Final = (
    *(joinedload(Message.case).joinedload(each) for each in (Case.programme, Case.household, Case.operator)),
    joinedload(Message.case).joinedload(Case.dwelling).joinedload(Dwelling.commune),
    joinedload(Message.organisation),
)
_BESIDE_THE_CASE: Final = (
    ("event_id", Event, ()),
    ("task_id", Task, ()),
    ("visit_id", Visit, (joinedload(Visit.officer),)),
    ("referral_id", Referral, (joinedload(Referral.need), joinedload(Referral.partner))),
    ("alert_id", Alert, (joinedload(Alert.organisation),)),
)
_UNSYNCED: Final = {"synchronize_session": False}
_FRESH: Final = {"synchronize_session": False, "populate_existing": True}
_ITS_IDS: Final[BindParameter[UUID]] = bindparam("its_ids", expanding=True)
_NOW: Final = bindparam("now", type_=Message.done_at.type)
_MOST: Final = bindparam("most", type_=Integer)
# Built once: put together anew each time, these take longer than the database takes to obey them.
_LEASE_NOW: Final = bindparam("lease_now", type_=Message.leased_until.type)
_OLDEST_LOST: Final = (
    select(Message.id)
    .where(_lost(_LEASE_NOW), Message.bundle_id.is_(None))
    .order_by(Message.leased_until)
    .limit(_MOST)
    .with_for_update(skip_locked=True)
)
_RESTED: Final = (
    select(Message.id, Message.message_id, Message.channel)
    .where(Message.state == MessageState.UNKNOWN, Message.leased_until < _LEASE_NOW, Message.bundle_id.is_(None))
    .order_by(Message.leased_until)
    .limit(_MOST)
)
_MARK: Final = (
    update(Message)
    .where(
        Message.id.in_(_ITS_IDS),
        Message.token.in_(bindparam("its_tokens", expanding=True)),
        Message.state == MessageState.LEASED,
    )
    .values(state=MessageState.DATA_STARTED, data_started_at=_NOW, leased_until=bindparam("until"))
    .returning(Message.id)
)
# Queued too: a late acceptance of a message that was put back must stop it from leaving twice.
_OPEN: Final = (MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN)
_ACCEPT: Final = (
    update(Message)
    .where(Message.id.in_(_ITS_IDS), Message.state.in_(_OPEN))
    .values(
        state=MessageState.ACCEPTED,
        attempts=Message.attempts + bindparam("tries"),
        first_tried_at=func.coalesce(Message.first_tried_at, _NOW),
        done_at=_NOW,
        reply_code=bindparam("code"),
        provider_id=bindparam("queue_id"),
        error=None,
        token=None,
        leased_until=None,
    )
    .returning(Message)
)
_FREE: Final = {"state": MessageState.QUEUED, "token": None, "leased_until": None, "bundle_id": None}
"""Waiting, in nobody's hands and in no mail: the next claim makes its own bundles."""


def _free(
    channels: tuple[Channel, ...], gathers: bool, *, now: datetime | Instant, lease_now: datetime | Instant
) -> ColumnElement[bool]:
    """May be claimed; of daily messages only by who gathers them."""
    due = and_(Message.state == MessageState.QUEUED, Message.due_at <= now)
    lapsed = and_(Message.state == MessageState.LEASED, Message.leased_until < lease_now)
    daily_too = () if gathers else (Message.daily.is_(False),)
    return and_(Message.channel.in_(channels), or_(due, lapsed), *daily_too)


@cache
def _oldest(channels: tuple[Channel, ...], gathers: bool) -> Select[UUID]:
    free = _free(channels, gathers, now=_NOW, lease_now=_LEASE_NOW)
    query = select(Message.id).where(free).order_by(Message.due_at, Message.id)
    return query.limit(_MOST).with_for_update(skip_locked=True)


def _locked(unit: UnitOfWork, ids: Select[UUID]) -> list[UUID]:
    """On PostgreSQL rows that another worker holds are passed over; SQLite has one writer and ignores the lock."""
    return list(unit.session.scalars(ids.with_for_update(skip_locked=True)))


def _all_leased(unit: UnitOfWork, envelope: Envelope) -> bool:
    """Whether nothing that a mail carries is somebody else's by now: all of it leaves or nothing does."""
    leased = and_(_held_by(envelope), Message.state == MessageState.LEASED)
    return len(_locked(unit, select(Message.id).where(leased))) == len(envelope.ids)


def _whole_bundles(unit: UnitOfWork, ids: list[UUID], free: ColumnElement[bool]) -> list[UUID]:
    """The same messages with all that must leave in the same mails, without those that wait for the next morning."""
    query = select(Message.programme_id, Message.address).where(Message.id.in_(ids), Message.daily.is_(True))
    addresses: dict[UUID, set[str]] = {}
    for programme_id, address in unit.session.execute(query.distinct()):
        addresses.setdefault(programme_id, set()).add(address)
    kept = dict.fromkeys(ids)
    for programme_id, its in addresses.items():
        alike = and_(Message.programme_id == programme_id, Message.address.in_(its), Message.daily.is_(True))
        together = _locked(unit, select(Message.id).where(free, alike))
        had = daily.had_today(unit, programme_id, its)
        late = _put_off(unit, together, had) if had else set()
        kept = dict.fromkeys(one for one in [*kept, *together] if one not in late)
    return list(kept)


def _put_off(unit: UnitOfWork, ids: Sequence[UUID], had: Collection[str]) -> set[UUID]:
    """Those for readers who had their mail today leave at their next opening; which ones."""
    late = unit.session.scalars(select(Message).where(Message.id.in_(ids), Message.address.in_(had))).all()
    for message in late:
        calendar = reading_calendar(unit, message.programme_id, message.person_id, message.organisation_id)
        opens = calendar.next_opening(calendar.local_day(unit.now))
        gathered = is_gathered(unit, message.programme_id, message.organisation_id)
        message.due_at = daily.gathering(calendar, opens) if gathered else opens
        message.state, message.token, message.leased_until = MessageState.QUEUED.value, None, None
        message.bundle_id = None
    unit.session.flush()
    return {message.id for message in late}


def _beside(unit: UnitOfWork, messages: Sequence[Message]) -> list[Base]:
    """What texts read beside their cases, asked for at once; as long as it is held, none of them asks again."""
    found: list[Base] = []
    for name, model, options in _BESIDE_THE_CASE:
        ids = {getattr(message, name) for message in messages} - {None}
        if ids:
            found += unit.session.scalars(select(model).where(model.id.in_(ids)).options(*options))
    return found


def _envelope(unit: UnitOfWork, aftermath: Aftermath, bundle: Sequence[Message]) -> Envelope | None:
    """The mail that these messages leave in; None when none may leave."""
    texts = [(message, _written(unit, aftermath, message)) for message in bundle]
    leaving = [(message, text) for message, text in texts if text is not None]
    if not leaving:
        return None
    first, written = leaving[0]
    carried = [message for message, _ in leaving[1:]]
    if carried:
        written = aftermath.gather(unit, [message for message, _ in leaving])
    first.bundle_id = None
    for message in carried:
        message.bundle_id = first.id
    case = first.case if len({message.case_id for message, _ in leaving}) == 1 else None
    programme = unit.session.get_one(Programme, first.programme_id)
    return Envelope(
        id=first.id,
        carried=tuple(message.id for message in carried),
        token=first.token or "",
        channel=Channel(first.channel),
        address=first.address,
        subject=written.subject,
        body=written.body,
        ics=next((text.ics for _, text in leaving if text.ics), None),
        message_id=first.message_id,
        thread=f"{programme.slug}.{case.number if case else first.id.hex}",
        programme=programme.public_name,
        reply_to=programme.email,
        stop_link=None if carried else leaving[0][1].stop_link,
        at=unit.now,
    )


def _written(unit: UnitOfWork, aftermath: Aftermath, message: Message) -> Rendered | None:
    """A message's own text, kept with it; None when it may not leave or cannot be written, which is noted."""
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
    return written


def _end(message: Message, state: MessageState, *, error: str, at: datetime) -> None:
    message.state, message.error, message.done_at = state.value, error, at
    message.token = message.leased_until = None


def _name(error: Exception) -> str:
    return f"{UNWRITTEN}: {error.code if isinstance(error, CaseworkError) else type(error).__name__}"


def _held_by(envelope: Envelope) -> ColumnElement[bool]:
    held = Message.state.in_([MessageState.LEASED, MessageState.DATA_STARTED])
    return and_(Message.id.in_(envelope.ids), Message.token == envelope.token, held)


def _bundle(first_id: UUID) -> ColumnElement[bool]:
    """A message and those that it carries."""
    return or_(Message.id == first_id, Message.bundle_id == first_id)


def _change(unit: UnitOfWork, where: ColumnElement[bool], values: dict[str, Any]) -> Sequence[UUID]:
    """Which messages were changed."""
    changed = update(Message).where(where).values(values).returning(Message.id)
    return unit.session.scalars(changed, execution_options=_UNSYNCED).all()


def _changed(unit: UnitOfWork, where: ColumnElement[bool], values: dict[str, Any]) -> Sequence[Message]:
    """The messages that were changed."""
    changed = update(Message).where(where).values(values).returning(Message)
    return _in_order(unit.session.scalars(changed, execution_options=_FRESH))


def _in_order(messages: Iterable[Message]) -> Sequence[Message]:
    """The order in which everybody locks cases, so that two never wait for one another."""
    return sorted(messages, key=lambda one: (one.case_id.int if one.case_id else 0, one.id.int))


def _attempt(unit: UnitOfWork, handover: Handover) -> dict[str, Any]:
    """What every attempt leaves, whatever its end."""
    return {
        "attempts": Message.attempts + 1,
        "first_tried_at": func.coalesce(Message.first_tried_at, unit.now),
        "reply_code": handover.code,
        "error": handover.detail,
        "data_started_at": None,
        "token": None,
        "leased_until": None,
    }


def _accept(unit: UnitOfWork, aftermath: Aftermath, *, ids: Sequence[UUID], handover: Handover) -> Sequence[Message]:
    values = {
        "its_ids": ids,
        "now": unit.now,
        "tries": 1 if handover.code or handover.queue_id else 0,  # proof is no attempt
        "code": handover.code,
        "queue_id": handover.queue_id,
    }
    changed = _in_order(unit.session.scalars(_ACCEPT, values, execution_options=_FRESH))
    for message in changed:
        aftermath.accepted(unit, message)
    return changed


def _try_later(unit: UnitOfWork, aftermath: Aftermath, *, envelope: Envelope, handover: Handover) -> bool:
    """All wait as long as the one that leads them; each gives up after its own four days."""
    query = select(Message).where(Message.id.in_(envelope.ids)).execution_options(populate_existing=True)
    found = {message.id: message for message in unit.session.scalars(query)}
    due_at = unit.now + back_off(found[envelope.id].attempts + 1)
    tired = [one.id for one in found.values() if due_at > (one.first_tried_at or unit.now) + GIVE_UP]
    gave_up = False
    if tired:
        last = Handover("permanent", handover.code, handover.enhanced, detail="gave_up")
        given_up = and_(_held_by(envelope), Message.id.in_(tired))
        gave_up = _refuse(unit, aftermath, held=given_up, handover=last)
    again = _attempt(unit, handover) | _FREE | {"due_at": due_at}
    return bool(_change(unit, _held_by(envelope), again)) or gave_up


def _refuse(unit: UnitOfWork, aftermath: Aftermath, *, held: ColumnElement[bool], handover: Handover) -> bool:
    ended = _attempt(unit, handover) | {"state": MessageState.REFUSED, "done_at": unit.now}
    changed = _changed(unit, held, ended)
    for message in changed:
        aftermath.failed(unit, message, unknown=False)
    return bool(changed)


def _doubt(unit: UnitOfWork, aftermath: Aftermath, *, held: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Keep the mark and the instant: they are all that is known. `leased_until` says when proof may be asked."""
    kept = {name: value for name, value in values.items() if name != "data_started_at"}
    resting = {"state": MessageState.UNKNOWN, "token": None, "leased_until": lease_until(unit, DOUBT_S)}
    changed = _changed(unit, held, kept | resting)
    for message in changed:
        aftermath.failed(unit, message, unknown=True)
    return bool(changed)
