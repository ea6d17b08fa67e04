"""Writes what was planned: tasks with their clocks, messages with their recipients. Safe to repeat."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.base import new_id
from models.cases import Alert, Case, Permission, Referral, Visit
from models.engine import Event, Message, Obligation, Task
from models.events import FACTS
from models.programmes import Organisation
from models.vocabulary import (
    CLOSED_STATES,
    CaseState,
    Channel,
    MessageState,
    Party,
    PermissionKind,
    Source,
    TaskState,
)
from services.foundation.database import UnitOfWork
from services.foundation.phones import is_mobile
from services.rules import daily, pauses, plan, presence
from services.rules.pauses import CASE_SUSPENDED
from services.rules.plan import Effect, OpenTask, PlanMessage
from services.rules.presence import Reader
from services.rules.published import calendar_of, pathway_of


@dataclass(frozen=True)
class Recipient:
    """One place a message can go. An empty address with a reason is kept in the ledger as not sent."""

    address: str = ""
    organisation_id: UUID | None = None
    person_id: UUID | None = None
    alert_id: UUID | None = None
    lacking: str | None = None


REVIEW_SUSPENSION: Final = "review_suspension"
IMPORT_MUTED: Final = "import_muted"
IMPORTED_PAST: Final = "imported_past"
_TASK_CLOSED = Recipient(lacking="task_closed")


def apply(unit: UnitOfWork, events: Sequence[Event]) -> list[str]:
    """Write what follows a batch of events; return a line for each effect (codes only). Does not commit."""
    later = _later(unit, events)
    effects = [
        effect
        for event, found in zip(events, plan.situations(unit, events), strict=True)
        for effect in plan.then(found)
        if not _overtaken(unit, effect, event, later[event.case_id])
    ]
    return write(unit, effects)


def _later(unit: UnitOfWork, events: Sequence[Event]) -> defaultdict[UUID, list[Event]]:
    """What happened on the same cases since; people do not wait for the engine."""
    first: dict[UUID, int] = {}
    for event in events:
        first[event.case_id] = min(event.seq, first.get(event.case_id, event.seq))
    found: defaultdict[UUID, list[Event]] = defaultdict(list)
    for event in unit.session.scalars(select(Event).where(Event.case_id.in_(first)).order_by(Event.seq)):
        if event.seq > first[event.case_id]:
            found[event.case_id].append(event)
    return found


def _overtaken(unit: UnitOfWork, effect: Effect, event: Event, later: Sequence[Event]) -> bool:
    """Whether a later act has already ended the task that this older event would open; an ended case opens none."""
    if not isinstance(effect, OpenTask):
        return False
    if CaseState(effect.case.state) in CLOSED_STATES:
        return True
    pathway = pathway_of(unit, effect.case.pathway_hash)
    return any(
        other.seq > event.seq
        and effect.kind in pathway.rule_of(fact).completes
        and plan.ends(unit, fact, referral_id=effect.about.referral_id, loan_id=effect.about.loan_id)
        for other in later
        for fact in (FACTS[other.type].model_validate(other.payload),)
    )


def write(unit: UnitOfWork, effects: Sequence[Effect]) -> list[str]:
    """Write planned effects that are not there yet."""
    tasks = [effect for effect in effects if isinstance(effect, OpenTask)]
    messages = [effect for effect in effects if isinstance(effect, PlanMessage)]
    known = set(unit.session.scalars(select(Task.effect_key).where(Task.effect_key.in_([t.key for t in tasks]))))
    asked = _asked(unit, {effect.case.case_id for effect in tasks})
    for effect in tasks:
        subject = (effect.case.case_id, effect.kind, effect.about.referral_id, effect.about.loan_id)
        if effect.key not in known and (subject not in asked or effect.about.message_id is not None):
            _open(unit, effect)
            asked.add(subject)
    for message in messages:
        _plan(unit, message)
    unit.session.flush()
    return [f"tâche {t.kind} · {t.party}" for t in tasks] + [f"message {m.text} · {m.channel}" for m in messages]


def _asked(unit: UnitOfWork, case_ids: Collection[UUID]) -> set[tuple[UUID, str, UUID | None, UUID | None]]:
    """What is asked already on these cases: the same thing is asked once, however many events ask for it.

    A message to check is a thing of its own.
    """
    rows = unit.session.execute(
        select(Task.case_id, Task.kind, Task.referral_id, Task.loan_id).where(
            Task.case_id.in_(case_ids), Task.state == TaskState.OPEN
        )
    )
    return {(case_id, kind, referral_id, loan_id) for case_id, kind, referral_id, loan_id in rows}


def _open(unit: UnitOfWork, effect: OpenTask) -> Task:
    event_id = UUID(effect.key.split(":")[0])
    anchor = unit.session.get_one(Event, event_id).occurred_at
    task = Task(
        id=new_id(),
        programme_id=effect.case.programme_id,
        case_id=effect.case.case_id,
        kind=effect.kind,
        party=effect.party.value,
        organisation_id=effect.organisation_id,
        alert_id=effect.alert_id,
        referral_id=effect.about.referral_id,
        visit_id=effect.about.visit_id,
        loan_id=effect.about.loan_id,
        ordinal=effect.ordinal,
        opened_at=anchor,
        due_at=effect.due_at,
        provisional=effect.provisional,
        effect_key=effect.key,
    )
    unit.session.add(task)
    if effect.ladder:
        obligation = Obligation(
            case_id=task.case_id,
            task_id=task.id,
            task=task,
            ladder=effect.ladder,
            anchor_at=anchor,
            due_at=task.due_at,
            generation=1,
            effect_key=f"{effect.key}:clock",
        )
        unit.session.add(obligation)
        plan.first_step(unit, obligation, pathway_of(unit, effect.case.pathway_hash), delivered=False)
    if effect.case.state == CaseState.SUSPENDED and effect.kind != REVIEW_SUSPENSION:
        unit.session.flush()
        pauses.pause(unit, [task], CASE_SUSPENDED)
    return task


def _plan(unit: UnitOfWork, effect: PlanMessage) -> None:
    case = unit.session.get_one(Case, effect.case.case_id)
    if _is_planned(unit, effect):
        return
    task_id = _task_of(unit, effect)
    for recipient in recipients(unit, case, effect) if task_id or not effect.about_task else [_TASK_CLOSED]:
        place = f"{recipient.person_id or recipient.alert_id or recipient.organisation_id or effect.party}"
        key = f"{effect.key}:{place}"
        message_id = new_id()
        cancelled = _mute(unit, effect) or recipient.lacking
        unit.session.add(
            Message(
                id=message_id,
                programme_id=case.programme_id,
                case_id=case.id,
                event_id=effect.event_id,
                task_id=task_id,
                text=effect.text,
                party=effect.party.value,
                organisation_id=recipient.organisation_id,
                person_id=recipient.person_id,
                alert_id=recipient.alert_id,
                referral_id=effect.about.referral_id,
                visit_id=effect.about.visit_id,
                channel=effect.channel.value,
                address=recipient.address,
                state=(MessageState.CANCELLED if cancelled else MessageState.QUEUED).value,
                error=cancelled,
                done_at=unit.now if cancelled else None,
                urgent=effect.urgent,
                daily=_is_daily(effect),
                created_at=unit.now,
                due_at=_leaves_at(unit, effect, recipient),
                message_id=f"<{message_id}.{_mark(key)}@relais>",
                effect_key=key,
            )
        )


def _is_planned(unit: UnitOfWork, effect: PlanMessage) -> bool:
    """Whether this effect was written before, to whomever it was for then: a new colleague gets no old message."""
    query = select(Message.id).where(
        Message.case_id == effect.case.case_id, Message.effect_key.startswith(f"{effect.key}:", autoescape=True)
    )
    return unit.session.scalar(query.limit(1)) is not None


def _mute(unit: UnitOfWork, effect: PlanMessage) -> str | None:
    """Why what follows an import stays here: nothing of the past leaves.

    A new alert's letter waits for somebody to print it and is due by law anyway.
    Source: GDPR art. 14 - who is told of by somebody else is informed within a month.
    """
    event = unit.session.get_one(Event, effect.event_id)
    if _is_imported_past(event):
        return IMPORTED_PAST
    is_silent = event.payload.get("silent", False) and effect.channel is not Channel.LETTER
    return IMPORT_MUTED if is_silent else None


def _is_imported_past(event: Event) -> bool:
    """Whether it happened before a file told of it; the engine's own events have no such delay but there."""
    return event.source in {Source.IMPORT, Source.ENGINE} and event.occurred_at < event.recorded_at


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _is_daily(effect: PlanMessage) -> bool:
    return effect.daily and effect.channel is Channel.EMAIL and not effect.urgent


