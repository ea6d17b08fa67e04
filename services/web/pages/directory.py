"""The directory on screen: what partners offer, narrowed; one sheet; the zones."""

from datetime import date
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Service, ServiceArea, SheetProposal
from models.vocabulary import Theme
from services.cases import picking
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.network import directory, sheets
from services.network.directory import Filter
from services.rules.links import sheet_url
from services.rules.policy import Right, rights
from services.rules.presence import closed_today
from services.rules.texts.labels import choices, label
from services.web.pages import answers
from services.web.pages.visitor import SignedIn, Visitor

router = APIRouter(include_in_schema=False)
HERE: Final = "/annuaire"
FILTERS: Final = ("type", "commune", "q", "verifier")
TOLD: Final = 3
"""How many types of solution a line names before it counts the others."""


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Every service that the filters of the address let through, by partner."""
    asked = {name: request.query_params.get(name, "").strip()[:120] for name in FILTERS}
    theme = Theme(asked["type"]) if asked["type"] in set(Theme) else None
    wanted = Filter(theme, asked["commune"] or None, asked["q"], only_stale=bool(asked["verifier"]))
    with visitor.runtime.database.read() as unit:
        found = directory.entries(unit, visitor.actor, wanted)
        every = directory.entries(unit, visitor.actor, Filter())
        places = [(each.code, each.name) for each in directory.communes(unit, visitor.actor)]
        closed = closed_today(unit, visitor.programme_id)
        rows = [_row(unit, each, visitor.today, closed.get(each.organisation_id)) for each in found]
        stale = directory.count_stale(unit, visitor.actor)
        writes = Right.DIRECTORY in rights(visitor.actor)
        proposed = [_told(each) for each in sheets.waiting(unit, visitor.actor)] if writes else []
    return answers.page(
        request,
        "directory.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        rows=rows,
        total=len(every),
        stale=stale,
        proposed=proposed,
        filters=asked,
        filtered=len(found) != len(every),
        themes=choices("theme"),
        communes=places,
        writes=writes,
    )


@router.get(HERE + "/zones")
def show_areas(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The zones, each with its communes of today and what changes later."""
    with visitor.runtime.database.read() as unit:
        areas = [_area(each, visitor.today) for each in directory.areas(unit, visitor.actor)]
    return answers.page(
        request,
        "areas.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        areas=areas,
        writes=Right.DIRECTORY in rights(visitor.actor),
    )


@router.get(HERE + "/{service_id}")
def show_sheet(request: Request, visitor: SignedIn, service_id: UUID, fait: str = "") -> Response:
    """One sheet."""
    with visitor.runtime.database.read() as unit:
        service = directory.sheet(unit, visitor.actor, service_id)
        closed = closed_today(unit, visitor.programme_id).get(service.organisation_id)
        writes = Right.DIRECTORY in rights(visitor.actor)
        proposed = [_proposal(each) for each in sheets.waiting(unit, visitor.actor, service.id)] if writes else []
        context = _sheet(unit, service, visitor, closed) | {"proposals": proposed}
    return answers.page(
        request,
        "service.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        **context,
    )


def _told(proposal: SheetProposal) -> dict[str, str]:
    service = proposal.service
    return {"name": f"{service.organisation.name} · {service.name}", "href": f"{HERE}/{service.id}"}


def _row(unit: UnitOfWork, service: Service, today: date, closed: date | None) -> dict[str, Any]:
    themes = [label("theme", theme) for theme in service.themes]
    more = f" et {len(themes) - TOLD} autres" if len(themes) > TOLD + 1 else ""
    return {
        "partner": service.organisation.name,
        "service": service.name if service.name != service.organisation.name else "",
        "href": f"{HERE}/{service.id}",
        "themes": ", ".join(themes[:TOLD] if more else themes) + more,
        "area": service.area.name if service.area else "Tout le territoire",
        "conditions": " · ".join(_conditions(service)) or "Aucune",
        "room": room(service, today, closed),
        "capacity_on": service.capacity_on,
        "verified_on": service.verified_on,
        "stale": directory.is_stale(unit, service),
    }


def _conditions(service: Service) -> list[str]:
    """For whom the service is, each condition in a few words; none when it is for everybody."""
    said = []
    if service.tenures:
        said.append(wording.capital(picking.listed("tenure", frozenset(service.tenures))))
    if service.income_classes:
        said.append(f"Revenus {picking.listed('income_class', frozenset(service.income_classes))}")
    if service.conditions:
        said.append(service.conditions)
    return said


