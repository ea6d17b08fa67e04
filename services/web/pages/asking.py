"""Ask a partner for help: now or later, one or several, by our mail or his portal; then another one in his place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.cases import Case, Referral
from models.programmes import Organisation
from models.vocabulary import OrganisationKind, ReferralKind
from services import desk, forms, referrals, rerouting
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.policy import Right
from services.rules.texts.labels import choices, has_label, inside, label
from services.web.pages.act_pages import ActPage, Fields, carry_out, show
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter()
ORAL_WRITTEN: Final = (("oral", "De vive voix"), ("written", "Par écrit"))
LATER: Final = "prepare"
FOLLOWS: Final = (
    "Le partenaire reçoit un lien pour accepter, décliner ou poser une question.",
    "Sans réponse, Relais le relance deux fois, puis rend la main à la coordination.",
    "Le ménage reçoit un courrier : qui va l’appeler.",
)


@dataclass(frozen=True)
class Known:
    """What a referral that is there already says: its theme is kept, its words are shown to be gone over."""

    theme: str
    brief: str = ""
    partner_id: UUID | None = None
    without: UUID | None = None
    kind: str = ReferralKind.MAIL.value
    file_number: str = ""


def _fields(known: Known | None = None, *, several: bool = True) -> Fields:
    def fields(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
        found = desk.organisations(unit, visitor.actor, OrganisationKind.PARTNER)
        if known is not None:
            found = [each for each in found if known.theme in each.themes and each.id != known.without]
        return [*_whom(found, visitor, known), *_beside(found, visitor, known, several=several), *_what(known)]

    return fields


def _whom(found: Sequence[Organisation], visitor: Visitor, known: Known | None) -> list[dict[str, Any]]:
    themes = {theme for partner in found for theme in partner.themes}
    asked = {
        "kind": "select", "name": "theme", "label": "Type de solution",
        "choices": [(code, words) for code, words in choices("theme") if code in themes],
    }  # fmt: skip
    partner = {
        "kind": "radios", "name": "partner_id", "label": "Partenaire", "hint": "Chacun avec ce qu’il propose",
        "choices": [(str(each.id), each.name, _about(each, visitor)) for each in found],
        "value": str(known.partner_id) if known and known.partner_id else "",
    }  # fmt: skip
    return [partner] if known else [asked, partner]


def _about(partner: Organisation, visitor: Visitor) -> str:
    themes = ", ".join(inside(label("theme", theme)) for theme in partner.themes if has_label("theme", theme))
    if partner.full_until is not None and partner.full_until >= visitor.today:
        return f"Complet jusqu’au {wording.day(partner.full_until, today=visitor.today)} · {themes}"
    return themes


def _what(known: Known | None) -> list[dict[str, Any]]:
    return [
        {"kind": "textarea", "name": "brief", "label": "Ce que le partenaire a besoin de savoir", "rows": 5,
         "hint": "Rien de plus que le nécessaire : ce texte ne part pas dans l’e-mail",
         "value": known.brief if known else ""},
        {"kind": "checks", "name": "permission", "label": "Accord du ménage",
         "choices": [("yes", "Le ménage est d’accord pour que ce partenaire soit contacté")]},
        {"kind": "select", "name": "permission_mode", "label": "Accord donné",
         "choices": ORAL_WRITTEN, "value": "oral"},
        {"kind": "hidden", "name": "replaces_id", "label": ""},
    ]  # fmt: skip


def _beside(
    found: Sequence[Organisation], visitor: Visitor, known: Known | None, *, several: bool
) -> list[dict[str, Any]]:
    """What most requests do without, folded."""
    portal = [
        {"kind": "radios", "name": "kind", "label": "Comment la demande est faite",
         "choices": [("mail", "Relais écrit au partenaire"), ("outside_portal", "Je la dépose sur son portail")],
         "value": known.kind if known else ReferralKind.MAIL.value},
        {"kind": "date", "name": "check_on", "label": "Chercher sa réponse le", "optional": True,
         "hint": "Ce jour-là, l’opérateur va voir sur le portail", "earliest": visitor.today.isoformat()},
        {"kind": "text", "name": "file_number", "label": "Numéro de dossier sur son portail", "optional": True,
         "width": "medium", "value": known.file_number if known else ""},
    ]  # fmt: skip
    others = {
        "kind": "checks", "name": "also_ids", "label": "Autres partenaires", "optional": True,
        "choices": [(str(each.id), each.name, _about(each, visitor)) for each in found],
        "hint": "Le premier qui accepte prend la demande, les autres en sont prévenus",
    }  # fmt: skip
    folds: list[dict[str, Any]] = [
        {"kind": "fold", "name": "portal", "label": "La demande passe par le portail du partenaire", "fields": portal}
    ]
    if several and len(found) > 1:
        folds.insert(0, {"kind": "fold", "name": "also", "label": "Demander à plusieurs en même temps", "fields": [others]})  # fmt: skip  # noqa: E501
    return folds


def _send(unit: UnitOfWork, hand: Hand, case_id: UUID, form: forms.ReferralForm) -> object:
    return referrals.send(unit, hand, case_id, form)


def _prepare(unit: UnitOfWork, hand: Hand, case_id: UUID, form: forms.ReferralForm) -> object:
    return referrals.prepare(unit, hand, case_id, form)


REFER: Final = ActPage("orienter", "orienter", "Demander l’aide d’un partenaire", "Envoyer la demande", Right.REFER,
                       _send, forms.ReferralForm, _fields(), follows=FOLLOWS,
                       others=((LATER, "Garder pour plus tard"),))  # fmt: skip
PREPARE: Final = replace(REFER, code="preparer", do=_prepare)


@router.get("/situations/{case_id}/orienter")
def ask_referral(request: Request, visitor: SignedIn, case_id: UUID, remplace: UUID | None = None) -> Response:
    """The partner, the need, what he must know; `remplace` is the request that this one follows."""
    form = Form(once=new_token(), entered={"replaces_id": str(remplace)} if remplace else {})
    return show(request, visitor, case_id, REFER, form)


@router.post("/situations/{case_id}/orienter")
def send_referral(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Ask the partner, or keep the request for later."""
    return carry_out(request, visitor, case_id, PREPARE if data.get("then") == LATER else REFER, data)


