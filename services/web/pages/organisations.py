"""The organisations of the programme: how they are reached, and where each alert giver's service sends its requests."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Organisation
from models.vocabulary import OrganisationKind
from services import organisations
from services.rules.links import alert_url
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.visitor import Entered, SignedIn, Visitor

router = APIRouter()
HERE = "/organisations"


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The alert givers' services with their secret addresses, then operators and partners."""
    with visitor.runtime.database.read() as unit:
        known = organisations.directory(unit, visitor.actor)
        givers = [_giver(visitor, each) for each in known[OrganisationKind.ALERT_GIVER]]
        operators = [_line(visitor, each) for each in known[OrganisationKind.OPERATOR]]
        partners = [_line(visitor, each) for each in known[OrganisationKind.PARTNER]]
    return answers.page(
        request,
        "organisations.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        givers=givers,
        operators=operators,
        partners=partners,
    )


@router.get(HERE + "/{organisation_id}/renouveler")
def ask_renewal(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """What renewing means, before anything is done."""
    with visitor.runtime.database.read() as unit:
        name = organisations.alert_giver(unit, visitor.actor, organisation_id).name
    return answers.page(
        request,
        "act.html",
        shell=visitor.shell(HERE),
        form=answers.blank(),
        heading="Renouveler le lien",
        over=name,
        lead="À faire quand le lien est tombé entre d’autres mains, ou quand quelqu’un quitte le service.",
        follows=(
            "L’ancien lien n’ouvre plus rien, tout de suite.",
            "Les demandes déjà reçues ne changent pas.",
            "Le nouveau lien s’affiche dans la liste : à vous de le donner au service.",
        ),
        fields=[],
        action=f"{HERE}/{organisation_id}/renouveler",
        button="Renouveler le lien",
        others=[],
        back=HERE,
        danger=True,
    )


@router.post(HERE + "/{organisation_id}/renouveler")
def renew(visitor: SignedIn, organisation_id: UUID, data: Entered) -> Response:
    """The old link dies; the new one is in the list."""
    answers.act_once(
        visitor.runtime,
        data,
        actor=visitor.actor.label,
        route=f"organisations/{organisation_id}/renouveler",
        act=lambda unit: organisations.renew_link(unit, visitor.hand, organisation_id),
    )
    return answers.see(HERE, "lien-renouvele")


def _line(visitor: Visitor, organisation: Organisation) -> dict[str, Any]:
    full = organisation.full_until
    return {
        "name": organisation.name,
        "contact": organisation.contact,
        "email": organisation.email or "",
        "phone": organisation.phone or "",
        "themes": ", ".join(label("theme", theme) for theme in organisation.themes),
        "full_until": full if full is not None and full >= visitor.today else None,
    }


def _giver(visitor: Visitor, organisation: Organisation) -> dict[str, Any]:
    return _line(visitor, organisation) | {
        "address": alert_url(visitor.runtime, organisation),
        "renew": f"{HERE}/{organisation.id}/renouveler",
    }
