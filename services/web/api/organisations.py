"""The organisations through the API: added, changed, ended; the alert givers' secret addresses, renewed or revoked."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.programmes import Organisation
from models.vocabulary import MessageState, OrganisationKind
from services.cases import endings
from services.foundation.database import UnitOfWork
from services.overview import owing
from services.programme import organisations
from services.programme.organisations import NewOrganisation, OrganisationDetails
from services.rules.casework import Hand
from services.rules.links import alert_url, has_alert_link
from services.rules.policy import Right, require
from services.web.api import reading
from services.web.api.answers import (
    AlertLink,
    AlertLinks,
    Cases,
    Destination,
    Destinations,
    MailLine,
    Mails,
    OrganisationLine,
)
from services.web.api.edge import Acting, Acts, Reads

TAG: Final = "Organisations"
router = APIRouter(tags=[TAG])


@router.get("/alert-links", summary="Lire les liens secrets des donneurs d’alerte")
def list_alert_links(reads: Reads) -> AlertLinks:
    """Réservé à la coordination : qui a un lien peut demander une visite au nom du service."""
    with reads.runtime.database.read() as unit:
        givers = organisations.directory(unit, reads.actor(unit))[OrganisationKind.ALERT_GIVER]
        return AlertLinks(
            items=[
                AlertLink(
                    organisation_id=each.id,
                    name=each.name,
                    url=alert_url(reads.runtime, each) if has_alert_link(each) else None,
                )
                for each in givers
                if each.ended_on is None
            ]
        )


@router.get("/organisations/{organisation_id}/open-cases", summary="Lire les situations ouvertes d’un opérateur")
def list_open_cases_of_operator(reads: Reads, organisation_id: UUID) -> Cases:
    """À confier à un autre, une par une, avant de ne plus travailler avec lui."""
    with reads.runtime.database.read() as unit:
        found = organisations.open_cases(unit, reads.actor(unit), organisation_id)
        return Cases(items=reading.lines(unit, found), next=None)


@router.get("/organisations/{organisation_id}/mails", summary="Lire les derniers e-mails à une structure")
def list_mails_of_organisation(reads: Reads, organisation_id: UUID) -> Mails:
    """Au sujet de vos situations, quoi qu’il en soit advenu."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        return Mails(
            items=[
                MailLine(
                    message_id=each.id,
                    case_id=each.of_case.id,
                    number=each.of_case.number,
                    text=each.text,
                    state=MessageState(each.state),
                    at=each.done_at or each.created_at,
                )
                for each in owing.history(unit, actor, organisation_id)
            ]
        )


@router.get("/destinations", summary="Lire les dispositifs à qui transmettre")
def list_destinations(reads: Reads) -> Destinations:
    """Ceux de cette installation ; un autre se nomme en toutes lettres."""
    with reads.runtime.database.read() as unit:
        found = endings.destinations(unit, reads.actor(unit))
        return Destinations(items=[Destination(programme_id=each.id, name=each.name) for each in found])


@router.post("/organisations", status_code=201, response_model=OrganisationLine, summary="Ajouter une organisation")
def add_organisation(acts: Acts, form: NewOrganisation) -> JSONResponse:
    """Un donneur d’alerte a son lien tout de suite ; un partenaire est proposé une fois son service dans l’annuaire."""
    return acts.once(lambda unit, hand: reading.organisation_line(organisations.add(unit, hand, form)), form)


@router.put("/organisations/{organisation_id}", response_model=OrganisationLine, summary="Modifier une organisation")
def change_organisation(acts: Acts, organisation_id: UUID, form: OrganisationDetails) -> JSONResponse:
    """Une nouvelle adresse fait repartir les demandes qui l’attendaient ; un autre contrat change ce qui est vu."""
    return acts.once(
        lambda unit, hand: reading.organisation_line(organisations.change(unit, hand, organisation_id, form)),
        form,
    )


@router.post(
    "/organisations/{organisation_id}/end",
    response_model=OrganisationLine,
    summary="Ne plus travailler avec une organisation",
)
def end_organisation(acts: Acts, organisation_id: UUID) -> JSONResponse:
    """Elle n’est plus proposée nulle part. Refusé tant qu’un opérateur a des situations ouvertes."""
    return _once(acts, organisation_id, organisations.end)


@router.post(
    "/organisations/{organisation_id}/take-up",
    response_model=OrganisationLine,
    summary="Travailler de nouveau avec une organisation",
)
def take_up_organisation(acts: Acts, organisation_id: UUID) -> JSONResponse:
    """Son lien et les comptes de son équipe ne reviennent pas d’eux-mêmes."""
    return _once(acts, organisation_id, organisations.take_up)


@router.post(
    "/organisations/{organisation_id}/renew-link",
    response_model=OrganisationLine,
    summary="Renouveler le lien secret d’un donneur d’alerte",
)
def renew_alert_link(acts: Acts, organisation_id: UUID) -> JSONResponse:
    """L’ancien lien n’ouvre plus rien ; le nouveau se lit dans la liste des liens."""
    return _once(acts, organisation_id, organisations.renew_link)


@router.post(
    "/organisations/{organisation_id}/revoke-link",
    response_model=OrganisationLine,
    summary="Retirer le lien secret d’un donneur d’alerte",
)
def revoke_alert_link(acts: Acts, organisation_id: UUID) -> JSONResponse:
    """Plus aucun lien, jusqu’à ce qu’il soit renouvelé."""
    return _once(acts, organisation_id, organisations.revoke_link)


def _once(acts: Acting, organisation_id: UUID, act: Callable[[UnitOfWork, Hand, UUID], Organisation]) -> JSONResponse:
    return acts.once(lambda unit, hand: reading.organisation_line(act(unit, hand, organisation_id)))