SEND: Final = ActPage("envoyer", "orienter", "Terminer et envoyer la demande", "Envoyer la demande", Right.REFER,
                      _send, forms.ReferralForm, follows=FOLLOWS)  # fmt: skip
TRANSFER: Final = ActPage("transferer", "transferer", "Demander à un autre partenaire", "Envoyer à l’autre partenaire",
                          Right.REFER, _send, forms.ReferralForm,
                          follows=("Le premier partenaire en est prévenu ; son lien ne sert plus.", *FOLLOWS[:1],
                                   "Seules les informations écrites ici lui sont données."))  # fmt: skip


def _of_draft(referral: Referral) -> ActPage:
    referral_id = referral.id  # the act has a transaction of its own
    known = Known(referral.need.theme, referral.brief, referral.partner_id, None, referral.kind, referral.file_number)
    return replace(
        SEND,
        fields=_fields(known, several=False),
        do=lambda unit, hand, _case, form: referrals.send_draft(unit, hand, referral_id, form),
        lead=label("theme", known.theme),
    )


def _of_transfer(referral: Referral) -> ActPage:
    referral_id = referral.id
    known = Known(referral.need.theme, referral.brief, without=referral.partner_id)
    return replace(
        TRANSFER,
        fields=_fields(known, several=False),
        do=lambda unit, hand, _case, form: rerouting.transfer(unit, hand, referral_id, form),
        lead=f"{label('theme', known.theme)} · aujourd’hui chez {referral.partner.name}",
    )


_MAKERS: Final = {"envoyer": _of_draft, "transferer": _of_transfer}


def _for(visitor: Visitor, case_id: UUID, referral_id: UUID, name: str) -> ActPage:
    with visitor.runtime.database.read() as unit:
        referral = desk.referral_of(unit, visitor.actor, referral_id, case_id=case_id)
        made, theme = _MAKERS[name](referral), referral.need.theme
    path = f"orientations/{referral_id}/{name}"
    return replace(made, path=path, given=lambda _visitor, _data: {"theme": theme})


def _routes(name: str) -> None:
    address = f"/situations/{{case_id}}/orientations/{{referral_id}}/{name}"

    def ask(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID) -> Response:
        return show(request, visitor, case_id, _for(visitor, case_id, referral_id, name), Form(once=new_token()))

    def send(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID, data: Entered) -> Response:
        return carry_out(request, visitor, case_id, _for(visitor, case_id, referral_id, name), data)

    router.add_api_route(address, ask, methods=["GET"], name=f"{name}: ask")
    router.add_api_route(address, send, methods=["POST"], name=f"{name}: send")


for _name in _MAKERS:
    _routes(_name)