def room(service: Service, today: date, closed: date | None) -> dict[str, str]:
    """Whether there is room, as a chip."""
    if closed is not None:
        return {"text": f"Fermé jusqu’au {_short(closed)}", "tone": "soon"}
    if service.full_until is not None and service.full_until >= today:
        return {"text": f"Complet jusqu’au {_short(service.full_until)}", "tone": "soon"}
    if service.places is None:
        return {"text": "Capacité non dite", "tone": "plain"}
    if service.places == 0:
        return {"text": "Plus de place", "tone": "soon"}
    return {"text": wording.counted(service.places, "place"), "tone": "ok"}


def _short(day: date) -> str:
    return wording.day(day).split(" ", 1)[1]


def _sheet(unit: UnitOfWork, service: Service, visitor: Visitor, closed: date | None) -> dict[str, Any]:
    partner, today = service.organisation, visitor.today
    return {
        "partner": partner.name,
        "service": service.name,
        "themes": [label("theme", theme) for theme in service.themes],
        "area": service.area.name if service.area else "",
        "communes": _names(service.area, today) if service.area else [],
        "conditions": _conditions(service),
        "room": room(service, today, closed),
        "capacity_on": service.capacity_on,
        "requests": partner.email or "",
        "professional": (service.professional_contact, service.professional_email, service.professional_phone),
        "household": (service.household_contact, service.household_email, service.household_phone),
        "verified_on": service.verified_on,
        "stale": directory.is_stale(unit, service),
        "ended_on": _ended_on(service),
        "acts": _acts(service, visitor),
    }


def _ended_on(service: Service) -> date | None:
    """Since when it is not offered: the service, or its partner as a whole."""
    return service.ended_on or service.organisation.ended_on


def _proposal(proposal: SheetProposal) -> dict[str, Any]:
    here = f"{HERE}/{proposal.service_id}/propositions/{proposal.id}"
    return {
        "said_by": proposal.said_by,
        "on": proposal.at.date(),
        "note": proposal.note,
        "changes": sheets.changes(proposal),
        "acts": [
            {"label": "Mettre dans l’annuaire", "post": f"{here}/prendre", "once": new_token(), "main": True},
            {"label": "Laisser comme c’était", "post": f"{here}/ecarter", "once": new_token()},
        ],
    }


def _letter(service: Service, visitor: Visitor) -> str:
    """A mail that the coordination sends from its own mailbox: the partner's link, and what is asked."""
    words = (
        f"Bonjour,\n\nPouvez-vous vérifier votre fiche « {service.name} » dans l’annuaire de {visitor.programme} ? "
        f"Une minute suffit, sans compte :\n\n{sheet_url(visitor.runtime, service)}\n\nMerci,\n{visitor.actor.name}"
    )
    to = service.professional_email or service.organisation.email or ""
    return f"mailto:{to}?subject={quote('Votre fiche dans notre annuaire')}&body={quote(words)}"


def _acts(service: Service, visitor: Visitor) -> list[dict[str, Any]]:
    here = f"{HERE}/{service.id}"
    if Right.DIRECTORY not in rights(visitor.actor) or _ended_on(service) is not None:
        return []
    return [
        {"label": "La fiche est juste", "post": f"{here}/verifier", "once": new_token(), "main": True},
        {"label": "Écrire au partenaire", "href": _letter(service, visitor)},
        {"label": "Modifier", "href": f"{here}/modifier"},
        {"label": "Noter une fermeture", "href": f"/calendrier/fermeture?organisation_id={service.organisation_id}"},
        {"label": "Ajouter un autre service", "href": f"{HERE}/ajouter?partenaire={service.organisation_id}"},
        {"label": "Retirer de l’annuaire", "href": f"{here}/retirer"},
    ]


def _area(area: ServiceArea, today: date) -> dict[str, Any]:
    coming = [each for each in area.communes if each.from_on > today]
    leaving = [each for each in area.communes if each.to_on is not None and each.to_on >= today]
    later = [f"{each.commune.name} à partir du {wording.day(each.from_on, today=today)}" for each in coming]
    later += [f"{each.commune.name} jusqu’au {wording.day(each.to_on, today=today)}" for each in leaving if each.to_on]
    return {
        "name": area.name,
        "communes": _names(area, today),
        "later": later,
        "href": f"{HERE}/zones/dessiner?zone={area.id}",
    }


def _names(area: ServiceArea, today: date) -> list[str]:
    codes = area.codes(today)
    return sorted({each.commune.name for each in area.communes if each.commune_code in codes})
