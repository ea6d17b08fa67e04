"""The one checker of a whole database: what must be true of it after any act, any crash, any number of tries."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import not_, or_, select

from models.cases import Case, Phone, Referral, Visit
from models.engine import Event, Message, Obligation, Occurrence, Task, Work
from models.events import FACTS
from models.lifecycles import (
    CASE_MOVES,
    FINAL_REFERRALS,
    REFERRAL_MOVES,
    VISIT_MOVES,
    CaseAction,
    ReferralAction,
    VisitAction,
)
from models.vocabulary import (
    STAGE_OF,
    CaseState,
    Channel,
    MessageState,
    Party,
    ReferralState,
    TaskState,
    Theme,
    VisitState,
    WorkState,
)
from services.erasure import GONE
from services.foundation.database import UnitOfWork
from services.rules.ranking import DANGER

MOVED_BY: Final[dict[str, CaseAction]] = {
    "case.examined": CaseAction.EXAMINE,
    "case.accepted": CaseAction.ACCEPT,
    "case.rejected": CaseAction.REJECT,
    "call.attempted": CaseAction.ATTEMPT,
    "call.back_agreed": CaseAction.ATTEMPT,
    "number.blocked": CaseAction.ATTEMPT,
    "household.reached": CaseAction.REACH,
    "household.refused": CaseAction.REFUSE,
    "case.unreachable": CaseAction.GIVE_UP,
    "visit.planned": CaseAction.PLAN_VISIT,
    "visit.moved": CaseAction.MOVE_VISIT,
    "visit.cancelled": CaseAction.LOSE_VISIT,
    "visit.missed": CaseAction.LOSE_VISIT,
    "visit.held": CaseAction.HOLD_VISIT,
    "report.delivered": CaseAction.DELIVER_REPORT,
    "referral.sent": CaseAction.REFER,
    "follow_up.started": CaseAction.FOLLOW_UP,
    "case.closed": CaseAction.CLOSE,
    "case.reopened": CaseAction.REOPEN,
    "case.disqualified": CaseAction.DISQUALIFY,
    "case.suspended": CaseAction.SUSPEND,
    "case.resumed": CaseAction.RESUME,
    "case.withdrawn": CaseAction.WITHDRAW,
    "case.transferred": CaseAction.TRANSFER,
    "case.merged": CaseAction.MERGE,
    "case.unmerged": CaseAction.UNMERGE,
    "diagnosis.finished": CaseAction.FINISH_DIAGNOSIS,
    "referral.prepared": CaseAction.REFER,
}
AFTER_REPORT: Final = frozenset({CaseState.REPORT_DELIVERED, CaseState.ORIENTING, CaseState.IN_FOLLOW_UP})
REFERRAL_MOVED_BY: Final[dict[str, ReferralAction]] = {
    "referral.sent": ReferralAction.SEND,
    "referral.question_asked": ReferralAction.ASK,
    "referral.accepted": ReferralAction.ACCEPT,
    "referral.meeting_proposed": ReferralAction.PROPOSE,
    "referral.declined": ReferralAction.DECLINE,
    "referral.expired": ReferralAction.EXPIRE,
    "referral.progressed": ReferralAction.REPORT_PROGRESS,
    "referral.completed": ReferralAction.COMPLETE,
    "referral.failed": ReferralAction.FAIL,
    "referral.withdrawn": ReferralAction.WITHDRAW,
    "referral.acknowledged": ReferralAction.ACKNOWLEDGE,
    "referral.started": ReferralAction.START,
    "referral.held": ReferralAction.HOLD,
    "referral.resumed": ReferralAction.RESUME,
    "referral.superseded": ReferralAction.TRANSFER,
    "referral.voided": ReferralAction.VOID,
    "referral.recalled": ReferralAction.RECALL,
}
VISIT_LOST_BY: Final[dict[str, VisitAction]] = {
    VisitState.HOUSEHOLD_ABSENT: VisitAction.MISS,
    VisitState.VISITOR_ABSENT: VisitAction.MISS_BY_VISITOR,
    VisitState.CANCELLED_BY_HOUSEHOLD: VisitAction.CANCEL_BY_HOUSEHOLD,
    VisitState.CANCELLED_BY_SERVICE: VisitAction.CANCEL_BY_SERVICE,
}
DEAD_ENDS: Final = {
    "referral.declined": "reorient",
    "referral.expired": "reorient",
    "referral.failed": "reorient",
    "referral.disputed": "settle_dispute",
}
"""What must have an owner in the transaction of the event, and by which task."""
UNDER_WAY: Final = frozenset(
    {MessageState.QUEUED, MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN}
)
OWNED_BY_ORGANISATION: Final = frozenset({Party.OPERATOR, Party.PARTNER})


def problems(unit: UnitOfWork, *, drained: bool = False) -> list[str]:
    """Every broken invariant as a line of codes; none is the only right answer.

    With `drained` nothing may be in the engine's hands: each open case has a task of its own.
    """
    events: dict[Any, list[Event]] = {}
    for event in unit.session.scalars(select(Event).order_by(Event.case_id, Event.seq)):
        events.setdefault(event.case_id, []).append(event)
    cases = unit.session.scalars(select(Case)).all()
    return [
        *(line for case in cases for line in _history(case, events.get(case.id, []))),
        *_referrals(unit, events),
        *_visits(unit, events),
        *_next_things(unit, cases, drained=drained),
        *_tasks(unit),
        *_dead_ends(unit, events),
        *_clocks(unit),
        *_work(unit),
        *_messages(unit),
        *_blocked_numbers(unit),
    ]


def _history(case: Case, events: list[Event]) -> Iterator[str]:
    if [event.seq for event in events] != list(range(1, case.last_seq + 1)):
        yield f"{case.number}: events are not numbered 1 to {case.last_seq}"
    if case.stage != STAGE_OF[CaseState(case.resumes_in or case.state)]:
        yield f"{case.number}: stage {case.stage} in state {case.state}"
    if case.is_closed != (case.closed_at is not None):
        yield f"{case.number}: closed_at disagrees with state {case.state}"
    state = before = CaseState.SUBMITTED
    held = False
    for event in events:
        FACTS[event.type].model_validate(event.payload)
        action = _case_action(event, state, visited=held)
        held = held or event.type == "visit.held"
        if action is None:
            continue
        if (state, action) not in CASE_MOVES:
            yield f"{case.number}: {event.type} came in state {state}"
            continue
        resumed = action is CaseAction.RESUME
        before, state = state, before if resumed else CASE_MOVES[state, action]
    if state != case.state:
        yield f"{case.number}: is {case.state}, its events say {state}"


def _case_action(event: Event, state: CaseState, *, visited: bool) -> CaseAction | None:
    """What an event did to its case: a visit made while partners are at work moves nothing, nor an early emergency."""
    action = MOVED_BY.get(event.type)
    if action is CaseAction.REFER and (state, action) not in CASE_MOVES and event.payload["theme"] == Theme.EMERGENCY:
        return None
    if event.type.startswith("visit.") and state in AFTER_REPORT:
        return None
    if action is CaseAction.LOSE_VISIT and visited:
        return CaseAction.LOSE_NEXT_VISIT
    return action


def _referrals(unit: UnitOfWork, events: Mapping[Any, list[Event]]) -> Iterator[str]:
    for referral in unit.session.scalars(select(Referral)):
        state = ReferralState.DRAFT
        for event in _about(events, referral.case_id, "referral_id", referral.id):
            action = REFERRAL_MOVED_BY.get(event.type)
            if action is not None and (state, action) not in REFERRAL_MOVES:
                yield f"referral {referral.id}: {event.type} came in state {state}"
            elif action is not None:
                state = REFERRAL_MOVES[state, action]
        if state != referral.state:
            yield f"referral {referral.id}: is {referral.state}, its events say {state}"
        if (ReferralState(referral.state) in FINAL_REFERRALS) != (referral.ended_at is not None):
            yield f"referral {referral.id}: ended_at disagrees with state {referral.state}"


def _visits(unit: UnitOfWork, events: Mapping[Any, list[Event]]) -> Iterator[str]:
    planned: Counter[Any] = Counter()
    for visit in unit.session.scalars(select(Visit)):
        state = VisitState.PLANNED
        planned[visit.case_id] += visit.state == VisitState.PLANNED
        for event in _about(events, visit.case_id, "visit_id", visit.id):
            action = _visit_action(event)
            if action is not None and (state, action) not in VISIT_MOVES:
                yield f"visit {visit.id}: {event.type} came in state {state}"
            elif action is not None:
                state = VISIT_MOVES[state, action]
        if state != visit.state:
            yield f"visit {visit.id}: is {visit.state}, its events say {state}"
    yield from (f"case {case_id}: {count} visits planned at once" for case_id, count in planned.items() if count > 1)


def _visit_action(event: Event) -> VisitAction | None:
    if event.type in {"visit.cancelled", "visit.missed"}:
        return VISIT_LOST_BY[event.payload["state"]]
    return {"visit.moved": VisitAction.MOVE, "visit.held": VisitAction.HOLD}.get(event.type)


def _about(events: Mapping[Any, list[Event]], case_id: Any, name: str, value: Any) -> Iterator[Event]:
    return (event for event in events.get(case_id, []) if event.payload.get(name) == str(value))


def _next_things(unit: UnitOfWork, cases: Any, *, drained: bool) -> Iterator[str]:
    owned = set(unit.session.scalars(select(Task.case_id).where(Task.state == TaskState.OPEN)))
    in_hands = set(unit.session.scalars(select(Work.case_id)))
    outlives = or_(Task.loan_id.is_not(None), Task.kind == DANGER)  # what was lent is asked for, a danger taken in hand
    asked = select(Task.case_id).where(Task.state == TaskState.OPEN, not_(outlives))
    asked_of = set(unit.session.scalars(asked))
    for case in cases:
        if case.is_closed and case.id in asked_of:
            yield f"{case.number}: closed ({case.state}) with an open task"
        if not case.is_closed and case.id not in owned and (drained or case.id not in in_hands):
            yield f"{case.number}: open ({case.state}) and nobody's turn"
    if drained:
        yield from (f"case {case_id}: still in the engine's hands" for case_id in in_hands)


def _tasks(unit: UnitOfWork) -> Iterator[str]:
    asked: Counter[tuple[Any, ...]] = Counter()
    for task in unit.session.scalars(select(Task)):
        if (task.state == TaskState.OPEN) != (task.closed_at is None):
            yield f"task {task.kind} {task.id}: closed_at disagrees with {task.state}"
        if task.party in OWNED_BY_ORGANISATION and task.organisation_id is None:
            yield f"task {task.kind} {task.id}: its {task.party} is nobody"
        if task.party == Party.ALERT_GIVER and task.alert_id is None:
            yield f"task {task.kind} {task.id}: its alert giver is nobody"
        if task.state == TaskState.OPEN and task.kind != "check_message":
            asked[task.case_id, task.kind, task.referral_id, task.loan_id, task.cut_id] += 1
    yield from (f"case {key[0]}: {key[1]} is asked {count} times" for key, count in asked.items() if count > 1)


def _dead_ends(unit: UnitOfWork, events: Mapping[Any, list[Event]]) -> Iterator[str]:
    kinds = set(DEAD_ENDS.values())
    rows = unit.session.execute(select(Task.effect_key, Task.kind).where(Task.kind.in_(kinds)))
    owned = {(key.split(":")[0], kind) for key, kind in rows}
    for history in events.values():
        for event in history:
            if event.payload.get("others_asked") or event.type not in DEAD_ENDS:
                continue
            if (str(event.id), DEAD_ENDS[event.type]) not in owned:
                yield f"case {event.case_id}: {event.type} was handed to nobody"


def _clocks(unit: UnitOfWork) -> Iterator[str]:
    for obligation in unit.session.scalars(select(Obligation)):
        waits = any(pause.to_at is None for pause in obligation.pauses)
        if (obligation.next_at is None) != (obligation.next_step is None) and not waits:
            yield f"clock {obligation.ladder} {obligation.id}: a step without its instant"
        if obligation.next_at is not None and obligation.task.state != TaskState.OPEN:
            yield f"clock {obligation.ladder} {obligation.id}: runs on a task that is {obligation.task.state}"
        if obligation.failed_at is not None:
            yield f"clock {obligation.ladder} {obligation.id}: failed with {obligation.error}"
    fired: Counter[tuple[Any, ...]] = Counter()
    for occurrence in unit.session.scalars(select(Occurrence)):
        fired[occurrence.obligation_id, occurrence.generation, occurrence.step] += 1
    yield from (f"clock {key[0]}: step {key[2]} came {count} times" for key, count in fired.items() if count > 1)


def _work(unit: UnitOfWork) -> Iterator[str]:
    now = unit.lease_time()
    for row in unit.session.scalars(select(Work)):
        if row.state == WorkState.LEASED and (row.leased_until is None or row.leased_until < now):
            yield f"work {row.id}: leased beyond its lease"
        if row.state == WorkState.READY and row.token is not None:
            yield f"work {row.id}: ready, and somebody holds it"


def _messages(unit: UnitOfWork) -> Iterator[str]:
    copies: Counter[tuple[Any, ...]] = Counter()
    for message in unit.session.scalars(select(Message)):
        state = MessageState(message.state)
        if (state in UNDER_WAY or state is MessageState.PRINTED) != (message.done_at is None):
            yield f"message {message.text} {message.id}: done_at disagrees with {state}"
        if state is MessageState.CANCELLED and not message.error:
            yield f"message {message.text} {message.id}: not sent, nobody knows why"
        if state is not MessageState.CANCELLED and not message.address and message.channel != Channel.LETTER:
            yield f"message {message.text} {message.id}: nowhere to go"
        cause = message.event_id or (message.programme_id, f"{message.created_at:%Y-%m}")  # or a letter of the month
        if message.address != GONE:  # of a case that is erased nobody can tell to whom it went
            key = (cause, message.text, message.channel, message.address, message.task_id)
            copies[key] += state is not MessageState.CANCELLED
    yield from (f"message {key[1]}: planned {count} times by one event" for key, count in copies.items() if count > 1)
    yield from _mails_of_the_day(unit)


def _mails_of_the_day(unit: UnitOfWork) -> Iterator[str]:
    """One mail a day for one address, and messages that leave together share one fate."""
    mails: dict[tuple[Any, ...], set[Any]] = {}
    together = {MessageState.DATA_STARTED, MessageState.UNKNOWN}
    for message in unit.session.scalars(select(Message).where(Message.daily.is_(True), Message.address != GONE)):
        first = message if message.bundle_id is None else unit.session.get_one(Message, message.bundle_id)
        if message.state in together and first.state != message.state:
            yield f"message {message.text} {message.id}: {message.state} in a mail that is {first.state}"
        if message.data_started_at is not None and message.state in {MessageState.ACCEPTED, MessageState.UNKNOWN}:
            day = message.data_started_at.astimezone(message.of_case.programme.zone).date()
            mails.setdefault((message.programme_id, message.address, day), set()).add(first.id)
    yield from (f"{key[2]}: one address had {len(ids)} mails of the day" for key, ids in mails.items() if len(ids) > 1)


def _blocked_numbers(unit: UnitOfWork) -> Iterator[str]:
    rows = unit.session.execute(
        select(Message.id, Message.created_at, Message.data_started_at, Phone.blocked_at)
        .join(Case, Case.id == Message.case_id)
        .join(Phone, (Phone.household_id == Case.household_id) & (Phone.number == Message.address))
        .where(Message.channel == Channel.SMS, Phone.blocked_at.is_not(None), Message.state != MessageState.CANCELLED)
    )
    for message_id, planned_at, started_at, blocked_at in rows:
        if blocked_at is not None and max(planned_at, started_at or planned_at) > blocked_at:
            yield f"message {message_id}: written to a number that somebody else answers"
