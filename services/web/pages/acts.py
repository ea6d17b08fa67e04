"""What can be done to a case, from its acceptance to its end: each act with its page, its fields and its use case."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from fastapi import APIRouter
from starlette.datastructures import FormData

from models.cases import Case, Referral
from models.lifecycles import LOSSES
from models.vocabulary import CallResult, Danger, Known, Loop, OrganisationKind
from services import forms
from services.cases import addresses, calls, closing, follow_up, referrals, triage, visits
from services.foundation.database import UnitOfWork
from services.overview import desk
from services.rules.policy import Right
from services.rules.presence import officers
from services.rules.texts.labels import choices, inside, label
from services.web.pages.act_pages import ActPage, add, bare
from services.web.pages.case_view import RESULTS
from services.web.pages.entries import Mistakes, moment
from services.web.pages.visitor import Visitor

router = APIRouter(include_in_schema=False)
NOTE: Final = {
    "kind": "textarea",
    "name": "note",
    "label": "Note pour l’équipe",
    "hint": "Des faits, pas d’appréciation",
    "optional": True,
    "rows": 3,
}
YES_NO: Final = (("true", "Oui"), ("false", "Non"), ("", "Je ne sais pas"))
HELP: Final = "aide-"
CRITERION: Final = "critere-"
HELPS: Final = (
    (Loop.CONFIRMED.value, "Oui"),
    (Loop.DISPUTED.value, "Non"),
    (Loop.UNVERIFIABLE.value, "Impossible à savoir désormais"),
    ("", "À redemander"),
)


def _operators(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    found = desk.organisations(unit, visitor.actor, OrganisationKind.OPERATOR)
    options = [(str(each.id), each.name) for each in found]
    only = options[0][0] if len(options) == 1 else ""
    return [{"kind": "radios", "name": "operator_id", "label": "Opérateur chargé de la visite", "choices": options, "value": only}]  # fmt: skip  # noqa: E501


def _rejection(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "radios", "name": "reason", "label": "Motif", "choices": choices("rejection_reason")}, NOTE]


def _numbers(case: Case) -> list[dict[str, Any]]:
    """Which one was called, where there are several."""
    numbers = [(str(phone.id), phone.number) for phone in case.household.own_phones]
    asked = {"kind": "radios", "name": "phone_id", "label": "Numéro appelé", "choices": numbers}
    return [asked] if len(numbers) > 1 else []


def _call(_unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    expected = calls.expected(case)
    known = [each for each in (*RESULTS, CallResult.CALL_BACK) if each in expected]
    results = [(result.value, label("call_result", result.value)) for result in known]
    asked = [*_numbers(case), {"kind": "radios", "name": "result", "label": "Résultat de l’appel", "choices": results}]
    if CallResult.CALL_BACK not in expected:
        return [*asked, NOTE]
    back = {"kind": "date", "name": "call_back_on", "label": "À rappeler le", "optional": True,
            "earliest": visitor.tomorrow.isoformat(), "hint": "Si la personne le demande"}  # fmt: skip
    return [*asked, back, NOTE]


def _number(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"name": "phone", "label": "Nouveau numéro", "kind": "text", "type": "tel", "inputmode": "tel", "width": "medium"}]  # fmt: skip  # noqa: E501


def _email(_unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    return [{"name": "email", "label": "Adresse électronique du ménage", "kind": "text", "type": "email",
             "value": case.household.email or ""}]  # fmt: skip


def _visit(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    choosable = [(str(each.person_id), each.name) for each in officers(unit, case)]
    day, standing = visitor.today.isoformat(), visits.to_come(unit, case)
    at = standing.starts_at.astimezone(visitor.zone) if standing else None
    return [
        {"kind": "date", "name": "starts_at", "label": "Jour", "earliest": day,
         "value": at.date().isoformat() if at else ""},
        {"kind": "time", "name": "hour", "label": "Heure", "value": f"{at:%H:%M}" if at else "14:00"},
        {"kind": "select", "name": "minutes", "label": "Durée", "value": "120",
         "choices": [("60", "1 heure"), ("90", "1 heure et demie"), ("120", "2 heures"), ("180", "3 heures")]},
        {"kind": "select", "name": "officer_id", "label": "Chargé de visite", "choices": choosable, "optional": True,
         "blank": "L’équipe de l’opérateur"},
        {"kind": "fold", "label": "Visite à deux, ou avec quelqu’un d’autre", "fields": [
            {"kind": "select", "name": "second_officer_id", "label": "Second chargé de visite", "choices": choosable,
             "optional": True, "blank": "Personne d’autre"},
            {"kind": "text", "name": "with_whom", "label": "Qui d’autre vient", "optional": True,
             "hint": "Travailleur social, interprète, tuteur…"},
        ]},
    ]  # fmt: skip


def _closed(unit: UnitOfWork, _visitor: Visitor, case: Case, typed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is asked of a day on which nobody works."""
    try:
        day = date.fromisoformat(str(typed.get("starts_at", "")))
    except ValueError:
        return []
    said = [("yes", "Le ménage veut bien ce jour-là, et quelqu’un viendra")]
    asked = {"kind": "checks", "name": "on_closed_day", "label": "Jour fermé", "choices": said}
    return [asked] if visits.is_closed(unit, case, day) else []


