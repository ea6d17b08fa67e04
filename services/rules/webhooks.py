"""The ledger of webhooks: which events are told to whom, who may send one now, what is written of each attempt.

At least once, unlike a mail: an event whose sending nobody recorded is sent again, and its receiver knows it by its id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, update
from sqlalchemy.orm import joinedload

from models.cases import Case
from models.engine import Event, WebhookDelivery, WebhookEndpoint
from models.vocabulary import WebhookState
from services.channels.webhooks import Call, Outcome, Reply
from services.foundation.database import UnitOfWork, lease_until
from services.foundation.lists import among
from services.foundation.tokens import Secrets, new_token
from services.rules.ledger import GIVE_UP, back_off

PURPOSE: Final = "webhook"
BOTH_SECRETS: Final = timedelta(days=1)
"""How long the secret before signs beside the present one."""
WAITING: Final = (WebhookState.QUEUED, WebhookState.LEASED)


@dataclass(frozen=True)
class Sending:
    """A delivery that this worker holds, and what to send."""

    id: UUID
    endpoint_id: UUID
    token: str
    call: Call


def wants(types: Sequence[str], event_type: str) -> bool:
    """Whether an endpoint of these types is told of such an event: `referral.*` stands for a whole family."""
    return event_type in types or f"{event_type.partition('.')[0]}.*" in types


def plan(unit: UnitOfWork, events: Sequence[Event]) -> None:
    """Queue each event for each endpoint that wants it, once; in the transaction that handles the events."""
    for endpoint in unit.rows(_ENDPOINTS, programmes={event.programme_id for event in events}):
        wanted = [each for each in events if each.programme_id == endpoint.programme_id]
        queue(unit, endpoint.id, [each for each in wanted if wants(endpoint.types, each.type)])


_ENDPOINTS: Final = select(WebhookEndpoint.id, WebhookEndpoint.programme_id, WebhookEndpoint.types).where(
    among(WebhookEndpoint.programme_id, "programmes"), WebhookEndpoint.ended_at.is_(None)
)


def queue(unit: UnitOfWork, endpoint_id: UUID, events: Sequence[Event]) -> list[UUID]:
    """Add what is not there yet; returns the events that were there already."""
    ids = [event.id for event in events]
    there = select(WebhookDelivery.event_id).where(
        WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.event_id.in_(ids)
    )
    known = set(unit.session.scalars(there))
    unit.session.add_all(
        WebhookDelivery(endpoint_id=endpoint_id, event_id=each, queued_at=unit.now, due_at=unit.now)
        for each in ids
        if each not in known
    )
    return list(known)


def secret_of(secrets: Secrets, endpoint: WebhookEndpoint, version: int | None = None) -> bytes:
    """The 32 bytes that sign for an endpoint; worked out each time, stored nowhere."""
    return secrets.digest(PURPOSE, f"{endpoint.id}:{version or endpoint.secret_version}")


# --- Sending --------------------------------------------------------------------------------------------------------


def is_due(unit: UnitOfWork) -> bool:
    """Whether anything may be sent now; reads only."""
    return unit.session.scalars(_claimable(unit).limit(1)).first() is not None


def claim(unit: UnitOfWork, secrets: Secrets, *, limit: int, lease_s: float) -> list[Sending]:
    """Reserve what is due, oldest first; what a dead worker held is sent again once its lease ran out."""
    query = _claimable(unit).order_by(WebhookDelivery.due_at, WebhookDelivery.id).limit(limit)
    found = unit.session.scalars(query.with_for_update(of=WebhookDelivery, skip_locked=True)).all()
    if not found:
        return []
    token, until, at = new_token(), lease_until(unit, lease_s), unit.lease_time()
    cases = select(Case.id, Case.number).where(Case.id.in_({each.event.case_id for each in found}))
    numbers: dict[UUID, str] = {row.id: row.number for row in unit.session.execute(cases)}
    for each in found:
        each.state, each.token, each.leased_until = WebhookState.LEASED.value, token, until
    return [
        Sending(
            each.id,
            each.endpoint_id,
            token,
            Call(
                each.endpoint.url,
                str(each.event_id),
                body_of(each.event, numbers[each.event.case_id]),
                _secrets(unit, secrets, each.endpoint),
                at,
            ),
        )
        for each in found
    ]


def _claimable(unit: UnitOfWork) -> Select[WebhookDelivery]:
    late = and_(WebhookDelivery.state == WebhookState.LEASED, WebhookDelivery.leased_until < unit.lease_time())
    ready = and_(WebhookDelivery.state == WebhookState.QUEUED, WebhookDelivery.due_at <= unit.now)
    rested = or_(WebhookEndpoint.rests_until.is_(None), WebhookEndpoint.rests_until <= unit.now)
    return (
        select(WebhookDelivery)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .options(joinedload(WebhookDelivery.event), joinedload(WebhookDelivery.endpoint))
        .where(or_(ready, late), rested, WebhookEndpoint.ended_at.is_(None))
    )


def _secrets(unit: UnitOfWork, secrets: Secrets, endpoint: WebhookEndpoint) -> tuple[bytes, ...]:
    present = secret_of(secrets, endpoint)
    if endpoint.renewed_at is None or endpoint.renewed_at + BOTH_SECRETS < unit.now:
        return (present,)
    return (present, secret_of(secrets, endpoint, endpoint.secret_version - 1))


def body_of(event: Event, number: str) -> bytes:
    """What is told of an event: ids, codes, numbers and dates. Whoever may read more reads it through the API."""
    told: dict[str, Any] = {
        "type": event.type,
        "timestamp": event.occurred_at.isoformat(),
        "data": {"case_id": str(event.case_id), "number": number, "seq": event.seq, "facts": event.payload},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


# --- Afterwards -----------------------------------------------------------------------------------------------------


def record(unit: UnitOfWork, sending: Sending, reply: Reply) -> None:
    """Write what became of an attempt. What somebody else took over in the meantime is theirs to record."""
    query = select(WebhookDelivery).where(WebhookDelivery.id == sending.id, WebhookDelivery.token == sending.token)
    delivery = unit.session.scalars(query.with_for_update(of=WebhookDelivery)).first()
    if delivery is None:
        return
    delivery.attempts += 1
    delivery.status, delivery.error = reply.status, reply.error
    delivery.token, delivery.leased_until = None, None
    if reply.outcome is Outcome.DELIVERED:
        delivery.state, delivery.done_at = WebhookState.DELIVERED.value, unit.now
        if delivery.endpoint.failures:
            delivery.endpoint.failures, delivery.endpoint.rests_until = 0, None
        return
    _later(unit, delivery, reply)
    if reply.outcome is Outcome.BUSY:
        _rest(unit, delivery.endpoint, reply)
    elif reply.outcome is Outcome.GONE:
        end(unit, delivery.endpoint)


def release(unit: UnitOfWork, sendings: Sequence[Sending]) -> None:
    """Put back what was claimed and not tried: no attempt counts."""
    for each in sendings:
        held = and_(WebhookDelivery.id == each.id, WebhookDelivery.token == each.token)
        values = {"state": WebhookState.QUEUED.value, "token": None, "leased_until": None}
        unit.session.execute(update(WebhookDelivery).where(held).values(values))


def _later(unit: UnitOfWork, delivery: WebhookDelivery, reply: Reply) -> None:
    if delivery.endpoint.ended_at is not None or unit.now - delivery.queued_at >= GIVE_UP:
        over = WebhookState.CANCELLED if delivery.endpoint.ended_at else WebhookState.ABANDONED
        delivery.state, delivery.done_at = over.value, unit.now
        return
    delivery.state = WebhookState.QUEUED.value
    if reply.outcome is not Outcome.BUSY:  # else all wait for the server, and their order is kept
        delivery.due_at = unit.now + back_off(delivery.attempts)


def _rest(unit: UnitOfWork, endpoint: WebhookEndpoint, reply: Reply) -> None:
    """A server that is away is left alone; what waited for it through four days is given up with the rest."""
    old = WebhookDelivery.queued_at <= unit.now - GIVE_UP
    _put(unit, endpoint, old, WebhookState.ABANDONED)
    endpoint.failures += 1
    endpoint.rests_until = unit.now + (reply.rest or back_off(endpoint.failures))


def end(unit: UnitOfWork, endpoint: WebhookEndpoint) -> None:
    """Nothing more is sent to this endpoint; what waited is cancelled."""
    _put(unit, endpoint, true(), WebhookState.CANCELLED)
    endpoint.ended_at = endpoint.ended_at or unit.now


def _put(unit: UnitOfWork, endpoint: WebhookEndpoint, which: ColumnElement[bool], state: WebhookState) -> None:
    """End what is queued. Deliveries are always locked before their endpoint, so that nobody waits for anybody."""
    waiting = and_(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == WebhookState.QUEUED, which)
    these = update(WebhookDelivery).where(waiting).values(state=state.value, done_at=unit.now)
    unit.session.execute(these, execution_options={"synchronize_session": "fetch"})


def again(unit: UnitOfWork, deliveries: Sequence[WebhookDelivery]) -> None:
    """Queue once more, whatever became of them, with four days before them."""
    for each in deliveries:
        each.state, each.due_at, each.queued_at = WebhookState.QUEUED.value, unit.now, unit.now
        each.attempts, each.token, each.leased_until, each.done_at = 0, None, None, None
