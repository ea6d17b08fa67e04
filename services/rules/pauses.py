"""Clocks that wait: stored pauses, from which every later instant is worked out; and reminders put off to a day.

A pause moves what was still to come by the working time that it lasted: a step that was four working days away when
the clock stopped is four working days away when it runs again. What was past stays where it was.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final
from uuid import UUID

from models.cases import Case
from models.engine import Obligation, Pause, Task
from models.pathway import Pathway
from models.vocabulary import CaseState
from services.foundation.database import UnitOfWork
from services.rules import clocks, open_tasks
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import DANGER

REVIEW_SUSPENSION: Final = "review_suspension"
CASE_SUSPENDED: Final = "case_suspended"
REFERRAL_HELD: Final = "referral_held"
VISIT_PLANNED: Final = "visit_planned"
REPORT: Final = "deliver_report"
NEVER: Final = frozenset({DANGER})
"""What no pause stops: a danger is chased until somebody takes it in hand, on a suspended case too."""


def reason_of(state: str, kind: str) -> str | None:
    """Why what such a task asks cannot be done in this state of its case, if so: nobody is reminded of it then.

    The report tells of every visit: it is not given while another one is planned.
    """
    if state == CaseState.SUSPENDED and kind != REVIEW_SUSPENSION:
        return CASE_SUSPENDED
    return VISIT_PLANNED if state == CaseState.VISIT_PLANNED and kind == REPORT else None


def pause(unit: UnitOfWork, tasks: Iterable[Task], reason: str) -> None:
    """Stop the clocks of these tasks; a clock that waits already goes on waiting for its first reason.

    What is counted back from a day (of a supply cut) runs on: that day waits for nobody.
    """
    for task in (each for each in tasks if _can_wait(unit, each)):
        task.paused_at = task.paused_at or unit.now
        for obligation in clocks.running(unit, task):
            if not clocks.is_waiting(obligation):
                obligation.pauses.append(Pause(reason=reason, from_at=unit.now))
                obligation.next_at = None
    unit.session.flush()


def _can_wait(unit: UnitOfWork, task: Task) -> bool:
    if task.kind in NEVER:
        return False
    return _pathway(unit, task.case_id).tasks[task.kind].due.ahead is None


def _pathway(unit: UnitOfWork, case_id: UUID) -> Pathway:
    return pathway_of(unit, unit.session.get_one(Case, case_id).pathway_hash)


def resume(unit: UnitOfWork, tasks: Iterable[Task]) -> None:
    """Let the clocks of these tasks run again; their dates move by the working time that they waited."""
    for task in tasks:
        if task.paused_at is None:
            continue
        stopped, task.paused_at = task.paused_at, None
        calendar = calendar_of(unit, task.programme_id)
        if task.due_at > stopped:
            task.due_at = calendar.shifted(task.due_at, stopped=stopped, running=unit.now)
        for obligation in clocks.running(unit, task):
            for waiting in (each for each in obligation.pauses if each.to_at is None):
                waiting.to_at = unit.now
            point(unit, obligation)
    unit.session.flush()


def follow_visit(unit: UnitOfWork, case: Case, before: str) -> None:
    """The report of a first visit waits while a second one is planned, whatever becomes of that one."""
    is_planned, was_planned = (state == CaseState.VISIT_PLANNED for state in (case.state, before))
    if is_planned != was_planned:
        reports = open_tasks.of_case(unit, case.id, REPORT)
        (pause(unit, reports, VISIT_PLANNED) if is_planned else resume(unit, reports))


def snooze(unit: UnitOfWork, task: Task, until: date) -> None:
    """No reminder before that day; the task's own date stays where it is."""
    task.snoozed_until = until
    for obligation in clocks.running(unit, task):
        if not clocks.is_waiting(obligation):
            point(unit, obligation)
    unit.session.flush()


def point(unit: UnitOfWork, obligation: Obligation) -> None:
    """Set again the instant of the step that comes next."""
    if obligation.next_step is None:
        return
    pathway = _pathway(unit, obligation.case_id)
    if obligation.next_step == clocks.UNDELIVERED:
        clocks.watch_delivery(unit, obligation, pathway, since=unit.now)
        return
    rungs = pathway.ladders[obligation.ladder].rungs
    calendar = calendar_of(unit, obligation.task.programme_id)
    clocks.climb(obligation, rungs, calendar, start=obligation.next_step)
