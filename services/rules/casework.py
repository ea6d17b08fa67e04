"""The one way to act on a case: permission, move, event, work, tasks completed, dead ends owned; one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select, update

from models.cases import Case, Referral
from models.engine import IS_OPEN, Event, IncomingMail, Obligation, Task, Work
from models.events import Fact
from models.lifecycles import UNANSWERED, UNDER_WAY, CaseAction, next_case_state
from models.pathway import Rule
from models.vocabulary import CaseState, Source, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import effects, open_tasks, pauses, plan
from services.rules.policy import ENGINE, Actor
from services.rules.published import pathway_of
from services.rules.ranking import READ
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


class Act(NamedTuple):
    """What somebody does to one case."""

    case: Case
    fact: Fact
    hand: Hand
    action: CaseAction | None = None

    @property
    def closes(self) -> bool:
        """Whether its case ends with it; known once the case is moved."""
        return self.action is not None and self.case.is_closed


def record(unit: UnitOfWork, case: Case, fact: Fact, *, hand: Hand, action: CaseAction | None = None) -> Event:
    """Move the case, append the event and its work, complete the tasks that it ends, open the dead ends' items.

    Raises `TransitionRefused`, or `GuardRefused` for what the case's pathway forbids or does not know. Does not check
    permissions (`policy` does) and does not commit.
    """
    (event,) = record_all(unit, [Act(case, fact, hand, action)])
    return event


def record_all(unit: UnitOfWork, acts: Sequence[Act]) -> list[Event]:
    """The same for many cases at once, each in one act; one refusal refuses them all."""
    if not acts:
        return []
    stood_in = {act.case.id: act.case.stage for act in acts}
    for act in acts:
        _check_pathway(unit, act)
        if act.action is not None:
            _move(unit, act.case, act.action)
    events = [_event(unit, act) for act in acts]
    unit.session.flush()  # a case that begins is there before its events
    unit.session.add_all(events)
    unit.session.flush()
    _queue(unit, events)
    _end_tasks(unit, acts)
    _take_along(unit, [act.case for act in acts if act.case.stage != stood_in[act.case.id]])
    _own_dead_ends(unit, acts, events)
    unit.session.flush()
    unit.wake_relay()
    return events


def _event(unit: UnitOfWork, act: Act) -> Event:
    case, fact, hand, _ = act
    case.last_seq += 1
    return Event(
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


def _queue(unit: UnitOfWork, events: Sequence[Event]) -> None:
    now = unit.lease_time()
    rows = [
        {"event_id": event.id, "case_id": event.case_id, "type": event.type, "created_at": now, "ready_at": now}
        for event in events
    ]
    unit.session.connection().execute(_NEW_WORK, rows)


def check_open(case: Case) -> None:
    """Raise `GuardRefused` for what would leave something to do on a case that ended."""
    if case.is_closed:
        raise GuardRefused("Cette situation est terminée : rouvrez-la d’abord.")


def check_no_partner_asked(unit: UnitOfWork, case: Case) -> None:
    """Raise `GuardRefused` for what would end a case whose partners have requests: nobody would tell or chase them."""
    if found := live_requests(unit, case):
        names = ", ".join(sorted(referral.partner.name for referral in found))
        raise GuardRefused(f"Une orientation est encore ouverte ({names}) : terminez-la ou retirez-la d’abord.")


def live_requests(unit: UnitOfWork, case: Case) -> Sequence[Referral]:
    """The requests that partners have or that are prepared for them, the oldest first."""
    live = select(Referral).where(Referral.case_id == case.id, Referral.state.in_(UNANSWERED | UNDER_WAY))
    return unit.session.scalars(live.order_by(Referral.id)).all()


def _check_pathway(unit: UnitOfWork, act: Act) -> None:
    pathway, action = pathway_of(unit, act.case.pathway_hash), act.action
    if not set(act.fact.needs) <= set(pathway.tasks):
        raise GuardRefused("Le parcours de cette situation, plus ancien, ne prévoit pas cette action.")
    if action is None or not any(action in rule.blocks for rule in pathway.tasks.values()):
        return
    asked = open_tasks.of_case(unit, act.case.id)
    blocking = next((task for task in asked if action in pathway.tasks[task.kind].blocks), None)
    if blocking is not None:
        raise GuardRefused(f"Il faut d’abord : {inside(task_title(pathway, blocking.kind))}.")


def _move(unit: UnitOfWork, case: Case, action: CaseAction) -> None:
    stood, was_closed = CaseState(case.state), case.is_closed
    before = CaseState(case.resumes_in) if case.resumes_in else None
    case.enter(next_case_state(stood, action, before))
    pauses.follow_visit(unit, case, stood)
    if case.is_closed:
        case.closed_at = unit.now
    elif was_closed:
        case.closed_at, case.outcome = None, None


def _end_tasks(unit: UnitOfWork, acts: Sequence[Act]) -> None:
    """Those that the fact completes and, when the act ends its case, all others but those that outlive it."""
    ending = {act.case.id: act for act in acts if act.closes or _rule(unit, act).completes}
    completed, superseded = [], []
    for task in _open_tasks(unit, [act.case for act in ending.values()]):
        act = ending[task.case_id]
        if task.kind in _rule(unit, act).completes and plan.ends(unit, act.fact, task):
            completed.append(task)
        elif act.closes and not plan.outlives(task.kind, task.loan_id, act.fact):
            superseded.append(task)
    close(unit, completed, TaskState.COMPLETED)
    close(unit, superseded, TaskState.SUPERSEDED)
    for task in (each for each in superseded if each.kind == READ):
        _let_wait(unit, task)


def _take_along(unit: UnitOfWork, cases: Sequence[Case]) -> None:
    """What is still asked on cases that came to another stage is counted there."""
    for case in cases:
        unit.session.execute(update(Task).where(Task.case_id == case.id, IS_OPEN).values(stage=case.stage))


def _let_wait(unit: UnitOfWork, task: Task) -> None:
    """Answers that nobody had read when their case ended wait for the coordination, as those that come afterwards."""
    unread = IncomingMail.event_id.is_not(None), IncomingMail.received_at >= task.opened_at
    waiting = update(IncomingMail).where(IncomingMail.case_id == task.case_id, *unread).values(waits=True)
    unit.session.execute(waiting, execution_options={"synchronize_session": "fetch"})


def _rule(unit: UnitOfWork, act: Act) -> Rule:
    return pathway_of(unit, act.case.pathway_hash).rule_of(act.fact)


def _open_tasks(unit: UnitOfWork, cases: Sequence[Case]) -> Sequence[Task]:
    if not cases:
        return ()
    these = Task.case_id.in_([case.id for case in cases])
    return unit.session.scalars(select(Task).where(these, Task.state == TaskState.OPEN)).all()


def close(unit: UnitOfWork, tasks: Sequence[Task], state: TaskState) -> None:
    """End tasks, their links and their clocks."""
    if not tasks:
        return
    for task in tasks:
        task.state, task.closed_at = state.value, unit.now
        task.link_version += 1
    clocks = select(Obligation).where(
        Obligation.task_id.in_([task.id for task in tasks]), Obligation.ended_at.is_(None)
    )
    for clock in unit.session.scalars(clocks):
        clock.ended_at, clock.next_at, clock.next_step = unit.now, None, None


def _own_dead_ends(unit: UnitOfWork, acts: Sequence[Act], events: Sequence[Event]) -> None:
    owned = [event for act, event in zip(acts, events, strict=True) if _rule(unit, act).at_once]
    if owned:
        cases = views(unit, (event.case_id for event in owned))
        situations = [plan.situation(unit, event, cases[event.case_id]) for event in owned]
        effects.write(unit, [effect for each in situations for effect in plan.at_once(each)])
