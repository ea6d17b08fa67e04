"""Ask a partner for help: now or later, one or several, by our mail or his portal; then another one in his place."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case, Referral
from models.vocabulary import ReferralKind, Theme
from services import forms
from services.cases import picking, referrals, rerouting
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.overview import desk
from services.rules.matching import Choice, Pick
from services.rules.policy import Right, knows_household, readable
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.act_pages import ActPage, Fields, add_for_referral, carry_out, of_part, over_of, show
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
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
    brief_is_open: bool = False
    partner_id: UUID | None = None
    without: UUID | None = None
    kind: str = ReferralKind.MAIL.value
    file_number: str = ""
    urgent: bool = False


def _fields(known: Known, *, several: bool = True) -> Fields:
    def fields(unit: UnitOfWork, visitor: Visitor, case: Case) -> list[dict[str, Any]]:
        theme = Theme(known.theme)
        found = picking.picks(unit, visitor.actor, case.id, [theme])[theme]
        return [*_whom(found, visitor, case, known), *_beside(found, visitor, known, several=several), *_what(known)]

    return fields


def _whom(found: Choice, visitor: Visitor, case: Case, known: Known) -> list[dict[str, Any]]:
    """Those who suit, the best first; then the others in sight, with why; and the reason to ask one of them."""
    proposed = [pick for pick in found.proposed if pick.offer.partner_id != known.without]
    apart = [pick for pick in found.set_aside if pick.offer.partner_id != known.without]
    commune = case.dwelling.commune.name
    partner = {
        "kind": "radios", "name": "partner_id", "label": "Partenaire",
        "hint": "Dans l’ordre de l’annuaire : ceux qui conviennent et ont de la place d’abord" if proposed
                else "L’annuaire n’en propose aucun pour ce ménage",
        "choices": [(str(pick.offer.partner_id), pick.offer.partner, _about(pick, visitor)) for pick in proposed],
        "apart": [(str(pick.offer.partner_id), pick.offer.partner, _why_not(pick, visitor, commune)) for pick in apart],
        "apart_label": "Écartés pour cette situation",
        "value": str(known.partner_id or ""),
    }  # fmt: skip
    despite = {
        "kind": "textarea", "name": "despite", "label": "Pourquoi demander à un partenaire écarté", "optional": True,
        "hint": "Seulement si vous en choisissez un ; l’équipe le lit, pas le partenaire", "rows": 2,
    }  # fmt: skip
    return [partner, despite] if apart else [partner]


def _about(pick: Pick, visitor: Visitor) -> str:
    """What speaks for a partner, or is still to be checked."""
    offer = pick.offer
    said = []
    if offer.service != offer.partner:
        said.append(offer.service)
    if offer.places is not None:
        day = f", dit {wording.day(offer.capacity_on, today=visitor.today)}" if offer.capacity_on else ""
        said.append(f"{wording.counted(offer.places, 'place')}{day}")
    if pick.income_unknown:
        said.append(f"revenus à vérifier : {picking.listed('income_class', offer.income_classes)}")
    if offer.conditions:
        said.append(offer.conditions)
    if offer.load:
        said.append(f"{wording.counted(offer.load, 'demande')} en cours")
    return " · ".join(said)


def _why_not(pick: Pick, visitor: Visitor, commune: str) -> str:
    return wording.capital(" · ".join(picking.reasons(pick, commune=commune, today=visitor.today)))


def _what(known: Known) -> list[dict[str, Any]]:
    return [
        {"kind": "textarea", "name": "brief", "label": "Ce que le partenaire a besoin de savoir", "rows": 5,
         "hint": "Rien de plus que le nécessaire : ce texte ne part pas dans l’e-mail",
         "value": known.brief},
        {"kind": "checks", "name": "brief_is_open", "label": "Avant sa réponse", "optional": True,
         "value": ["yes"] if known.brief_is_open else [],
         "choices": [("yes", "Le partenaire lit ce texte avant de répondre",
                      "Il ne s’y trouve ni nom, ni rue, ni numéro ; sinon, il le lit après son oui")]},
        {"kind": "checks", "name": "urgent", "label": "Urgence", "optional": True,
         "value": ["yes"] if known.urgent else [],
         "choices": [("yes", "La réponse presse",
                      "Le message part tout de suite, même hors des heures ; rappel dans la journée")]},
        {"kind": "checks", "name": "permission", "label": "Accord du ménage",
         "choices": [("yes", "Le ménage est d’accord pour que ce partenaire soit contacté")]},
        {"kind": "select", "name": "permission_mode", "label": "Accord donné",
         "choices": ORAL_WRITTEN, "value": "oral"},
        {"kind": "hidden", "name": "theme", "label": ""},
        {"kind": "hidden", "name": "replaces_id", "label": ""},
    ]  # fmt: skip


def _beside(found: Choice, visitor: Visitor, known: Known, *, several: bool) -> list[dict[str, Any]]:
    """What most requests do without, folded."""
    portal = [
        {"kind": "radios", "name": "kind", "label": "Comment la demande est faite",
         "choices": [("mail", "Relais écrit au partenaire"), ("outside_portal", "Je la dépose sur son portail")],
         "value": known.kind},
        {"kind": "date", "name": "check_on", "label": "Chercher sa réponse le", "optional": True,
         "hint": "Ce jour-là, l’opérateur va voir sur le portail", "earliest": visitor.today.isoformat()},
        {"kind": "text", "name": "file_number", "label": "Numéro de dossier sur son portail", "optional": True,
         "width": "medium", "value": known.file_number},
    ]  # fmt: skip
    others = {
        "kind": "checks", "name": "also_ids", "label": "Autres partenaires", "optional": True,
        "choices": [(str(pick.offer.partner_id), pick.offer.partner, _about(pick, visitor)) for pick in found.proposed],
        "hint": "Le premier qui accepte prend la demande, les autres en sont prévenus",
    }  # fmt: skip
    folds: list[dict[str, Any]] = [
        {"kind": "fold", "name": "portal", "label": "La demande passe par le portail du partenaire", "fields": portal}
    ]
    if several and len(found.proposed) > 1:
        folds.insert(0, {"kind": "fold", "name": "also", "label": "Demander à plusieurs en même temps", "fields": [others]})  # fmt: skip  # noqa: E501
    return folds


REFER: Final = ActPage("orienter", "orienter", "Demander l’aide d’un partenaire", "Envoyer la demande", Right.REFER,
                       referrals.send, forms.ReferralForm, follows=FOLLOWS,
                       others=((LATER, "Garder pour plus tard"),))  # fmt: skip


def _asking(theme: str, data: FormData | None = None) -> ActPage:
    """The page for one type of solution; kept for later when its second button was pressed."""
    page = replace(REFER, fields=_fields(Known(theme)), lead=label("theme", theme))
    later = data is not None and data.get("then") == LATER
    return replace(page, code="preparer", do=referrals.prepare) if later else page


@router.get("/situations/{case_id}/orienter")
def ask_referral(
    request: Request, visitor: SignedIn, case_id: UUID, type: str = "", remplace: UUID | None = None  # noqa: A002
) -> Response:  # fmt: skip
    """First the type of solution; then the partner, and what he must know.

    `remplace` is the request that this one follows: its type is known.
    """
    entered = {"replaces_id": str(remplace)} if remplace else {}
    theme = _theme(visitor, case_id, type, remplace)
    if theme is None:
        return _ask_type(request, visitor, case_id)
    return show(request, visitor, case_id, _asking(theme), Form(entered={**entered, "theme": theme}))


def _theme(visitor: Visitor, case_id: UUID, chosen: str, replaces: UUID | None) -> str | None:
    if replaces is not None:
        with visitor.runtime.database.read() as unit:
            return desk.referral_of(unit, visitor.actor, replaces, case_id=case_id).need.theme
    return chosen if chosen in set(Theme) else None


def _ask_type(request: Request, visitor: Visitor, case_id: UUID) -> Response:
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        found = picking.picks(unit, visitor.actor, case_id)
        over = over_of(case)
    return answers.page(
        request,
        "needs.html",
        shell=visitor.shell("/situations"),
        over=over,
        needs=[_need(theme, choice, case_id) for theme, choice in found.items()],
        missing=[label("theme", theme) for theme in Theme if theme not in found],
        back=f"/situations/{case_id}",
    )


def _need(theme: Theme, choice: Choice, case_id: UUID) -> dict[str, Any]:
    proposed, apart = len(choice.proposed), len(choice.set_aside)
    return {
        "label": label("theme", theme),
        "href": f"/situations/{case_id}/orienter?type={theme}",
        "proposed": wording.counted(proposed, "partenaire") if proposed else "Aucun ne convient",
        "set_aside": wording.counted(apart, "écarté") if apart else "",
    }


@router.post("/situations/{case_id}/orienter")
def send_referral(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Ask the partner, or keep the request for later."""
    theme = _theme(visitor, case_id, str(data.get("theme", "")), None)
    if theme is None:
        return _ask_type(request, visitor, case_id)
    return carry_out(request, visitor, case_id, _asking(theme, data), data)


