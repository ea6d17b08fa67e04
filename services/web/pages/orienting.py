"""After a request: the partner's answer and news on his behalf, what the household says of it, its other ends."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData

from models.cases import Case, Referral
from models.lifecycles import REFERRAL_MOVES, ReferralAction
from models.pathway import Pathway
from models.vocabulary import ReferralState, WithdrawReason
from services import forms
from services.cases import addresses, partner_work, referrals, rerouting
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.overview import desk
from services.rules.casework import Hand
from services.rules.policy import Right
from services.rules.published import pathway_of
from services.rules.texts.labels import choices, inside, label
from services.web.pages.act_pages import ActPage, Fields, Given, add_for_referral, of_part
from services.web.pages.entries import Mistakes, moment
from services.web.pages.visitor import Visitor

router = APIRouter(include_in_schema=False)
HOWS: Final = (("téléphone", "Par téléphone"), ("e-mail", "Par e-mail"), ("courrier", "Par courrier"),
               ("portail", "Sur son portail"), ("réunion", "En réunion"))  # fmt: skip


Told = tuple[str, type[forms.Answer], partner_work.Say]


def _told(words: Mapping[str, str]) -> dict[str, Told]:
    return {code: (said, *partner_work.SAYS[code]) for code, said in words.items()}


ANSWERS: Final = _told({
    "accept": "Il accepte",
    "decline": "Il décline",
    "ask": "Il pose une question",
    "acknowledge": "Il l’étudie et répondra",
    "propose": "Il accepte et donne un jour au ménage",
})  # fmt: skip
NEWS: Final = _told({
    "propose": "Il donne un jour au ménage",
    "start": "L’aide a commencé",
    "report_progress": "L’aide est en cours",
    "hold": "L’aide attend quelque chose",
    "resume": "L’aide reprend",
    "complete": "L’aide est terminée",
    "fail": "L’aide n’a pas abouti",
})  # fmt: skip
SAID: Final = (
    {"kind": "text", "name": "said_by", "label": "Qui l’a dit", "hint": "Nom et fonction chez le partenaire"},
    {"kind": "radios", "name": "how", "label": "Comment", "choices": HOWS, "value": "téléphone", "two": True},
    {"kind": "text", "name": "file_number", "label": "Numéro de dossier chez le partenaire", "optional": True,
     "width": "medium"},
    {"kind": "textarea", "name": "note", "label": "Ce qu’il a dit", "optional": True, "rows": 3,
     "hint": "La question, ou une précision"},
)  # fmt: skip

_MEETING: Final = (
    {"kind": "date", "name": "meets_at", "label": "S’il donne un jour, le rendez-vous", "optional": True},
    {"kind": "time", "name": "meets_hour", "label": "Heure du rendez-vous", "optional": True},
)


def _possible(table: Mapping[str, Told], state: str) -> list[tuple[str, str]]:
    """What may be told of a referral where it is now."""
    return [
        (code, words)
        for code, (words, _, _) in table.items()
        if (ReferralState(state), ReferralAction(code)) in REFERRAL_MOVES
    ]


def _answer_fields(referral: Referral, _pathway: Pathway) -> Fields:
    fields = (
        {"kind": "radios", "name": "answer", "label": "Sa réponse", "choices": _possible(ANSWERS, referral.state)},
        {"kind": "select", "name": "reason", "label": "S’il décline, pourquoi", "optional": True,
         "choices": choices("decline_reason")},
        *_MEETING,
        *SAID,
    )  # fmt: skip
    return lambda _unit, _visitor, _case: fields


def _news_fields(referral: Referral, pathway: Pathway) -> Fields:
    options = _possible(NEWS, referral.state)
    offered = {code for code, _ in options}
    given: list[dict[str, Any]] = [*_MEETING] if "propose" in offered else []
    if "hold" in offered:
        given += [
            {"kind": "select", "name": "hold_reason", "label": "Si elle attend, qui", "optional": True,
             "choices": choices("hold_reason")},
            {"kind": "date", "name": "until", "label": "Si elle attend, la revoir le", "optional": True,
             "hint": f"Dans {pathway.hold_days} jours au plus"},
        ]  # fmt: skip
    given += [
        {"kind": "select", "name": "outcome", "label": "Si elle est terminée, le résultat", "optional": True,
         "choices": choices("referral_outcome")},
        {"kind": "select", "name": "reason", "label": "Si elle n’a pas abouti, pourquoi", "optional": True,
         "choices": choices("failure_reason")},
    ]  # fmt: skip
    first = {"kind": "radios", "name": "answer", "label": "Où en est l’aide", "choices": options}
    return lambda _unit, _visitor, _case: (first, *given, *SAID)


def _yes_fields(referral: Referral) -> Fields:
    fields = (
        {"kind": "text", "name": "said_by", "label": "Qui a dit oui", "value": referral.partner.name,
         "hint": "Nom et fonction, si vous les avez"},
        {"kind": "textarea", "name": "note", "label": "Ce qu’il a dit", "optional": True, "rows": 2},
    )  # fmt: skip
    return lambda _unit, _visitor, _case: fields


def _said_yes(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    said_by = str(data.get("said_by", "")).strip()
    if not said_by:
        raise Mistakes({"said_by": "Dites qui a donné cette réponse."})
    how = str(data.get("how", ""))
    return {"on_behalf": {"said_by": said_by, "how": how if how in dict(HOWS) else HOWS[0][0]}}


def _question_fields(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    hint = "Il la lit sans se connecter : ni nom, ni adresse, ni numéro"
    return [{"kind": "textarea", "name": "note", "label": "Votre réponse", "hint": hint, "rows": 4}]


def _withdrawal(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [(reason.value, label("withdraw_reason", reason.value)) for reason in TAKEN_BACK]
    return [{"kind": "radios", "name": "reason", "label": "Motif", "choices": options}]


def _confirmation(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    said = (("true", "Le ménage dit que l’aide est venue"), ("false", "Le ménage ne peut plus être interrogé"))
    return [{"kind": "radios", "name": "verified", "label": "Ce que dit le ménage", "choices": said}]


def _dispute(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "textarea", "name": "text", "label": "Ce que dit le ménage", "rows": 3,
             "hint": "Des faits : ce qui devait être fait, ce qui ne l’a pas été"}]  # fmt: skip


def _reopening(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {
            "kind": "textarea",
            "name": "note",
            "label": "Pourquoi demander à nouveau",
            "rows": 3,
            "hint": "Le partenaire peut le lire",
        }
    ]


def _voiding(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [
        {"kind": "radios", "name": "reason", "label": "L’erreur", "choices": choices("void_reason")},
        {"kind": "textarea", "name": "note", "label": "Ce qui s’est passé", "optional": True, "rows": 3},
    ]


def _confirm(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: forms.Confirmation) -> object:
    return partner_work.confirm(unit, hand, referral_id, verified=form.verified)


def _unanswered(_unit: UnitOfWork, _hand: Hand, _referral_id: UUID, _form: object) -> None:
    """Each answer has a use case of its own: see `_for`."""
    raise Mistakes({"answer": "Choisissez une réponse."})


TAKEN_BACK: Final = (
    WithdrawReason.NEED_GONE,
    WithdrawReason.HOUSEHOLD_REFUSED,
    WithdrawReason.ANOTHER_PARTNER,
    WithdrawReason.OTHER,
)
"""Why somebody takes a request back; the other reasons are those of an agreement or of a case that ends."""
PAGES: Final = {page.path: page for page in (
    ActPage("reponse", "reponse", "Noter la réponse du partenaire", "Enregistrer sa réponse",
            Right.ANSWER_FOR_PARTNER, _unanswered),
    ActPage("oui", "reponse", "Oui par téléphone", "Enregistrer son accord", Right.ANSWER_FOR_PARTNER, referrals.accept,
            forms.Answer, given=_said_yes,
            follows=("Il reçoit le rappel de ce qu’il prend et de quoi donner des nouvelles.",
                     "Le ménage apprend par courrier qui va l’appeler.")),
    ActPage("nouvelles", "nouvelles", "Noter les nouvelles du partenaire", "Enregistrer les nouvelles",
            Right.ANSWER_FOR_PARTNER, _unanswered),
    ActPage("repondre", "repondre", "Répondre à la question du partenaire", "Répondre", Right.REFER,
            referrals.answer_question, forms.Question, _question_fields),
    ActPage("retirer", "retirer", "Retirer la demande", "Retirer la demande", Right.REFER, referrals.withdraw,
            forms.TakeBack, _withdrawal, danger=True),
    ActPage("adresse", "adresse", "Donner l’adresse du partenaire", "Enregistrer et renvoyer", Right.DIRECTORY,
            addresses.mend_address, forms.AddressForm),
    ActPage("confirmer", "aide-confirmee", "Noter ce que le ménage dit de l’aide", "Enregistrer", Right.FOLLOW_UP,
            _confirm, forms.Confirmation, _confirmation,
            lambda _visitor, data: {"verified": data.get("verified")}),
    ActPage("contester", "aide-contestee", "Le ménage dit que l’aide n’est pas venue", "Enregistrer",
            Right.FOLLOW_UP, partner_work.dispute, forms.NoteForm, _dispute,
            follows=("La coordination l’apprend tout de suite et vérifie.", "Le partenaire lit ce qui est écrit ici.")),
    ActPage("redemander", "redemander", "Demander à nouveau", "Préparer une nouvelle demande", Right.REFER,
            rerouting.reopen, forms.Reopening, _reopening,
            follows=("Une nouvelle demande est préparée ; elle ne part que quand vous l’envoyez.",
                     "L’ancienne reste telle qu’elle est.")),
    ActPage("erreur", "erreur", "Demande saisie par erreur", "Annuler la demande", Right.VOID, rerouting.void,
            forms.Voiding, _voiding, danger=True,
            follows=("Si elle est partie, le partenaire est prié de l’oublier, et l’incident est noté.",)),
)}  # fmt: skip


def _for(visitor: Visitor, case_id: UUID, referral_id: UUID, data: FormData, *, name: str) -> ActPage:
    """The page of this act for one referral, which must be of this case."""
    with visitor.runtime.database.read() as unit:
        referral = desk.referral_of(unit, visitor.actor, referral_id, case_id=case_id)
        page = _made(unit, visitor, referral, name)
        lead = page.lead or f"{referral.partner.name} · {inside(label('theme', referral.need.theme))}"
    table, _ = TOLD.get(name, ({}, None))
    if chosen := table.get(str(data.get("answer"))):
        _, model, act = chosen
        page = replace(page, model=model, given=GIVEN.get(model, on_behalf), do=act)
    return of_part(replace(page, lead=lead), "orientations", referral_id)


TOLD: Final = {"reponse": (ANSWERS, _answer_fields), "nouvelles": (NEWS, _news_fields)}


def _made(unit: UnitOfWork, visitor: Visitor, referral: Referral, name: str) -> ActPage:
    page = PAGES[name]
    if name == "adresse":
        return _about_address(unit, visitor, referral)
    if name == "oui":
        return replace(page, fields=_yes_fields(referral))
    if name in TOLD:
        return replace(page, fields=TOLD[name][1](referral, pathway_of(unit, referral.case.pathway_hash)))
    if name == "retirer" and referral.sent_at is not None:
        return replace(page, follows=("Le lien du partenaire cesse de servir ; il en est prévenu.",))
    return page


def _about_address(unit: UnitOfWork, visitor: Visitor, referral: Referral) -> ActPage:
    """The page of the address: the one that we have, whom to call, and what leaves with one press."""
    partner = referral.partner
    called = f" Appelez au {wording.phone(partner.phone)}." if partner.phone else ""
    field = {
        "kind": "text", "name": "email", "label": f"Adresse électronique de {partner.name}", "type": "email",
        "inputmode": "email", "value": partner.email or "",
        "hint": "Corrigez-la, ou laissez-la telle quelle pour essayer encore",
    }  # fmt: skip
    follows = ["La demande repart aussitôt ; le délai de réponse compte à partir de sa remise."]
    others = addresses.waiting_for(unit, visitor.actor, referral.partner_id, but=referral)
    if others:
        follows.append(
            "Une autre demande qui attendait cette adresse repart aussi."
            if others == 1
            else f"{others} autres demandes qui attendaient cette adresse repartent aussi."
        )
    return replace(
        PAGES["adresse"],
        fields=lambda _unit, _visitor, _case: [field],
        lead=f"Sa messagerie n’a pas pris notre message.{called}",
        follows=tuple(follows),
    )


def on_behalf(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    """Who gave an answer that somebody else records, and how."""
    said_by, how = str(data.get("said_by", "")).strip(), str(data.get("how", "")).strip()
    if not said_by or not how:
        missing = "said_by" if not said_by else "how"
        raise Mistakes({missing: "Dites qui a donné cette réponse, et comment."})
    return {"on_behalf": {"said_by": said_by, "how": how, "file_number": str(data.get("file_number", ""))}}


def _held(visitor: Visitor, data: FormData) -> dict[str, Any]:
    """A reason of its own, beside that of a help that came to nothing."""
    reason = str(data.get("hold_reason", ""))
    if not reason:
        raise Mistakes({"hold_reason": "Dites ce qui est attendu."})
    return {**on_behalf(visitor, data), "reason": reason}


def _met(visitor: Visitor, data: FormData) -> dict[str, Any]:
    meets_at = moment(data, visitor.zone, day="meets_at", hour="meets_hour")
    return {**on_behalf(visitor, data), "meets_at": meets_at}


GIVEN: Final[dict[type[forms.Answer], Given]] = {forms.Hold: _held, forms.Meeting: _met}
"""What some answers ask beside who gave them."""


for _name in PAGES:
    add_for_referral(router, _name, partial(_for, name=_name))
