"""Running clocks: what is due becomes an event, once; guards are looked at again; an outage is caught up once.

A step is due when its instant is before now and it is not done: never "exactly three days ago". A clock that cannot
take its step is set aside, for all to see, and tried again; the others go on.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import joinedload

from models.cases import Case
from models.engine import IS_OPEN, Obligation, Occurrence, Task
from models.events import ReferralDelivered, ReminderDue
from models.pathway import Ladder, Rung, Send
from models.vocabulary import OccurrenceState, Party, TaskState, Theme
from services.foundation.database import UnitOfWork
from services.rules import casework, clocks, open_tasks, pauses, presence, work
from services.rules.effects import GIVES_WAY, RECALLED
from services.rules.projection import Ahead, ahead
from services.rules.published import calendar_of, pathway_of, today_of
from services.rules.ranking import READ

TimerAct = Callable[[UnitOfWork, Task], None]
BATCH: Final = 50
SOONEST: Final = timedelta(minutes=15)
LATEST: Final = timedelta(days=1)
CLOSED: Final = "closed"
UNREAD: Final = "reply_unread"
STALE: Final = "stale"
SKIPPED: Final = "skipped"
LOG: Final = logging.getLogger(__name__)


def tick(unit: UnitOfWork, acts: Mapping[str, TimerAct], *, limit: int = BATCH) -> int:
    """Turn the due steps of at most `limit` clocks into events; return how many clocks were looked at.

    `acts` are what a timer does by itself, by the name that the pathway uses. Does not commit.
    """
    clocks = unit.session.scalars(due(unit).limit(limit)).all()
    _advance(unit, clocks, acts)
    unit.session.flush()
    return len(clocks)


def _advance(unit: UnitOfWork, clocks: Sequence[Obligation], acts: Mapping[str, TimerAct]) -> None:
    """Let all of them take their steps together, else each alone; one that cannot by itself is set aside."""
    try:
        with unit.session.begin_nested():
            for each in _one_of_each_case(clocks):
                _fire(unit, each, acts)
    except Exception as error:
        if work.is_outage(error):
            raise
        if len(clocks) == 1:
            _set_aside(unit, clocks[0], work.describe(error))
            return
        for clock in clocks:
            _advance(unit, [clock], acts)


def _one_of_each_case(clocks: Sequence[Obligation]) -> Iterator[list[Obligation]]:
    """The same clocks in as few lots as let each case have one act at a time; the oldest first."""
    left = list(clocks)
    while left:
        lot = {clock.case_id: clock for clock in reversed(left)}
        yield [clock for clock in left if lot[clock.case_id] is clock]
        left = [clock for clock in left if lot[clock.case_id] is not clock]


def due(unit: UnitOfWork) -> Select[Obligation]:
    """The clocks whose turn has come, the oldest first; those that another tick holds are passed over: a query."""
    ready = Obligation.next_at <= unit.now, _turn() <= unit.now
    whole = select(Obligation).options(joinedload(Obligation.task, innerjoin=True))
    ordered = whole.where(*ready).order_by(Obligation.next_at, Obligation.id)
    return ordered.with_for_update(of=Obligation, skip_locked=True)


def _turn() -> ColumnElement[datetime]:
    """When an armed clock is looked at: at its step's instant, or later if that failed."""
    return func.coalesce(Obligation.retry_at, Obligation.next_at, type_=Obligation.next_at.type)


def _set_aside(unit: UnitOfWork, obligation: Obligation, error: str) -> None:
    """Try again after as long as it has been failing already: 15 minutes at least, a day at most, without end."""
    if obligation.failed_at is None:
        obligation.failed_at = unit.now
        told = "clock %s of case %s cannot take step %s: %s"
        facts = obligation.id, obligation.case_id, obligation.next_step, error
        unit.after_commit.append(lambda: LOG.error(told, *facts))
    wait = min(LATEST, max(SOONEST, unit.now - obligation.failed_at))
    obligation.retry_at, obligation.error = unit.now + wait, error


def _forget_failure(obligation: Obligation) -> None:
    obligation.failed_at, obligation.retry_at, obligation.error = None, None, None


