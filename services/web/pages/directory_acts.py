"""Writing the directory: a sheet added, changed, verified, ended; a zone drawn."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.programmes import Service, ServiceArea
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.network import directory
from services.network.directory import AreaForm, ServiceForm
from services.rules.policy import Right, require
from services.rules.texts.labels import choices
from services.web.pages import act_form, answers
from services.web.pages.directory import HERE
from services.web.pages.entries import Mistakes, kept, mistakes_of, read, readable_part
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
Fields = list[dict[str, Any]]
ADD: Final = HERE + "/ajouter"
DRAW: Final = HERE + "/zones/dessiner"


@router.get(ADD)
def ask_new(request: Request, visitor: SignedIn, partenaire: str = "") -> Response:
    """A new service; of which partner, if the address does not say it."""
    return _ask_new(request, visitor, Form(entered={"organisation_id": partenaire}))


@router.post(ADD)
def add(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Write it in the directory."""
    made: list[UUID] = []

    def act(unit: UnitOfWork) -> None:
        form, partner_id = _read_new(data)
        made.append(directory.add_service(unit, visitor.hand, partner_id, form).id)

    wrong = carry_out(visitor, data, "ajouter", act)
    if wrong is not None:
        return _ask_new(request, visitor, wrong, status=422)
    return answers.see(f"{HERE}/{made[0]}" if made else HERE, "service-ajoute")


@router.get(HERE + "/{service_id}/modifier")
def ask_change(request: Request, visitor: SignedIn, service_id: UUID) -> Response:
    """The sheet, to be written anew."""
    return _ask_change(request, visitor, service_id, answers.blank())


@router.post(HERE + "/{service_id}/modifier")
def change(request: Request, visitor: SignedIn, service_id: UUID, data: Entered) -> Response:
    """Write it anew; it is verified by that."""

    def act(unit: UnitOfWork) -> None:
        directory.change_service(unit, visitor.hand, service_id, read(ServiceForm, data))

    wrong = carry_out(visitor, data, f"{service_id}/modifier", act)
    if wrong is not None:
        return _ask_change(request, visitor, service_id, wrong, status=422)
    return answers.see(f"{HERE}/{service_id}", "service-modifie")


@router.post(HERE + "/{service_id}/verifier")
def verify(visitor: SignedIn, service_id: UUID, data: Entered) -> Response:
    """It is right as it stands."""
    visitor.once(
        data, f"annuaire/{service_id}/verifier", lambda unit: directory.verify_service(unit, visitor.hand, service_id)
    )
    return answers.see(f"{HERE}/{service_id}", "service-verifie")


@router.get(HERE + "/{service_id}/retirer")
def ask_end(request: Request, visitor: SignedIn, service_id: UUID) -> Response:
    """What ending means, before anything is done."""
    with visitor.runtime.database.read() as unit:
        require(visitor.actor, Right.DIRECTORY)
        service = directory.sheet(unit, visitor.actor, service_id)
        over = f"{service.organisation.name} · {service.name}"
    return act_form.page(
        request,
        visitor,
        HERE,
        answers.blank(),
        heading="Retirer de l’annuaire",
        over=over,
        follows=("Le service n’est plus proposé.", "Les demandes déjà faites au partenaire ne changent pas."),
        action=f"{HERE}/{service_id}/retirer",
        button="Retirer de l’annuaire",
        back=f"{HERE}/{service_id}",
        danger=True,
    )


@router.post(HERE + "/{service_id}/retirer")
def end(visitor: SignedIn, service_id: UUID, data: Entered) -> Response:
    """The partner offers it no more."""
    visitor.once(
        data, f"annuaire/{service_id}/retirer", lambda unit: directory.end_service(unit, visitor.hand, service_id)
    )
    return answers.see(HERE, "service-retire")


@router.get(DRAW)
def ask_area(request: Request, visitor: SignedIn, zone: UUID | None = None) -> Response:
    """A zone to draw, or to draw anew."""
    return _ask_area(request, visitor, zone, answers.blank())


