"""Why a task is due on its day, in words: `+4 j : Ascension, pont de l’Ascension`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from models.cases import Visit
from models.engine import Obligation, Task
from models.pathway import TaskRule
from models.programmes import Closure
from services.foundation import wording
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.rules.dating import Closed, Moved, Start, Wait, moved
from services.rules.published import calendar_of, days_between, pathway_of
from services.rules.texts.labels import inside


def explanations(unit: UnitOfWork, tasks: Sequence[Task], visits: Sequence[Visit]) -> dict[UUID, str]:
    """What moved the date of each task of one case; those that nothing moved, or nothing explains, are left out."""
    if not tasks:
        return {}
    query = select(Obligation).where(Obligation.task_id.in_([task.id for task in tasks]))
    clocks = {clock.task_id: clock for clock in unit.session.scalars(query)}
    calendar, names = calendar_of(unit, tasks[0].programme_id), _names(unit, tasks[0].programme_id)
    found: dict[UUID, str] = {}
    for task in tasks:
        rule = pathway_of(unit, task.case.pathway_hash).tasks.get(task.kind)
        clock = clocks.get(task.id)
        if rule is None or task.provisional:
            continue
        anchors = [clock.anchor_at if clock else task.opened_at, *(visit.starts_at for visit in visits)]
        because = moved(task.due_at, _starts(rule, task, anchors), calendar=calendar, waits=_waits(clock), names=names)
        if because is not None:
            found[task.id] = _words(because, calendar)
    return found


def _starts(rule: TaskRule, task: Task, anchors: Sequence[datetime]) -> Iterator[Start]:
    delays = (rule.due.urgent, rule.due.delay_of(task.ordinal))
    for anchor in anchors:
        yield from (Start(each, anchor) for each in delays if each is not None)
    if rule.due.at_least is not None:
        yield Start(rule.due.at_least, task.opened_at)


def _waits(clock: Obligation | None) -> list[Wait]:
    return [Wait(stopped, running) for stopped, running in clock.waited] if clock is not None else []


def _names(unit: UnitOfWork, programme_id: UUID) -> Mapping[date, str]:
    closures = unit.session.scalars(select(Closure).where(Closure.programme_id == programme_id)).all()
    return {day: closure.label for closure in closures for day in days_between(closure.first_on, closure.last_on)}


def _words(because: Moved, calendar: WorkingCalendar) -> str:
    parts = []
    if because.days_closed:
        names = ", ".join(inside(_closed(run)) if rank else _closed(run) for rank, run in enumerate(because.closed))
        parts.append(f"{because.days_closed:+d}{wording.NBSP}j : {names}")
    if because.days_waited:
        waits = ", ".join(
            f"{wording.short(calendar.local_day(wait.stopped))} au {wording.short(calendar.local_day(wait.running))}"
            for wait in because.waits
        )
        parts.append(f"{because.days_waited:+d}{wording.NBSP}j : en pause du {waits}")
    return " ; ".join(parts)


def _closed(run: Closed) -> str:
    if run.name:
        return run.name
    first, last = wording.short(run.first_on), wording.short(run.last_on)
    return f"fermé le {first}" if run.first_on == run.last_on else f"fermé du {first} au {last}"
