"""The directory through the API: what partners offer, the zones, and whom to ask for a household."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from models.programmes import Service, SheetProposal
from models.vocabulary import IncomeClass, Tenure, Theme
from services.cases import picking
from services.foundation.database import UnitOfWork
from services.network import directory, sheets
from services.network.directory import AreaForm, ServiceForm
from services.rules.casework import Hand
from services.rules.links import sheet_url
from services.rules.matching import Pick
from services.rules.policy import Right, readable, require
from services.rules.presence import closed_today
from services.rules.published import today_of
from services.web.api.answers import (
    AreaLine,
    Areas,
    PickLine,
    Picks,
    PicksByTheme,
    ServiceLine,
    Services,
    SheetChange,
    SheetLink,
    SheetProposalLine,
    SheetProposals,
)
from services.web.api.edge import Acts, Reads

TAG: Final = "Annuaire"
router = APIRouter(tags=[TAG])


@router.get("/services", summary="Lire ce que les partenaires proposent")
def list_services(
    reads: Reads,
    theme: Annotated[Theme | None, Query(description="Type de solution")] = None,
    commune: Annotated[str | None, Query(description="Code INSEE : seulement ce qui y intervient")] = None,
    stale: Annotated[bool, Query(description="Seulement ce que personne n’a vérifié depuis longtemps")] = False,
) -> Services:
    """L’annuaire du dispositif, par partenaire."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        found = directory.entries(unit, actor, directory.Filter(theme=theme, commune_code=commune, only_stale=stale))
        day = today_of(unit, actor.programme_id)
        closed = closed_today(unit, actor.programme_id) if actor.programme_id else {}
        return Services(items=[_service(unit, each, day, closed.get(each.organisation_id)) for each in found])


@router.get("/areas", summary="Lire les zones")
def list_areas(reads: Reads) -> Areas:
    """Celles que les services de l’annuaire couvrent, telles qu’elles sont aujourd’hui."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        day = today_of(unit, actor.programme_id)
        return Areas(
            items=[
                AreaLine(id=each.id, name=each.name, communes=sorted(each.codes(day)))
                for each in directory.areas(unit, actor)
            ]
        )


@router.get("/cases/{case_id}/partners", summary="Chercher à qui demander pour un ménage")
def list_partners_for_case(
    reads: Reads,
    case_id: UUID,
    theme: Annotated[Theme | None, Query(description="Type de solution ; absent : tous ceux de l’annuaire")] = None,
) -> PicksByTheme:
    """Les mêmes, dans le même ordre et avec les mêmes raisons que l’écran."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        found = picking.picks(unit, actor, case_id, [theme] if theme else None)
        case = readable(unit, actor, case_id)
        commune, day = case.dwelling.commune.name, today_of(unit, case.programme_id)
    return PicksByTheme(
        items=[
            Picks(
                theme=each,
                proposed=[_pick(pick, commune, day) for pick in choice.proposed],
                set_aside=[_pick(pick, commune, day) for pick in choice.set_aside],
            )
            for each, choice in found.items()
        ]
    )


@router.post(
    "/organisations/{organisation_id}/services",
    status_code=201,
    response_model=ServiceLine,
    summary="Ajouter un service d’un partenaire",
)
def add_service(acts: Acts, organisation_id: UUID, form: ServiceForm) -> JSONResponse:
    """La fiche est tenue pour vérifiée ce jour."""
    return acts.once(lambda unit, hand: _told(unit, directory.add_service(unit, hand, organisation_id, form)), form)


@router.put("/services/{service_id}", response_model=ServiceLine, summary="Récrire la fiche d’un service")
def change_service(acts: Acts, service_id: UUID, form: ServiceForm) -> JSONResponse:
    """Toute la fiche : ce qui n’est pas dit ne pose plus de condition. Elle est tenue pour vérifiée ce jour."""
    return acts.once(lambda unit, hand: _told(unit, directory.change_service(unit, hand, service_id, form)), form)


@router.post("/services/{service_id}/verify", response_model=ServiceLine, summary="Dire que la fiche est juste")
def verify_service(acts: Acts, service_id: UUID) -> JSONResponse:
    """Sans rien y changer."""
    return acts.once(lambda unit, hand: _told(unit, directory.verify_service(unit, hand, service_id)))


@router.post("/services/{service_id}/end", response_model=ServiceLine, summary="Retirer un service de l’annuaire")
def end_service(acts: Acts, service_id: UUID) -> JSONResponse:
    """Les demandes en cours ne changent pas."""
    return acts.once(lambda unit, hand: _told(unit, directory.end_service(unit, hand, service_id)))


