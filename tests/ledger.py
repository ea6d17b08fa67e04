"""The one checker of a whole database: what must be true of it after any act, any crash, any number of tries."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import not_, or_, select
from sqlalchemy.orm import joinedload

from models.cases import Case, Phone, Visit
from models.engine import Event, Message, Obligation, Occurrence, Task, Work
from models.events import FACTS
from models.programmes import Programme
from models.vocabulary import Channel, MessageState, Party, TaskState, VisitState, WorkState
from services.cases.erasure import GONE
from services.foundation.database import UnitOfWork
from services.operations import drift
from services.rules.plan import OUTLIVING

DEAD_ENDS: Final = {
    "referral.declined": "reorient",
    "referral.expired": "reorient",
    "referral.failed": "reorient",
    "referral.disputed": "settle_dispute",
}
"""What must have an owner in the transaction of the event, and by which task."""
UNDER_WAY: Final = frozenset(
    {MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN}
)
OWNED_BY_ORGANISATION: Final = frozenset({Party.OPERATOR, Party.PARTNER})


def problems(unit: UnitOfWork, *, drained: bool = False) -> list[str]:
    """Every broken invariant as a line of codes; none is the only right answer.

    With `drained` nothing may be in the engine's hands: each open case has a task of its own.
    """
    events: dict[Any, list[Event]] = {}
    for event in unit.session.scalars(select(Event).order_by(Event.case_id, Event.seq)):
        FACTS[event.type].model_validate(event.payload)
        events.setdefault(event.case_id, []).append(event)
    cases = unit.session.scalars(select(Case)).all()
    return [
        *_drifts(unit, cases),
        *_next_things(unit, cases, drained=drained),
        *_tasks(unit),
        *_dead_ends(unit, events),
        *_clocks(unit),
        *_work(unit),
        *_messages(unit),
        *_blocked_numbers(unit),
    ]


def _drifts(unit: UnitOfWork, cases: Sequence[Case]) -> Iterator[str]:
    numbers = {case.id: case.number for case in cases}
    yield from (f"{numbers[each.case_id]}: {each.what}" for each in drift.of_cases(unit, numbers))
    planned = Counter(unit.session.scalars(select(Visit.case_id).where(Visit.state == VisitState.PLANNED)))
    yield from (f"case {case_id}: {count} visits planned at once" for case_id, count in planned.items() if count > 1)


def _next_things(unit: UnitOfWork, cases: Any, *, drained: bool) -> Iterator[str]:
    owned = set(unit.session.scalars(select(Task.case_id).where(Task.state == TaskState.OPEN)))
    in_hands = set(unit.session.scalars(select(Work.case_id)))
    # What was lent is asked for, a danger taken in hand, a household handed over, a partner told that it is over.
    outlives = or_(Task.loan_id.is_not(None), Task.kind.in_(OUTLIVING))
    asked = select(Task.case_id).where(Task.state == TaskState.OPEN, not_(outlives))
    asked_of = set(unit.session.scalars(asked))
    for case in cases:
        if case.is_closed and case.id in asked_of:
            yield f"{case.number}: closed ({case.state}) with an open task"
        if not case.is_closed and case.id not in owned and (drained or case.id not in in_hands):
            yield f"{case.number}: open ({case.state}) and nobody's turn"
    if drained:
        yield from (f"case {case_id}: still in the engine's hands" for case_id in in_hands)


def _tasks(unit: UnitOfWork) -> Iterator[str]:
    asked: Counter[tuple[Any, ...]] = Counter()
    for task in unit.session.scalars(select(Task)):
        if (task.state == TaskState.OPEN) != (task.closed_at is None):
            yield f"task {task.kind} {task.id}: closed_at disagrees with {task.state}"
        if task.party in OWNED_BY_ORGANISATION and task.organisation_id is None:
            yield f"task {task.kind} {task.id}: its {task.party} is nobody"
        if task.party == Party.ALERT_GIVER and task.alert_id is None:
            yield f"task {task.kind} {task.id}: its alert giver is nobody"
        if task.state == TaskState.OPEN and task.kind != "check_message":
            asked[task.case_id, task.kind, task.referral_id, task.loan_id, task.cut_id] += 1
    yield from (f"case {key[0]}: {key[1]} is asked {count} times" for key, count in asked.items() if count > 1)


def _dead_ends(unit: UnitOfWork, events: Mapping[Any, list[Event]]) -> Iterator[str]:
    kinds = set(DEAD_ENDS.values())
    rows = unit.session.execute(select(Task.effect_key, Task.kind).where(Task.kind.in_(kinds)))
    owned = {(key.split(":")[0], kind) for key, kind in rows}
    for history in events.values():
        for event in history:
            if event.payload.get("others_asked") or event.type not in DEAD_ENDS:
                continue
            if (str(event.id), DEAD_ENDS[event.type]) not in owned:
                yield f"case {event.case_id}: {event.type} was handed to nobody"


def _clocks(unit: UnitOfWork) -> Iterator[str]:
    for obligation in unit.session.scalars(select(Obligation).options(joinedload(Obligation.task))):
        waits = any(pause.to_at is None for pause in obligation.pauses)
        if (obligation.next_at is None) != (obligation.next_step is None) and not waits:
            yield f"clock {obligation.ladder} {obligation.id}: a step without its instant"
        if obligation.next_at is not None and obligation.task.state != TaskState.OPEN:
            yield f"clock {obligation.ladder} {obligation.id}: runs on a task that is {obligation.task.state}"
        if obligation.failed_at is not None:
            yield f"clock {obligation.ladder} {obligation.id}: failed with {obligation.error}"
    fired: Counter[tuple[Any, ...]] = Counter()
    for occurrence in unit.session.scalars(select(Occurrence)):
        fired[occurrence.obligation_id, occurrence.generation, occurrence.step] += 1
    yield from (f"clock {key[0]}: step {key[2]} came {count} times" for key, count in fired.items() if count > 1)


def _work(unit: UnitOfWork) -> Iterator[str]:
    now = unit.lease_time()
    for row in unit.session.scalars(select(Work)):
        if row.state == WorkState.LEASED and (row.leased_until is None or row.leased_until < now):
            yield f"work {row.id}: leased beyond its lease"
        if row.state == WorkState.READY and row.token is not None:
            yield f"work {row.id}: ready, and somebody holds it"


def _messages(unit: UnitOfWork) -> Iterator[str]:
    copies: Counter[tuple[Any, ...]] = Counter()
    for message in unit.session.scalars(select(Message)):
        state = MessageState(message.state)
        if (state in UNDER_WAY or state is MessageState.PRINTED) != (message.done_at is None):
            yield f"message {message.text} {message.id}: done_at disagrees with {state}"
        if state is MessageState.CANCELLED and not message.error:
            yield f"message {message.text} {message.id}: not sent, nobody knows why"
        if state is not MessageState.CANCELLED and not message.address and message.channel != Channel.LETTER:
            yield f"message {message.text} {message.id}: nowhere to go"
        cause = message.event_id or (message.programme_id, f"{message.created_at:%Y-%m}")  # or a letter of the month
        if message.address != GONE:  # of a case that is erased nobody can tell to whom it went
            key = (cause, message.text, message.channel, message.address, message.task_id)
            copies[key] += state is not MessageState.CANCELLED
    yield from (f"message {key[1]}: planned {count} times by one event" for key, count in copies.items() if count > 1)
    yield from _mails_of_the_day(unit)


def _mails_of_the_day(unit: UnitOfWork) -> Iterator[str]:
    """One mail a day for one address, and messages that leave together share one fate."""
    mails: dict[tuple[Any, ...], set[Any]] = {}
    together = {MessageState.DATA_STARTED, MessageState.UNKNOWN}
    zones = {programme.id: programme.zone for programme in unit.session.scalars(select(Programme))}
    daily = unit.session.scalars(select(Message).where(Message.daily.is_(True), Message.address != GONE)).all()
    for message in daily:
        first = message if message.bundle_id is None else unit.session.get_one(Message, message.bundle_id)
        if message.state in together and first.state != message.state:
            yield f"message {message.text} {message.id}: {message.state} in a mail that is {first.state}"
        if message.data_started_at is not None and message.state in {MessageState.ACCEPTED, MessageState.UNKNOWN}:
            day = message.data_started_at.astimezone(zones[message.programme_id]).date()
            mails.setdefault((message.programme_id, message.address, day), set()).add(first.id)
    yield from (f"{key[2]}: one address had {len(ids)} mails of the day" for key, ids in mails.items() if len(ids) > 1)


def _blocked_numbers(unit: UnitOfWork) -> Iterator[str]:
    rows = unit.session.execute(
        select(Message.id, Message.created_at, Message.data_started_at, Phone.blocked_at)
        .join(Case, Case.id == Message.case_id)
        .join(Phone, (Phone.household_id == Case.household_id) & (Phone.number == Message.address))
        .where(Message.channel == Channel.SMS, Phone.blocked_at.is_not(None), Message.state != MessageState.CANCELLED)
    )
    for message_id, planned_at, started_at, blocked_at in rows:
        if blocked_at is not None and max(planned_at, started_at or planned_at) > blocked_at:
            yield f"message {message_id}: written to a number that somebody else answers"
