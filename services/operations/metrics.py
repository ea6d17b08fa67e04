"""Counts for a monitoring system: what waits, what failed, where cases stand; numbers and codes, never a person.

What is over is counted of the last day alone: a reading costs what is under way, however many years lie behind.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from models.cases import Case
from models.engine import IS_OPEN, Message, Task, WebhookDelivery, Work
from models.programmes import Programme
from models.vocabulary import MessageState, WebhookState
from services.foundation.database import UnitOfWork
from services.listing import OPEN_STAGES
from services.rules import obligations, routines, work

DAY: Final = timedelta(days=1)
_MESSAGES_OVER: Final = (MessageState.ACCEPTED, MessageState.REFUSED, MessageState.CANCELLED, MessageState.POSTED)
_WEBHOOKS_OVER: Final = (WebhookState.DELIVERED, WebhookState.ABANDONED, WebhookState.CANCELLED)


class Gauge(NamedTuple):
    """One measure: its name, what it means, its labels' names, and a value for each set of labels."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: Sequence[tuple[tuple[str, ...], float]]


def gauges(unit: UnitOfWork) -> Iterator[Gauge]:
    """Every measure of this instant. Ages are in seconds; a thing that never happened has no age."""
    yield _count(unit, "relais_cases", "Open cases by stage", "stage", _open_cases(), Case.stage)
    since = unit.now - DAY
    waiting, over = _waiting_and_over(Message.state, MessageState, _MESSAGES_OVER)
    by = (Message.channel, Message.state)
    yield _count(unit, "relais_messages", "Messages that wait, by channel and state", "channel state", [waiting], *by)
    past = [over, Message.due_at > since, Message.due_at <= unit.now]
    yield _count(unit, "relais_messages_day", "Messages due in the last day and done with", "channel state", past, *by)
    yield _count(unit, "relais_work", "Events that wait for the engine, by state", "state", [], Work.state)
    told = WebhookDelivery.state
    waiting, over = _waiting_and_over(told, WebhookState, _WEBHOOKS_OVER)
    yield _count(unit, "relais_webhooks", "Events that other software is still to be told of", "state", [waiting], told)
    past = [over, WebhookDelivery.due_at > since, WebhookDelivery.due_at <= unit.now]
    yield _count(unit, "relais_webhooks_day", "Events due in the last day and done with", "state", past, told)
    yield _late_tasks(unit)
    yield _one("relais_clocks_failing", "Clocks that cannot take their step", obligations.failing(unit))
    now, oldest = unit.lease_time(), work.oldest(unit)
    yield _one("relais_oldest_work_seconds", "Age of the oldest event", (now - oldest).total_seconds() if oldest else 0)
    ticked = routines.last_at(unit, "tick")
    if ticked is not None:
        yield _one("relais_tick_age_seconds", "Since the clocks were last looked at", (now - ticked).total_seconds())


def _open_cases() -> list[ColumnElement[bool]]:
    return [Case.programme_id.in_(select(Programme.id)), Case.stage.in_(OPEN_STAGES)]


def _waiting_and_over(
    column: InstrumentedAttribute[str], states: Iterable[Any], over: Sequence[Any]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Each named, since no index answers "not one of these"."""
    return column.in_([state for state in states if state not in over]), column.in_(over)


def _count(
    unit: UnitOfWork,
    name: str,
    meaning: str,
    labels: str,
    where: Sequence[ColumnElement[bool]],
    *columns: InstrumentedAttribute[str],
) -> Gauge:
    query = select(*columns, func.count()).where(*where).group_by(*columns).order_by(*columns)
    rows = unit.session.execute(query)
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