def failing(unit: UnitOfWork) -> int:
    """How many clocks could not take their step and will be tried again."""
    armed = Obligation.next_at > _NEVER, Obligation.failed_at.is_not(None)
    return unit.session.scalar(select(func.count()).select_from(Obligation).where(*armed)) or 0


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any instant. Armed is said as a range: for "not null" SQLite reads every row."""


class _Step(NamedTuple):
    """What a clock does now: the act on its case, then what the timer does by itself."""

    clock: Obligation
    told: casework.Act
    then: TimerAct | None


def _fire(unit: UnitOfWork, clocks: Sequence[Obligation], acts: Mapping[str, TimerAct]) -> None:
    asked = Case.id.in_([clock.case_id for clock in clocks])
    locked = select(Case).where(asked).order_by(Case.id).with_for_update(of=Case)
    cases = {case.id: case for case in unit.session.scalars(locked)}
    steps = [step for clock in clocks if (step := _step(unit, clock, cases[clock.case_id], acts))]
    casework.record_all(unit, [step.told for step in steps])
    for step in steps:
        if step.then is not None:
            step.then(unit, step.clock.task)


def _step(unit: UnitOfWork, clock: Obligation, case: Case, acts: Mapping[str, TimerAct]) -> _Step | None:
    """Move a clock on from the step that is due; what follows for its case, if anything does."""
    _forget_failure(clock)
    if clock.task.state != TaskState.OPEN or clock.next_step is None:
        clock.ended_at, clock.next_at, clock.next_step = unit.now, None, None
        return None
    ladder = pathway_of(unit, case.pathway_hash).ladders[clock.ladder]
    step, due_at = _latest_due(unit, clock, ladder)
    why_held = _why_held(unit, clock, ladder, (step, due_at))
    _note(unit, clock, ladder, (step, due_at), missed=why_held)
    told = casework.Act(case, _reminder(clock, step), casework.timer_hand(_key(clock, step)))
    _climb_on(unit, clock, ladder, step)
    if why_held is not None:
        return None
    act = None if step == clocks.UNDELIVERED else ladder.rungs[step].act
    return _Step(clock, told, acts[act] if act is not None else None)


def skip(unit: UnitOfWork, obligation: Obligation, ladder: Ladder) -> None:
    """Pass over the step that comes next: it is written down as suppressed, and the clock goes on to the one after."""
    step, at = _reach(unit, obligation, ladder)
    _note(unit, obligation, ladder, (step, at), missed=SKIPPED)
    _climb_on(unit, obligation, ladder, step)
    unit.session.flush()


def hasten(unit: UnitOfWork, case: Case, obligation: Obligation, ladder: Ladder, *, hand: casework.Hand) -> None:
    """Take the step that comes next at once, by somebody's hand; the steps after it keep their own instants."""
    step, at = _reach(unit, obligation, ladder)
    _note(unit, obligation, ladder, (step, at))
    fact = _reminder(obligation, step).model_copy(update={"recall_until": casework.recall_until(unit, hand)})
    casework.record(unit, case, fact, hand=replace(hand, key=_key(obligation, step)))
    _climb_on(unit, obligation, ladder, step)
    unit.session.flush()


def coming(unit: UnitOfWork, obligation: Obligation, ladder: Ladder) -> Ahead | None:
    """The step that a clock takes next, which a person may decide of: those that fall together with a later one, or
    give way to it, are none."""
    step, at = obligation.next_step, obligation.next_at
    if step is None or at is None:
        return None
    timing, calendar = clocks.timing_of(obligation), calendar_of(unit, obligation.task.programme_id)
    return next(ahead(step, at, timing, ladder, calendar), None)


def _reach(unit: UnitOfWork, obligation: Obligation, ladder: Ladder) -> tuple[int, datetime]:
    """The same and its instant; what is left out before it is written down."""
    found, step, at = coming(unit, obligation, ladder), obligation.next_step, obligation.next_at
    if found is None or step is None or at is None:
        raise ValueError("nothing is to come")
    timing, calendar = clocks.timing_of(obligation), calendar_of(unit, obligation.task.programme_id)
    while step < found.number:
        falls_together = not clocks.gives_way(step, at, timing, ladder, calendar)
        _note(unit, obligation, ladder, (step, at), missed=STALE if falls_together else GIVES_WAY)
        following = clocks.place_from(step + 1, ladder.rungs, timing, calendar, after=None)
        step, at = following.step or found.number, following.at or found.at
    return found.number, found.at


def put_back(unit: UnitOfWork, obligation: Obligation, ladder: Ladder, *, generation: int, step: int) -> None:
    """A step that was hastened waits for its own instant after all: in a new life of its clock, since a step comes once
    in each. A clock that went on or ended meanwhile stays where it is.
    """
    taken = update(Occurrence).where(
        Occurrence.obligation_id == obligation.id, Occurrence.generation == generation, Occurrence.step == step
    )
    unit.session.execute(taken.values(state=OccurrenceState.SUPPRESSED.value, reason=RECALLED))
    if obligation.ended_at is None and obligation.generation == generation:
        obligation.generation += 1
        clocks.climb(obligation, ladder.rungs, calendar_of(unit, obligation.task.programme_id), start=step)


