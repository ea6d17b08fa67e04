"""Other software that is told of events, through the API: for the administrator of a programme."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from models.engine import WebhookDelivery
from models.vocabulary import WebhookState
from services.channels.webhooks import shown_secret
from services.correspondence import webhooks
from services.correspondence.webhooks import Standing
from services.forms import Remedy, ReplayForm, WebhookForm
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.web.api.answers import Replayed, Webhook, WebhookLine, WebhookLines, WebhookMade, Webhooks
from services.web.api.edge import Acts, Reads

TAG: Final = "Abonnements"
router = APIRouter(tags=[TAG], prefix="/webhooks")


@router.get("", summary="Lister les logiciels prévenus")
def list_webhooks(reads: Reads) -> Webhooks:
    """Chacun avec les événements qu’il demande et le compte de ses envois, par état."""
    with reads.runtime.database.read() as unit:
        return Webhooks(items=[_webhook(each) for each in webhooks.endpoints(unit, reads.actor(unit))])


@router.post("", status_code=201, response_model=WebhookMade, summary="Prévenir un logiciel")
def add_webhook(acts: Acts, form: WebhookForm) -> JSONResponse:
    """Le secret qui signe est donné ici, une fois : une réponse rendue à nouveau ne le répète pas.

    Chaque envoi suit « Standard Webhooks » : en-têtes `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    """
    local = acts.reading.runtime.settings.is_on_loopback

    def add(unit: UnitOfWork, hand: Hand) -> WebhookMade:
        made = webhooks.add(unit, hand, form, local=local)
        return WebhookMade(id=made.id, secret=shown_secret(webhooks.secret(acts.reading.runtime, made)))

    return acts.once(add, form)


@router.post("/{webhook_id}/renew-secret", response_model=WebhookMade, summary="Renouveler le secret d’un abonnement")
def renew_webhook_secret(acts: Acts, webhook_id: UUID, form: Remedy) -> JSONResponse:
    """Pendant un jour, chaque envoi porte les deux signatures."""

    def renew(unit: UnitOfWork, hand: Hand) -> WebhookMade:
        renewed = webhooks.renew_secret(unit, hand, webhook_id, form)
        return WebhookMade(id=renewed.id, secret=shown_secret(webhooks.secret(acts.reading.runtime, renewed)))

    return acts.once(renew, form)


@router.post("/{webhook_id}/end", response_model=Webhook, summary="Arrêter un abonnement")
def end_webhook(acts: Acts, webhook_id: UUID, form: Remedy) -> JSONResponse:
    """Rien de plus n’est envoyé ; ce qui attendait est annulé."""

    def end(unit: UnitOfWork, hand: Hand) -> Webhook:
        webhooks.end(unit, hand, webhook_id, form)
        return _webhook(webhooks.endpoint(unit, hand.actor, webhook_id))

    return acts.once(end, form)


@router.get("/{webhook_id}/deliveries", summary="Lister les envois")
def list_webhook_deliveries(
    reads: Reads,
    webhook_id: UUID,
    state: Annotated[WebhookState | None, Query(description="État")] = None,
) -> WebhookLines:
    """Les deux cents derniers, le plus récent d’abord."""
    with reads.runtime.database.read() as unit:
        found = webhooks.deliveries(unit, reads.actor(unit), webhook_id, state)
        return WebhookLines(items=[_line(each) for each in found])


@router.post("/{webhook_id}/replay", response_model=Replayed, summary="Renvoyer les événements d’une période")
def replay_webhooks(acts: Acts, webhook_id: UUID, form: ReplayForm) -> JSONResponse:
    """Ceux d’avant l’abonnement aussi ; 31 jours au plus. Chacun garde son `webhook-id`."""
    return acts.once(lambda unit, hand: Replayed(count=webhooks.replay_period(unit, hand, webhook_id, form)), form)


@router.post("/deliveries/{delivery_id}/replay", response_model=WebhookLine, summary="Renvoyer un événement")
def replay_webhook(acts: Acts, delivery_id: UUID, form: Remedy) -> JSONResponse:
    """Sous le même `webhook-id` : qui l’a déjà reçu le reconnaît."""
    return acts.once(lambda unit, hand: _line(webhooks.replay_one(unit, hand, delivery_id, form)), form)


def _webhook(standing: Standing) -> Webhook:
    endpoint = standing.endpoint
    return Webhook(
        id=endpoint.id,
        label=endpoint.label,
        url=endpoint.url,
        types=endpoint.types,
        created_at=endpoint.created_at,
        ended_at=endpoint.ended_at,
        rests_until=endpoint.rests_until,
        counts={state.value: count for state, count in standing.counts.items()},
    )


def _line(delivery: WebhookDelivery) -> WebhookLine:
    return WebhookLine(
        id=delivery.id,
        event_id=delivery.event_id,
        type=delivery.event.type,
        case_id=delivery.event.case_id,
        state=WebhookState(delivery.state),
        queued_at=delivery.queued_at,
        due_at=delivery.due_at,
        done_at=delivery.done_at,
        attempts=delivery.attempts,
        status=delivery.status,
        error=delivery.error,
    )
