"""Telling another software of what happens: its endpoints, their secrets, what was sent, and sending it once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import joinedload

from models.engine import Event, WebhookDelivery, WebhookEndpoint
from models.events import FACTS
from models.vocabulary import WebhookState
from services.channels.webhooks import check_url
from services.forms import Remedy, ReplayForm, WebhookForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.rules import webhooks
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, note_access, programme_of

MOST: Final = 20
SHOWN: Final = 200
LONGEST_PERIOD: Final = timedelta(days=31)
KEPT: Final = timedelta(days=90)
"""How long an ended delivery is shown and can be asked for by itself; its event can be told again for ever."""
ADDED: Final = "webhook.added"
RENEWED: Final = "webhook.secret_renewed"
ENDED: Final = "webhook.ended"
REPLAYED: Final = "webhook.replayed"
FAMILIES: Final = tuple(dict.fromkeys(f"{each.partition('.')[0]}.*" for each in FACTS))


@dataclass(frozen=True)
class Standing:
    """An endpoint and how its deliveries stand."""

    endpoint: WebhookEndpoint
    counts: dict[WebhookState, int]


def add(unit: UnitOfWork, hand: Hand, form: WebhookForm, *, local: bool) -> WebhookEndpoint:
    """Tell this address of these kinds of events from now on. `local`: this machine itself may be told."""
    programme_id = programme_of(hand.actor, Right.ADMINISTER)
    check_url(form.url, local=local)
    unknown = [each for each in form.types if each not in FACTS and each not in FAMILIES]
    if unknown:
        raise InvalidInput("types", "Un de ces événements n’existe pas.")
    if len(_lasting(unit, programme_id)) >= MOST:
        raise GuardRefused(f"Un dispositif prévient {MOST} logiciels au plus.")
    made = WebhookEndpoint(
        programme_id=programme_id,
        label=form.label,
        url=form.url,
        types=sorted(set(form.types)),
        secret_version=1,
        created_at=unit.now,
    )
    unit.session.add(made)
    unit.session.flush()
    note_access(unit, hand.actor, ADDED, case_id=None)
    return made


def secret(runtime: Runtime, endpoint: WebhookEndpoint) -> bytes:
    """The secret of an endpoint: shown when it was just made or renewed, and never again."""
    return webhooks.secret_of(runtime.secrets, endpoint)


def renew_secret(unit: UnitOfWork, hand: Hand, endpoint_id: UUID, form: Remedy) -> WebhookEndpoint:
    """Give an endpoint a new secret; for a day what is sent is signed with both."""
    endpoint = _endpoint(unit, hand.actor, endpoint_id)
    if endpoint.ended_at is not None:
        raise GuardRefused("Cet abonnement est arrêté.")
    endpoint.secret_version += 1
    endpoint.renewed_at = unit.now
    note_access(unit, hand.actor, RENEWED, case_id=None, reason=form.reason)
    return endpoint


def end(unit: UnitOfWork, hand: Hand, endpoint_id: UUID, form: Remedy) -> WebhookEndpoint:
    """Send nothing more to an endpoint; what waited is cancelled."""
    endpoint = _endpoint(unit, hand.actor, endpoint_id)
    if endpoint.ended_at is not None:
        raise GuardRefused("Cet abonnement est déjà arrêté.")
    webhooks.end(unit, endpoint)
    note_access(unit, hand.actor, ENDED, case_id=None, reason=form.reason)
    return endpoint


def replay_one(unit: UnitOfWork, hand: Hand, delivery_id: UUID, form: Remedy) -> WebhookDelivery:
    """Send one event once more, under the same id; its receiver knows whether he has had it."""
    delivery = unit.session.get(WebhookDelivery, delivery_id, with_for_update={"of": WebhookDelivery})
    if delivery is None:
        raise NotFound
    endpoint = _endpoint(unit, hand.actor, delivery.endpoint_id)
    if endpoint.ended_at is not None:
        raise GuardRefused("Cet abonnement est arrêté.")
    if delivery.state in webhooks.WAITING:
        raise GuardRefused("Cet envoi est déjà en attente.")
    webhooks.again(unit, [delivery])
    endpoint.rests_until = None
    note_access(unit, hand.actor, REPLAYED, case_id=None, reason=form.reason)
    return delivery


def replay_period(unit: UnitOfWork, hand: Hand, endpoint_id: UUID, form: ReplayForm) -> int:
    """Send again every event of a period that an endpoint wants, also those of before it was added; says how many."""
    endpoint = _endpoint(unit, hand.actor, endpoint_id)
    if endpoint.ended_at is not None:
        raise GuardRefused("Cet abonnement est arrêté.")
    if not form.since < form.until:
        raise InvalidInput("until", "La fin vient après le début.")
    if form.until - form.since > LONGEST_PERIOD:
        raise InvalidInput("until", f"Demandez {LONGEST_PERIOD.days} jours au plus à la fois.")
    query = select(Event).where(
        Event.programme_id == endpoint.programme_id, Event.recorded_at >= form.since, Event.recorded_at < form.until
    )
    found = unit.session.scalars(query.order_by(Event.recorded_at, Event.id))
    events = [each for each in found if webhooks.wants(endpoint.types, each.type)]
    known = webhooks.queue(unit, endpoint.id, events)
    there = select(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.event_id.in_(known),
        WebhookDelivery.state.not_in(webhooks.WAITING),
    )
    webhooks.again(unit, unit.session.scalars(there.with_for_update(of=WebhookDelivery)).all())
    endpoint.rests_until = None
    note_access(unit, hand.actor, REPLAYED, case_id=None, reason=form.reason)
    return len(events)


def endpoints(unit: UnitOfWork, actor: Actor) -> list[Standing]:
    """The programme's endpoints, the lasting ones first, with how many deliveries are in which state."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.programme_id == programme_of(actor, Right.ADMINISTER))
    found = unit.session.scalars(query.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)).all()
    return sorted((_standing(unit, each) for each in found), key=lambda each: each.endpoint.ended_at is not None)


