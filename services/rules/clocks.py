"""A task's clock: when each rung of its ladder is climbed, where it begins, and where it stands after a pause."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from models.delays import Delay, DelayUnit
from models.engine import Obligation, Task
from models.pathway import Ladder, Open, Pathway, Rung, Send
from models.vocabulary import Channel
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.published import calendar_of

UNDELIVERED = -1
"""The number of the step "the request was not delivered" of a ladder that counts from delivery."""


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


def gives_way(step: int, at: datetime, timing: Timing, ladder: Ladder, calendar: WorkingCalendar) -> bool:
    """Whether a step that falls due while no mail leaves is left to a later one of its ladder: both would reach its
    readers in the same morning, about the same thing.

    What does more than write, presses, or is a letter leaves by itself at any hour and gives way to nothing.
    """
    rung, opens = ladder.rungs[step], calendar.next_sending_time(at)
    if opens == at or rung.act is not None:
        return False
    noon = calendar.noon_of(calendar.local_day(opens))
    return any(
        opens <= _leaves_at(later, timing, calendar) <= noon and all(_told_by(later, rung, each) for each in rung.steps)
        for later in ladder.rungs[step + 1 :]
        if not later.off
    )


def _leaves_at(rung: Rung, timing: Timing, calendar: WorkingCalendar) -> datetime:
    at = climbed_at(rung, timing, calendar)
    presses = any(isinstance(each, Send) and each.urgent for each in rung.steps)
    return at if presses else calendar.next_sending_time(at)


def _told_by(later: Rung, rung: Rung, step: Open | Send) -> bool:
    """Whether the reader of a step hears of the same thing on the same channel by a later rung, whatever its guards."""
    if not isinstance(step, Send) or step.urgent or step.by is Channel.LETTER or later.when not in {None, rung.when}:
        return False
    return any(
        isinstance(each, Send) and (each.to, each.by) == (step.to, step.by) and each.when in {None, step.when}
        for each in later.steps
    )


def running(unit: UnitOfWork, task: Task) -> Sequence[Obligation]:
    """The clocks of a task that have not ended, those that wait too."""
    query = select(Obligation).where(Obligation.task_id == task.id, Obligation.ended_at.is_(None))
    return unit.session.scalars(query.order_by(Obligation.id)).all()


def of_task(unit: UnitOfWork, task: Task) -> Obligation | None:
    """The clock of an open task, if it has one."""
    return next(iter(running(unit, task)), None)


def is_waiting(obligation: Obligation) -> bool:
    """Whether the clock stands still now."""
    return any(pause.to_at is None for pause in obligation.pauses)


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
