"""Ask a partner, take his answer or his news on his behalf, answer his question, take the request back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from models.programmes import Organisation
from models.vocabulary import OrganisationKind
from services import desk, forms, referrals
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.policy import Right
from services.rules.texts.labels import choices, has_label, inside, label
from services.web.pages.act_pages import ActPage, carry_out, show
from services.web.pages.entries import Mistakes
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter()
ORAL_WRITTEN: Final = (("oral", "De vive voix"), ("written", "Par écrit"))
HOWS: Final = (("téléphone", "Par téléphone"), ("e-mail", "Par e-mail"), ("courrier", "Par courrier"),
               ("portail", "Sur son portail"), ("réunion", "En réunion"))  # fmt: skip


def _partners(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    found = desk.organisations(unit, visitor.actor, OrganisationKind.PARTNER)
    themes = {theme for partner in found for theme in partner.themes}
    options = [(str(each.id), each.name, _about(each, visitor)) for each in found]
    return [
        {"kind": "select", "name": "theme", "label": "Type de solution",
         "choices": [(code, words) for code, words in choices("theme") if code in themes]},
        {"kind": "radios", "name": "partner_id", "label": "Partenaire", "choices": options,
         "hint": "Chacun avec ce qu’il propose"},
        {"kind": "textarea", "name": "brief", "label": "Ce que le partenaire a besoin de savoir", "rows": 5,
         "hint": "Rien de plus que le nécessaire : ce texte ne part pas dans l’e-mail"},
        {"kind": "checks", "name": "permission", "label": "Accord du ménage",
         "choices": [("yes", "Le ménage est d’accord pour que ce partenaire soit contacté")]},
        {"kind": "select", "name": "permission_mode", "label": "Accord donné",
         "choices": ORAL_WRITTEN, "value": "oral"},
        {"kind": "hidden", "name": "replaces_id", "label": ""},
    ]  # fmt: skip


def _about(partner: Organisation, visitor: Visitor) -> str:
    themes = ", ".join(inside(label("theme", theme)) for theme in partner.themes if has_label("theme", theme))
    if partner.full_until is not None and partner.full_until >= visitor.today:
        return f"Complet jusqu’au {wording.day(partner.full_until, today=visitor.today)} · {themes}"
    return themes


def _refer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: forms.ReferralForm) -> object:
    return referrals.send(unit, hand, case_id, form)


REFER: Final = ActPage(
    "orienter",
    "orienter",
    "Demander l’aide d’un partenaire",
    "Envoyer la demande",
    Right.REFER,
    _refer,
    forms.ReferralForm,
    _partners,
    follows=(
        "Le partenaire reçoit un lien pour accepter, décliner ou poser une question.",
        "Sans réponse, Relais le relance deux fois, puis rend la main à la coordination.",
        "Le ménage reçoit un courrier : qui va l’appeler.",
    ),
)


@router.get("/situations/{case_id}/orienter")
def ask_referral(request: Request, visitor: SignedIn, case_id: UUID, remplace: UUID | None = None) -> Response:
    """The partner, the need, what he must know; `remplace` is the request that this one follows."""
    form = Form(once=new_token(), entered={"replaces_id": str(remplace)} if remplace else {})
    return show(request, visitor, case_id, REFER, form)


@router.post("/situations/{case_id}/orienter")
def send_referral(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Ask the partner."""
    return carry_out(request, visitor, case_id, REFER, data)


ANSWERS: Final[dict[str, tuple[str, type[forms.Answer], Callable[..., object]]]] = {
    "accept": ("Il accepte", forms.Answer, referrals.accept),
    "decline": ("Il décline", forms.Decline, referrals.decline),
    "ask": ("Il pose une question", forms.Question, referrals.ask),
}
NEWS: Final[dict[str, tuple[str, type[forms.Answer], Callable[..., object]]]] = {
    "report_progress": ("L’aide est en cours", forms.Answer, referrals.report_progress),
    "complete": ("L’aide est terminée", forms.Completion, referrals.complete),
    "fail": ("L’aide n’a pas abouti", forms.Failure, referrals.fail),
}
_SAID: Final = (
    {"kind": "text", "name": "said_by", "label": "Qui l’a dit", "hint": "Nom et fonction chez le partenaire"},
    {"kind": "radios", "name": "how", "label": "Comment", "choices": HOWS, "value": "téléphone", "two": True},
    {"kind": "text", "name": "file_number", "label": "Numéro de dossier chez le partenaire", "optional": True,
     "width": "medium"},
    {"kind": "textarea", "name": "note", "label": "Ce qu’il a dit", "optional": True, "rows": 3,
     "hint": "La question, ou une précision"},
)  # fmt: skip


