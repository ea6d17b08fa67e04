"""A cut of supply, on the page of its case: announced, put off, averted or not."""

from typing import Any, Final

from fastapi import APIRouter
from starlette.datastructures import FormData

from models.cases import Case
from services.cases import supply_cuts
from services.foundation.database import UnitOfWork
from services.rules.policy import Right
from services.rules.texts.labels import choices, label
from services.web.pages.act_pages import ActPage, add
from services.web.pages.visitor import Visitor

router = APIRouter(include_in_schema=False)
_NOTE: Final = {"kind": "textarea", "name": "note", "label": "Note pour l’équipe", "optional": True, "rows": 3}


def _which(unit: UnitOfWork, case: Case, *, lasts: bool = False) -> list[dict[str, Any]]:
    """Of which cut this is said: asked where two are followed."""
    cuts = [cut for cut in supply_cuts.followed(unit, case.id) if (cut.outcome is not None) == lasts]
    energies = [(cut.energy, label("energy", cut.energy)) for cut in cuts]
    asked = {"kind": "radios", "name": "energy", "label": "Quelle coupure ?", "choices": energies, "two": True}
    return [asked] if len(cuts) > 1 else []


def _announced(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "radios", "name": "energy", "label": "Énergie", "choices": choices("energy"), "two": True},
        {"kind": "date", "name": "cut_on", "label": "Jour de coupure annoncé", "earliest": visitor.today.isoformat(),
         "hint": "Celui de la lettre du fournisseur"},
        _NOTE,
    ]  # fmt: skip


def _new_day(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    hint = "Donné par le fournisseur, ou vingt jours après la décision sur l’aide"
    day = {"kind": "date", "name": "cut_on", "label": "Nouveau jour de coupure", "hint": hint}
    return [*_which(unit, case), day | {"earliest": visitor.today.isoformat()}, _NOTE]


def _called(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    return [
        *_which(unit, case),
        {"kind": "textarea", "name": "note", "label": "Ce que le fournisseur a dit", "rows": 3},
        {"kind": "date", "name": "new_day", "label": "S’il reporte la coupure, nouveau jour", "optional": True,
         "earliest": visitor.today.isoformat()},
    ]  # fmt: skip


def _called_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"new_day": data.get("new_day") or None}


def _filed(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    today = visitor.today.isoformat()
    day = {"kind": "date", "name": "filed_on", "label": "Jour du dépôt", "value": today, "latest": today}
    return [*_which(unit, case), day, _NOTE]


def _filed_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"filed_on": data.get("filed_on") or None}


def _ended(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    return [
        *_which(unit, case),
        {"kind": "radios", "name": "outcome", "label": "Ce qui s’est passé", "choices": choices("cut_outcome")},
        _NOTE,
    ]


def _restored(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    return _which(unit, case, lasts=True)


ACTS: Final = (
    ActPage("coupure", "coupure", "Suivre une coupure annoncée", "Suivre la coupure", Right.CUT, supply_cuts.announce,
            supply_cuts.CutForm, _announced,
            follows=("Relais compte à rebours du premier jour où la loi permet de couper.",
                     "L’opérateur doit appeler le fournisseur quinze jours avant, déposer l’aide dix jours avant.")),
    ActPage("coupure/jour", "coupure-jour", "Changer le jour de la coupure", "Changer le jour", Right.CUT,
            supply_cuts.move, supply_cuts.NewDay, _new_day,
            follows=("Les dates de ce qui reste à faire sont recomptées.",)),
    ActPage("coupure/fournisseur", "coupure-fournisseur", "Noter l’appel au fournisseur", "Enregistrer l’appel",
            Right.CUT, supply_cuts.note_call, supply_cuts.SupplierCall, _called, _called_given),
    ActPage("coupure/aide", "coupure-aide", "Demande d’aide déposée", "Enregistrer le dépôt", Right.CUT,
            supply_cuts.note_aid, supply_cuts.AidFiled, _filed, _filed_given,
            follows=("La fourniture est maintenue jusqu’à la décision, deux mois au plus, puis vingt jours de préavis"
                     " (décret n° 2008-780, article 3).",)),
    ActPage("coupure/issue", "coupure-issue", "Dire comment la coupure finit", "Enregistrer", Right.CUT,
            supply_cuts.end, supply_cuts.CutEnd, _ended,
            follows=("Si l’énergie est coupée, la coordination l’apprend tout de suite.",)),
    ActPage("coupure/retablie", "coupure-retablie", "L’énergie est rétablie", "Énergie rétablie", Right.CUT,
            supply_cuts.restore, supply_cuts.WhichCut, _restored),
)  # fmt: skip
for _act in ACTS:
    add(router, _act)
