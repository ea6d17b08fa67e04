"""What is noted beside the visit: figures, small equipment, needs without solution; derogations and complaints."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData

from models.cases import Case
from models.vocabulary import Equipment, FindingKind
from services import forms
from services.cases import complaints, derogations, findings, kits, needs
from services.cases.findings import FindingsForm, MatchForm
from services.foundation.database import UnitOfWork
from services.rules.policy import Right
from services.rules.texts.labels import choices, inside, label
from services.web.pages.act_pages import ActPage, add
from services.web.pages.acts import NOTE
from services.web.pages.entries import Mistakes
from services.web.pages.visitor import Visitor

router = APIRouter(include_in_schema=False)
CENTS: Final = 100


def _findings(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    known = {each.kind: each.words for each in findings.of_household(unit, case)}
    return [
        {"kind": "text", "name": kind.value, "label": words, "inputmode": "decimal", "width": "short", "optional": True,
         "hint": f"Noté : {known[kind]}" if kind in known else hint}
        for kind, words, hint in ASKED
    ]  # fmt: skip


ASKED: Final = (
    (FindingKind.ENERGY_COST, "Dépense d’énergie par an, en euros", "Toutes énergies, sur les factures"),
    (FindingKind.BURDEN, "Taux d’effort énergétique, en % des ressources", "Ressources disponibles, aides comprises"),
    (FindingKind.REFERENCE_BURDEN, "Taux d’effort sur revenu fiscal, en %", "Quand seul l’avis d’impôt est connu"),
    (FindingKind.SAVING_DEEMED, "Économie forfaitaire par an, en euros", "Attendue des équipements posés"),
    (FindingKind.SAVING_DECLARED, "Économie dite par le ménage, par an, en euros", ""),
    (FindingKind.SAVING_MEASURED, "Économie mesurée sur factures, par an, en euros", ""),
)


def _kit(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    """One fold an equipment; what is noted already shows in its title."""
    known = {each.item: each for each in kits.of_case(unit, case)}
    return [_equipment(item, known.get(item)) for item in Equipment]


def _equipment(item: Equipment, noted: Any) -> dict[str, Any]:
    words = label("equipment", item)
    told = f" : {noted.quantity}, {inside(label('equipment_state', noted.state))}" if noted else ""
    price = f"{Decimal(noted.unit_price_cents) / CENTS:.2f}".replace(".", ",") if noted else ""
    return {
        "kind": "fold",
        "label": f"{words}{told}",
        "fields": [
            {"kind": "text", "name": f"{item}-quantity", "label": "Nombre", "inputmode": "numeric", "width": "short",
             "optional": True, "value": str(noted.quantity) if noted else "", "hint": "Vide : il n’y en a pas"},
            {"kind": "text", "name": f"{item}-price", "label": "Prix d’une pièce, en euros", "inputmode": "decimal",
             "width": "short", "optional": True, "value": price},
            {"kind": "select", "name": f"{item}-state", "label": "Ce qu’il en est", "optional": True,
             "choices": choices("equipment_state"), "value": noted.state if noted else "installed"},
        ],
    }  # fmt: skip


def _kit_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    lines, wrong = [], {}
    for item in Equipment:
        typed = {name: _said(data, item, name) for name in ("quantity", "price", "state")}
        if not typed["quantity"]:
            continue
        try:
            lines.append(_line(item, typed))
        except InvalidOperation:
            wrong[f"{item}-price"] = f"Un prix en euros est attendu ({inside(label('equipment', item))})."
        except ValidationError:
            words = inside(label("equipment", item))
            wrong[f"{item}-quantity"] = f"De 1 à 99, et un prix de 1 000 euros au plus ({words})."
    if wrong:
        raise Mistakes(wrong)
    return {"items": lines}


def _kit_checked(unit: UnitOfWork, _visitor: Visitor, case: Case, data: FormData) -> dict[str, str]:
    """A price is of so many pieces; and where nothing stands yet something is to be said."""
    known = {each.item for each in kits.of_case(unit, case)}
    told = {item: _said(data, item, "quantity") for item in Equipment}
    priced = [item for item in Equipment if item not in known and not told[item] and _said(data, item, "price")]
    if priced:
        return {f"{item}-quantity": "Un prix est donné : dites combien il y en a." for item in priced}
    return {} if known or any(told.values()) else {"": NOTHING_SAID}


NOTHING_SAID: Final = "Rien n’est noté : ouvrez un équipement et dites combien il y en a."


def _said(data: FormData, item: Equipment, name: str) -> str:
    return str(data.get(f"{item}-{name}", "")).strip()


def _line(item: Equipment, typed: Mapping[str, str]) -> forms.KitLine:
    price = Decimal(str(forms.as_number(typed["price"]) or "0"))
    given = {"item": item, "quantity": typed["quantity"], "unit_price_cents": round(price * CENTS)}
    return forms.KitLine.model_validate(given | ({"state": typed["state"]} if typed["state"] else {}))


def _gap(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "select", "name": "theme", "label": "Type de solution qui manque", "choices": choices("theme")},
        {"kind": "radios", "name": "reason", "label": "Pourquoi", "choices": choices("gap_reason")},
        NOTE,
    ]


def _match(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "text", "name": "number", "label": "Référence de l’autre situation", "width": "medium",
         "hint": "Entière, ou sa fin : 187"},
        {"kind": "text", "name": "score", "label": "Ressemblance, de 0 à 100", "inputmode": "numeric",
         "width": "short"},
    ]  # fmt: skip


def _derogation(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "textarea", "name": "reason", "label": "Pourquoi", "rows": 4, "hint": "Des faits, pas d’appréciation"}]  # fmt: skip  # noqa: E501


def _decision(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [("true", "Accordée : la demande continue"), ("false", "Refusée : la demande s’arrête là")]
    return [{"kind": "radios", "name": "granted", "label": "Décision", "choices": options}, NOTE]


def _decision_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"granted": data["granted"]} if "granted" in data else {"granted": ""}


def _complaint(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "text", "name": "said_by", "label": "Qui se plaint"},
        {"kind": "textarea", "name": "text", "label": "Ce qui est reproché", "rows": 4, "hint": "Dans ses mots"},
    ]


def _answer(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "textarea", "name": "text", "label": "Ce qui a été répondu, et comment", "rows": 4}]


ACTS: Final = (
    ActPage("chiffres", "chiffres", "Noter les chiffres du ménage", "Enregistrer", Right.CIRCUMSTANCES,
            findings.record, FindingsForm, _findings,
            follows=("Ce qui est laissé vide reste comme avant.",
                     "Ni le donneur d’alerte, ni les partenaires ne lisent ces chiffres.")),
    ActPage("equipements", "equipements", "Noter les petits équipements", "Enregistrer", Right.REPORT,
            kits.record, forms.KitForm, _kit, _kit_given, checked=_kit_checked,
            lead="Tous, tels qu’ils sont aujourd’hui.", follows=("Le coût de ce qui est remis est calculé.",)),
    ActPage("sans-solution", "sans-solution", "Noter qu’il n’y a pas de solution", "Enregistrer", Right.REFER,
            needs.note_gap, forms.GapForm, _gap,
            lead="Quand personne ne peut répondre à un besoin, ici.",
            follows=("Aucun partenaire n’est sollicité.",
                     "Ce manque compte dans les chiffres du dispositif.")),
    ActPage("ressemblance", "ressemblance", "Noter une ressemblance", "Enregistrer", Right.MERGE,
            findings.note_match, MatchForm, _match,
            follows=("Elle n’est lue que de la coordination.",)),
    ActPage("derogation", "derogation", "Demander une dérogation", "Demander la dérogation", Right.NOTE,
            derogations.ask, forms.DerogationForm, _derogation,
            lead="Pour un ménage au-dessus des plafonds de revenus.",
            follows=("À l’examen de la demande, la coordination l’accorde ou la refuse.",
                     "Plus tard, la coordination seule la note : elle est accordée, et la situation continue.")),
    ActPage("derogation/decision", "derogation-decision", "Décider de la dérogation", "Enregistrer", Right.TRIAGE,
            derogations.decide, forms.DerogationDecision, _decision, _decision_given,
            follows=("Refusée : le ménage reçoit un courrier avec un autre contact.",
                     "Le donneur d’alerte apprend la réponse en termes généraux.")),
    ActPage("reclamation", "reclamation", "Noter une réclamation", "Enregistrer", Right.NOTE,
            complaints.receive, forms.ComplaintForm, _complaint,
            follows=("La coordination doit une réponse sous dix jours ouvrés.",)),
    ActPage("reclamation/reponse", "reclamation-reponse", "Répondre à une réclamation", "Enregistrer la réponse",
            Right.TRIAGE, complaints.answer, forms.NoteForm, _answer),
)  # fmt: skip
for _act in ACTS:
    add(router, _act)
