"""The page behind a link of a mail: one question, answered by a button; reading it changes nothing at all."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from models.engine import Task
from models.programmes import Programme
from models.vocabulary import Source
from services import calls, forms, referrals
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.links import open_task_link
from services.rules.published import calendar_of
from services.rules.rendering import COORDINATION, coordinator_of
from services.rules.texts.labels import choices, label
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter()
Act = Callable[[UnitOfWork, Hand, UUID, Any], object]
PARTNER_ACTS: Final[dict[str, tuple[type[forms.Answer], Act]]] = {
    "accept": (forms.Answer, referrals.accept),
    "decline": (forms.Decline, referrals.decline),
    "ask": (forms.Question, referrals.ask),
    "report_progress": (forms.Answer, referrals.report_progress),
    "complete": (forms.Completion, referrals.complete),
    "fail": (forms.Failure, referrals.fail),
}
TEMPLATES: Final = {
    "answer_referral": "partner_answer.html",
    "report_outcome": "partner_news.html",
    "correct_number": "number.html",
}
THANKS: Final = {
    "accept": ("C’est noté : vous prenez la demande", "Le ménage et la personne qui l’accompagne l’apprennent."),
    "decline": ("C’est noté : vous ne prenez pas la demande", "La coordination cherche une autre solution."),
    "ask": ("Votre question est envoyée", "La réponse vous parviendra par e-mail, puis vous pourrez décider."),
    "report_progress": ("Merci pour ces nouvelles", "Nous vous en redemanderons dans deux mois."),
    "complete": ("Merci : l’aide est terminée", "Le ménage sera rappelé pour savoir ce qui a changé."),
    "fail": ("Merci de nous l’avoir dit", "La coordination cherche une autre solution."),
    "number": ("Merci : le numéro est enregistré", "L’opérateur rappelle le ménage."),
}


@router.get("/l/{token}")
def show(request: Request, runtime: Here, token: str) -> Response:
    """The question. A scanner may fetch it as often as it likes."""
    return _page(request, runtime, token, answers.blank())


@router.post("/l/{token}")
def answer(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """The answer of whoever holds the link, once."""
    chosen = str(data.get("answer", ""))
    if chosen not in THANKS:
        return _page(
            request, runtime, token, Form(new_token(), kept(data), {"": "Choisissez une réponse."}), status=422
        )
    try:
        form = _read(chosen, data)
        answers.act_once(
            runtime,
            data,
            actor="link",
            route=f"l/{token.partition('.')[0]}",
            act=lambda unit: _act(unit, runtime, token, chosen, form),
        )
    except Mistakes as mistakes:
        return _page(request, runtime, token, Form(new_token(), kept(data), mistakes.errors), opened=chosen, status=422)
    except InvalidInput as refused:
        form_again = Form(new_token(), kept(data), mistakes_of(refused))
        return _page(request, runtime, token, form_again, opened=chosen, status=422)
    return answers.see(f"/merci/{chosen}")


@router.get("/merci/{what}")
def thanks(request: Request, what: str) -> Response:
    """What was done; the link itself may have ended with it."""
    if what not in THANKS:
        raise NotFound
    heading, follows = THANKS[what]
    return answers.page(request, "thanks.html", shell=Shell(dispositif="Relais"), heading=heading, follows=[follows])


def _read(chosen: str, data: FormData) -> Any:
    if chosen == "number":
        return read(forms.NumberForm, data)
    model, _ = PARTNER_ACTS[chosen]
    return read(model, data, note=str(data.get(f"note_{chosen}", "")), on_behalf=None)


def _act(unit: UnitOfWork, runtime: Runtime, token: str, chosen: str, form: Any) -> None:
    actor, task = open_task_link(unit, runtime, token)
    hand = Hand(actor, Source.LINK)
    if chosen == "number":
        calls.correct_number(unit, hand, None, form)
        return
    if task.referral_id is None:
        raise NotFound
    _, act = PARTNER_ACTS[chosen]
    act(unit, hand, task.referral_id, form)


def _page(
    request: Request, runtime: Runtime, token: str, form: Form, *, opened: str = "", status: int = 200
) -> Response:
    with runtime.database.read() as unit:
        _, task = open_task_link(unit, runtime, token)
        template = TEMPLATES.get(task.kind)
        if template is None:
            raise CaseworkError("Ce lien n’ouvre rien ici.")
        context = _context(unit, task)
    return answers.page(request, template, status=status, form=form, opened=opened, action=f"/l/{token}", **context)


def _context(unit: UnitOfWork, task: Task) -> dict[str, Any]:
    """Reference, commune and theme; nothing of the household before somebody signs in."""
    case = unit.session.get_one(Case, task.case_id)
    programme = unit.session.get_one(Programme, task.programme_id)
    zone, signer = ZoneInfo(programme.zone), coordinator_of(unit, programme.id)
    today = unit.now.astimezone(zone).date()
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, programme.id))
    return {
        "shell": Shell(dispositif=programme.public_name),
        "reference": case.number,
        "commune": case.dwelling.commune.name,
        "theme": label("theme_mail", task.referral.need.theme) if task.referral else "",
        "partner": task.referral.partner.name if task.referral else "",
        "asked_by": {"name": signer.name if signer else COORDINATION, "phone": programme.phone},
        "before": wording.day(task.due_at.astimezone(zone).date(), today=today),
        "due": {"text": due.text, "tone": due.tone.value},
        "has_brief": bool(task.referral and task.referral.brief),
        "was_asked": bool(task.referral and task.referral.state == "under_review"),
        "reasons": choices("decline_reason"),
        "outcomes": choices("referral_outcome"),
        "failures": choices("failure_reason"),
    }