SEND: Final = ActPage("envoyer", "orienter", "Terminer et envoyer la demande", "Envoyer la demande", Right.REFER,
                      referrals.send_draft, forms.ReferralForm, follows=FOLLOWS)  # fmt: skip
TRANSFER: Final = ActPage("transferer", "transferer", "Demander à un autre partenaire", "Envoyer à l’autre partenaire",
                          Right.REFER, rerouting.transfer, forms.ReferralForm,
                          follows=("Le premier partenaire en est prévenu ; son lien ne sert plus.", *FOLLOWS[:1],
                                   "Seules les informations écrites ici lui sont données."))  # fmt: skip


def _of_draft(referral: Referral, brief: str) -> ActPage:
    known = Known(
        referral.need.theme, brief, referral.brief_is_open, referral.partner_id, None, referral.kind,
        referral.file_number, referral.urgent,
    )  # fmt: skip
    return replace(SEND, fields=_fields(known, several=False), lead=label("theme", known.theme))


def _of_transfer(referral: Referral, brief: str) -> ActPage:
    known = Known(
        referral.need.theme, brief, referral.brief_is_open, without=referral.partner_id, urgent=referral.urgent
    )
    lead = f"{label('theme', known.theme)} · aujourd’hui chez {referral.partner.name}"
    return replace(TRANSFER, fields=_fields(known, several=False), lead=lead)


_MAKERS: Final = {"envoyer": _of_draft, "transferer": _of_transfer}


def _for(visitor: Visitor, case_id: UUID, referral_id: UUID, _data: FormData, *, name: str) -> ActPage:
    with visitor.runtime.database.read() as unit:
        referral = desk.referral_of(unit, visitor.actor, referral_id, case_id=case_id)
        brief = referral.brief if knows_household(unit, visitor.actor, referral.case) else ""
        made, theme = _MAKERS[name](referral, brief), referral.need.theme
    return of_part(replace(made, given=lambda _visitor, _data: {"theme": theme}), "orientations", referral_id)


for _name in _MAKERS:
    add_for_referral(router, _name, partial(_for, name=_name))
