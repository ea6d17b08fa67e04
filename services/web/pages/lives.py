"""The other lives of a case: it waits, ends early, is a double, goes elsewhere; what is lent, what is agreed to."""

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case, Permission
from models.vocabulary import Contract, OrganisationKind, PermissionKind
from services import forms
from services.cases import circumstances, endings, loans, merging, permissions, reports, suspension, triage
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.listing import NOT_ELIGIBLE
from services.overview import desk, doubles
from services.rules.casework import Hand
from services.rules.policy import Right, knows_household, readable
from services.rules.texts.labels import choices, inside, label
from services.web.pages import act_form, answers, case_cards
from services.web.pages.act_pages import ActPage, add, bare, carry_out, of_part, show
from services.web.pages.acts import NOTE
from services.web.pages.asking import ORAL_WRITTEN
from services.web.pages.entries import readable_part
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)


def _suspension(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "radios", "name": "reason", "label": "Ce qui est attendu", "choices": choices("suspension_reason")},
        {"kind": "date", "name": "until", "label": "Revoir la situation le", "hint": "Dans six mois au plus",
         "earliest": visitor.tomorrow.isoformat(), "latest": (visitor.today + suspension.LONGEST).isoformat()},
        NOTE,
    ]  # fmt: skip


def _disqualification(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [(reason.value, label("rejection_reason", reason.value)) for reason in NOT_ELIGIBLE]
    return [{"kind": "radios", "name": "reason", "label": "Condition qui manque", "choices": options}, NOTE]


def _withdrawal(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "text", "name": "said_by", "label": "Qui l’a dit", "hint": "La personne du ménage, et comment"}, NOTE]  # fmt: skip  # noqa: E501


def _transfer(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    here = [(str(each.id), each.name) for each in endings.destinations(unit, visitor.actor)]
    chosen: list[dict[str, Any]] = []
    if here:
        chosen = [{"kind": "select", "name": "to_programme_id", "label": "Dispositif tenu sur ce Relais",
                   "optional": True, "choices": here, "blank": "Un autre, ailleurs"}]  # fmt: skip
    return [
        *chosen,
        {"kind": "text", "name": "to_name", "label": "Nom du dispositif, s’il est tenu ailleurs",
         "optional": bool(here), "hint": "Relais ne lui écrit pas : une fiche sera à lui remettre"},
        {"kind": "text", "name": "to_phone", "label": "Son téléphone", "hint": "La lettre au ménage le donne",
         "optional": True, "type": "tel", "inputmode": "tel"},
        {"kind": "checks", "name": "agreement", "label": "Accord du ménage",
         "choices": [("yes", "Le ménage est d’accord pour que ses coordonnées soient transmises")]},
        NOTE,
    ]  # fmt: skip


def _handed_over(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "text", "name": "said_to", "label": "À qui", "optional": True, "hint": "La personne, et comment"}, NOTE]  # fmt: skip  # noqa: E501


class MergeChosen(forms.Form):
    """The case that goes on, among those proposed, or what it is looked for by."""

    into_number: forms.Line = ""
    words: forms.Line = ""
    note: forms.FreeText = ""


