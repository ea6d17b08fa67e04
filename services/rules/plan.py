"""What follows an event: decided in memory from the fact, the case and its pathway, then written once.

Every effect has a key made of the event and its place in the pathway, so handling an event twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models.cases import Referral
from models.delays import Delay, DelayUnit
from models.engine import Event, Obligation, Task
from models.events import (
    FACTS,
    CallBackAgreed,
    CaseAbsorbed,
    DangerAcknowledged,
    Fact,
    MessageFailed,
    ReferralPrepared,
    ReferralSent,
    ReminderDue,
)
from models.pathway import Anchor, Due, Ladder, Open, Pathway, Rung, Send, Step
from models.vocabulary import Channel, Party, Urgency
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.guards import GUARDS
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import COMPLAINT, DANGER, HAND_OVER, TELL_PARTNER
from services.rules.view import CaseView, views

UNDELIVERED = -1
"""The number of the step "the request was not delivered" of a ladder that counts from delivery."""
OUTLIVING = frozenset({DANGER, HAND_OVER, TELL_PARTNER, COMPLAINT})


@dataclass(frozen=True)
class About:
    """What an event is about, beside its case; carried by the tasks and messages that follow."""

    referral_id: UUID | None = None
    partner_id: UUID | None = None
    visit_id: UUID | None = None
    task_id: UUID | None = None
    message_id: UUID | None = None  # a message in doubt, each a thing of its own
    loan_id: UUID | None = None
    cut_id: UUID | None = None
    joined_id: UUID | None = None  # the double whose alerts have come to the case
    relieved: tuple[UUID, ...] = ()  # who was to make the visit and is not any more


@dataclass(frozen=True)
class OpenTask:
    """A task to open and the ladder to arm with it."""

    key: str
    case: CaseView
    kind: str
    party: Party
    organisation_id: UUID | None
    alert_id: UUID | None
    about: About
    ordinal: int
    opened_at: datetime
    due_at: datetime
    provisional: bool
    ladder: str | None


@dataclass(frozen=True)
class PlanMessage:
    """A message to plan, for whoever the party is when it is written."""

    key: str
    case: CaseView
    event_id: UUID
    text: str
    party: Party
    channel: Channel
    about: About
    about_task: str | None
    urgent: bool
    is_daily: bool
    not_before: datetime | None = None
    once: bool = False


Effect = OpenTask | PlanMessage


@dataclass(frozen=True)
class Situation:
    """An event among what is needed to plan it. `now` is business time."""

    event_id: UUID
    occurred_at: datetime
    fact: Fact
    case: CaseView
    pathway: Pathway
    calendar: WorkingCalendar
    about: About
    now: datetime


def at_once(situation: Situation) -> list[Effect]:
    """The effects that belong to the event's own transaction."""
    rule = situation.pathway.rule_of(situation.fact)
    return _effects(situation, rule.at_once, prefix="now")


def then(situation: Situation) -> list[Effect]:
    """The effects that the engine writes when it handles the event."""
    if isinstance(situation.fact, ReminderDue):
        return _effects(situation, _rung_steps(situation.fact, situation), prefix="then")
    rule = situation.pathway.rule_of(situation.fact)
    return _effects(situation, rule.then, prefix="then")


def owed(situation: Situation, steps: Sequence[Step]) -> list[Effect]:
    """The effects of steps that the software asks for itself after an event, whatever its pathway writes."""
    return _effects(situation, steps, prefix="owed")


def _rung_steps(fact: ReminderDue, situation: Situation) -> tuple[Step, ...]:
    ladder = situation.pathway.ladders[fact.ladder]
    if fact.step == UNDELIVERED:
        return ladder.undelivered
    rung = ladder.rungs[fact.step]
    return rung.steps if allowed(rung.when, situation) else ()


def _effects(situation: Situation, steps: Sequence[Step], *, prefix: str) -> list[Effect]:
    kept = [(index, step) for index, step in enumerate(steps) if allowed(step.when, situation)]
    return [_effect(situation, step, f"{situation.event_id}:{prefix}{index}") for index, step in kept]