def _reminder(obligation: Obligation, step: int) -> ReminderDue:
    return ReminderDue(
        obligation_id=obligation.id,
        task_id=obligation.task_id,
        ladder=obligation.ladder,
        generation=obligation.generation,
        step=step,
    )


def _key(obligation: Obligation, step: int) -> str:
    """One step of one life of a clock is one event, whoever takes it."""
    return f"{obligation.id}:{obligation.generation}:{step}"


def _why_held(unit: UnitOfWork, clock: Obligation, ladder: Ladder, due: tuple[int, datetime]) -> str | None:
    """Why a step does not leave: the next one of its morning tells the same, or it does nothing but write to a partner
    who is not there, or has answered. The delay itself runs on."""
    (step, due_at), task = due, clock.task
    if step == clocks.UNDELIVERED:
        return None
    if clocks.gives_way(step, due_at, clocks.timing_of(clock), ladder, calendar_of(unit, task.programme_id)):
        return GIVES_WAY
    if task.party != Party.PARTNER or task.organisation_id is None:
        return None
    if not reminds_partner(ladder.rungs[step]):
        return None
    if _has_written(unit, task):
        return UNREAD
    today = today_of(unit, task.programme_id)
    return CLOSED if presence.is_closed(unit, task.organisation_id, today) else None


def _has_written(unit: UnitOfWork, task: Task) -> bool:
    """Whether a mail of the partner about this request waits to be read: nobody chases him for an answer of his."""
    return task.referral_id is not None and bool(open_tasks.of_referral(unit, task.referral_id, READ))


def reminds_partner(rung: Rung) -> bool:
    """Whether a step does nothing but write to a partner: what a closure, or a mail of his, holds back."""
    return rung.act is None and all(isinstance(each, Send) and each.to is Party.PARTNER for each in rung.steps)


def _latest_due(unit: UnitOfWork, obligation: Obligation, ladder: Ladder) -> tuple[int, datetime]:
    """The latest step that is due, and its instant; the older ones are suppressed as stale."""
    step, at = obligation.next_step, obligation.next_at
    if step is None or at is None:  # pragma: no cover - the query took only armed clocks
        raise ValueError("nothing is due")
    timing, calendar = clocks.timing_of(obligation), calendar_of(unit, obligation.task.programme_id)
    while step != clocks.UNDELIVERED:
        following = clocks.place_from(step + 1, ladder.rungs, timing, calendar, after=None)
        if following.step is None or following.at is None or following.at > unit.now:
            break
        _note(unit, obligation, ladder, (step, at), missed=STALE)
        step, at = following.step, following.at
    return step, at


def _climb_on(unit: UnitOfWork, obligation: Obligation, ladder: Ladder, step: int) -> None:
    if step == clocks.UNDELIVERED:
        obligation.next_step, obligation.next_at = None, None
        return
    following = step + 1
    if ladder.rungs[step].every is not None:  # it comes again, in a new life of its clock
        obligation.anchor_at, obligation.generation, following = unit.now, obligation.generation + 1, step
    clocks.climb(obligation, ladder.rungs, calendar_of(unit, obligation.task.programme_id), start=following)


def _note(
    unit: UnitOfWork, obligation: Obligation, ladder: Ladder, due: tuple[int, datetime], *, missed: str | None = None
) -> None:
    """Write down that a step was taken, or why it was not."""
    step, due_at = due
    steps = ladder.undelivered if step == clocks.UNDELIVERED else ladder.rungs[step].steps
    occurrence = Occurrence(
        obligation_id=obligation.id,
        generation=obligation.generation,
        step=step,
        recipient=next((found.to.value for found in steps if isinstance(found, Send)), ""),
        state=(OccurrenceState.SUPPRESSED if missed else OccurrenceState.FIRED).value,
        reason=missed,
        due_at=due_at,
        at=unit.now,
    )
    unit.session.add(occurrence)


def start_clock(unit: UnitOfWork, task: Task, *, delivered_at: datetime) -> None:
    """The request of a task reached its reader: its date becomes final and its ladder begins, in this transaction."""
    if task.state != TaskState.OPEN or not task.provisional:
        return
    task.provisional = False
    rearm(unit, task, since=delivered_at)
    if task.referral is not None:
        case = unit.session.get_one(Case, task.case_id)
        task.referral.delivered_at = delivered_at
        fact = ReferralDelivered(
            referral_id=task.referral.id,
            partner_id=task.referral.partner_id,
            theme=Theme(task.referral.need.theme),
            delivered_at=delivered_at,
        )
        casework.record(unit, case, fact, hand=casework.engine_hand())


