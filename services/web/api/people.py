"""Who works with Relais, and who read what, through the API; each act leaves its line in the access log."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from models.vocabulary import Role
from services.accounts import access_log
from services.accounts.access_log import Wanted
from services.forms import Invitation, Remedy, RoleForm
from services.foundation.database import UnitOfWork
from services.programme import people
from services.programme.people import Known
from services.rules.casework import Hand
from services.web.api.answers import Done, Made
from services.web.api.edge import Acting, Acts, Reads, Said
from services.web.api.overview_answers import AccessLine, AccessLines, PeopleAnswer, PersonLine, RoleLine

TAG: Final = "Personnes"
router = APIRouter(tags=[TAG])
A_PAGE: Final = 100


class Looked(BaseModel):
    """What is looked for in the log."""

    person_id: UUID | None = Field(None, description="Qui a lu, ou de qui il s’agit")
    number: str = Field("", max_length=20, description="Référence de la situation")
    kind: Literal["", "reading", "in_vain", "signing", "refused", "administration"] = Field(
        "", description="Quelles lignes"
    )
    first_on: date | None = Field(None, description="Premier jour")
    last_on: date | None = Field(None, description="Dernier jour")
    page: int = Field(1, ge=1, description="Page, à partir de 1")


def _done(acts: Acting, act: Callable[[UnitOfWork, Hand, *Said], object], *said: *Said) -> JSONResponse:
    def once(unit: UnitOfWork, hand: Hand) -> Done:
        act(unit, hand, *said)
        return Done()

    return acts.once(once, *said)


@router.get("/people", summary="Lister les personnes")
def list_people(reads: Reads) -> PeopleAnswer:
    """Celles de votre dispositif, avec leurs rôles ; celles qui sont parties à la fin."""
    with reads.runtime.database.read() as unit:
        return PeopleAnswer(items=[_person(each) for each in people.everybody(unit, reads.actor(unit))])


@router.post("/people", status_code=201, response_model=Made, summary="Inviter une personne")
def invite_person(acts: Acts, form: Invitation) -> JSONResponse:
    """Un lien part à son adresse ; personne ne choisit un mot de passe pour elle."""
    return acts.once(lambda unit, hand: Made(made_id=people.invite(unit, hand, form).id), form)


@router.post("/people/{person_id}/invite-again", response_model=Done, summary="Renvoyer l’invitation")
def invite_person_again(acts: Acts, person_id: UUID) -> JSONResponse:
    """Le même courriel ; il n’ouvre rien par lui-même."""
    return _done(acts, people.invite_again, person_id)


@router.post("/people/{person_id}/roles", response_model=Done, summary="Donner un rôle de plus")
def give_role(acts: Acts, person_id: UUID, form: RoleForm) -> JSONResponse:
    """Ses navigateurs sont déconnectés : la prochaine connexion demande ce que le rôle veut."""
    return _done(acts, people.give_role, person_id, form)


@router.post("/people/{person_id}/roles/{membership_id}/end", response_model=Done, summary="Retirer un rôle")
def end_role(acts: Acts, person_id: UUID, membership_id: UUID) -> JSONResponse:
    """Sessions et clés de ce rôle finissent aussitôt ; refusé pour la dernière personne qui administre."""
    return _done(acts, people.end_role, person_id, membership_id)


@router.post("/people/{person_id}/forget-telephone", response_model=Done, summary="Oublier un téléphone perdu")
def forget_telephone(acts: Acts, person_id: UUID, form: Remedy) -> JSONResponse:
    """La prochaine connexion, par mot de passe, en enregistre un autre."""
    return _done(acts, people.forget_telephone, person_id, form)


@router.post("/people/{person_id}/close", response_model=Done, summary="Fermer un compte")
def close_account(acts: Acts, person_id: UUID, form: Remedy) -> JSONResponse:
    """La personne est dehors aussitôt ; ses rôles restent."""
    return _done(acts, people.close, person_id, form)


@router.post("/people/{person_id}/reopen", response_model=Done, summary="Rouvrir un compte")
def reopen_account(acts: Acts, person_id: UUID) -> JSONResponse:
    """Avec les rôles qui restaient."""
    return _done(acts, people.reopen, person_id)


@router.get("/access-log", summary="Lire le journal des accès")
def read_access_log(reads: Reads, asked: Annotated[Looked, Query()]) -> AccessLines:
    """Qui a lu quoi, est entré, s’est vu refuser une porte : cent lignes par page, gardées douze mois."""
    wanted = Wanted(**asked.model_dump(exclude={"page"}))
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        lines, total = access_log.search(unit, actor, wanted, first=(asked.page - 1) * A_PAGE, limit=A_PAGE)
    return AccessLines(
        items=[
            AccessLine(
                at=each.at,
                who=each.who,
                action=each.action,
                number=each.number,
                about=each.about,
                allowed=each.allowed,
                reason=each.reason,
            )
            for each in lines
        ],
        page=asked.page,
        total=total,
    )


def _person(known: Known) -> PersonLine:
    person = known.person
    return PersonLine(
        id=person.id,
        name=person.name,
        email=person.email,
        roles=[
            RoleLine(id=each.id, role=Role(each.role), organisation_id=each.organisation_id) for each in known.roles
        ],
        signed_in=known.signed_in,
        guarded=known.guarded,
        closed_at=person.disabled_at,
    )
