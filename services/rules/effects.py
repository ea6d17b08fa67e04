"""Writes what was planned: tasks with their clocks, messages with their recipients. Safe to repeat.

A batch is read at once, decided in memory and written table by table.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Insert, bindparam, insert, or_, select, update

from models.base import new_id
from models.engine import Event, Message, Obligation, Task
from models.events import (
    FACTS,
    AddressRecalled,
    AnswerRecalled,
    CaseMerged,
    CaseReleased,
    CaseReopened,
    CaseUnmerged,
    DangerAcknowledged,
    HasteRecalled,
    HouseholdAddressRecalled,
    LossRecalled,
    MessageKept,
    ReferralRecalled,
    ReminderDue,
    ReminderRecalled,
)
from models.vocabulary import CLOSED_STATES, CaseState, Channel, MessageState, Source
from services.foundation.database import UnitOfWork
from services.foundation.lists import among
from services.rules import daily, pauses, plan
from services.rules.clocks import Timing, beginning
from services.rules.plan import Effect, OpenTask, PlanMessage
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import DANGER
from services.rules.recipients import AddressBook, Recipient
from services.rules.view import Asked, CaseView

IMPORT_MUTED: Final = "import_muted"
IMPORTED_PAST: Final = "imported_past"
VISIT_PAST: Final = "visit_past"
RECALLED: Final = "recalled"
GIVES_WAY: Final = "gives_way"
RECALLS: Final = (
    ReferralRecalled, AnswerRecalled, ReminderRecalled, HasteRecalled, AddressRecalled, HouseholdAddressRecalled,
    MessageKept, LossRecalled,
)  # fmt: skip
OPEN_AGAIN: Final = frozenset({CaseReopened.type, CaseUnmerged.type})
"""A case that ended and lives again: whatever was asked before its end is asked no more."""
_TAKEN_IN_HAND: Final = frozenset({DangerAcknowledged.type, CaseMerged.type})
"""What ends a danger on its case: somebody sees to it, or it goes on with another case; or it goes back to its own."""
_NEW_TASK, _NEW_CLOCK, _NEW_MESSAGE = insert(Task), insert(Obligation), insert(Message)
_TASK_CLOSED: Final = (Recipient(lacking="task_closed"),)


Row = dict[str, Any]


def apply(unit: UnitOfWork, events: Sequence[Event]) -> list[str]:
    """Write what follows a batch of events; return a line for each effect (codes only). Does not commit."""
    situations = plan.situations(unit, events)
    later = _later(unit, events, [situation.case for situation in situations])
    effects = [
        effect
        for event, situation in zip(events, situations, strict=True)
        for effect in plan.then(situation)
        if not _overtaken(unit, effect, event, later[event.case_id])
    ]
    return write(unit, effects)


class _Later(NamedTuple):
    """An event that a batch may come after."""

    seq: int
    type: str
    payload: dict[str, Any]


def _later(unit: UnitOfWork, events: Sequence[Event], cases: Sequence[CaseView]) -> defaultdict[UUID, list[_Later]]:
    """What happened on the same cases since; people do not wait for the engine."""
    first = {event.case_id: event.seq for event in reversed(events)}
    behind = {case.case_id: first[case.case_id] for case in cases if case.last_seq > first[case.case_id]}
    found: defaultdict[UUID, list[_Later]] = defaultdict(list)
    if behind:
        for case_id, seq, type_, payload in unit.rows(_SINCE, cases=behind, seq=min(behind.values())):
            found[case_id].append(_Later(seq, type_, payload))
    return found


_SINCE: Final = (
    select(Event.case_id, Event.seq, Event.type, Event.payload)
    .where(among(Event.case_id, "cases"), Event.seq > bindparam("seq"))
    .order_by(Event.seq)
)


def _overtaken(unit: UnitOfWork, effect: Effect, event: Event, later: Sequence[_Later]) -> bool:
    """Whether what happened since ended the task that this older event would open; an ended case opens none, but for
    what outlives it."""
    if not isinstance(effect, OpenTask):
        return False
    if effect.kind == DANGER:
        return any(other.seq > event.seq and _ends_danger(other) for other in later)
    if effect.about.message_id is not None and not _is_in_doubt(unit, effect.about.message_id):
        return True
    if not plan.outlives(effect.kind, effect.about.loan_id) and _has_ended(effect, event, later):
        return True
    pathway = pathway_of(unit, effect.case.pathway_hash)
    return any(
        other.seq > event.seq and effect.kind in pathway.rule_of(fact).completes and plan.ends(unit, fact, effect.about)
        for other in later
        for fact in (FACTS[other.type].model_validate(other.payload),)
    )


def _ends_danger(event: _Later) -> bool:
    goes_back = event.type == CaseReleased.type and event.payload.get("danger") is not None
    return goes_back or event.type in _TAKEN_IN_HAND


def _has_ended(effect: OpenTask, event: Event, later: Sequence[_Later]) -> bool:
    """Whether the case is over, or was in between: an end takes along all that was asked."""
    is_over = CaseState(effect.case.state) in CLOSED_STATES
    return is_over or any(other.seq > event.seq and other.type in OPEN_AGAIN for other in later)


def _is_in_doubt(unit: UnitOfWork, message_id: UUID) -> bool:
    return unit.session.get_one(Message, message_id).state == MessageState.UNKNOWN


def write(unit: UnitOfWork, effects: Sequence[Effect]) -> list[str]:
    """Write planned effects that are not there yet."""
    tasks = [effect for effect in effects if isinstance(effect, OpenTask)]
    messages = [effect for effect in effects if isinstance(effect, PlanMessage)]
    if not effects:
        return []
    asked, written = _Asked(effect.case for effect in effects), _written(unit, effects)
    _open(unit, [task for task in tasks if task.key not in written], asked)
    _plan(unit, [message for message in messages if message.key not in written], asked)
    return [f"tâche {t.kind} · {t.party}" for t in tasks] + [f"message {m.text} · {m.channel}" for m in messages]


def _written(unit: UnitOfWork, effects: Sequence[Effect]) -> set[str]:
    """Those written before; a message to whomever it was for then: a new colleague gets no old one."""
    tasks = [effect.key for effect in effects if isinstance(effect, OpenTask)]
    messages = [effect for effect in effects if isinstance(effect, PlanMessage)]
    cases, events = {each.case.case_id for each in messages}, {each.event_id for each in messages}
    opened = unit.rows(_OPENED, keys=tasks) if tasks else ()
    planned = unit.rows(_PLANNED, cases=cases, events=events) if messages else ()
    return {row.effect_key for row in opened} | {row.effect_key.rpartition(":")[0] for row in planned}


_OPENED: Final = select(Task.effect_key).where(among(Task.effect_key, "keys"))
_PLANNED: Final = select(Message.effect_key).where(among(Message.case_id, "cases"), among(Message.event_id, "events"))


class _Asked:
    """What is asked already on the cases of a batch: the open tasks, those that it opens itself included."""

    def __init__(self, cases: Iterable[CaseView]) -> None:
        self._things = {case.case_id: list(case.asked) for case in cases}

    def __contains__(self, effect: OpenTask) -> bool:
        """The same thing is asked once, however many events ask for it; a message to check is a thing of its own."""
        about = effect.about
        wanted = (effect.kind, about.referral_id, about.loan_id, about.cut_id)
        known = self._things[effect.case.case_id]
        return about.message_id is None and any(thing[2:6] == wanted for thing in known)

    def add(self, task: Row) -> None:
        """One more."""
        named = ("due_at", "id", "kind", "referral_id", "loan_id", "cut_id")
        self._things[task["case_id"]].append(Asked(*(task[name] for name in named)))

    def task_of(self, message: PlanMessage) -> UUID | None:
        """The open task that a message is about; a reminder is about the task that its clock chases."""
        if message.about_task is None:
            return message.about.task_id
        own = message.about.referral_id
        about = [
            thing
            for thing in self._things[message.case.case_id]
            if thing.kind == message.about_task and (own is None or thing.referral_id == own)
        ]
        return min(about).task_id if about else None


def _open(unit: UnitOfWork, effects: Sequence[OpenTask], asked: _Asked) -> None:
    tasks, clocks = [], []
    waiting: defaultdict[str, list[UUID]] = defaultdict(list)
    for effect in effects:
        if effect in asked:
            continue
        task = _task(effect)
        asked.add(task)
        tasks.append(task)
        if effect.ladder:
            clocks.append(_clock(unit, effect, effect.ladder, task["id"]))
        if reason := pauses.reason_of(effect.case.state, effect.kind):
            waiting[reason].append(task["id"])
    _write(unit, _NEW_TASK, tasks)
    _write(unit, _NEW_CLOCK, clocks)
    for reason, ids in waiting.items():
        pauses.pause(unit, unit.session.scalars(select(Task).where(Task.id.in_(ids))).all(), reason)


def _write(unit: UnitOfWork, new: Insert, rows: Sequence[Row]) -> None:
    if rows:
        unit.session.connection().execute(new, rows)


def _task(effect: OpenTask) -> Row:
    return {
        "id": new_id(),
        "programme_id": effect.case.programme_id,
        "case_id": effect.case.case_id,
        "kind": effect.kind,
        "party": effect.party.value,
        "organisation_id": effect.organisation_id,
        "alert_id": effect.alert_id,
        "referral_id": effect.about.referral_id,
        "visit_id": effect.about.visit_id,
        "loan_id": effect.about.loan_id,
        "cut_id": effect.about.cut_id,
        "ordinal": effect.ordinal,
        "stage": effect.case.stage.value,
        "opened_at": effect.opened_at,
        "due_at": effect.due_at,
        "provisional": effect.provisional,
        "effect_key": effect.key,
    }


def _clock(unit: UnitOfWork, effect: OpenTask, ladder: str, task_id: UUID) -> Row:
    case, timing = effect.case, Timing(effect.opened_at, effect.due_at)
    rungs, calendar = pathway_of(unit, case.pathway_hash).ladders[ladder], calendar_of(unit, case.programme_id)
    place = beginning(rungs, timing, calendar, now=unit.now, delivered=False)
    return {
        "id": new_id(),
        "case_id": case.case_id,
        "task_id": task_id,
        "ladder": ladder,
        "anchor_at": timing.anchor_at,
        "due_at": timing.due_at,
        "generation": 1,
        "next_step": place.step,
        "next_at": place.at,
        "effect_key": f"{effect.key}:clock",
    }


def _plan(unit: UnitOfWork, effects: Sequence[PlanMessage], asked: _Asked) -> None:
    book, sendings = AddressBook(unit, effects), []
    for effect in effects:
        task_id = asked.task_of(effect)
        found = book.recipients(effect) if task_id or not effect.about_task else _TASK_CLOSED
        sendings += [_Sending(effect, recipient, task_id) for recipient in found]
    sendings = _not_had(unit, sendings)
    departures = _departures(unit, sendings)
    causes = {event_id: _cause(unit, event_id) for event_id in {effect.event_id for effect in effects}}
    rows = [
        _message(unit, sending, causes[sending.effect.event_id], due_at)
        for sending, due_at in zip(sendings, departures, strict=True)
    ]
    _write(unit, _NEW_MESSAGE, rows)
    _let_give_way(unit, [row for row in rows if row["daily"] and row["task_id"] and row["state"] == _WAITS])


def _let_give_way(unit: UnitOfWork, rows: Sequence[Row]) -> None:
    """A reminder that still waits for its reader's day is left to a later one of the same task in the same mail."""
    reminders = [row for row in rows if unit.session.get_one(Event, row["event_id"]).type == ReminderDue.type]
    if not reminders:
        return
    latest = {(row["task_id"], row["address"]): row for row in reminders}
    left = []
    cases, tasks = {row["case_id"] for row in reminders}, {row["task_id"] for row in reminders}
    for found in unit.rows(_WAITING, cases=cases, tasks=tasks):
        later = latest.get((found.task_id, found.address))
        if later is None or later["id"] == found.id:
            continue
        calendar = calendar_of(unit, later["programme_id"])
        if calendar.local_day(found.due_at) == calendar.local_day(later["due_at"]):
            left.append(found.id)
    if left:
        whole = update(Message).where(Message.id.in_(left), Message.state == MessageState.QUEUED)
        ended = {"state": MessageState.CANCELLED.value, "error": GIVES_WAY, "done_at": unit.now}
        unit.session.execute(whole.values(ended).execution_options(synchronize_session="fetch"))


