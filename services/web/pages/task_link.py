"""The page behind a link of a mail: one question, answered by a button; reading it changes nothing at all."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case, Referral
from models.engine import Task
from models.lifecycles import REFERRAL_MOVES, ReferralAction
from models.programmes import Programme
from models.vocabulary import FollowUpAnswer, Party, ReferralState, Source, TaskState
from services import forms
from services.accounts import partner_access
from services.cases import calls, follow_up, notes, partner_work
from services.cases.household_page import programme_of
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.rules import open_tasks
from services.rules.casework import Hand
from services.rules.links import open_task_link, task_of, task_url
from services.rules.policy import may_know_household, may_read_report
from services.rules.published import calendar_of, pathway_of, today_of
from services.rules.rendering import signer_of
from services.rules.texts.labels import choices, label
from services.web.browsers import Limited
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, moment, read
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
TEMPLATES: Final = {
    "answer_referral": "partner_answer.html",
    "report_outcome": "partner_news.html",
    "correct_number": "number.html",
    "follow_up_call": "follow_up.html",
}
HOLDS: Final = {"household": "Le ménage", "third_party": "Une autre structure", "partner": "Nous-mêmes"}
WORDS: Final = frozenset(FollowUpAnswer)
"""What a household answers to the question of the follow-up."""
HELD: Final = "hold_reason"
"""The field of a hold's reason: another answer of the same page has a reason of its own."""
LAST: Final = "-last"
YES: Final = {
    "accept": (
        "C’est noté : vous prenez la demande",
        "Nous écrivons au ménage que vous l’appellerez. Un e-mail mène aussi à la suite et à ses coordonnées.",
    ),
    "propose": (
        "C’est noté : le rendez-vous est proposé",
        "Nous l’écrivons au ménage. Pour un autre jour, le lien de notre dernier e-mail sert encore.",
    ),
}
"""What a partner reads once he took a request, above the page where the help goes on."""
THANKS: Final = YES | {
    "decline": ("C’est noté : vous ne prenez pas la demande", "La coordination cherche une autre solution."),
    "ask": ("Votre question est envoyée", "La réponse vous parviendra par e-mail, puis vous pourrez décider."),
    "acknowledge": (
        "C’est noté : vous étudiez la demande",
        "Le délai de réponse repart une fois. Le même lien vous servira pour répondre.",
    ),
    "start": (
        "Merci : l’aide a commencé",
        "Nous vous demanderons des nouvelles dans deux mois ; d’ici là, le même lien reste ouvert.",
    ),
    "hold": (
        "C’est noté : l’aide attend",
        "Nous en reparlerons le jour que vous avez choisi. Le même lien vous servira pour reprendre.",
    ),
    "resume": ("C’est noté : l’aide reprend", "Votre échéance est reculée du temps de l’attente."),
    "report_progress": ("Merci pour ces nouvelles", "Nous vous en redemanderons dans deux mois."),
    "complete": ("Merci : l’aide est terminée", "Le ménage sera rappelé pour savoir ce qui a changé."),
    "fail": ("Merci de nous l’avoir dit", "La coordination cherche une autre solution."),
    "better": ("Merci, et tant mieux", "Nous reprendrons des nouvelles dans quelques mois."),
    "same": ("Merci de nous l’avoir dit", "Nous reprendrons des nouvelles. Vous pouvez aussi nous appeler."),
    "better-last": ("Merci, et tant mieux", "C’était notre dernière question. Si quelque chose change, appelez-nous."),
    "same-last": ("Merci de nous l’avoir dit", "C’était notre dernière question. Vous pouvez toujours nous appeler."),
    "call_me": ("C’est noté : nous vous rappelons", "Une personne du service vous appelle sous deux jours ouvrés."),
    "number": ("Merci : le numéro est enregistré", "L’opérateur rappelle le ménage."),
    "all": ("Merci : plus rien ne vous attend", "La coordination est prévenue de chacune de vos réponses."),
    "link": (
        "Un nouveau lien est parti",
        "Il arrive à l’adresse électronique de votre structure, et les liens d’avant ne s’ouvrent plus.",
    ),
    "leave": (
        "L’accès est fermé sur ce navigateur",
        "Pour lire encore les coordonnées, rouvrez le lien de notre e-mail.",
    ),
}