def endpoint(unit: UnitOfWork, actor: Actor, endpoint_id: UUID) -> Standing:
    """One of them. Raises `NotFound`."""
    return _standing(unit, _endpoint(unit, actor, endpoint_id))


def deliveries(
    unit: UnitOfWork, actor: Actor, endpoint_id: UUID, state: WebhookState | None = None
) -> Sequence[WebhookDelivery]:
    """What an endpoint was told, the latest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == _endpoint(unit, actor, endpoint_id).id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    latest = query.order_by(WebhookDelivery.queued_at.desc(), WebhookDelivery.id.desc()).limit(SHOWN)
    return unit.session.scalars(latest.options(joinedload(WebhookDelivery.event))).all()


def abandoned(unit: UnitOfWork) -> int:
    """How many events could not be told in four days: somebody must look."""
    query = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.state == WebhookState.ABANDONED)
    return unit.session.scalar(query) or 0


def forget_old(unit: UnitOfWork) -> None:
    """Drop what was delivered, cancelled or given up `KEPT` ago."""
    old = delete(WebhookDelivery).where(WebhookDelivery.done_at < unit.now - KEPT)
    unit.session.execute(old, execution_options={"synchronize_session": False})


def _standing(unit: UnitOfWork, found: WebhookEndpoint) -> Standing:
    counted = (
        select(WebhookDelivery.state, func.count())
        .where(WebhookDelivery.endpoint_id == found.id)
        .group_by(WebhookDelivery.state)
    )
    return Standing(found, {WebhookState(state): count for state, count in unit.session.execute(counted)})


def _lasting(unit: UnitOfWork, programme_id: UUID) -> Sequence[WebhookEndpoint]:
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.programme_id == programme_id, WebhookEndpoint.ended_at.is_(None)
    )
    return unit.session.scalars(query).all()


def _endpoint(unit: UnitOfWork, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.id == endpoint_id, WebhookEndpoint.programme_id == programme_of(actor, Right.ADMINISTER)
    )
    found = unit.session.scalars(query).first()
    if found is None:
        raise NotFound
    return found
