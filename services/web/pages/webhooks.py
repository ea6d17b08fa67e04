"""Other software that is told of events: whom, of what, the secret shown once, what was sent, sending it again."""

from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.engine import WebhookDelivery
from models.vocabulary import WebhookState
from services import forms
from services.channels.webhooks import shown_secret
from services.correspondence import webhooks
from services.correspondence.webhooks import Standing
from services.foundation import wording
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.foundation.tokens import new_token
from services.rules.texts.labels import has_label, label
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE: Final = "/administration/abonnements"
WHY: Final = "Dites pourquoi : ce motif reste dans le journal."
_TONES: Final = {WebhookState.DELIVERED: "ok", WebhookState.ABANDONED: "late", WebhookState.CANCELLED: "plain"}


@router.get(HERE)
def show(request: Request, visitor: SignedIn) -> Response:
    """Who is told of what, and the form that adds one."""
    return _list(request, visitor, answers.blank())


@router.post(HERE)
def add(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """One more; its secret is shown on the page that answers, and never again."""
    try:
        form = read(forms.WebhookForm, data)
        made = _made(
            visitor, data, "ajouter",
            lambda unit: webhooks.add(unit, visitor.hand, form, local=visitor.runtime.settings.is_on_loopback),
        )  # fmt: skip
    except Mistakes as mistakes:
        return _list(request, visitor, _again(data, mistakes.errors), status=422)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        return _list(request, visitor, _again(data, mistakes_of(refused)), status=refused.status_code)
    return _secret(request, visitor, made)


@router.get(HERE + "/{webhook_id}")
def one(request: Request, visitor: SignedIn, webhook_id: UUID, fait: str = "") -> Response:
    """What it was told lately, and what can be done."""
    return _one(request, visitor, webhook_id, answers.blank(), flash=answers.done_words(fait))


@router.post(HERE + "/{webhook_id}/secret")
def renew_secret(request: Request, visitor: SignedIn, webhook_id: UUID, data: Entered) -> Response:
    """A new secret, shown once."""
    try:
        form = read(forms.Remedy, data)
    except Mistakes:
        return _one(request, visitor, webhook_id, answers.blank(), refusal=WHY, status=422)
    route = f"{webhook_id}/secret"
    made = _made(visitor, data, route, lambda unit: webhooks.renew_secret(unit, visitor.hand, webhook_id, form))
    return _secret(request, visitor, made)


@router.post(HERE + "/{webhook_id}/arreter")
def end(request: Request, visitor: SignedIn, webhook_id: UUID, data: Entered) -> Response:
    """Nothing more is sent there."""
    try:
        form = read(forms.Remedy, data)
    except Mistakes:
        return _one(request, visitor, webhook_id, answers.blank(), refusal=WHY, status=422)
    _do(visitor, data, f"{webhook_id}/arreter", lambda unit: webhooks.end(unit, visitor.hand, webhook_id, form))
    return answers.see(f"{HERE}/{webhook_id}", "abonnement-arrete")


@router.post(HERE + "/{webhook_id}/rejouer")
def replay_period(request: Request, visitor: SignedIn, webhook_id: UUID, data: Entered) -> Response:
    """Every event of some days, once more."""
    try:
        days = {name: _midnight(visitor, data, name) for name in ("since", "until")}
        form = read(forms.ReplayForm, data, **days)
        route = f"{webhook_id}/rejouer"
        _do(visitor, data, route, lambda unit: webhooks.replay_period(unit, visitor.hand, webhook_id, form))
    except Mistakes as mistakes:
        return _one(request, visitor, webhook_id, _again(data, mistakes.errors), status=422)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        form_again = _again(data, mistakes_of(refused))
        return _one(request, visitor, webhook_id, form_again, status=refused.status_code)
    return answers.see(f"{HERE}/{webhook_id}", "abonnement-rejoue")


@router.post(HERE + "/{webhook_id}/envois/{delivery_id}")
def replay_one(request: Request, visitor: SignedIn, webhook_id: UUID, delivery_id: UUID, data: Entered) -> Response:
    """One event, once more."""
    try:
        form = read(forms.Remedy, data)
    except Mistakes:
        return _one(request, visitor, webhook_id, answers.blank(), refusal=WHY, status=422)
    _do(visitor, data, f"envois/{delivery_id}", lambda unit: webhooks.replay_one(unit, visitor.hand, delivery_id, form))
    return answers.see(f"{HERE}/{webhook_id}", "abonnement-rejoue")


def _midnight(visitor: Visitor, data: Entered, name: str) -> datetime:
    try:
        return WorkingCalendar(visitor.zone).start_of(date.fromisoformat(str(data.get(name))))
    except ValueError:
        raise Mistakes({name: "Une date est attendue."}) from None


def _do(visitor: Visitor, data: Entered, route: str, act: Callable[[UnitOfWork], object]) -> None:
    visitor.once(data, f"administration/abonnements/{route}", act)


def _made(visitor: Visitor, data: Entered, route: str, act: Callable[[UnitOfWork], Any]) -> tuple[UUID, str] | None:
    """The endpoint and its secret; None for the second press of one button."""
    made: list[tuple[UUID, str]] = []

    def do(unit: UnitOfWork) -> None:
        endpoint = act(unit)
        made.append((endpoint.id, shown_secret(webhooks.secret(visitor.runtime, endpoint))))

    _do(visitor, data, route, do)
    return made[0] if made else None


def _again(data: Entered, errors: dict[str, str]) -> Form:
    return Form(entered=kept(data), errors=errors)


def _list(request: Request, visitor: Visitor, form: Form, *, status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        found = [_endpoint(visitor, each) for each in webhooks.endpoints(unit, visitor.actor)]
    families = [(family, _family(family)) for family in webhooks.FAMILIES]
    shell = visitor.shell("/administration")
    return answers.page(
        request, "webhooks.html", status=status, shell=shell, form=form, endpoints=found, families=families, action=HERE
    )


def _family(family: str) -> str:
    code = family.removesuffix(".*")
    return label("webhook_family", code) if has_label("webhook_family", code) else code


def _one(
    request: Request, visitor: Visitor, webhook_id: UUID, form: Form, *, flash: str = "", refusal: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    with visitor.runtime.database.read() as unit:
        endpoint = _endpoint(visitor, webhooks.endpoint(unit, visitor.actor, webhook_id))
        lines = [_delivery(visitor, each) for each in webhooks.deliveries(unit, visitor.actor, webhook_id)]
    return answers.page(
        request,
        "webhook.html",
        status=status,
        shell=visitor.shell("/administration", flash),
        form=form,
        endpoint=endpoint,
        deliveries=lines,
        refusal=refusal,
        once=new_token(),
        today=visitor.today.isoformat(),
        back=HERE,
    )


def _secret(request: Request, visitor: Visitor, made: tuple[UUID, str] | None) -> Response:
    if made is None:
        return answers.see(HERE)
    endpoint_id, secret = made
    shell = visitor.shell("/administration")
    return answers.page(request, "webhook_secret.html", shell=shell, secret=secret, back=f"{HERE}/{endpoint_id}")


def _endpoint(visitor: Visitor, standing: Standing) -> dict[str, Any]:
    endpoint = standing.endpoint
    counts = [(label("webhook_state", state), count) for state, count in standing.counts.items()]
    return {
        "href": f"{HERE}/{endpoint.id}",
        "label": endpoint.label,
        "url": endpoint.url,
        "told": _told(endpoint.types),
        "ended": _when(visitor, endpoint.ended_at),
        "rests": _when(visitor, endpoint.rests_until) if endpoint.failures else "",
        "counts": ", ".join(f"{words.lower()} : {count}" for words, count in counts),
        "untold": standing.counts.get(WebhookState.ABANDONED, 0),
    }


def _told(types: Collection[str]) -> str:
    """Of what it is told: of everything, of some families, of some events that a program asked for by their codes."""
    if set(webhooks.FAMILIES) <= set(types):
        return "Tous les événements"
    return ", ".join(_family(each) for each in types)


def _delivery(visitor: Visitor, delivery: WebhookDelivery) -> dict[str, Any]:
    state = WebhookState(delivery.state)
    said = str(delivery.status or delivery.error or "")
    return {
        "what": delivery.event.type,
        "when": _when(visitor, delivery.event.occurred_at),
        "id": str(delivery.event_id),
        "state": label("webhook_state", state),
        "tone": _TONES.get(state, "info"),
        "said": said,
        "attempts": delivery.attempts,
        "next": _when(visitor, _next_try(visitor, delivery)),
        "action": f"{HERE}/{delivery.endpoint_id}/envois/{delivery.id}" if state in _TONES else "",
    }


def _next_try(visitor: Visitor, delivery: WebhookDelivery) -> datetime | None:
    """When what waits is sent: at its own instant, or when its server that was away is asked again; None: at once."""
    if delivery.state != WebhookState.QUEUED:
        return None
    at = max(delivery.due_at, delivery.endpoint.rests_until or delivery.due_at)
    return at if at > visitor.now else None


def _when(visitor: Visitor, instant: datetime | None) -> str:
    return wording.moment(instant, visitor.zone, today=visitor.today) if instant else ""
