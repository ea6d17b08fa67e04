"""Counts for a monitoring system: what waits, what failed, where cases stand; numbers and codes, never a person."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from models.cases import Case
from models.engine import IS_OPEN, Message, Task, WebhookDelivery, Work
from services.foundation.database import UnitOfWork
from services.rules import obligations, routines, work


class Gauge(NamedTuple):
    """One measure: its name, what it means, its labels' names, and a value for each set of labels."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


def gauges(unit: UnitOfWork) -> Iterator[Gauge]:
    """Every measure of this instant. Ages are in seconds; a thing that never happened has no age."""
    yield _count(unit, "relais_cases", "Cases by stage", "stage", Case.stage)
    channels = (Message.channel, Message.state)
    yield _count(unit, "relais_messages", "Messages by channel and state", "channel state", *channels)
    yield _count(unit, "relais_work", "Events that wait for the engine, by state", "state", Work.state)
    yield _count(unit, "relais_webhooks", "Events told to other software, by state", "state", WebhookDelivery.state)
    yield _late_tasks(unit)
    yield _one("relais_clocks_failing", "Clocks that cannot take their step", obligations.failing(unit))
    now, oldest = unit.lease_time(), work.oldest(unit)
    yield _one("relais_oldest_work_seconds", "Age of the oldest event", (now - oldest).total_seconds() if oldest else 0)
    ticked = routines.last_at(unit, "tick")
    if ticked is not None:
        yield _one("relais_tick_age_seconds", "Since the clocks were last looked at", (now - ticked).total_seconds())


def _count(unit: UnitOfWork, name: str, meaning: str, labels: str, *columns: InstrumentedAttribute[str]) -> Gauge:
    rows = unit.session.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns))
    return Gauge(name, meaning, tuple(labels.split()), [(tuple(map(str, row[:-1])), float(row[-1])) for row in rows])


def _late_tasks(unit: UnitOfWork) -> Gauge:
    late = (
        select(Task.party, func.count())
        .where(IS_OPEN, Task.paused_at.is_(None), Task.due_at < unit.now)
        .group_by(Task.party)
        .order_by(Task.party)
    )
    values = [((party,), float(count)) for party, count in unit.session.execute(late)]
    return Gauge("relais_tasks_late", "Open tasks whose date is past, by who owes them", ("party",), values)


def _one(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, (), [((), value)])
