"""A cut of supply, on the page of its case: announced, put off, averted or not."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData

from models.cases import Case
from services import supply_cuts
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Right
from services.rules.texts.labels import choices
from services.web.pages.act_pages import ActPage, add
from services.web.pages.visitor import Visitor

router = APIRouter()
_NOTE: Final = {"kind": "textarea", "name": "note", "label": "Note pour l’équipe", "optional": True, "rows": 3}


def _announced(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "radios", "name": "energy", "label": "Énergie", "choices": choices("energy"), "two": True},
        {"kind": "date", "name": "cut_on", "label": "Jour de coupure annoncé", "earliest": visitor.today.isoformat(),
         "hint": "Celui de la lettre du fournisseur"},
        _NOTE,
    ]  # fmt: skip


def _new_day(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    hint = "Donné par le fournisseur, ou vingt jours après la décision sur l’aide"
    day = {"kind": "date", "name": "cut_on", "label": "Nouveau jour de coupure", "hint": hint}
    return [day | {"earliest": visitor.today.isoformat()}, _NOTE]


def _called(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "textarea", "name": "note", "label": "Ce que le fournisseur a dit", "rows": 3},
        {"kind": "date", "name": "new_day", "label": "S’il reporte la coupure, nouveau jour", "optional": True,
         "earliest": visitor.today.isoformat()},
    ]  # fmt: skip


def _called_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"new_day": data.get("new_day") or None}


def _filed(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    today = visitor.today.isoformat()
    return [{"kind": "date", "name": "filed_on", "label": "Jour du dépôt", "value": today, "latest": today}, _NOTE]


def _filed_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"filed_on": data.get("filed_on") or None}


def _ended(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "radios", "name": "outcome", "label": "Ce qui s’est passé", "choices": choices("cut_outcome")},
        _NOTE,
    ]


def _restore(unit: UnitOfWork, hand: Hand, case_id: UUID, _form: object) -> object:
    return supply_cuts.restore(unit, hand, case_id)


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
    ActPage("coupure/retablie", "coupure-retablie", "L’énergie est rétablie", "Énergie rétablie", Right.CUT, _restore),
)  # fmt: skip
for _act in ACTS:
    add(router, _act)