_WAITS: Final = MessageState.QUEUED.value
_WAITING: Final = (
    select(Message.id, Message.task_id, Message.address, Message.due_at)
    .join(Event, Event.id == Message.event_id)
    .where(
        among(Message.case_id, "cases"),
        among(Message.task_id, "tasks"),
        Event.type == ReminderDue.type,
        Message.state == MessageState.QUEUED,
        Message.daily.is_(True),
        Message.attempts == 0,  # what was tried belongs to a mail that leaves again whole
    )
)


class _Sending(NamedTuple):
    """A message for one of its readers."""

    effect: PlanMessage
    recipient: Recipient
    task_id: UUID | None

    @property
    def is_daily(self) -> bool:
        """Whether it leaves with its reader's mail of the day."""
        return self.effect.is_daily and not self.recipient.lacking


def _not_had(unit: UnitOfWork, sendings: Sequence[_Sending]) -> list[_Sending]:
    """Without those that their reader has had about this case, of the texts that are told once."""
    told_once = [sending.effect for sending in sendings if sending.effect.once]
    had: set[tuple[UUID | None, str, str]] = set()
    if told_once:
        cases, texts = {effect.case.case_id for effect in told_once}, {effect.text for effect in told_once}
        had = {(row.case_id, row.text, row.address) for row in unit.rows(_HAD, cases=cases, texts=texts)}
    kept = []
    for sending in sendings:
        effect = sending.effect
        place = (effect.case.case_id, effect.text, sending.recipient.address)
        if effect.once and place in had:
            continue
        had.add(place)
        kept.append(sending)
    return kept