def _leaves_at(unit: UnitOfWork, effect: PlanMessage, recipient: Recipient) -> datetime:
    """At once for letters and urgent texts; otherwise in the programme's sending hours, or with the mail of the day."""
    if effect.urgent or effect.channel is Channel.LETTER:
        return unit.now
    programme_id = effect.case.programme_id
    if not _is_daily(effect) or recipient.lacking:
        return calendar_of(unit, programme_id).next_sending_time(unit.now)
    calendar = presence.reading_calendar(unit, programme_id, recipient.person_id)
    return daily.leaves_at(unit, programme_id, recipient.address, calendar=calendar)


def _task_of(unit: UnitOfWork, effect: PlanMessage) -> UUID | None:
    """The open task that a message is about; a reminder is about the task that its clock chases."""
    unit.session.flush()
    if effect.about_task is None:
        return effect.about.task_id
    query = select(Task.id).where(
        Task.case_id == effect.case.case_id, Task.kind == effect.about_task, Task.state == TaskState.OPEN
    )
    if effect.about.referral_id:
        query = query.where(Task.referral_id == effect.about.referral_id)
    return unit.session.scalars(query.order_by(Task.due_at)).first()


def recipients(unit: UnitOfWork, case: Case, effect: PlanMessage) -> list[Recipient]:
    """Who a message is for, one by one; never empty: nobody to write to is written down with its reason."""
    match effect.party:
        case Party.HOUSEHOLD:
            return [_household(unit, case, effect.channel)]
        case Party.COORDINATOR:
            found = _staff(unit, case.programme_id, effect)
        case Party.ALERT_GIVER:
            found = _alert_givers(case)
        case Party.OPERATOR:
            found = _operator(unit, case, effect)
        case Party.PARTNER:
            found = _partner(unit, effect.about.referral_id)
    return found or [Recipient(lacking="no_address")]