@router.get("/services/{service_id}/sheet-link", summary="Lire le lien du partenaire")
def read_sheet_link(reads: Reads, service_id: UUID) -> SheetLink:
    """À donner au partenaire : il y vérifie ou corrige sa fiche, sans compte. La coordination seule le lit."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.DIRECTORY)
        service = directory.service_of(unit, actor, service_id)
        return SheetLink(service_id=service.id, url=sheet_url(reads.runtime, service))


@router.get("/sheet-proposals", summary="Lire ce que les partenaires proposent")
def list_sheet_proposals(reads: Reads) -> SheetProposals:
    """Les corrections de fiches qui attendent la coordination, les plus anciennes d’abord."""
    with reads.runtime.database.read() as unit:
        return SheetProposals(items=[_proposal(each) for each in sheets.waiting(unit, reads.actor(unit))])


@router.post(
    "/sheet-proposals/{proposal_id}/take", response_model=ServiceLine, summary="Mettre une correction dans l’annuaire"
)
def take_sheet_proposal(acts: Acts, proposal_id: UUID) -> JSONResponse:
    """La fiche est tenue pour vérifiée ce jour."""
    return acts.once(lambda unit, hand: _told(unit, sheets.take(unit, hand, proposal_id)))


@router.post(
    "/sheet-proposals/{proposal_id}/refuse", response_model=ServiceLine, summary="Laisser la fiche comme elle était"
)
def refuse_sheet_proposal(acts: Acts, proposal_id: UUID) -> JSONResponse:
    """La correction est gardée, sans effet."""
    return acts.once(lambda unit, hand: _told(unit, sheets.refuse(unit, hand, proposal_id)))


@router.post("/areas", response_model=AreaLine, summary="Dessiner une zone, ou la redessiner à partir d’un jour")
def set_area(acts: Acts, form: AreaForm) -> JSONResponse:
    """Ce qu’elle était avant ce jour reste écrit."""

    def draw(unit: UnitOfWork, hand: Hand) -> AreaLine:
        area = directory.set_area(unit, hand, form)
        day = form.from_on or today_of(unit, hand.actor.programme_id)
        return AreaLine(id=area.id, name=area.name, communes=sorted(area.codes(day)))

    return acts.once(draw, form)


def _proposal(proposal: SheetProposal) -> SheetProposalLine:
    return SheetProposalLine(
        id=proposal.id,
        service_id=proposal.service_id,
        said_by=proposal.said_by,
        note=proposal.note,
        at=proposal.at,
        changes=[
            SheetChange(field=each.field, before=each.before, after=each.after) for each in sheets.changes(proposal)
        ],
    )


def _told(unit: UnitOfWork, service: Service) -> ServiceLine:
    unit.session.flush()
    programme_id = service.organisation.programme_id
    closed = closed_today(unit, programme_id).get(service.organisation_id)
    return _service(unit, service, today_of(unit, programme_id), closed)


def _service(unit: UnitOfWork, service: Service, day: date, closed: date | None) -> ServiceLine:
    return ServiceLine(
        id=service.id,
        organisation_id=service.organisation_id,
        organisation=service.organisation.name,
        name=service.name,
        themes=[Theme(theme) for theme in service.themes],
        area=service.area.name if service.area else "",
        communes=sorted(service.area.codes(day)) if service.area else [],
        income_classes=[IncomeClass(each) for each in service.income_classes],
        tenures=[Tenure(each) for each in service.tenures],
        conditions=service.conditions,
        places=service.places,
        full_until=service.full_until,
        capacity_on=service.capacity_on,
        professional_contact=service.professional_contact,
        professional_email=service.professional_email,
        professional_phone=service.professional_phone,
        household_contact=service.household_contact,
        household_email=service.household_email,
        household_phone=service.household_phone,
        verified_on=service.verified_on,
        stale=directory.is_stale(unit, service),
        closed_until=closed,
    )


def _pick(pick: Pick, commune: str, day: date) -> PickLine:
    offer = pick.offer
    return PickLine(
        partner_id=offer.partner_id,
        partner=offer.partner,
        service_id=offer.service_id,
        service=offer.service,
        obstacles=list(pick.obstacles),
        reasons=picking.reasons(pick, commune=commune, today=day),
        income_unknown=pick.income_unknown,
        places=offer.places,
        capacity_on=offer.capacity_on,
        load=offer.load,
    )