_HAD: Final = select(Message.case_id, Message.text, Message.address).where(
    among(Message.case_id, "cases"),
    among(Message.text, "texts"),
    or_(Message.error.is_(None), Message.error != RECALLED),
)


def _message(unit: UnitOfWork, sending: _Sending, cause: "_Cause", due_at: datetime) -> Row:
    effect, recipient, task_id = sending
    place = f"{recipient.person_id or recipient.alert_id or recipient.organisation_id or effect.party}"
    key = f"{effect.key}:{place}"
    message_id = new_id()
    cancelled = cause.mutes(effect.channel) or recipient.lacking
    return {
        "id": message_id,
        "programme_id": effect.case.programme_id,
        "case_id": effect.case.case_id,
        "event_id": effect.event_id,
        "task_id": task_id,
        "text": effect.text,
        "party": effect.party.value,
        "organisation_id": recipient.organisation_id,
        "person_id": recipient.person_id,
        "alert_id": recipient.alert_id,
        "referral_id": effect.about.referral_id,
        "visit_id": effect.about.visit_id,
        "channel": effect.channel.value,
        "address": recipient.address,
        "state": (MessageState.CANCELLED if cancelled else MessageState.QUEUED).value,
        "error": cancelled,
        "done_at": unit.now if cancelled else None,
        "urgent": effect.urgent,
        "daily": effect.is_daily,
        "created_at": unit.now,
        "due_at": max(due_at, cause.held_until) if cause.held_until else due_at,
        "message_id": f"<{message_id}.{mark(key)}@relais>",
        "effect_key": key,
    }