EARLIEST, LATEST = 7, 21
"""Hours between which somebody may ring at a door: any other is a slip, of which the household would hear."""


def _visit_given(visitor: Visitor, data: FormData) -> dict[str, Any]:
    starts_at = moment(data, visitor.zone, day="starts_at", hour="hour")
    if not EARLIEST <= starts_at.hour < LATEST:
        raise Mistakes({"hour": f"Une visite commence entre {EARLIEST} h et {LATEST} h : vérifiez l’heure."})
    return {"starts_at": starts_at, "officer_id": data.get("officer_id") or None}


def _dangers() -> list[tuple[str, str]]:
    """Whoever was there says which."""
    return [each for each in choices("danger") if each[0] != Danger.UNSPECIFIED]


def _held(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    dangers = [("", "Aucun danger"), *_dangers()]
    return [{"kind": "radios", "name": "danger", "label": "Danger constaté", "choices": dangers, "value": ""}, NOTE]


def _past(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    day, *rest = _visit(unit, visitor, case)
    asked = day | {"label": "Jour de la visite", "latest": visitor.today.isoformat()}
    return [{name: value for name, value in asked.items() if name != "earliest"}, *rest, *_held(unit, visitor, case)]


def _lost(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [(state.value, label("visit_state", state.value)) for state in LOSSES]
    why = {"kind": "select", "name": "reason", "label": "Pourquoi", "optional": True,
           "choices": choices("loss_reason")}  # fmt: skip
    return [{"kind": "radios", "name": "state", "label": "Ce qui s’est passé", "choices": options}, why, NOTE]


def _danger(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "radios", "name": "danger", "label": "Danger constaté", "choices": _dangers()}]


def _follow_up(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    results = [(result.value, label("call_result", result.value)) for result in RESULTS]
    return [
        *_numbers(case),
        {"kind": "radios", "name": "result", "label": "Résultat de l’appel", "choices": results},
        {"kind": "radios", "name": "still_cold", "label": "A encore froid", "choices": YES_NO, "value": ""},
        {"kind": "radios", "name": "still_in_arrears", "label": "A encore des factures impayées",
         "choices": YES_NO, "value": ""},
        *(_help(referral) for referral in follow_up.helps(unit, case.id)),
        NOTE,
    ]  # fmt: skip


def _help(referral: Referral) -> dict[str, Any]:
    """What the household says of a help that its partner calls done."""
    about = f"{inside(label('theme', referral.need.theme))}, {referral.partner.name}"
    return {"kind": "radios", "name": f"{HELP}{referral.id}", "label": f"L’aide est-elle venue ? ({about})",
            "choices": HELPS, "value": ""}  # fmt: skip


def _follow_up_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    helps = {name.removeprefix(HELP): said for name, said in data.multi_items() if name.startswith(HELP) and said}
    said = {name: data.get(name) or None for name in ("phone_id", "still_cold", "still_in_arrears")}
    return said | {"helps": helps}


def _contact(_unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    ways = (("call", "Par téléphone : l’opérateur appelle"), ("sms", "Par SMS : le ménage répond 1, 2 ou 3"),
            ("email", "Par e-mail : le ménage répond par un bouton"))  # fmt: skip
    return [{"kind": "radios", "name": "contact_by", "label": "Le ménage préfère", "choices": ways,
             "value": case.contact_by}]  # fmt: skip


def _closure(_unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    options = [(outcome.value, label("closure_outcome", outcome.value)) for outcome in closing.outcomes(case)]
    known: dict[str, Any] = {"kind": "radios", "choices": choices("known"), "value": "unknown", "optional": True}
    criteria = [known | {"name": f"{CRITERION}{code}", "label": words} for code, words in choices("exit_criterion")]
    card = {"kind": "fold", "label": "Bilan de sortie", "fields": criteria}
    return [{"kind": "radios", "name": "outcome", "label": "Issue", "choices": options}, card, NOTE]


def _closure_given(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    """A scorecard of which nothing is known is none."""
    said = {code: data.get(f"{CRITERION}{code}") or Known.UNKNOWN for code, _ in choices("exit_criterion")}
    return {"criteria": said if set(said.values()) - {Known.UNKNOWN} else {}}


def _given_back(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    """Asked where another service has the household's sheet."""
    said = [("yes", f"{case.transferred_to} a dit qu’il ne suit pas ce ménage")]
    asked = {"kind": "checks", "name": "given_back", "label": "Ménage transmis", "choices": said}
    return [asked] if closing.is_elsewhere(unit, case) else []


ACTS: Final = (
    ActPage("accepter", "accepter", "Accepter la demande", "Accepter", Right.TRIAGE, triage.accept,
            forms.Acceptance, _operators,
            follows=("L’opérateur est prévenu, avec la date avant laquelle appeler le ménage.",
                     "Le donneur d’alerte le lit sur la page de ses demandes ; aucun message ne part.")),
    ActPage("refuser", "refuser", "Refuser la demande", "Refuser", Right.TRIAGE, triage.reject,
            forms.Rejection, _rejection, danger=True,
            follows=("Le donneur d’alerte apprend la raison en termes généraux.",
                     "Le ménage reçoit un courrier avec un autre contact.")),
    ActPage("appel", "appel", "Noter un appel", "Enregistrer l’appel", Right.CALL, calls.record_call,
            forms.CallForm, _call, lambda _visitor, data: {"phone_id": data.get("phone_id") or None}),
    ActPage("numero", "numero", "Donner un autre numéro", "Enregistrer le numéro", Right.CORRECT,
            calls.correct_number, forms.NumberForm, _number),
    ActPage("courriel", "courriel", "Corriger l’adresse électronique", "Enregistrer l’adresse", Right.CORRECT,
            addresses.mend_household_address, forms.HouseholdAddressForm, _email,
            follows=("Les messages suivants y partent, et la date de la visite à venir s’il y en a une.",)),
    ActPage("courriel/retirer", "courriel-retirer", "Retirer l’adresse électronique", "Retirer l’adresse",
            Right.CORRECT, bare(addresses.remove_household_address),
            follows=("Les messages suivants partent par SMS ou par courrier, comme le prévoit le parcours.",
                     "Les nouvelles se demandent par téléphone.")),
    ActPage("visite", "visite", "Fixer la visite", "Fixer la visite", Right.VISIT, visits.plan_visit,
            forms.VisitForm, _visit, _visit_given, proposed=_closed,
            follows=("Le chargé de visite reçoit une invitation pour son agenda.",
                     "Le ménage reçoit une confirmation, puis des rappels avant la visite.")),
    ActPage("visite/deplacer", "visite-deplacer", "Déplacer la visite", "Déplacer la visite", Right.VISIT,
            visits.move_visit, forms.VisitForm, _visit, _visit_given, proposed=_closed,
            follows=("L’invitation est mise à jour, le ménage reçoit la nouvelle date.",)),
    ActPage("visite/faite", "visite-faite", "La visite a eu lieu", "Enregistrer la visite", Right.VISIT,
            visits.hold_visit, forms.HeldVisit, _held,
            follows=("Le rapport est à remettre au ménage sous quinze jours.",
                     "Un danger constaté est signalé à la coordination dans la minute.")),
    ActPage("visite/deja-faite", "visite-faite", "Noter une visite déjà faite", "Enregistrer la visite", Right.VISIT,
            visits.note_held_visit, forms.PastVisit, _past, _visit_given,
            lead="Pour une visite qui n’avait pas été fixée dans Relais.",
            follows=("Aucune invitation ni rappel ne part pour ce qui est passé.",
                     "Le rapport est à remettre à compter du jour de la visite.")),
    ActPage("visite/perdue", "visite-perdue", "La visite n’a pas eu lieu", "Enregistrer", Right.VISIT,
            visits.lose_visit, forms.LostVisit, _lost,
            lead="Une absence n’est pas une annulation : le ménage ne reçoit pas le même message."),
    ActPage("danger", "danger", "Signaler un danger", "Signaler le danger", Right.DANGER, visits.report_danger,
            forms.DangerForm, _danger, danger=True,
            follows=("La coordination est prévenue tout de suite, puis relancée jusqu’à la prise en charge.",
                     "Une situation terminée le reste.")),
    ActPage("danger-pris-en-charge", "danger-pris-en-charge", "Prendre le danger en charge", "Je m’en occupe",
            Right.TAKE_DANGER, bare(visits.acknowledge_danger),
            lead="Les alertes s’arrêtent dès que quelqu’un s’en occupe."),
    ActPage("passer-au-suivi", "passer-au-suivi", "Passer au suivi", "Passer au suivi", Right.REFER,
            bare(referrals.drop_need), lead="Il n’y a plus rien à orienter : les appels de suivi commencent."),
    ActPage("suivi", "suivi", "Noter l’appel de suivi", "Enregistrer l’appel", Right.FOLLOW_UP,
            follow_up.record_follow_up, forms.FollowUpForm, _follow_up, _follow_up_given),
    ActPage("contact", "contact", "Comment demander des nouvelles", "Enregistrer", Right.FOLLOW_UP,
            follow_up.choose_contact, forms.ContactForm, _contact,
            follows=("À un, six et douze mois, la question part cinq jours avant l’appel prévu.",
                     "Si le ménage ne répond pas, ou demande à être rappelé, l’opérateur l’appelle.")),
    ActPage("cloturer", "cloturer", "Terminer la situation", "Terminer", Right.CLOSE, closing.close_case,
            forms.ClosureForm, _closure, _closure_given, possible=closing.check_closable,
            follows=("Le ménage reçoit un mot de fin ; après un décès rien, et pas de courrier s’il est parti.",
                     "Le donneur d’alerte reçoit une ligne de nouvelles.")),
    ActPage("renoncer", "renoncer", "Renoncer : ménage injoignable", "Renoncer", Right.GIVE_UP,
            bare(calls.give_up), danger=True, possible=calls.check_enough_tried,
            lead="Possible après assez d’appels, sur plusieurs jours et à plusieurs moments de la journée, et une "
                 "fois passé le temps laissé au ménage pour répondre au SMS et au courrier.",
            follows=("Le ménage reçoit un courrier : la porte reste ouverte.",)),
    ActPage("rouvrir", "rouvrir", "Rouvrir la situation", "Rouvrir", Right.REOPEN, closing.reopen_case,
            forms.CaseReopening, _given_back,
            lead="La même situation reprend, avec toute son histoire.",
            follows=("Si le ménage avait demandé d’arrêter, demandez-lui d’abord s’il veut être rappelé : son accord "
                     "est noté.",)),
)  # fmt: skip
for _act in ACTS:
    add(router, _act)
