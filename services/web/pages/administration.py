"""The administrator's page: what the software could not do by itself, each with its remedy, the reason asked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
from fastapi import APIRouter, Request
from starlette.responses import Response

from models.vocabulary import Channel, MessageState
from services import forms
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.settings import Settings, local_url
from services.foundation.tokens import new_token
from services.operations import administration, health
from services.rules.texts.labels import event_sentence, label, message_label
from services.rules.titles import text_title
from services.web.pages import answers
from services.web.pages.entries import Mistakes, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Link

router = APIRouter(include_in_schema=False)
HERE: Final = "/administration"
LATE_MAIL: Final = timedelta(minutes=15)
PREFECT_PATIENCE_S: Final = 0.5
FOUND: Final = {"answers": "répond", "none": "aucun", "never": "jamais"}
CHECKS: Final = {
    "database": "Base de données",
    "migrations": "Version de la base",
    "oldest_work": "Plus ancien événement en attente",
    "parked_work": "Événements mis de côté",
    "failing_clocks": "Rappels en échec",
    "messages_in_doubt": "Messages à vérifier",
    "webhooks_given_up": "Événements non reçus par un autre logiciel",
    "tick": "Dernier passage des échéances",
}
COUNTED: Final = frozenset({"parked_work", "failing_clocks", "messages_in_doubt", "webhooks_given_up"})

TABS: Final = (
    ("État", HERE),
    ("Personnes", HERE + "/personnes"),
    ("Clés de l’API", HERE + "/cles"),
    ("Journal des accès", HERE + "/journal"),
)


def tabs(here: str) -> list[Link]:
    """The pages of an administrator."""
    return [Link(label, href, current=href == here) for label, href in TABS]


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Everything that wants a look, and what was put right before."""
    return _page(request, visitor, flash=answers.done_words(fait))


@router.post(HERE + "/evenements/{work_id}")
def try_again(request: Request, visitor: SignedIn, work_id: int, data: Entered) -> Response:
    """Twelve new tries for an event."""
    return _remedy(
        request,
        visitor,
        data,
        route=f"administration/evenements/{work_id}",
        act=lambda unit, form: administration.try_again(unit, visitor.hand, work_id, form),
    )


@router.post(HERE + "/messages/{message_id}")
def send_again(request: Request, visitor: SignedIn, message_id: UUID, data: Entered) -> Response:
    """A refused message leaves once more."""
    return _remedy(
        request,
        visitor,
        data,
        route=f"administration/messages/{message_id}",
        act=lambda unit, form: administration.send_again(unit, visitor.hand, message_id, form),
    )


def _remedy(
    request: Request, visitor: Visitor, data: Entered, *, route: str, act: Callable[[UnitOfWork, forms.Remedy], object]
) -> Response:
    try:
        form = read(forms.Remedy, data)
    except Mistakes:
        return _page(request, visitor, refusal="Dites pourquoi : ce motif reste dans le journal.", status=422)
    visitor.once(data, route, lambda unit: act(unit, form))
    return answers.see(HERE, "remede")


def _page(request: Request, visitor: Visitor, *, flash: str = "", refusal: str = "", status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        context = {
            "events": [_event(visitor, each) for each in administration.parked(unit, visitor.actor)],
            "messages": [_message(visitor, each) for each in administration.troubled(unit, visitor.actor)],
            "clocks": [
                (each.task.case.number, each.error or "", _when(visitor, each.failed_at))
                for each in administration.failing_clocks(unit, visitor.actor)
            ],
            "remedies": [
                (_when(visitor, each.at), answers.REMEDIES[each.action], each.actor, each.reason)
                for each in administration.remedies(unit, visitor.actor)
            ],
        }
    context["mail"] = _mail(visitor)
    context["prefect"] = _prefect(visitor.runtime.settings)
    lines = health.readiness(visitor.runtime.database)
    checks = [(CHECKS.get(line.name, line.name), _in_french(line.found), _is_well(line)) for line in lines]
    return answers.page(
        request,
        "administration.html",
        status=status,
        shell=visitor.shell(HERE, flash),
        tabs=tabs(HERE),
        checks=checks,
        refusal=refusal,
        once=new_token(),
        **context,
    )


def _is_well(line: health.Line) -> bool:
    """What is told and stops nobody from serving wants a look all the same where there is any."""
    return line.ok and (line.name not in COUNTED or line.found == "0")


def _mail(visitor: Visitor) -> dict[str, Any]:
    """Where mail goes, the last that left, the oldest that should have."""
    settings = visitor.runtime.settings
    with visitor.runtime.database.read() as unit:
        found = health.mail(unit)
    late = found.oldest_due is not None and visitor.now - found.oldest_due > LATE_MAIL
    return {
        "server": "" if settings.catches_mail else f"{settings.smtp_host}:{settings.smtp_port}",
        "box": local_url("127.0.0.1", settings.catcher_web_port) if settings.catches_mail else "",
        "stopped": not settings.mail_enabled,
        "last": _when(visitor, found.last_accepted),
        "waiting": found.waiting,
        "oldest": _when(visitor, found.oldest_due),
        "ok": settings.mail_enabled and not late,
    }


def _prefect(settings: Settings) -> dict[str, Any]:
    """Where its pages are, and whether it answers; Relais works without it."""
    api = settings.prefect_api_url or f"{local_url('127.0.0.1', settings.prefect_port)}/api"
    try:
        with httpx2.Client(trust_env=False, timeout=PREFECT_PATIENCE_S) as client:
            answers_us = client.get(f"{api}/health").is_success
    except httpx2.HTTPError:
        answers_us = False
    return {"href": api.removesuffix("/api"), "ok": answers_us}


def _in_french(found: str) -> str:
    """What a check found; the health page says it in English to machines."""
    if found.endswith(" ago"):
        return f"il y a {found.removesuffix(' ago')}"
    return FOUND.get(found, found)


def _event(visitor: Visitor, event: administration.ParkedEvent) -> dict[str, Any]:
    return {
        "what": event_sentence(event.type, event.payload, visitor.zone),
        "type": event.type,
        "reference": event.reference,
        "since": _when(visitor, event.since),
        "error": event.error,
        "action": f"{HERE}/evenements/{event.id}",
    }


def _message(visitor: Visitor, message: Any) -> dict[str, Any]:
    state, channel = MessageState(message.state), Channel(message.channel)
    return {
        "what": text_title(message.text),
        "to": label("party", message.party),
        "state": message_label(state, channel),
        "reference": message.case.number if message.case else "Compte",
        "error": message.error or (str(message.reply_code) if message.reply_code else ""),
        "since": _when(visitor, message.done_at or message.created_at),
        "action": f"{HERE}/messages/{message.id}" if state is MessageState.REFUSED or message.case is None else "",
    }


def _when(visitor: Visitor, instant: Any) -> str:
    return wording.moment(instant, visitor.zone, today=visitor.today) if instant else ""