def allowed(guard: str | None, situation: Situation) -> bool:
    """Whether a named condition holds; no condition always does."""
    if guard is None:
        return True
    return GUARDS[guard](situation.fact, situation.case, situation.pathway, situation.now)


def _effect(situation: Situation, step: Step, key: str) -> Effect:
    return _task(situation, step, key) if isinstance(step, Open) else _message(situation, step, key)


def _task(situation: Situation, step: Open, key: str) -> OpenTask:
    rule = situation.pathway.tasks[step.open]
    case = situation.case
    ordinal = case.follow_ups_done + 1 if rule.due.series else 0
    owners = {Party.OPERATOR: case.operator_id, Party.PARTNER: situation.about.partner_id}
    giver = case.giver if rule.party is Party.ALERT_GIVER else None
    organisation_id = giver.organisation_id if giver else owners.get(rule.party)
    return OpenTask(
        key=key,
        case=case,
        kind=step.open,
        party=rule.party if organisation_id or rule.party is Party.ALERT_GIVER else Party.COORDINATOR,
        organisation_id=organisation_id,
        alert_id=giver.alert_id if giver else None,
        about=situation.about,
        ordinal=ordinal,
        opened_at=situation.occurred_at,
        due_at=_agreed(situation) or due_at(rule.due, situation, ordinal=ordinal),
        provisional=rule.provisional,
        ladder=rule.ladder_of(urgent=is_urgent(situation)),
    )


def _agreed(situation: Situation) -> datetime | None:
    """The evening of a day on which the household asked to be called: whatever the delay of such calls is."""
    fact = situation.fact
    return situation.calendar.end_of(fact.until) if isinstance(fact, CallBackAgreed) else None


def _message(situation: Situation, step: Send, key: str) -> PlanMessage:
    return PlanMessage(
        key=key,
        case=situation.case,
        event_id=situation.event_id,
        text=step.send,
        party=step.to,
        channel=step.by,
        about=About() if step.once else situation.about,
        about_task=step.about,
        urgent=step.urgent,
        is_daily=step.daily and step.by is Channel.EMAIL and not step.urgent,
        not_before=situation.calendar.apply(step.wait, situation.occurred_at) if step.wait else None,
        once=step.once,
    )


def due_at(due: Due, situation: Situation, *, ordinal: int) -> datetime:
    """When a task is due, in UTC. A missing anchor (no visit yet) counts from the event."""
    calendar, case = situation.calendar, situation.case
    anchors = {
        Anchor.EVENT: situation.occurred_at,
        Anchor.FIRST_ATTEMPT: case.attempts[0] if case.attempts else None,
        Anchor.VISIT: case.visit_starts_at,
        Anchor.LAST_VISIT_HELD: case.last_held_at,
        Anchor.GIVEN: _given(situation.fact, calendar),
    }
    if due.ahead is not None:
        day = calendar.local_day(anchors[due.since] or situation.occurred_at)
        at = calendar.end_of(calendar.days_before(day, due.ahead.amount))
        return max(at, calendar.apply(due.at_least or Delay.parse("0wd"), situation.occurred_at))
    delay = due.series[min(ordinal, len(due.series)) - 1] if due.series else due.delay
    if due.urgent is not None and is_urgent(situation):
        delay = due.urgent
    if delay is None:  # pragma: no cover - the schema forbids it
        raise ValueError("a due date needs a delay")
    at = calendar.apply(delay, anchors[due.since] or situation.occurred_at)
    return max(at, calendar.apply(due.at_least, situation.occurred_at)) if due.at_least else at


def is_urgent(situation: Situation) -> bool:
    """Whether what follows an event presses: a request says it of itself, anything else is as pressing as its case."""
    if isinstance(situation.fact, ReferralSent):
        return situation.fact.urgent
    return situation.case.urgency != Urgency.NONE


def _given(fact: Fact, calendar: WorkingCalendar) -> datetime | None:
    """The morning of the day that an act names."""
    until: date | None = getattr(fact, "until", None)
    return calendar.step_time(until) if until else None