def _likely(unit: UnitOfWork, visitor: Visitor, case: Case, typed: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = doubles.proposed(unit, visitor.actor, case, typed)
    sought = "Sa référence ou la fin de celle-ci, le nom du ménage, sa rue, son téléphone"
    if not found:
        return [{"kind": "text", "name": "words", "label": "Situation qui continue", "hint": sought}]
    return [
        {"kind": "radios", "name": "into_number", "label": "Situation qui continue", "optional": True,
         "hint": f"La situation {case.number} s’arrête, l’autre continue",
         "choices": [_choice(unit, visitor, each) for each in found]},
        {"kind": "text", "name": "words", "label": "Une autre situation", "optional": True, "hint": sought},
    ]  # fmt: skip


def _choice(unit: UnitOfWork, visitor: Visitor, likeness: doubles.Likeness) -> tuple[str, str, str]:
    case, dwelling = likeness.case, likeness.case.dwelling
    known = [case.household.name, dwelling.street] if knows_household(unit, visitor.actor, case) else []
    told = [label("case_state", case.state), case_cards.alike_words(likeness)]
    return (
        case.number,
        " · ".join([case.number, ", ".join([*known, dwelling.commune.name])]),
        " · ".join(each for each in told if each),
    )


def _merge(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [NOTE]


def _merge_chosen(unit: UnitOfWork, hand: Hand, case_id: UUID, form: MergeChosen) -> object:
    into = doubles.meant(unit, hand.actor, case_id, chosen=form.into_number, words=form.words)
    return merging.merge(unit, hand, case_id, forms.Merge(into_number=into, note=form.note))


def _reassignment(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    found = desk.organisations(unit, visitor.actor, OrganisationKind.OPERATOR)
    options = [(str(each.id), each.name) for each in found if each.id != case.operator_id]
    return [{"kind": "radios", "name": "operator_id", "label": "Nouvel opérateur", "choices": options}, NOTE]


def _loan(_unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "text", "name": "item", "label": "Appareil prêté", "hint": "Wattmètre, caméra thermique…"},
        {"kind": "date", "name": "due_on", "label": "À rendre le", "earliest": visitor.tomorrow.isoformat()},
    ]


def _circumstances(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    household, last = case.household, visitor.today.year
    years = [(str(year), str(year)) for year in range(last - 1, last - 1 - circumstances.YEARS_BACK, -1)]
    known = {True: "true", False: "false", None: ""}[household.breathing]
    return [
        {"kind": "text", "name": "reference_income", "label": "Revenu fiscal de référence", "inputmode": "numeric",
         "width": "short", "optional": True, "hint": "En euros, sur l’avis d’impôt ; l’avis n’est pas à garder",
         "value": _typed(household.reference_income)},
        {"kind": "select", "name": "income_year", "label": "Revenus de l’année", "choices": years, "optional": True,
         "value": _typed(household.income_year or last - 1)},
        {"kind": "text", "name": "people", "label": "Nombre de personnes", "inputmode": "numeric", "width": "short",
         "optional": True, "value": _typed(household.people)},
        {"kind": "select", "name": "breathing", "label": "Troubles respiratoires liés au logement", "optional": True,
         "choices": [("true", "Oui"), ("false", "Non")], "blank": "Pas demandé", "value": known,
         "hint": "Oui ou non, sans autre détail"},
        *act_form.health_agreement(unit, case),
    ]  # fmt: skip


def _typed(number: int | None) -> str:
    return "" if number is None else str(number)


def _permission(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    """What a household may agree to; that the authority knows its name is asked where it does not know it anyway."""
    partners = desk.organisations(unit, visitor.actor, OrganisationKind.PARTNER)
    subsidised = case.operator is not None and case.operator.contract == Contract.SUBSIDY
    kinds = [each for each in choices("permission_kind") if subsidised or each[0] != PermissionKind.NAME_TO_CARRIER]
    return [
        {"kind": "radios", "name": "kind", "label": "À quoi le ménage est d’accord",
         "hint": "Le rapport ne s’ouvre dans Relais qu’à un partenaire ; à tout autre, c’est à vous de le remettre",
         "choices": kinds},
        {"kind": "select", "name": "organisation_id", "label": "Avec quel partenaire, s’il s’agit d’un partenaire",
         "optional": True, "choices": [(str(each.id), each.name) for each in partners]},
        {"kind": "select", "name": "mode", "label": "Accord donné", "choices": ORAL_WRITTEN, "value": "oral"},
        {"kind": "date", "name": "given_on", "label": "Le", "value": visitor.today.isoformat(),
         "latest": visitor.today.isoformat()},
    ]  # fmt: skip


def _permission_checked(unit: UnitOfWork, _visitor: Visitor, case: Case, data: FormData) -> dict[str, str]:
    typed = readable_part(forms.PermissionForm, data)
    partner_id, given_on = typed["organisation_id"], typed["given_on"]
    return permissions.mistakes(unit, case, typed["kind"], partner_id=partner_id, given_on=given_on)


ACTS: Final = (
    ActPage("suspendre", "suspendre", "Mettre la situation en pause", "Mettre en pause", Right.SUSPEND,
            suspension.suspend, forms.Suspension, _suspension,
            follows=("Les échéances et les relances s’arrêtent, celles des partenaires aussi.",
                     "Le jour choisi, la coordination revoit la situation.",
                     "Un danger signalé reste relancé.")),
    ActPage("reprendre", "reprendre", "Reprendre la situation", "Reprendre", Right.SUSPEND, bare(suspension.resume),
            lead="La situation reprend là où elle en était.",
            follows=("Chaque échéance est reculée du temps qu’a duré la pause.",)),
    ActPage("diagnostic", "diagnostic", "Diagnostic terminé", "Le diagnostic est terminé", Right.REPORT,
            bare(reports.finish_diagnosis),
            lead="Il ne reste qu’à remettre le rapport au ménage ; son échéance ne change pas."),
    ActPage("non-eligible", "non-eligible", "Conditions non réunies", "Arrêter la situation", Right.DISQUALIFY,
            endings.disqualify, forms.Disqualification, _disqualification, danger=True,
            follows=("Le donneur d’alerte apprend la raison en termes généraux.",
                     "Le ménage reçoit un courrier avec un autre contact.")),
    ActPage("retrait", "retrait", "Arrêter à la demande du ménage", "Arrêter l’accompagnement", Right.WITHDRAW,
            endings.withdraw, forms.Withdrawal, _withdrawal, danger=True,
            follows=("Tous ses accords sont retirés : plus aucun appel ni message.",
                     "Une visite prévue est annulée ; les partenaires sont prévenus et n’ont plus accès à rien.",
                     "Le ménage reçoit un courrier qui le confirme.")),
    ActPage("transmettre", "transmettre", "Transmettre à un autre dispositif", "Transmettre la situation",
            Right.TRANSFER, endings.transfer, forms.Transfer, _transfer, danger=True,
            follows=("L’autre dispositif reçoit l’identité, l’adresse, les motifs, ce qui presse ; ni revenu, ni note.",
                     "Tenu ailleurs, rien ne lui parvient seul : une fiche à imprimer est à lui remettre.",
                     "Le ménage et le donneur d’alerte l’apprennent quand c’est fait.",
                     "Une visite prévue est annulée, les demandes aux partenaires sont retirées.",
                     "Trente jours après, les coordonnées du ménage sont effacées ici.")),
    ActPage("fiche-remise", "fiche-remise", "Dire que la fiche est remise", "La fiche est remise", Right.TRANSFER,
            endings.confirm_transfer, forms.HandedOver, _handed_over,
            follows=("Le ménage reçoit un courrier qui dit quel service l’appellera.",
                     "Le donneur d’alerte est prévenu.")),
    ActPage("reunir", "reunir", "Réunir à une autre situation", "Réunir", Right.MERGE, _merge_chosen, MergeChosen,
            _merge, danger=True, lead="Le même ménage a deux situations : une seule continue.", proposed=_likely,
            follows=("Les demandes reçues passent sur la situation qui continue.",
                     "Une visite prévue est annulée, les demandes aux partenaires sont retirées.",
                     "La réunion peut être défaite : la situation revit alors à examiner, sans ce qui a été annulé.")),
    ActPage("separer", "separer", "Défaire la réunion", "Séparer les situations", Right.MERGE, bare(merging.undo),
            lead="Ce sont finalement deux ménages.",
            follows=("La situation revit, à examiner de nouveau, avec les demandes reçues pour elle.",)),
    ActPage("reaffecter", "reaffecter", "Confier à un autre opérateur", "Confier la situation", Right.REASSIGN,
            triage.reassign, forms.Reassignment, _reassignment,
            follows=("L’ancien opérateur ne voit plus la situation.",
                     "Ses tâches passent au nouveau, qui est prévenu ; leurs échéances ne changent pas.",
                     "Une visite prévue garde son jour ; le ménage apprend que quelqu’un d’autre vient.")),
    ActPage("revenus", "revenus", "Noter les revenus du ménage", "Enregistrer", Right.CIRCUMSTANCES,
            circumstances.record, circumstances.CircumstancesForm, _circumstances,
            follows=("Relais situe le ménage par rapport aux plafonds de l’Anah.",
                     "L’annuaire en tient compte pour proposer des partenaires.",
                     "Ni le donneur d’alerte, ni les partenaires ne lisent ces chiffres.")),
    ActPage("prets", "pret", "Prêter un appareil", "Enregistrer le prêt", Right.LEND, loans.lend, forms.LoanForm, _loan,
            follows=("Au jour du retour, l’opérateur est prévenu si l’appareil n’est pas rendu.",)),
    ActPage("accords", "accord", "Ajouter un accord du ménage", "Enregistrer l’accord", Right.PERMISSIONS,
            permissions.give, forms.PermissionForm, _permission, checked=_permission_checked),
)  # fmt: skip
for _act in ACTS:
    add(router, _act)


@router.post("/situations/{case_id}/prets/{loan_id}/rendu")
def give_back(request: Request, visitor: SignedIn, case_id: UUID, loan_id: UUID, data: Entered) -> Response:
    """The device is back."""
    _end_loan(visitor, case_id, loan_id, data, end="rendu")
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "pret-rendu")


@router.post("/situations/{case_id}/prets/{loan_id}/perdu")
def write_off(request: Request, visitor: SignedIn, case_id: UUID, loan_id: UUID, data: Entered) -> Response:
    """The device is lost."""
    _end_loan(visitor, case_id, loan_id, data, end="perdu")
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "pret-perdu")


def _end_loan(
    visitor: Visitor, case_id: UUID, loan_id: UUID, data: FormData, *, end: Literal["rendu", "perdu"]
) -> None:
    def act(unit: UnitOfWork) -> None:
        if loan_id not in {loan.id for loan in loans.of_case(unit, visitor.actor, case_id)}:
            raise NotFound
        (loans.give_back if end == "rendu" else loans.write_off)(unit, visitor.hand, loan_id)

    visitor.once(data, f"prets/{loan_id}/{end}", act)


@router.get("/situations/{case_id}/accords/{permission_id}/retirer")
def ask_revocation(request: Request, visitor: SignedIn, case_id: UUID, permission_id: UUID) -> Response:
    """What stops when an agreement is taken back."""
    return show(request, visitor, case_id, _revocation(visitor, case_id, permission_id), Form())


@router.post("/situations/{case_id}/accords/{permission_id}/retirer")
def revoke(request: Request, visitor: SignedIn, case_id: UUID, permission_id: UUID, data: Entered) -> Response:
    """Take it back."""
    return carry_out(request, visitor, case_id, _revocation(visitor, case_id, permission_id), data)


_RECEIPT: Final = "Le ménage reçoit un courrier qui le confirme ; la coordination est prévenue."
_STOPS: Final[dict[PermissionKind, tuple[str, ...]]] = {
    PermissionKind.CONTACT: (
        "L’accompagnement s’arrête : plus aucun appel ni message, une visite prévue est annulée.",
        "Les partenaires sont prévenus et n’ont plus accès à rien ; tous les autres accords tombent.",
        "Le ménage reçoit un courrier qui le confirme.",
    ),
    PermissionKind.SMS: ("Plus aucun SMS ne part, ceux qui attendaient non plus.", _RECEIPT),
    PermissionKind.REPORT_TO_ALERT_GIVER: (
        "Le rapport n’est plus à remettre au donneur d’alerte, sa page ne le lui propose plus.",
        _RECEIPT,
    ),
    PermissionKind.NAME_TO_CARRIER: (
        "La coordination suit l’avancement sans plus savoir qui est le ménage.",
        "Le ménage reçoit un courrier qui le confirme.",
    ),
    PermissionKind.HOME_VISIT: (
        "Une visite prévue est annulée ; s’il n’y en a pas encore eu, l’accompagnement s’arrête là.",
        _RECEIPT,
    ),
    PermissionKind.PHOTOS: ("Les photos du logement sont à effacer des documents.", _RECEIPT),
    PermissionKind.CONSUMPTION: ("Les relevés de consommation ne sont plus demandés.", _RECEIPT),
    PermissionKind.HEALTH: ("Ce qui est noté de la santé est effacé.", _RECEIPT),
    PermissionKind.REPORT_TO_REFERENT: ("Le rapport n’est plus à remettre au travailleur social référent.", _RECEIPT),
    PermissionKind.REPORT_TO_PARTNER: ("Ce partenaire ne peut plus lire le rapport, tout de suite.", _RECEIPT),
    PermissionKind.REPORT_TO_COMMITTEE: ("Le rapport n’est plus à remettre à la commission d’orientation.", _RECEIPT),
    PermissionKind.LANDLORD: (
        "Le bailleur ne doit plus être contacté : une médiation en cours est retirée, le partenaire en est prévenu.",
        _RECEIPT,
    ),
    PermissionKind.SHARE_WITH_PARTNER: (
        "Une demande en cours chez ce partenaire est retirée ; il en est prévenu.",
        "Son lien ne sert plus, les coordonnées du ménage lui sont fermées.",
        _RECEIPT,
    ),
}


def _revocation(visitor: Visitor, case_id: UUID, permission_id: UUID) -> ActPage:
    """The page for one agreement, which must be of this case."""
    with visitor.runtime.database.read() as unit:
        permission = _of_case(unit, visitor, case_id, permission_id)
        kind = PermissionKind(permission.kind)
        partner = desk.organisation_name(unit, permission.organisation_id) if permission.organisation_id else ""
    words = label("permission_kind", kind)
    page = ActPage(
        "retirer", "accord-retire", "Retirer un accord du ménage",
        "Arrêter l’accompagnement" if kind is PermissionKind.CONTACT else "Retirer l’accord",
        Right.PERMISSIONS, bare(permissions.revoke),
        lead=f"{words} : {partner}" if partner else f"Il s’agit de : {inside(words)}.",
        follows=_STOPS[kind], danger=True,
    )  # fmt: skip
    return of_part(page, "accords", permission_id)


def _of_case(unit: UnitOfWork, visitor: Visitor, case_id: UUID, permission_id: UUID) -> Permission:
    readable(unit, visitor.actor, case_id)
    permission = unit.session.get(Permission, permission_id)
    if permission is None or permission.case_id != case_id:
        raise NotFound
    return permission