def _household(unit: UnitOfWork, case: Case, channel: Channel) -> Recipient:
    if channel is Channel.LETTER:
        return Recipient()
    if channel is Channel.EMAIL:
        return Recipient(case.household.email) if case.household.email else Recipient(lacking="no_address")
    # Source: detection rules of the field: no SMS to a number that nobody has reached, unless agreed at the alert.
    agreed = unit.session.scalar(
        select(Permission.id).where(
            Permission.case_id == case.id, Permission.kind == PermissionKind.SMS, Permission.revoked_at.is_(None)
        )
    )
    for phone in case.household.phones:
        if phone.blocked_at is None and is_mobile(phone.number) and (phone.reached_at or agreed):
            return Recipient(phone.number)
    return Recipient(lacking="sms_not_allowed")


def _staff(unit: UnitOfWork, programme_id: UUID, effect: PlanMessage) -> list[Recipient]:
    readers = presence.coordination(unit, programme_id, urgent=effect.urgent, daily=_is_daily(effect))
    return [_recipient(reader) for reader in readers]


def _recipient(reader: Reader, organisation_id: UUID | None = None) -> Recipient:
    return Recipient(reader.email, organisation_id, person_id=reader.person_id)


def _alert_givers(case: Case) -> list[Recipient]:
    first: dict[str, Alert] = {}
    for alert in case.alerts:
        if alert.giver_email:
            first.setdefault(alert.giver_email, alert)
    return [Recipient(address, alert.organisation_id, alert_id=alert.id) for address, alert in first.items()]


def _operator(unit: UnitOfWork, case: Case, effect: PlanMessage) -> list[Recipient]:
    """The officer of the visit or his delegate; else the operator's own address; else the coordination."""
    visit = unit.session.get(Visit, effect.about.visit_id) if effect.about.visit_id else None
    if visit is not None and visit.officer is not None:
        reader = presence.officer(unit, visit.officer, case.programme_id, daily=_is_daily(effect))
        if reader is not None:
            return [_recipient(reader, case.operator_id)]
    operator = unit.session.get(Organisation, case.operator_id) if case.operator_id else None
    if operator is None or not operator.email:
        return _staff(unit, case.programme_id, effect)
    return [Recipient(operator.email, operator.id)]


def _partner(unit: UnitOfWork, referral_id: UUID | None) -> list[Recipient]:
    referral = unit.session.get(Referral, referral_id) if referral_id else None
    if referral is None or not referral.partner.email:
        return []
    return [Recipient(referral.partner.email, referral.partner_id)]