def stop_clock(unit: UnitOfWork, task: Task) -> None:
    """The request of a task did not reach its reader after all: its date is provisional again until it does."""
    case = unit.session.get_one(Case, task.case_id)
    rule = pathway_of(unit, case.pathway_hash).tasks.get(task.kind)
    if task.state != TaskState.OPEN or task.provisional or rule is None or not rule.provisional:
        return
    task.provisional = True
    if task.referral is not None:
        task.referral.delivered_at = None
    rearm(unit, task, since=unit.now)


def rearm(unit: UnitOfWork, task: Task, *, since: datetime) -> None:
    """Count a task's delay again from an instant, or wait again for the delivery that makes its date final; occurrences
    of the older life can never fire.
    """
    case = unit.session.get_one(Case, task.case_id)
    pathway = pathway_of(unit, case.pathway_hash)
    due = pathway.tasks[task.kind].due
    delay = due.urgent or due.delay if task.referral is not None and task.referral.urgent else due.delay
    if delay is not None:
        task.due_at = calendar_of(unit, task.programme_id).apply(delay, since)
    for obligation in clocks.running(unit, task):
        obligation.anchor_at, obligation.due_at = since, task.due_at
        obligation.generation += 1
        _forget_failure(obligation)
        clocks.first_step(unit, obligation, pathway, delivered=not task.provisional)


def wait_for_partner(unit: UnitOfWork, task: Task) -> bool:
    """Count a partner's delay again with its reminders, from his reopening if he is closed, when he cannot be said to
    be silent: a mail of his waits to be read, or his last-chance message was held back.

    Whether it did. Source: peers 3.2, transition 5: nobody expires without his last-chance message.
    """
    if task.organisation_id is None:
        return False
    if not _has_written(unit, task) and not any(_was_held_back(unit, clock) for clock in clocks.running(unit, task)):
        return False
    closed_until = presence.closed_today(unit, task.programme_id).get(task.organisation_id)
    opens_at = calendar_of(unit, task.programme_id).next_opening(closed_until) if closed_until else unit.now
    rearm(unit, task, since=opens_at)
    return True


def _was_held_back(unit: UnitOfWork, clock: Obligation) -> bool:
    rungs = pathway_of(unit, unit.session.get_one(Case, clock.case_id).pathway_hash).ladders[clock.ladder].rungs
    warnings = [step for step, rung in enumerate(rungs) if not rung.off and _writes_to_partner(rung)]
    latest = Occurrence.obligation_id == clock.id, Occurrence.generation == clock.generation
    why = Occurrence.reason.in_((CLOSED, UNREAD))
    held = select(Occurrence.id).where(*latest, Occurrence.step.in_(warnings[-1:]), why)
    return unit.session.scalar(held) is not None


def _writes_to_partner(rung: Rung) -> bool:
    return any(isinstance(each, Send) and each.to is Party.PARTNER for each in rung.steps)


def leave_closed_days(unit: UnitOfWork, programme_id: UUID, *, start: datetime, end: datetime) -> None:
    """Move to the next open day what falls between two instants, on days closed since; other dates stay as told.

    A visit keeps its day: whoever planned it knows why.
    """
    calendar = calendar_of(unit, programme_id)
    query = (
        select(Obligation)
        .join(Task, Task.id == Obligation.task_id)
        .where(Task.programme_id == programme_id, IS_OPEN, Task.visit_id.is_(None))
        .where(or_(Task.due_at.between(start, end), Obligation.next_at.between(start, end)))
        .order_by(Obligation.next_at, Obligation.id)
        .with_for_update(of=Obligation)
    )
    for obligation in unit.session.scalars(query).all():
        if start <= obligation.due_at < end:
            obligation.task.due_at = obligation.due_at = calendar.off_closed(obligation.due_at)
        if obligation.next_at is not None:
            pauses.point(unit, obligation)
    unit.session.flush()


def next_due(unit: UnitOfWork) -> datetime | None:
    """The instant at which some clock is next looked at."""
    return next((row.turn for row in unit.rows(_NEXT_TURN)), None)


_NEXT_TURN: Final = select(_turn().label("turn")).where(Obligation.next_at.is_not(None)).order_by(_turn()).limit(1)