def _answer_fields(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [(code, words) for code, (words, _, _) in ANSWERS.items()]
    return [
        {"kind": "radios", "name": "answer", "label": "Sa réponse", "choices": options},
        {"kind": "select", "name": "reason", "label": "S’il décline, pourquoi", "optional": True,
         "choices": choices("decline_reason")},
        *_SAID,
    ]  # fmt: skip


def _news_fields(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    options = [(code, words) for code, (words, _, _) in NEWS.items()]
    return [
        {"kind": "radios", "name": "answer", "label": "Où en est l’aide", "choices": options},
        {"kind": "select", "name": "outcome", "label": "Si elle est terminée, le résultat", "optional": True,
         "choices": choices("referral_outcome")},
        {"kind": "select", "name": "reason", "label": "Si elle n’a pas abouti, pourquoi", "optional": True,
         "choices": choices("failure_reason")},
        *_SAID,
    ]  # fmt: skip


def _question_fields(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "textarea", "name": "note", "label": "Votre réponse", "rows": 4}]


def _answer_do(_unit: UnitOfWork, _hand: Hand, _case_id: UUID, _form: object) -> None:
    """Replaced for each referral: see `_for`."""


ANSWER_PAGE: Final = ActPage("reponse", "reponse", "Noter la réponse du partenaire", "Enregistrer sa réponse",
                             Right.ANSWER_FOR_PARTNER, _answer_do, fields=_answer_fields)  # fmt: skip
NEWS_PAGE: Final = ActPage("nouvelles", "nouvelles", "Noter les nouvelles du partenaire", "Enregistrer les nouvelles",
                           Right.ANSWER_FOR_PARTNER, _answer_do, fields=_news_fields)  # fmt: skip
REPLY_PAGE: Final = ActPage("repondre", "repondre", "Répondre à la question du partenaire", "Répondre", Right.REFER,
                            _answer_do, forms.Question, _question_fields)  # fmt: skip
WITHDRAW_PAGE: Final = ActPage("retirer", "retirer", "Retirer la demande", "Retirer la demande", Right.REFER,
                               _answer_do,
                               lead="Le lien du partenaire cesse de servir et il en est prévenu.",
                               danger=True)  # fmt: skip
PAGES: Final = {page.path: page for page in (ANSWER_PAGE, NEWS_PAGE, REPLY_PAGE, WITHDRAW_PAGE)}


def _for(visitor: Visitor, case_id: UUID, referral_id: UUID, name: str, data: FormData | None = None) -> ActPage:
    """The page of this act for one referral, which must be of this case."""
    with visitor.runtime.database.read() as unit:
        referral = desk.referral_of(unit, visitor.actor, referral_id, case_id=case_id)
        lead = f"{referral.partner.name} · {inside(label('theme', referral.need.theme))}"
    page = PAGES[name]
    placed = replace(page, path=f"orientations/{referral_id}/{name}", lead=page.lead or lead)
    if data is None:
        return placed
    if name == "repondre":
        return replace(
            placed, do=lambda unit, hand, _case, form: referrals.answer_question(unit, hand, referral_id, form)
        )
    if name == "retirer":
        return replace(placed, do=lambda unit, hand, _case, _form: referrals.withdraw(unit, hand, referral_id))
    table = ANSWERS if name == "reponse" else NEWS
    chosen = table.get(str(data.get("answer")))
    if chosen is None:
        return replace(placed, given=_nothing_chosen)
    _, model, act = chosen
    return replace(
        placed, model=model, given=_on_behalf, do=lambda unit, hand, _case, form: act(unit, hand, referral_id, form)
    )


def _nothing_chosen(_visitor: Visitor, _data: FormData) -> dict[str, Any]:
    raise Mistakes({"answer": "Choisissez une réponse."})


def _on_behalf(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    said_by, how = str(data.get("said_by", "")).strip(), str(data.get("how", "")).strip()
    if not said_by or not how:
        missing = "said_by" if not said_by else "how"
        raise Mistakes({missing: "Dites qui a donné cette réponse, et comment."})
    return {"on_behalf": {"said_by": said_by, "how": how, "file_number": str(data.get("file_number", ""))}}


def _routes(name: str) -> None:
    address = f"/situations/{{case_id}}/orientations/{{referral_id}}/{name}"

    def ask(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID) -> Response:
        act = _for(visitor, case_id, referral_id, name)
        return show(request, visitor, case_id, act, Form(once=new_token()))

    def send(request: Request, visitor: SignedIn, case_id: UUID, referral_id: UUID, data: Entered) -> Response:
        return carry_out(request, visitor, case_id, _for(visitor, case_id, referral_id, name, data), data)

    router.add_api_route(address, ask, methods=["GET"], name=f"{name}: ask")
    router.add_api_route(address, send, methods=["POST"], name=f"{name}: send")


for _name in PAGES:
    _routes(_name)
