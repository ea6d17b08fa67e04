"""Where the programme works: the communes of today and to come, changed from a day on, what that means shown first."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, InvalidInput, NotFound
from services.network import directory, territory
from services.network.territory import Place, TerritoryForm
from services.rules.policy import Right, require
from services.rules.texts.labels import label
from services.web.pages import act_form, answers
from services.web.pages.directory_acts import carry_out
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE: Final = "/reglages/territoire"
SECTION: Final = "/reglages"
LISTS: Final = ("enter", "leave")


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The communes of today, then who enters and who leaves, with the days."""
    with visitor.runtime.database.read() as unit:
        found = territory.places(unit, visitor.actor)
        inside = [each.commune.name for each in found if each.from_on <= visitor.today]
        later = [line for each in found for line in _later(each, visitor)]
    return answers.page(
        request,
        "territory.html",
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        communes=inside,
        later=[words for _, words in sorted(later)],
        change=f"{HERE}/modifier",
        back="/organisations",
    )


def _later(place: Place, visitor: Visitor) -> list[tuple[str, str]]:
    """What is to come of a commune, with the day by which it is put in order."""
    told, name = [], place.commune.name
    if place.from_on > visitor.today:
        told.append((place.from_on.isoformat(), f"{name} entre le {wording.day(place.from_on, today=visitor.today)}"))
    if place.to_on is not None:
        left = place.to_on + territory.ONE_DAY
        told.append((left.isoformat(), f"{name} sort le {wording.day(left, today=visitor.today)}"))
    return told


@router.get(HERE + "/modifier")
def ask(request: Request, visitor: SignedIn) -> Response:
    """Who enters, who leaves, from when."""
    return _ask(request, visitor, answers.blank())


def _ask(request: Request, visitor: Visitor, form: Form, *, status: int = 200) -> Response:
    require(visitor.actor, Right.TERRITORY)
    hint = "Une par ligne : le nom, ou le code INSEE"
    fields: list[dict[str, Any]] = [
        {"kind": "textarea", "name": "enter", "label": "Communes qui entrent", "rows": 6, "optional": True,
         "hint": hint},
        {"kind": "textarea", "name": "leave", "label": "Communes qui sortent", "rows": 4, "optional": True,
         "hint": hint},
        {"kind": "date", "name": "from_on", "label": "À partir du", "value": visitor.today.isoformat(),
         "earliest": visitor.today.isoformat()},
    ]  # fmt: skip
    return act_form.page(
        request,
        visitor,
        SECTION,
        form,
        status=status,
        heading="Modifier le territoire",
        lead="Avant d’enregistrer, Relais montre les situations concernées.",
        follows=(
            "Aucune situation ouverte n’est arrêtée ni déplacée.",
            "Une demande est examinée avec le territoire du jour où elle est arrivée.",
        ),
        fields=fields,
        action=f"{HERE}/verifier",
        button="Voir ce que cela change",
        back=HERE,
    )


@router.post(HERE + "/verifier")
def foresee(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """What the change would mean; nothing is done yet."""
    try:
        with visitor.runtime.database.read() as unit:
            form = _read(unit, data)
            effect = territory.foresee(unit, visitor.actor, form)
            context: dict[str, Any] = {
                "entering": [each.name for each in effect.entering],
                "leaving": [each.name for each in effect.leaving],
                "cases": [_case(each) for each in effect.open_cases],
                "requests": [_case(each) for each in effect.requests],
            }
    except Mistakes as mistakes:
        return _again(request, visitor, data, mistakes.errors)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        return _again(request, visitor, data, mistakes_of(refused))
    said = {"enter": "\n".join(form.enter), "leave": "\n".join(form.leave), "from_on": form.from_on.isoformat()}
    return answers.page(
        request,
        "territory_effect.html",
        shell=visitor.shell(SECTION),
        form=Form(entered=said),
        hidden=[{"kind": "hidden", "name": name, "label": ""} for name in said],
        day=wording.day(form.from_on, today=visitor.today),
        action=HERE,
        back=f"{HERE}/modifier",
        **context,
    )


@router.post(HERE)
def change(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """The territory is another from that day on."""
    wrong = carry_out(visitor, data, "territoire", lambda unit: territory.change(unit, visitor.hand, _read(unit, data)))
    if wrong is not None:
        return _ask(request, visitor, wrong, status=422)
    return answers.see(HERE, "territoire")


def _again(request: Request, visitor: Visitor, data: FormData, errors: dict[str, str]) -> Response:
    return _ask(request, visitor, Form(entered=kept(data), errors=errors), status=422)


def _read(unit: UnitOfWork, data: FormData) -> TerritoryForm:
    """Communes are written by name or by code, a line each."""
    codes = {}
    for name in LISTS:
        try:
            codes[name] = directory.codes_of(unit, str(data.get(name, "")))
        except InvalidInput as refused:
            raise InvalidInput(name, refused.sentence) from None
    return read(TerritoryForm, data, **codes)


def _case(case: Case) -> dict[str, str]:
    return {
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "what": f"{case.dwelling.commune.name} · {label('case_state', case.state)}",
    }