class _Cause(NamedTuple):
    """What an event says of all that it sends."""

    muted: str | None  # why nothing of it leaves
    silent: bool
    held_until: datetime | None  # whoever sent it can take it back until then

    def mutes(self, channel: Channel) -> str | None:
        """Why what follows an import, or a visit noted once made, stays here: nothing of the past leaves.

        A new alert's letter waits for somebody to print it and is due by law anyway.
        Source: GDPR art. 14 - who is told of by somebody else is informed within a month.
        """
        return self.muted or (IMPORT_MUTED if self.silent and channel is not Channel.LETTER else None)


def _cause(unit: UnitOfWork, event_id: UUID) -> _Cause:
    event = unit.session.get_one(Event, event_id)
    until = event.payload.get("recall_until")
    muted = None
    if _is_imported_past(event):
        muted = IMPORTED_PAST
    elif event.payload.get("noted_after", False):
        muted = VISIT_PAST
    elif until and is_recalled(unit, event):
        muted = RECALLED
    return _Cause(muted, event.payload.get("silent", False), datetime.fromisoformat(until) if until else None)


def _is_imported_past(event: Event) -> bool:
    """Whether it happened before a file told of it; the engine's own events have no such delay but there."""
    return event.source in {Source.IMPORT, Source.ENGINE} and event.occurred_at < event.recorded_at


def is_recalled(unit: UnitOfWork, event: Event) -> bool:
    """Whether a sending was taken back within its minute."""
    later = select(Event.payload).where(Event.case_id == event.case_id, Event.seq > event.seq)
    query = later.where(Event.type.in_(each.type for each in RECALLS))
    return any(payload["recalls"] == str(event.id) for payload in unit.session.scalars(query))


def mark(key: str) -> str:
    """What a Message-ID bears beside the message's id, so that nobody guesses a whole one."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _departures(unit: UnitOfWork, sendings: Sequence[_Sending]) -> list[datetime]:
    """When each leaves. What is known of a reader's day is asked once a batch, since a batch does not change it."""
    daily_readers: defaultdict[UUID, dict[tuple[Recipient, datetime | None], daily.Reads]] = defaultdict(dict)
    for effect, recipient, _ in filter(lambda sending: sending.is_daily, sendings):
        its, place = daily_readers[effect.case.programme_id], (recipient, effect.not_before)
        if place not in its:
            who = {"person_id": recipient.person_id, "organisation_id": recipient.organisation_id}
            reads = daily.reads_of(unit, effect.case.programme_id, recipient.address, **who)
            its[place] = reads._replace(not_before=effect.not_before)
    leaves_at = {
        (programme_id, reads): at
        for programme_id, its in daily_readers.items()
        for reads, at in daily.leaves_at(unit, programme_id, set(its.values())).items()
    }
    return [
        leaves_at[programme_id, daily_readers[programme_id][sending.recipient, sending.effect.not_before]]
        if sending.is_daily
        else _leaves_at(unit, sending.effect)
        for sending in sendings
        for programme_id in (sending.effect.case.programme_id,)
    ]


def _leaves_at(unit: UnitOfWork, effect: PlanMessage) -> datetime:
    """At once for letters and urgent texts; else in the programme's sending hours; after its wait if it has one."""
    start = max(unit.now, effect.not_before or unit.now)
    if effect.urgent or effect.channel is Channel.LETTER:
        return start
    return calendar_of(unit, effect.case.programme_id).next_sending_time(start)