@router.get("/l/{token}")
def show(request: Request, runtime: Here, token: str, fait: str = "") -> Response:
    """The question, below what was answered a moment ago. A scanner may fetch it as often as it likes."""
    return link_page(request, runtime, token, answers.blank(), done=fait)


@router.post("/l/{token}", dependencies=[Limited])
def answer(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """The answer of whoever holds the link, once."""
    chosen = str(data.get("answer", ""))
    if chosen not in partner_work.SAYS and chosen != "number" and chosen not in WORDS:
        return link_page(request, runtime, token, Form(kept(data), {"": "Choisissez une réponse."}), status=422)
    try:
        form = _read(runtime, token, chosen, data)
        answers.act_once(
            runtime,
            data,
            actor="link",
            route=f"l/{token.partition('.')[0]}",
            act=lambda unit: _act(unit, runtime, token, chosen, form),
        )
    except Mistakes as mistakes:
        return link_page(request, runtime, token, Form(kept(data), mistakes.errors), opened=chosen, status=422)
    except InvalidInput as refused:
        form_again = Form(kept(data), mistakes_of(refused))
        return link_page(request, runtime, token, form_again, opened=chosen, status=422)
    return answers.see(*_after(request, runtime, token, chosen))


def _after(request: Request, runtime: Runtime, token: str, chosen: str) -> tuple[str, ...]:
    """Where an answer leads: a yes to the page where the help goes on, since its mail may leave the next day only."""
    if chosen not in YES:
        return (thanks_at(runtime, token, _thanks(runtime, token, chosen)),)
    with runtime.database.read() as unit:
        case_id = task_of(unit, runtime, token).case_id
    answers.wait_for_engine(request, case_id)
    with runtime.database.read() as unit:
        following = _following(unit, task_of(unit, runtime, token))
    return (urlsplit(task_url(runtime, following)).path, chosen) if following else (thanks_at(runtime, token, chosen),)


def _following(unit: UnitOfWork, task: Task) -> Task | None:
    """What the same partner is asked next about his request."""
    asked = Task.referral_id == task.referral_id, Task.party == Party.PARTNER, Task.state == TaskState.OPEN
    return unit.session.scalars(select(Task).where(*asked).order_by(Task.id)).first()


def _thanks(runtime: Runtime, token: str, chosen: str) -> str:
    """After the last question nobody promises another."""
    if f"{chosen}{LAST}" not in THANKS:
        return chosen
    with runtime.database.read() as unit:
        return f"{chosen}{LAST}" if follow_up.is_last(unit, task_of(unit, runtime, token)) else chosen


def thanks_at(runtime: Runtime, token: str, what: str) -> str:
    """The address of the thanks, under the name of the service whose link this is, used up or not."""
    with runtime.database.read() as unit:
        return f"/d/{task_of(unit, runtime, token).case.programme.slug}/merci/{what}"


@router.get("/d/{slug}/merci/{what}")
def thanks(request: Request, runtime: Here, slug: str, what: str) -> Response:
    """What was done; the link itself may have ended with it."""
    if what not in THANKS:
        raise NotFound
    with runtime.database.read() as unit:
        shell = Shell(dispositif=programme_of(unit, slug).public_name)
    heading, then = THANKS[what]
    return answers.page(request, "thanks.html", shell=shell, heading=heading, then=then)


def _read(runtime: Runtime, token: str, chosen: str, data: FormData) -> Any:
    if chosen == "number":
        return read(forms.NumberForm, data)
    if chosen in WORDS:
        return read(forms.FollowUpWord, data)
    model, _ = partner_work.SAYS[chosen]
    given: dict[str, Any] = {"note": str(data.get(f"note_{chosen}", "")), "on_behalf": None}
    if model is forms.Hold:
        given["reason"] = str(data.get(HELD, ""))
    if model is forms.Meeting:
        given["meets_at"] = moment(data, zone_of(runtime, token), day="meets_at", hour="meets_hour")
    try:
        return read(model, data, **given)
    except Mistakes as mistakes:
        own = {"note": f"note_{chosen}"} | ({"reason": HELD} if model is forms.Hold else {})
        raise Mistakes({own.get(field, field): said for field, said in mistakes.errors.items()}) from None


def zone_of(runtime: Runtime, token: str) -> ZoneInfo:
    """The clocks by which whoever holds this link says an hour. Raises `LinkExpired`."""
    with runtime.database.read() as unit:
        _, task = open_task_link(unit, runtime, token)
        return task.case.programme.zone


def _act(unit: UnitOfWork, runtime: Runtime, token: str, chosen: str, form: Any) -> None:
    actor, task = open_task_link(unit, runtime, token, held=True)
    hand = Hand(actor, Source.LINK)
    if chosen == "number":
        calls.correct_number(unit, hand, None, form)
        return
    if chosen in WORDS:
        follow_up.answer_by_link(unit, hand, form)
        return
    if task.referral_id is None:
        raise NotFound
    _, act = partner_work.SAYS[chosen]
    act(unit, hand, task.referral_id, form)


def link_page(
    request: Request, runtime: Runtime, token: str, form: Form, *, opened: str = "", done: str = "", status: int = 200
) -> Response:
    """The page of a task's link. Raises `LinkExpired`."""
    with runtime.database.read() as unit:
        actor, task = open_task_link(unit, runtime, token)
        template = TEMPLATES.get(task.kind)
        if template is None:
            raise CaseworkError("Ce lien n’ouvre rien ici.")
        context = _context(unit, task) | _of_referral(unit, task, actor.actions)
    context |= {"form": form, "opened": opened, "action": f"/l/{token}", "thanks": YES.get(done)}
    return answers.page(request, template, status=status, **context)


def _context(unit: UnitOfWork, task: Task) -> dict[str, Any]:
    """Reference, commune and theme; nothing of the household before somebody signs in."""
    case = unit.session.get_one(Case, task.case_id)
    programme = unit.session.get_one(Programme, task.programme_id)
    zone = programme.zone
    today = today_of(unit, programme.id)
    due = wording.chip_beside(task.due_at, unit.now, calendar_of(unit, programme.id))
    return {
        "shell": Shell(dispositif=programme.public_name),
        "today": today,
        "reference": case.number,
        "commune": case.dwelling.commune.name,
        "asked_by": {"name": signer_of(unit, programme.id), "phone": programme.phone},
        "before": wording.day(task.due_at.astimezone(zone).date(), today=today),
        "due": {"text": due.text, "tone": due.tone.value} if due else None,
        "reasons": choices("decline_reason"),
        "outcomes": choices("referral_outcome"),
        "failures": choices("failure_reason"),
    }


def _of_referral(unit: UnitOfWork, task: Task, actions: frozenset[str]) -> dict[str, Any]:
    """What a request says without a name, and what was said about it; a brief that names is for who signed in."""
    referral = task.referral
    if referral is None:
        return {}
    zone = referral.case.programme.zone
    request = partner_access.request_of(unit, referral)
    done = [("Visite faite", request.visited_on), ("Rapport remis", request.reported_on)]
    return {
        "theme": label("theme_mail", referral.need.theme),
        "partner": referral.partner.name,
        "asked_on": request.asked_on,
        "agreed_on": request.agreed_on,
        "done": [(words, on) for words, on in done if on is not None],
        "said": said(notes.conversation(unit, referral), zone),
        "urgent": referral.urgent,
        "has_brief": bool(referral.brief),
        "brief": referral.brief if referral.brief_is_open else "",
        "was_asked": bool(open_tasks.of_referral(unit, referral.id, "answer_question")),
        "offered": {action for action in actions if _is_possible(referral, action)},
        "meets": wording.moment(referral.meets_at, zone, today=today_of(unit, referral.case.programme_id))
        if referral.meets_at
        else "",
        "on_hold": task.paused_at is not None,
        "hold_reasons": [(code, HOLDS[code]) for code, _ in choices("hold_reason")],
        "hold_days": pathway_of(unit, referral.case.pathway_hash).hold_days,
        "may_sign_in": may_know_household(unit, referral),
        "reads_report": may_read_report(unit, referral),
        "others": len(partner_work.waiting(unit, task)) - (task.paused_at is None),
    }


def _is_possible(referral: Referral, action: str) -> bool:
    return (ReferralState(referral.state), ReferralAction(action)) in REFERRAL_MOVES


def said(found: Sequence[notes.Said], zone: ZoneInfo) -> list[dict[str, Any]]:
    """The exchange with the coordination, as the partner reads it: his own words are "vous"."""
    return [{"on": each.at.astimezone(zone).date(), "by_you": each.by_partner, "text": each.text} for each in found]
