"""An open task under another pathway: its date from its own anchor, its clock on the new ladder, in a new life."""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from models.engine import Event, Obligation, Task
from models.pathway import Pathway
from services.foundation.database import UnitOfWork
from services.rules import clocks, plan
from services.rules.published import calendar_of
from services.rules.view import views

_RETURNED: Final = ":returned"
"""The end of the key of a task that was given back: the coordination has it, with the ladder of its own tasks."""
_TRIAGE: Final = "triage"


def due_under(unit: UnitOfWork, task: Task, before: Pathway, after: Pathway) -> datetime:
    """The date of an open task once `after` replaces `before`.

    It stays when its delay is the same, or when its giving back set it. Pauses that are over move the new date as they
    moved the old one. A shorter delay makes no task late in one stroke: it is due on the next working day then.
    """
    return _dates(unit, task, before, after)[0]


def _dates(unit: UnitOfWork, task: Task, before: Pathway, after: Pathway) -> tuple[datetime, datetime]:
    """The task's date and its clock's, which is without the pauses that are over: they move each of its steps."""
    clock = clocks.of_task(unit, task)
    as_it_is = task.due_at, clock.due_at if clock else task.due_at
    counted = _counted(unit, task, before, after)
    if counted is None:
        return as_it_is
    waited = clock.waited if clock else []
    due = _moved(unit, task, counted, waited)
    if due > unit.now:
        return due, counted
    soon = min(task.due_at, calendar_of(unit, task.programme_id).due_after(unit.now, working_days=1))
    return as_it_is if waited else (soon, soon)


def _counted(unit: UnitOfWork, task: Task, before: Pathway, after: Pathway) -> datetime | None:
    """The new date by the calendar, from the anchor of the old one; None when the old one stays."""
    old, new = before.tasks[task.kind].due, after.tasks[task.kind].due
    if old == new or task.effect_key.endswith(_RETURNED):
        return None
    clock = clocks.of_task(unit, task)
    event = unit.session.get_one(Event, UUID(task.effect_key.split(":", maxsplit=1)[0]))
    view = views(unit, [task.case_id])[task.case_id]
    situation = replace(plan.situation(unit, event, view), occurred_at=clock.anchor_at if clock else task.opened_at)
    due = plan.due_at(new, situation, ordinal=task.ordinal)
    return None if due == plan.due_at(old, situation, ordinal=task.ordinal) else due


def _moved(unit: UnitOfWork, task: Task, due: datetime, waited: list[tuple[datetime, datetime]]) -> datetime:
    calendar = calendar_of(unit, task.programme_id)
    for stopped, running in waited:
        if stopped < due:
            due = calendar.shifted(due, stopped=stopped, running=running)
    return due


def repin(unit: UnitOfWork, task: Task, before: Pathway, after: Pathway) -> None:
    """Give an open task its date and its clock under `after`; a clock that changes nothing goes on as it is."""
    clock, ladder = clocks.of_task(unit, task), _ladder(task, after)
    due, clock_due = _dates(unit, task, before, after)
    is_same = due == task.due_at
    task.due_at = due
    if clock is None:
        if ladder is not None:
            clocks.arm(unit, task, ladder, after, key=f"{task.effect_key}:clock:{task.case.last_seq}")
    elif ladder is None:
        clock.ended_at, clock.next_at, clock.next_step = unit.now, None, None
    else:
        is_same = is_same and before.ladders[clock.ladder] == after.ladders[ladder]
        clock.ladder, clock.due_at = ladder, clock_due
        if not is_same:
            _rearm(unit, clock, after)


def _rearm(unit: UnitOfWork, clock: Obligation, pathway: Pathway) -> None:
    """Count from the same anchor in a new generation: steps whose instant is past are left out."""
    task = clock.task
    is_told = task.provisional and clock.next_step is None  # that nobody has the request
    clock.generation += 1
    clock.failed_at, clock.retry_at, clock.error = None, None, None
    if is_told and not clocks.is_waiting(clock):
        return
    clocks.first_step(unit, clock, pathway, delivered=not task.provisional)


def _ladder(task: Task, pathway: Pathway) -> str | None:
    kind = _TRIAGE if task.effect_key.endswith(_RETURNED) else task.kind
    if kind not in pathway.tasks:
        return None
    return pathway.tasks[kind].ladder_of(urgent=task.referral.urgent if task.referral else task.case.urgency != "none")
