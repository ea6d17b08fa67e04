"""What an alert giver comes back for: the news of his requests, behind the link of any mail about one of them; and
whether he wants the letter of the month.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.cases import Alert
from models.engine import Message
from models.programmes import Programme
from models.vocabulary import Stage
from services.correspondence import monthly_news
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.overview import requests_made
from services.rules.links import alert_url, has_alert_link, open_letter_link, open_requests_link, poster_url
from services.rules.policy import Actor, note_access
from services.rules.published import today_of
from services.rules.texts.labels import inside, label
from services.web.browsers import Limited
from services.web.pages import answers
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Flash, Shell

router = APIRouter(include_in_schema=False)
LETTER: Final = "/lettre-du-mois"
WANTED: Final = {"oui": True, "non": False}
LATER: Final = frozenset({Stage.ORIENTATION, Stage.FOLLOW_UP})
"""Where the state of the case says less than what happened last."""
ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")


@router.get("/demandes/{token}")
def mine(request: Request, runtime: Here, token: str, fait: str = "") -> Response:
    """All the requests of whoever received this link, without a name; the reading is written down."""
    with runtime.database.write("access") as unit:
        alert = open_requests_link(unit, runtime, token)
        programme, zone = alert.case.programme, alert.case.programme.zone
        note_access(unit, _giver(alert), "requests_read", case_id=None)
        today = today_of(unit, programme.id)
        rows = [
            {
                "reference": each.reference,
                "commune": each.commune,
                "sent": wording.day(each.received_at.astimezone(zone).date(), today=today),
                "stage": label("giver_stage", each.stage),
                "news": label("giver_news_helped" if each.is_helped else "giver_news", each.state),
                "last": inside(label("giver_event", each.news.code)) if each.news and each.stage in LATER else "",
                "on": wording.day(each.news.at.astimezone(zone).date(), today=today) if each.news else "",
                "closed": each.closed,
                "may_read_report": each.may_read_report,
                "asked": [(label("theme_mail", theme), label("referral_state", state)) for theme, state in each.asked],
            }
            for each in requests_made.of_giver(unit, alert)
        ]
        living = alert.organisation if alert.organisation and has_alert_link(alert.organisation) else None
        context: dict[str, Any] = {
            "shell": _shell(programme, fait),
            "organisation": alert.organisation.name if alert.organisation else alert.giver_name,
            "phone": programme.phone,
            "letter": _letter(unit, alert, token),
            "again": alert_url(runtime, living) if living else "",
            "poster": poster_url(runtime, living) if living else "",
        }
    return answers.page(request, "my_requests.html", rows=rows, **context)


@router.post("/demandes/{token}/lettre", dependencies=[Limited])
def choose(runtime: Here, token: str, data: Entered) -> Response:
    """Stop the letter of the month, or take it up again, from the page of the requests."""
    wanted = WANTED.get(str(data.get("lettre", "")))
    with runtime.database.write("requests_letter") as unit:
        alert = open_requests_link(unit, runtime, token, held=True)
        if wanted is not None and alert.giver_email:
            monthly_news.choose(unit, _giver(alert), alert.giver_email, wanted=wanted)
    return answers.see(f"/demandes/{token}", _done(wanted))


@router.get(LETTER + "/{token}")
def letter(request: Request, runtime: Here, token: str, fait: str = "") -> Response:
    """What the link of the mailbox's own button leads to when it is opened: the question, and nothing done."""
    with runtime.database.read() as unit:
        message = open_letter_link(unit, runtime, token)
        return _of_letter(request, unit, message, token, fait)


@router.post(LETTER + "/{token}", dependencies=[Limited])
def stop(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """One click in the mailbox stops the letter; our own page's button says which way. Source: RFC 8058."""
    in_mailbox = data.get(ONE_CLICK[0]) == ONE_CLICK[1]
    wanted = False if in_mailbox else WANTED.get(str(data.get("lettre", "")))
    with runtime.database.write("mailbox_letter") as unit:
        message = open_letter_link(unit, runtime, token)
        if wanted is not None:
            reader = Actor("link", message.id, message.programme_id)
            monthly_news.choose(unit, reader, message.address, wanted=wanted)
        if in_mailbox:
            return _of_letter(request, unit, message, token, _done(wanted))
    return answers.see(f"{LETTER}/{token}", _done(wanted))


def _shell(programme: Programme, done: str) -> Shell:
    words = answers.done_words(done)
    return Shell(dispositif=programme.public_name, flash=Flash(words) if words else None)


def _giver(alert: Alert) -> Actor:
    return Actor("link", alert.id, alert.case.programme_id)


def _done(wanted: bool | None) -> str:
    return "" if wanted is None else "lettre-reprise" if wanted else "lettre-arretee"


def _letter(unit: UnitOfWork, alert: Alert, token: str) -> dict[str, Any] | None:
    """What the page says of the letter of the month; nothing for whoever gave no address."""
    if not alert.giver_email:
        return None
    wanted = monthly_news.wants(unit, alert.case.programme_id, alert.giver_email)
    return {"wanted": wanted, "post": f"/demandes/{token}/lettre"}


def _of_letter(request: Request, unit: UnitOfWork, message: Message, token: str, done: str) -> Response:
    programme = unit.session.get_one(Programme, message.programme_id)
    return answers.page(
        request,
        "monthly_letter.html",
        shell=_shell(programme, done),
        phone=programme.phone,
        letter={
            "wanted": monthly_news.wants(unit, message.programme_id, message.address),
            "post": f"{LETTER}/{token}",
        },
    )
