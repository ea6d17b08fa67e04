"""What will leave in the next days if nothing changes, and why; its next step may be skipped, or taken at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Alert, Case
from models.engine import Message, Obligation, Pause, Task
from models.events import ReminderSkipped
from models.pathway import Ladder, Rung, Send
from models.programmes import Organisation, OrganisationClosure
from models.vocabulary import Channel, MessageState, Party, Role, TaskState
from services.cases.notes import write_note
from services.forms import NextStep, Skip
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.rules import casework, ledger, obligations, pauses, relevance
from services.rules.casework import Hand
from services.rules.clocks import Timing
from services.rules.policy import Actor, Right, case_for, is_visible, rights
from services.rules.projection import Ahead, ahead
from services.rules.published import calendar_of, pathway_of, today_of
from services.rules.texts.moments import Days, reason

HORIZON: Final = timedelta(days=14)
GONE: Final = "Cet envoi n’est plus le prochain : rouvrez la page."


@dataclass(frozen=True)
class Clock:
    """The clock behind a step to come, named precisely enough that an old page cannot move a later step."""

    id: UUID
    generation: int
    step: int
    is_next: bool


@dataclass(frozen=True)
class Departure:
    """One thing to come: a message of a clock's step, a message that waits for its hour, or what a timer does itself.

    `organisation_id` is the reader's. `text` is empty and `channel` None for what is no message. `closed_until`: the
    reader is closed that day, so nothing will leave.
    """

    at: datetime
    case_id: UUID
    task_id: UUID | None
    kind: str
    party: Party
    organisation_id: UUID | None
    channel: Channel | None
    text: str
    why: str
    clock: Clock | None = None
    message_id: UUID | None = None
    closed_until: date | None = None
    only_sends: bool = True


def of_case(unit: UnitOfWork, actor: Actor, case_id: UUID) -> list[Departure]:
    """Everything that the clocks of one case will do, soonest first, however far off; and its messages that wait."""
    return _departures(unit, actor, until=None, case_id=case_id)


def until(unit: UnitOfWork, actor: Actor, at: datetime) -> list[Departure]:
    """The same of every case that the actor may read, up to an instant."""
    return _departures(unit, actor, until=at, case_id=None)


def _departures(unit: UnitOfWork, actor: Actor, *, until: datetime | None, case_id: UUID | None) -> list[Departure]:
    found = [*_of_clocks(unit, actor, until, case_id), *_of_messages(unit, actor, until, case_id)]
    return sorted(_with_givers(unit, found), key=lambda each: (each.at, each.case_id, each.text))


# --- The steps of clocks


def _of_clocks(unit: UnitOfWork, actor: Actor, until: datetime | None, case_id: UUID | None) -> Iterator[Departure]:
    query = (
        select(Obligation.id, Obligation.ladder, Obligation.generation, Obligation.anchor_at, Obligation.due_at,
               Obligation.next_step, Obligation.next_at, Task.id.label("task_id"), Task.kind, Task.party,
               Task.organisation_id, Task.snoozed_until, Case.id.label("case_id"), Case.pathway_hash,
               Case.programme_id, Case.operator_id)
        .join(Task, Task.id == Obligation.task_id)
        .join(Case, Case.id == Obligation.case_id)
        .where(Obligation.next_at.is_not(None), Obligation.next_step.is_not(None), Task.state == TaskState.OPEN)
        .where(is_visible(actor))
    )  # fmt: skip
    if until is not None:
        query = query.where(Obligation.next_at <= until)
    if case_id is not None:
        query = query.where(Obligation.case_id == case_id)
    rows = unit.session.execute(query).all()
    over = _pauses(unit, query) if rows else {}
    closed = _closures(unit, actor) if any(row.party == Party.PARTNER for row in rows) else {}
    for row in rows:
        yield from _steps(unit, row, over.get(row.id, ()), closed, until)


def _pauses(unit: UnitOfWork, query: Any) -> dict[UUID, tuple[tuple[datetime, datetime], ...]]:
    """What `Obligation.waited` says, by clock; in the order in which it was."""
    ids = query.with_only_columns(Obligation.id, Obligation.anchor_at).subquery()
    rows = unit.session.execute(
        select(Pause.obligation_id, Pause.from_at, Pause.to_at)
        .join(ids, ids.c.id == Pause.obligation_id)
        .where(Pause.to_at > ids.c.anchor_at)
        .order_by(Pause.id)
    )
    found: defaultdict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
    for obligation_id, from_at, to_at in rows:
        if to_at is not None:
            found[obligation_id].append((from_at, to_at))
    return {obligation_id: tuple(spans) for obligation_id, spans in found.items()}


def _closures(unit: UnitOfWork, actor: Actor) -> dict[UUID, list[tuple[date, date]]]:
    """When each partner of the programme is closed, from today on."""
    if actor.programme_id is None:
        return {}
    today = today_of(unit, actor.programme_id)
    rows = unit.session.execute(
        select(OrganisationClosure.organisation_id, OrganisationClosure.first_on, OrganisationClosure.last_on)
        .join(Organisation, Organisation.id == OrganisationClosure.organisation_id)
        .where(Organisation.programme_id == actor.programme_id, OrganisationClosure.last_on >= today)
    )
    found: defaultdict[UUID, list[tuple[date, date]]] = defaultdict(list)
    for organisation_id, first_on, last_on in rows:
        found[organisation_id].append((first_on, last_on))
    return found


def _steps(
    unit: UnitOfWork,
    row: Any,
    over: tuple[tuple[datetime, datetime], ...],
    closed: dict[UUID, list[tuple[date, date]]],
    until: datetime | None,
) -> Iterator[Departure]:
    ladder = pathway_of(unit, row.pathway_hash).ladders[row.ladder]
    calendar = calendar_of(unit, row.programme_id)
    timing = Timing(row.anchor_at, row.due_at, over, row.snoozed_until)
    days = Days(calendar.local_day(row.anchor_at), calendar.local_day(row.due_at), today=calendar.local_day(unit.now))
    for step in ahead(row.next_step, row.next_at, timing, ladder, calendar):
        if until is not None and step.at > until:
            return
        held = None
        if row.party == Party.PARTNER and obligations.reminds_partner(step.rung):
            held = _closed_until(closed.get(row.organisation_id, []), calendar.local_day(step.at))
        yield from _sends(row, step, why=reason(ladder, step.number, days), closed_until=held)


def _closed_until(spans: Sequence[tuple[date, date]], day: date) -> date | None:
    return max((last_on for first_on, last_on in spans if first_on <= day <= last_on), default=None)


def _sends(row: Any, step: Ahead, *, why: str, closed_until: date | None) -> Iterator[Departure]:
    sends = [each for each in step.rung.steps if isinstance(each, Send)]
    clock = Clock(row.id, row.generation, step.number, step.next)
    alone = _only_sends(step.rung)
    if not sends:
        yield Departure(step.at, row.case_id, row.task_id, row.kind, Party.COORDINATOR, None, None, "", why, clock,
                        only_sends=alone)  # fmt: skip
    for send in sends:
        yield Departure(step.at, row.case_id, row.task_id, row.kind, send.to, _organisation(row, send.to), send.by,
                        send.send, why, clock, closed_until=closed_until, only_sends=alone)  # fmt: skip


def _only_sends(rung: Rung) -> bool:
    return rung.act is None and all(isinstance(each, Send) for each in rung.steps)


def _organisation(row: Any, party: Party) -> UUID | None:
    if party is Party.OPERATOR:
        found: UUID | None = row.operator_id
        return found
    return row.organisation_id if party.value == row.party else None


# --- The messages that wait for their hour


def _of_messages(unit: UnitOfWork, actor: Actor, until: datetime | None, case_id: UUID | None) -> Iterator[Departure]:
    query = (
        select(Message.id, Message.due_at, Message.case_id, Message.task_id, Message.party, Message.organisation_id,
               Message.channel, Message.text)
        .where(Message.state == MessageState.QUEUED, Message.channel.in_(ledger.CARRIED))
        .join(Case, Case.id == Message.case_id)
        .where(is_visible(actor), relevance.is_wanted(unit.now))
    )  # fmt: skip
    if until is not None:
        query = query.where(Message.due_at <= until)
    if case_id is not None:
        query = query.where(Message.case_id == case_id)
    for row in unit.session.execute(query):
        yield Departure(row.due_at, row.case_id, row.task_id, "", Party(row.party), row.organisation_id,
                        Channel(row.channel), row.text, "", message_id=row.id)  # fmt: skip


def _with_givers(unit: UnitOfWork, found: list[Departure]) -> list[Departure]:
    """What is for an alert giver is for the organisation of the first alert that can be answered."""
    cases = {each.case_id for each in found if each.party is Party.ALERT_GIVER and each.organisation_id is None}
    if not cases:
        return found
    rows = unit.session.execute(
        select(Alert.case_id, Alert.organisation_id)
        .where(Alert.case_id.in_(cases), Alert.giver_email.is_not(None))
        .order_by(Alert.received_at.desc())
    )
    givers: dict[UUID, UUID | None] = {row.case_id: row.organisation_id for row in rows}
    return [
        replace(each, organisation_id=givers.get(each.case_id))
        if each.party is Party.ALERT_GIVER and each.organisation_id is None
        else each
        for each in found
    ]


# --- What a person decides


def may_decide(actor: Actor, departure: Departure) -> bool:
    """Whether this person may skip a step or take it at once: the next of its clock, that writes and does no more.

    What warns the coordination is the coordination's to skip; a danger is chased until somebody takes it in hand.
    """
    if departure.clock is None or not departure.clock.is_next or not departure.only_sends:
        return False
    if Right.SEND_NOW not in rights(actor) or departure.kind in pauses.NEVER:
        return False
    return actor.role is Role.COORDINATOR or departure.party is not Party.COORDINATOR


def skip(unit: UnitOfWork, hand: Hand, case_id: UUID, obligation_id: UUID, form: Skip) -> Case:
    """The next step of a clock does not leave; those after it keep their days."""
    case, obligation, ladder = _next_step(unit, hand, case_id, obligation_id, form)
    fact = ReminderSkipped(
        obligation_id=obligation.id,
        task_id=obligation.task_id,
        ladder=obligation.ladder,
        generation=form.generation,
        step=form.step,
        reason=form.reason,
    )
    obligations.skip(unit, obligation, ladder)
    event = casework.record(unit, case, fact, hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return case


def leave_now(unit: UnitOfWork, hand: Hand, case_id: UUID, obligation_id: UUID, form: NextStep) -> Case:
    """The next step of a clock leaves without waiting for its day; a household keeps its quiet hours."""
    case, obligation, ladder = _next_step(unit, hand, case_id, obligation_id, form)
    obligations.hasten(unit, case, obligation, ladder, hand=hand)
    return case


def _next_step(
    unit: UnitOfWork, hand: Hand, case_id: UUID, obligation_id: UUID, form: NextStep
) -> tuple[Case, Obligation, Ladder]:
    """The clock, locked before its case as the tick does it. Raises `GuardRefused` when it has gone on meanwhile."""
    locked = select(Obligation).where(Obligation.id == obligation_id).with_for_update(skip_locked=True)
    obligation = unit.session.scalars(locked).first()
    case = case_for(unit, hand.actor, case_id, Right.SEND_NOW)
    if obligation is not None and obligation.case_id != case.id:
        raise NotFound
    if obligation is None:
        raise GuardRefused(GONE)
    ladder = pathway_of(unit, case.pathway_hash).ladders[obligation.ladder]
    found = obligations.coming(unit, obligation, ladder)
    if found is None or (obligation.generation, found.number) != (form.generation, form.step):
        raise GuardRefused(GONE)
    rung = found.rung
    if not _only_sends(rung) or obligation.task.kind in pauses.NEVER:
        raise GuardRefused("Cette étape ne se passe pas : elle fait plus que prévenir quelqu’un.")
    warns = any(isinstance(each, Send) and each.to is Party.COORDINATOR for each in rung.steps)
    if warns and hand.actor.role is not Role.COORDINATOR:
        raise GuardRefused("Cette relance prévient la coordination : elle seule peut en décider.")
    return case, obligation, ladder