@router.post(DRAW)
def draw(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Its communes from a day on."""

    def act(unit: UnitOfWork) -> None:
        codes = directory.codes_of(unit, str(data.get("communes", "")))
        directory.set_area(unit, visitor.hand, read(AreaForm, data, communes=codes))

    wrong = carry_out(visitor, data, "zones/dessiner", act)
    if wrong is not None:
        return _ask_area(request, visitor, None, wrong, status=422)
    return answers.see(HERE + "/zones", "zone-dessinee")


def carry_out(visitor: Visitor, data: FormData, route: str, act: Callable[[UnitOfWork], object]) -> Form | None:
    """Do it once; or what was typed, with a sentence beside each field to correct."""
    try:
        visitor.once(data, f"annuaire/{route}", act)
    except Mistakes as mistakes:
        return Form(entered=kept(data), errors=mistakes.errors)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        return Form(entered=kept(data), errors=mistakes_of(refused))
    return None


def _read_new(data: FormData) -> tuple[ServiceForm, UUID]:
    """The sheet and whose it is. Raises `Mistakes` for all that is wrong with both."""
    whose = readable_part(_Whose, data)["organisation_id"]
    form = read(ServiceForm, data, {} if whose else {"organisation_id": "Choisissez le partenaire."})
    return form, whose


class _Whose(BaseModel):
    """Of which partner a new sheet is."""

    organisation_id: UUID


def _ask_new(request: Request, visitor: Visitor, form: Form, *, status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        require(visitor.actor, Right.DIRECTORY)
        partners = [(str(each.id), each.name) for each in directory.partners(unit, visitor.actor)]
        areas = [each.name for each in directory.areas(unit, visitor.actor)]
    whose = {"kind": "select", "name": "organisation_id", "label": "Partenaire", "choices": partners}
    return act_form.page(
        request,
        visitor,
        HERE,
        form,
        status=status,
        heading="Ajouter un service",
        lead="Ce qu’un partenaire propose, où, à qui. L’orientation choisit ici.",
        fields=[whose, *fields(areas)],
        action=ADD,
        button="Ajouter à l’annuaire",
        back=HERE,
    )


def _ask_change(request: Request, visitor: Visitor, service_id: UUID, form: Form, *, status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        require(visitor.actor, Right.DIRECTORY)
        service = directory.sheet(unit, visitor.actor, service_id)
        partner = service.organisation.name
        asked = fields([each.name for each in directory.areas(unit, visitor.actor)], service)
    return act_form.page(
        request,
        visitor,
        HERE,
        form,
        status=status,
        heading="Modifier la fiche",
        over=partner,
        follows=("La fiche est tenue pour vérifiée aujourd’hui.", "Les demandes déjà faites ne changent pas."),
        fields=asked,
        action=f"{HERE}/{service_id}/modifier",
        button="Enregistrer la fiche",
        back=f"{HERE}/{service_id}",
    )


def _ask_area(
    request: Request, visitor: Visitor, area_id: UUID | None, form: Form, *, status: int = 200
) -> Response:  # fmt: skip
    with visitor.runtime.database.read() as unit:
        require(visitor.actor, Right.DIRECTORY)
        known = next((each for each in directory.areas(unit, visitor.actor) if each.id == area_id), None)
        asked = _area_fields(known, visitor)
    return act_form.page(
        request,
        visitor,
        HERE,
        form,
        status=status,
        heading="Dessiner une zone" if known is None else "Redessiner la zone",
        lead="Une zone sert à plusieurs services. Ce qu’elle était avant la date donnée reste écrit.",
        fields=asked,
        action=DRAW,
        button="Enregistrer la zone",
        back=HERE + "/zones",
    )


def _area_fields(area: ServiceArea | None, visitor: Visitor) -> Fields:
    codes = area.codes(visitor.today) if area else frozenset()
    names = sorted({each.commune.name for each in area.communes if each.commune_code in codes}) if area else []
    return [
        {"kind": "text", "name": "name", "label": "Nom de la zone", "value": area.name if area else ""},
        {"kind": "textarea", "name": "communes", "label": "Communes", "rows": 8, "value": "\n".join(names),
         "hint": "Une par ligne : le nom, ou le code INSEE"},
        {"kind": "date", "name": "from_on", "label": "À partir du", "value": visitor.today.isoformat()},
    ]  # fmt: skip


def fields(areas: list[str], service: Service | None = None) -> Fields:
    """What a sheet says, as it stands."""
    return [*_what(areas, service), *_room(service), *_contacts(service)]


def _what(areas: list[str], it: Service | None) -> Fields:
    return [
        {"kind": "text", "name": "name", "label": "Nom du service", "value": it.name if it else ""},
        {"kind": "checks", "name": "themes", "label": "Types de solution", "choices": choices("theme"), "two": True,
         "value": it.themes if it else []},
        {"kind": "select", "name": "area", "label": "Zone", "choices": [(name, name) for name in areas],
         "value": it.area.name if it and it.area else "", "blank": "Tout le territoire", "optional": True},
        {"kind": "checks", "name": "tenures", "label": "Pour quels occupants", "choices": choices("tenure"),
         "two": True, "value": it.tenures if it else [], "hint": "Aucun coché : pour tous", "optional": True},
        {"kind": "checks", "name": "income_classes", "label": "Pour quels revenus, au sens de l’Anah",
         "choices": choices("income_class"), "two": True, "value": it.income_classes if it else [],
         "hint": "Aucun coché : pour tous", "optional": True},
        {"kind": "textarea", "name": "conditions", "label": "Autres conditions", "rows": 2, "optional": True,
         "value": it.conditions if it else "", "hint": "Lues au moment de choisir un partenaire"},
    ]  # fmt: skip


def _room(it: Service | None) -> Fields:
    return [
        {"kind": "text", "name": "places", "label": "Places disponibles", "inputmode": "numeric", "width": "short",
         "optional": True, "value": "" if it is None or it.places is None else str(it.places),
         "hint": "Vide : nul ne l’a dit"},
        {"kind": "date", "name": "full_until", "label": "Complet jusqu’au", "optional": True,
         "value": it.full_until.isoformat() if it and it.full_until else ""},
    ]  # fmt: skip


def _contacts(it: Service | None) -> Fields:
    told: Fields = []
    for who, whom, contact in (
        ("professional", "pour les professionnels", "Interlocuteur des professionnels, nom et fonction"),
        ("household", "pour les ménages", "Où et quand les ménages sont reçus"),
    ):
        phone = getattr(it, f"{who}_phone") if it else None
        inner = [
            {"kind": "text", "name": f"{who}_contact", "label": contact, "optional": True,
             "value": getattr(it, f"{who}_contact") if it else ""},
            {"kind": "text", "name": f"{who}_phone", "label": f"Téléphone {whom}", "optional": True, "type": "tel",
             "inputmode": "tel", "width": "medium", "value": wording.phone(phone) if phone else ""},
            {"kind": "text", "name": f"{who}_email", "label": f"Adresse électronique {whom}", "optional": True,
             "type": "email", "inputmode": "email", "value": (getattr(it, f"{who}_email") or "") if it else ""},
        ]  # fmt: skip
        told.append({"kind": "fold", "name": who, "label": f"Contact {whom}", "fields": inner})
    return told
