"""The page on which a visit is written down field by field, drawn from the catalogue of what may be asked."""

from typing import Any, Final

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData

from models.cases import Case
from services.cases import surveys
from services.cases.agreements import HEALTH_AGREED
from services.cases.surveys import SurveyForm
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules import survey
from services.rules.policy import Right
from services.rules.survey import SEVERAL, Asked, Place
from services.web.pages import act_form
from services.web.pages.act_pages import ActPage, add
from services.web.pages.entries import LISTED, Mistakes, sentence_of
from services.web.pages.visitor import Visitor

router = APIRouter(include_in_schema=False)


def _fields(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    """A fold for each section, and inside it for each thing that it names; what is noted already stands in it."""
    known = {each.place: each.value for each in surveys.of_case(unit, case)}
    folds: dict[tuple[str, str], dict[str, Any]] = {}
    for code, section in survey.sections().items():
        folds[code, ""] = {"kind": "fold", "label": section.title, "fields": []}
        for about, words in section.each.items():
            folds[code, about] = {"kind": "fold", "label": words, "fields": []}
            folds[code, ""]["fields"].append(folds[code, about])
    for place, asked in survey.places():
        folds[place.section, place.about]["fields"].append(_field(place, asked, known.get(place, "")))
    asking = next(surveys.of_health())
    folds[asking.section, asking.about]["fields"] += act_form.health_agreement(unit, case)
    for (code, about), fold in folds.items():
        noted = sum(each.section == code and about in ("", each.about) for each in known)
        fold["label"] += f" · {wording.counted(noted, 'noté')}" if noted else ""
    return [fold for (_, about), fold in folds.items() if not about]


def _field(place: Place, asked: Asked, value: str) -> dict[str, Any]:
    common = {"name": _name(place, asked), "label": asked.label, "optional": True}
    if asked.several:
        return common | {
            "kind": "checks", "choices": list(asked.codes.items()), "value": value.split(SEVERAL) if value else [],
            "two": True,
        }  # fmt: skip
    if asked.codes:
        return common | {"kind": "select", "choices": list(asked.codes.items()), "value": value}
    if asked.date:
        return common | {"kind": "date", "value": value}
    if asked.number:
        hint = {} if asked.number == "année" else {"hint": f"En {asked.number}"}
        shown = value.replace(".", ",")
        return common | hint | {"kind": "text", "inputmode": "decimal", "width": "short", "value": shown}
    return common | {"kind": "text", "value": value}


def _name(place: Place, asked: Asked) -> str:
    name = "-".join(part for part in (place.section, place.about, place.field) if part)
    return f"{name}{LISTED}" if asked.several else name


def _given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    """What was typed, by section, by thing, by field; raises `Mistakes` for each that cannot be."""
    names = {place: _name(place, asked) for place, asked in survey.places()}
    typed = {
        place: data.getlist(name) if name.endswith(LISTED) else data[name]
        for place, name in names.items()
        if data.get(name)
    }
    told = surveys.nested(typed) | {HEALTH_AGREED: HEALTH_AGREED in data}
    try:
        SurveyForm.model_validate(told)
    except ValidationError as error:
        wrong = {names[_place(each["loc"])]: sentence_of(each) for each in error.errors()}
        raise Mistakes(wrong) from None
    return told


def _place(loc: tuple[int | str, ...]) -> Place:
    """The place of a wrong answer, from the way to it in the form."""
    section, *inside = (str(part) for part in loc)
    return Place(section, inside[1], inside[0]) if survey.sections()[section].each else Place(section, inside[0])


ACT: Final = ActPage(
    "releve", "releve", "Compléter le relevé de la visite", "Enregistrer", Right.CIRCUMSTANCES,
    surveys.record, SurveyForm, _fields, _given,
    lead="Ouvrez une partie, répondez à ce que vous savez.",
    follows=("Ce qui est laissé vide reste comme avant.",
             "Ni le donneur d’alerte, ni les partenaires ne lisent ces réponses.")
)  # fmt: skip
add(router, ACT)
