"""What follows an event: decided in memory from the fact, the case and its pathway, then written once.

Every effect has a key made of the event and its place in the pathway, so handling an event twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from models.cases import Referral
from models.delays import Delay, DelayUnit
from models.engine import Event, Obligation, Task
from models.events import FACTS, Fact, MessageFailed, ReferralPrepared, ReferralSent, ReminderDue
from models.pathway import Anchor, Due, Open, Pathway, Rung, Send, Step
from models.vocabulary import Channel, Party, Urgency
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.guards import GUARDS
from services.rules.published import calendar_of, pathway_of
from services.rules.view import CaseView, views

UNDELIVERED = -1
"""The number of the step "the request was not delivered" of a ladder that counts from delivery."""


@dataclass(frozen=True)
class About:
    """What an event is about, beside its case; carried by the tasks and messages that follow."""

    referral_id: UUID | None = None
    partner_id: UUID | None = None
    visit_id: UUID | None = None
    task_id: UUID | None = None
    message_id: UUID | None = None  # a message in doubt, each a thing of its own
    loan_id: UUID | None = None


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
    daily: bool


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
    giver = rule.party is Party.ALERT_GIVER
    organisation_id = case.alert_organisation_id if giver else owners.get(rule.party)
    return OpenTask(
        key=key,
        case=case,
        kind=step.open,
        party=rule.party if organisation_id or giver else Party.COORDINATOR,
        organisation_id=organisation_id,
        alert_id=case.alert_id if giver else None,
        about=situation.about,
        ordinal=ordinal,
        due_at=due_at(rule.due, situation, ordinal=ordinal),
        provisional=rule.provisional,
        ladder=rule.ladder,
    )


def _message(situation: Situation, step: Send, key: str) -> PlanMessage:
    return PlanMessage(
        key=key,
        case=situation.case,
        event_id=situation.event_id,
        text=step.send,
        party=step.to,
        channel=step.by,
        about=situation.about,
        about_task=step.about,
        urgent=step.urgent,
        daily=step.daily,
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
    delay = due.series[min(ordinal, len(due.series)) - 1] if due.series else due.delay
    if due.urgent is not None and case.urgency != Urgency.NONE:
        delay = due.urgent
    if delay is None:  # pragma: no cover - the schema forbids it
        raise ValueError("a due date needs a delay")
    at = calendar.apply(delay, anchors[due.since] or situation.occurred_at)
    return max(at, calendar.apply(due.at_least, situation.occurred_at)) if due.at_least else at


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
    if rung.after_due is None or rung.after_due.amount == 0:
        return due
    # The due instant is 18:00 sharp, which already counts as the next day.
    return calendar.step_time(calendar.local_day(calendar.apply(rung.after_due, due - timedelta(minutes=1))))


def _after(delay: Delay, start: datetime, calendar: WorkingCalendar) -> datetime:
    end = calendar.apply(delay, start)
    return end if delay.unit is DelayUnit.HOURS else calendar.step_time(calendar.local_day(end))


def situations(unit: UnitOfWork, events: Sequence[Event]) -> list[Situation]:
    """Read what a batch of events needs, with a fixed number of queries and one look at each pathway."""
    cases = views(unit, (event.case_id for event in events))
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
    task_id = getattr(fact, "task_id", None)
    message_id = fact.message_id if isinstance(fact, MessageFailed) and fact.unknown else None
    task = unit.session.get(Task, task_id) if task_id else None
    if task is not None:
        partner_id = task.referral.partner_id if task.referral else None
        return About(task.referral_id, partner_id, task.visit_id, task.id, message_id)
    return About(
        referral_id=getattr(fact, "referral_id", None),
        partner_id=getattr(fact, "partner_id", None),
        visit_id=getattr(fact, "visit_id", None),
        message_id=message_id,
        loan_id=getattr(fact, "loan_id", None),
    )


def ends(unit: UnitOfWork, fact: Fact, *, referral_id: UUID | None, loan_id: UUID | None) -> bool:
    """Whether an event may end a task of this referral or loan (None: a task of neither).

    A referral's event ends the tasks of its own referral; its writing and its sending also those of the case (a first
    orientation) and of the referral that it replaces. An event of no referral ends any.
    """
    if loan_id is not None:
        return getattr(fact, "loan_id", loan_id) == loan_id
    own = getattr(fact, "referral_id", None)
    if own is None or own == referral_id:
        return True
    if not isinstance(fact, ReferralSent | ReferralPrepared):
        return False
    return referral_id is None or unit.session.get_one(Referral, own).replaces_id == referral_id


def first_step(unit: UnitOfWork, obligation: Obligation, pathway: Pathway, *, delivered: bool) -> None:
    """Set an obligation on its first rung still ahead, or on the wait for delivery. Rungs already past are left out."""
    ladder = pathway.ladders[obligation.ladder]
    if ladder.counts_from_delivery and not delivered:
        watch_delivery(unit, obligation, pathway, since=obligation.anchor_at)
        return
    climb(obligation, ladder.rungs, calendar_of(unit, obligation.task.programme_id), start=0, after=unit.now)


def watch_delivery(unit: UnitOfWork, obligation: Obligation, pathway: Pathway, *, since: datetime) -> None:
    """Look, after the ladder's delay, whether the request reached its reader's server at last."""
    delay = pathway.ladders[obligation.ladder].undelivered_after
    if delay is not None:
        obligation.next_step = UNDELIVERED
        obligation.next_at = _after(delay, since, calendar_of(unit, obligation.task.programme_id))


def climb(
    obligation: Obligation, rungs: Sequence[Rung], calendar: WorkingCalendar, *, start: int, after: datetime | None
) -> None:
    """Point an obligation at its next rung from `start`; with `after`, at the first one later than that instant."""
    for step in range(start, len(rungs)):
        at = step_at(obligation, rungs[step], calendar)
        if after is None or at > after:
            obligation.next_step, obligation.next_at = step, None if is_waiting(obligation) else at
            return
    obligation.next_step, obligation.next_at = None, None


def step_at(obligation: Obligation, rung: Rung, calendar: WorkingCalendar) -> datetime:
    """When this clock climbs a rung: its own moment, moved by the pauses that are over, never while it is put off."""
    at = rung_at(rung, anchor=obligation.anchor_at, due=obligation.due_at, calendar=calendar)
    for pause in obligation.pauses:
        if pause.to_at is not None and pause.from_at < at:
            at = calendar.shifted(at, stopped=pause.from_at, running=pause.to_at)
    put_off = obligation.task.snoozed_until
    return at if put_off is None else max(at, calendar.step_time(calendar.next_open(put_off)))


def is_waiting(obligation: Obligation) -> bool:
    """Whether the clock stands still now."""
    return any(pause.to_at is None for pause in obligation.pauses)
