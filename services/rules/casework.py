"""The one way to act on a case: permission, move, event, work, tasks completed, dead ends owned; one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select

from models.base import new_id
from models.cases import Case
from models.engine import Event, Obligation, Task, Work
from models.events import Fact
from models.lifecycles import CaseAction, next_case_state
from models.vocabulary import CaseState, Source, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import effects, plan
from services.rules.policy import ENGINE, Actor
from services.rules.published import pathway_of
from services.rules.texts.labels import inside
from services.rules.titles import task_title
from services.rules.view import views

_NEW_WORK = insert(Work)


@dataclass(frozen=True)
class Hand:
    """Who acts, by which way, and for whom when the answer of somebody else is recorded.

    `occurred_at` is set when the thing happened before it was recorded (a call of this morning). `holds`: what he sends
    waits a minute, during which his page lets him take it back.
    """

    actor: Actor
    source: Source = Source.WEB
    on_behalf_of: UUID | None = None
    occurred_at: datetime | None = None
    key: str | None = None
    holds: bool = False


RECALL: Final = timedelta(seconds=60)
"""How long what a person sends may be taken back."""


def recall_until(unit: UnitOfWork, hand: Hand) -> datetime | None:
    """Until when what this hand sends now may be taken back; None: it leaves at once."""
    return unit.now + RECALL if hand.holds else None


def engine_hand(key: str | None = None) -> Hand:
    """The engine's own hand; `key` makes the event unique whatever the number of tries."""
    return Hand(ENGINE, Source.ENGINE, key=key)


def timer_hand(key: str | None = None) -> Hand:
    """A clock's hand."""
    return Hand(ENGINE, Source.TIMER, key=key)


def record(unit: UnitOfWork, case: Case, fact: Fact, *, hand: Hand, action: CaseAction | None = None) -> Event:
    """Move the case, append the event and its work, complete the tasks that it ends, open the dead ends' items.

    Raises `TransitionRefused`, or `GuardRefused` for what the case's pathway forbids or does not know. Does not check
    permissions (`policy` does) and does not commit.
    """
    _check_pathway(unit, case, fact, action)
    if action is not None:
        _move(unit, case, action)
    case.last_seq += 1
    event = Event(
        id=new_id(),
        programme_id=case.programme_id,
        case_id=case.id,
        seq=case.last_seq,
        type=fact.type,
        payload=fact.model_dump(mode="json"),
        actor=hand.actor.label,
        on_behalf_of=hand.on_behalf_of,
        source=hand.source.value,
        occurred_at=hand.occurred_at or unit.now,
        recorded_at=unit.now,
        idempotency_key=hand.key,
    )
    lease_now = unit.lease_time()
    unit.session.add(event)
    unit.session.flush()
    work = {
        "event_id": event.id,
        "case_id": case.id,
        "type": event.type,
        "created_at": lease_now,
        "ready_at": lease_now,
    }
    unit.session.connection().execute(_NEW_WORK, work)
    _complete(unit, case, fact)
    if case.is_closed and action is not None:
        close(unit, _open_tasks(unit, case), TaskState.SUPERSEDED)
    _own_dead_ends(unit, case, event, fact)
    unit.session.flush()
    unit.wake_relay()
    return event


def check_open(case: Case) -> None:
    """Raise `GuardRefused` for what would leave something to do on a case that ended."""
    if case.is_closed:
        raise GuardRefused("Cette situation est terminée : rouvrez-la d’abord.")


def _check_pathway(unit: UnitOfWork, case: Case, fact: Fact, action: CaseAction | None) -> None:
    pathway = pathway_of(unit, case.pathway_hash)
    if not set(fact.needs) <= set(pathway.tasks):
        raise GuardRefused("Le parcours de cette situation, plus ancien, ne prévoit pas cette action.")
    if action is None or not any(action in rule.blocks for rule in pathway.tasks.values()):
        return
    blocking = next((task for task in _open_tasks(unit, case) if action in pathway.tasks[task.kind].blocks), None)
    if blocking is not None:
        raise GuardRefused(f"Il faut d’abord : {inside(task_title(pathway, blocking.kind))}.")


def _move(unit: UnitOfWork, case: Case, action: CaseAction) -> None:
    was_closed = case.is_closed
    before = CaseState(case.resumes_in) if case.resumes_in else None
    case.enter(next_case_state(CaseState(case.state), action, before))
    if case.is_closed:
        case.closed_at = unit.now
    elif was_closed:
        case.closed_at, case.outcome = None, None


def _complete(unit: UnitOfWork, case: Case, fact: Fact) -> None:
    rule = pathway_of(unit, case.pathway_hash).rule_of(fact)
    if not rule.completes:
        return
    named = [task for task in _open_tasks(unit, case) if task.kind in rule.completes]
    ended = [task for task in named if plan.ends(unit, fact, referral_id=task.referral_id, loan_id=task.loan_id)]
    close(unit, ended, TaskState.COMPLETED)


def _open_tasks(unit: UnitOfWork, case: Case) -> Sequence[Task]:
    return unit.session.scalars(select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN)).all()


def close(unit: UnitOfWork, tasks: Iterable[Task], state: TaskState) -> None:
    """End tasks, their links and their clocks."""
    for task in tasks:
        task.state, task.closed_at = state.value, unit.now
        task.link_version += 1
        for obligation in unit.session.scalars(
            select(Obligation).where(Obligation.task_id == task.id, Obligation.ended_at.is_(None))
        ):
            obligation.ended_at, obligation.next_at, obligation.next_step = unit.now, None, None


def _own_dead_ends(unit: UnitOfWork, case: Case, event: Event, fact: Fact) -> None:
    rule = pathway_of(unit, case.pathway_hash).rule_of(fact)
    if rule.at_once:
        view = views(unit, [case.id])[case.id]
        effects.write(unit, plan.at_once(plan.situation(unit, event, view)))