def rung_at(rung: Rung, *, anchor: datetime, due: datetime, calendar: WorkingCalendar) -> datetime:
    """When a rung is climbed, in UTC: 09:00 of its day, or a number of real hours, or the due instant itself."""
    if rung.after is not None:
        return _after(rung.after, anchor, calendar)
    if rung.before is not None:
        return calendar.step_time(calendar.days_before(calendar.local_day(due), rung.before.amount))
    if rung.every is not None:
        return _again(rung.every, anchor, calendar)
    if rung.after_due is None or rung.after_due.amount == 0:
        return due
    # The due instant is 18:00 sharp, which already counts as the next day.
    return calendar.step_time(calendar.local_day(calendar.apply(rung.after_due, due - timedelta(minutes=1))))


def _again(delay: Delay, since: datetime, calendar: WorkingCalendar) -> datetime:
    if delay.unit is DelayUnit.DAYS:
        return calendar.step_time(calendar.local_day(since) + timedelta(days=delay.amount))
    return _after(delay, since, calendar)


def _after(delay: Delay, start: datetime, calendar: WorkingCalendar) -> datetime:
    end = calendar.apply(delay, start)
    return end if delay.unit is DelayUnit.HOURS else calendar.step_time(calendar.local_day(end))


def situations(unit: UnitOfWork, events: Sequence[Event]) -> list[Situation]:
    """Read what a batch of events needs, with a fixed number of queries and one look at each pathway."""
    cases = views(unit, (event.case_id for event in events))
    named = [UUID(event.payload["task_id"]) for event in events if event.payload.get("task_id")]
    known = select(Task).options(joinedload(Task.referral)).where(Task.id.in_(named))
    _kept = unit.session.scalars(known).all() if named else []  # each is then found in memory
    return [situation(unit, event, cases[event.case_id]) for event in events]


def situation(unit: UnitOfWork, event: Event, case: CaseView) -> Situation:
    """Put one event among what it needs."""
    fact = FACTS[event.type].model_validate(event.payload)
    return Situation(
        event_id=event.id,
        occurred_at=event.occurred_at,
        fact=fact,
        case=case,
        pathway=pathway_of(unit, case.pathway_hash),
        calendar=calendar_of(unit, case.programme_id),
        about=_about(unit, fact),
        now=unit.now,
    )


def _about(unit: UnitOfWork, fact: Fact) -> About:
    said = vars(fact)
    task_id = said.get("task_id")
    message_id = fact.message_id if isinstance(fact, MessageFailed) and fact.unknown else None
    task = unit.session.get(Task, task_id) if task_id else None
    if task is not None:
        partner_id = task.referral.partner_id if task.referral else None
        return About(task.referral_id, partner_id, task.visit_id, task.id, message_id)
    return About(
        referral_id=said.get("referral_id"),
        partner_id=said.get("partner_id"),
        visit_id=said.get("visit_id"),
        message_id=message_id,
        loan_id=said.get("loan_id"),
        cut_id=said.get("cut_id"),
        joined_id=fact.merged if isinstance(fact, CaseAbsorbed) else None,
        relieved=tuple(said.get("relieved", ())),
    )


def ends(unit: UnitOfWork, fact: Fact, of: About | Task) -> bool:
    """Whether an event may end a task of this loan, cut or referral, or of none.

    A referral's event ends the tasks of its own referral; its writing and its sending also those of the case (a first
    orientation) and of the referral that it replaces. An event of no referral ends any. A danger stays flagged,
    whatever becomes of its case, until somebody takes it in hand.
    """
    if isinstance(of, Task) and of.kind == DANGER:
        return isinstance(fact, DangerAcknowledged)
    if of.loan_id is not None:
        return getattr(fact, "loan_id", of.loan_id) == of.loan_id
    if of.cut_id is not None:
        return getattr(fact, "cut_id", of.cut_id) == of.cut_id
    own = getattr(fact, "referral_id", None)
    if own is None or own == of.referral_id:
        return True
    if not isinstance(fact, ReferralSent | ReferralPrepared):
        return False
    return of.referral_id is None or unit.session.get_one(Referral, own).replaces_id == of.referral_id


def outlives(kind: str, loan_id: UUID | None) -> bool:
    """Whether a task stays asked for once its case ended: what was lent, a danger, a household given to another, a
    partner who does not know yet.
    """
    return loan_id is not None or kind in OUTLIVING


