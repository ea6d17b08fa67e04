"""What follows an event: decided in memory from the fact, the case and its pathway, then written once.

Every effect has a key made of the event and its place in the pathway, so handling an event twice changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models.cases import Referral
from models.delays import Delay
from models.engine import Event, Task
from models.events import (
    FACTS,
    CallBackAgreed,
    CaseAbsorbed,
    CaseMerged,
    DangerAcknowledged,
    Fact,
    MessageFailed,
    ReferralPrepared,
    ReferralSent,
    ReminderDue,
)
from models.pathway import Anchor, Due, Open, Send, Step
from models.vocabulary import Channel, Party, ReferralState, Urgency
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.clocks import UNDELIVERED
from services.rules.guards import GUARDS
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import COMPLAINT, DANGER, HAND_OVER, TELL_PARTNER
from services.rules.situation import About, Situation
from services.rules.view import CaseView, views

DEAD_ENDS = frozenset({ReferralState.DECLINED, ReferralState.EXPIRED, ReferralState.FAILED})
OUTLIVING = frozenset({DANGER, HAND_OVER, TELL_PARTNER, COMPLAINT})


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
    return guard is None or GUARDS[guard](situation)


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
    delay = due.urgent if due.urgent is not None and is_urgent(situation) else due.delay_of(ordinal)
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

    A danger stays flagged, whatever becomes of its case, until somebody takes it in hand.
    """
    if isinstance(of, Task) and of.kind == DANGER:
        return isinstance(fact, DangerAcknowledged)
    return concerns(fact, of, partial(_stands_for, unit))


def concerns(fact: Fact, of: About | Task, stands_for: Callable[[UUID, UUID], bool]) -> bool:
    """Whether an event is about the loan, the cut or the referral of a task; an event of none is about any.

    A referral's writing and its sending are also about the tasks of the case (a first orientation), and about those of
    the referral that it replaces or of one that came to nothing for the same need: `stands_for(own, other)`.
    """
    said = vars(fact)  # not `getattr`: a model is slow to say that it lacks something
    if of.loan_id is not None:
        return bool(said.get("loan_id", of.loan_id) == of.loan_id)
    if of.cut_id is not None:
        return bool(said.get("cut_id", of.cut_id) == of.cut_id)
    own = said.get("referral_id")
    if own is None or own == of.referral_id:
        return True
    if not isinstance(fact, ReferralSent | ReferralPrepared):
        return False
    return of.referral_id is None or stands_for(own, of.referral_id)


def _stands_for(unit: UnitOfWork, asked_id: UUID, other_id: UUID) -> bool:
    asked, other = unit.session.get_one(Referral, asked_id), unit.session.get_one(Referral, other_id)
    return asked.replaces_id == other.id or (asked.need_id == other.need_id and other.state in DEAD_ENDS)


def outlives(kind: str, loan_id: UUID | None, end: Fact | None = None) -> bool:
    """Whether a task stays asked for once its case ended: what was lent, a danger, a household given to another, a
    partner who does not know yet. The danger of a double is taken in hand on the case that goes on.
    """
    goes_on = kind == DANGER and isinstance(end, CaseMerged)
    return loan_id is not None or (kind in OUTLIVING and not goes_on)
