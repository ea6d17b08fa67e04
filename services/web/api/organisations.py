"""The alert givers' secret addresses through the API: read and renewed by the coordination alone."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from models.vocabulary import OrganisationKind, Theme
from services import organisations
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.links import alert_url
from services.web.api.answers import AlertLink, AlertLinks, OrganisationLine
from services.web.api.edge import NOTHING, Acts, Reads

TAG: Final = "Organisations"
router = APIRouter(tags=[TAG])


@router.get("/alert-links", operation_id="list_alert_links", summary="Lire les liens secrets des donneurs d’alerte")
def list_alert_links(reads: Reads, response: Response) -> AlertLinks:
    """Réservé à la coordination : qui a un lien peut demander une visite au nom du service."""
    response.headers["Cache-Control"] = "no-store"
    with reads.runtime.database.read() as unit:
        givers = organisations.directory(unit, reads.actor(unit))[OrganisationKind.ALERT_GIVER]
        return AlertLinks(
            items=[
                AlertLink(organisation_id=each.id, name=each.name, url=alert_url(reads.runtime, each))
                for each in givers
            ]
        )


@router.post(
    "/organisations/{organisation_id}/renew-link",
    status_code=200,
    response_model=OrganisationLine,
    operation_id="renew_alert_link",
    name="renew_alert_link",
    summary="Renouveler le lien secret d’un donneur d’alerte",
)
def renew_alert_link(acts: Acts, organisation_id: UUID) -> JSONResponse:
    """L’ancien lien n’ouvre plus rien ; le nouveau se lit dans la liste des liens."""

    def renew(unit: UnitOfWork, hand: Hand) -> OrganisationLine:
        renewed = organisations.renew_link(unit, hand, organisation_id)
        return OrganisationLine(
            id=renewed.id,
            slug=renewed.slug,
            kind=OrganisationKind(renewed.kind),
            name=renewed.name,
            themes=[Theme(theme) for theme in renewed.themes],
            full_until=renewed.full_until,
        )

    return acts.once(renew, said=NOTHING, status=200)