class Timing(NamedTuple):
    """What a clock's instants are worked out from; `pauses` are those that are over."""

    anchor_at: datetime
    due_at: datetime
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    put_off: date | None = None


class Place(NamedTuple):
    """Where a clock stands: its next step and when it is taken; neither when nothing is to come."""

    step: int | None = None
    at: datetime | None = None


def beginning(ladder: Ladder, timing: Timing, calendar: WorkingCalendar, *, now: datetime, delivered: bool) -> Place:
    """The first rung still ahead, or the wait for delivery. Rungs already past are left out."""
    if ladder.counts_from_delivery and not delivered:
        return awaiting(ladder, calendar, since=timing.anchor_at)
    return place_from(0, ladder.rungs, timing, calendar, after=now)


def awaiting(ladder: Ladder, calendar: WorkingCalendar, *, since: datetime) -> Place:
    """A look, after the ladder's delay, whether the request reached its reader's server at last."""
    delay = ladder.undelivered_after
    return Place() if delay is None else Place(UNDELIVERED, _after(delay, since, calendar))


def place_from(
    start: int, rungs: Sequence[Rung], timing: Timing, calendar: WorkingCalendar, *, after: datetime | None
) -> Place:
    """The next rung from `start`; with `after`, the first one later than that instant."""
    for step in range(start, len(rungs)):
        rung = rungs[step]
        if rung.off:
            continue
        at = climbed_at(rung, timing, calendar)
        if after is None or at > after:
            return Place(step, at)
        if rung.every is not None:
            return Place(step, _again(rung.every, after, calendar))
    return Place()


def first_step(unit: UnitOfWork, obligation: Obligation, pathway: Pathway, *, delivered: bool) -> None:
    """Set an obligation where its ladder begins."""
    ladder, calendar = pathway.ladders[obligation.ladder], calendar_of(unit, obligation.task.programme_id)
    _put(obligation, beginning(ladder, timing_of(obligation), calendar, now=unit.now, delivered=delivered))


def arm(unit: UnitOfWork, task: Task, ladder: str, pathway: Pathway, *, key: str) -> None:
    """Start the clock of a task that stands by itself, where its ladder begins."""
    clock = Obligation(
        case_id=task.case_id,
        task_id=task.id,
        task=task,
        ladder=ladder,
        anchor_at=task.opened_at,
        due_at=task.due_at,
        generation=1,
        effect_key=key,
    )
    unit.session.add(clock)
    first_step(unit, clock, pathway, delivered=not task.provisional)


def watch_delivery(unit: UnitOfWork, obligation: Obligation, pathway: Pathway, *, since: datetime) -> None:
    """Set an obligation on its wait for delivery, counted from `since`."""
    calendar = calendar_of(unit, obligation.task.programme_id)
    _put(obligation, awaiting(pathway.ladders[obligation.ladder], calendar, since=since))


def climb(obligation: Obligation, rungs: Sequence[Rung], calendar: WorkingCalendar, *, start: int) -> None:
    """Point an obligation at its next rung from `start`."""
    _put(obligation, place_from(start, rungs, timing_of(obligation), calendar, after=None))


def _put(obligation: Obligation, place: Place) -> None:
    obligation.next_step, obligation.next_at = place.step, None if is_waiting(obligation) else place.at


def timing_of(obligation: Obligation) -> Timing:
    """What this clock's instants are worked out from."""
    waited = tuple(obligation.waited)
    return Timing(obligation.anchor_at, obligation.due_at, waited, obligation.task.snoozed_until)


def climbed_at(rung: Rung, timing: Timing, calendar: WorkingCalendar) -> datetime:
    """A rung's own moment, moved by the pauses that are over, never while it is put off."""
    at = rung_at(rung, anchor=timing.anchor_at, due=timing.due_at, calendar=calendar)
    for stopped, running in timing.pauses:
        if stopped < at:
            at = calendar.shifted(at, stopped=stopped, running=running)
    return at if timing.put_off is None else max(at, calendar.step_time(calendar.next_open(timing.put_off)))


def is_waiting(obligation: Obligation) -> bool:
    """Whether the clock stands still now."""
    return any(pause.to_at is None for pause in obligation.pauses)
