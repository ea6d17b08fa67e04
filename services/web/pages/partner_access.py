"""A partner reads whom to call: he asks for a link, opens it in the same browser, and sees one household."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.cases import Referral
from models.programmes import Programme
from services.accounts import partner_access
from services.accounts.partner_access import NOT_SHARED, ReportGiven
from services.accounts.sign_in_links import SignInLinkRefused
from services.cases import notes
from services.cases.household_page import programme_of
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, GuardRefused, NotFound
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules import open_tasks
from services.rules.links import open_task_link, sign_in_link_of, task_of, task_url
from services.rules.policy import may_read_report, note_access
from services.rules.published import today_of
from services.rules.rendering import signer_of
from services.rules.texts.labels import label
from services.web import link_cookies
from services.web.browsers import Limited
from services.web.pages import answers, task_link
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
READING = "/acces"
REPORT = "/acces/rapport"


@router.post("/l/{token}/acces", dependencies=[Limited])
def ask(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """Whoever holds the request's link asks; the mail goes to the address that we know of the partner."""
    once = str(data.get("once") or new_token())
    browser = link_cookies.browser_of(request, runtime, once)

    def act(unit: UnitOfWork) -> None:
        _, task = open_task_link(unit, runtime, token)
        if task.referral is None:
            raise NotFound
        partner_access.ask_link(unit, task.referral, browser=browser)

    try:
        answers.act_once(runtime, data, actor="link", route=f"acces/{token.partition('.')[0]}", act=act)
    except GuardRefused as refused:
        again = Form(errors={"": refused.sentence})
        return task_link.link_page(request, runtime, token, again, status=refused.status_code)
    with runtime.database.read() as unit:
        return _sent(runtime, browser, task_of(unit, runtime, token).case.programme)


@router.post("/l/{token}/nouveau", dependencies=[Limited])
def renew(runtime: Here, token: str, data: Entered) -> Response:
    """A new link in place of one that is too old: whoever holds it asks, the mail goes to the partner's address."""
    answers.act_once(
        runtime,
        data,
        actor="link",
        route=f"nouveau/{token.partition('.')[0]}",
        act=lambda unit: partner_access.renew_link(unit, task_of(unit, runtime, token)),
    )
    return answers.see(task_link.thanks_at(runtime, token, "link"))


@router.get("/d/{slug}/lien-envoye")
def sent(request: Request, runtime: Here, slug: str) -> Response:
    """The link is on its way."""
    with runtime.database.read() as unit:
        shell = Shell(dispositif=programme_of(unit, slug).public_name)
    return answers.page(request, "sign_in_sent.html", shell=shell)


@router.get(READING)
def read(request: Request, runtime: Here) -> Response:
    """The household of the referral that this browser may read; each reading is written down."""
    token = link_cookies.held(request, runtime.settings, "session")
    with runtime.database.write("access") as unit:
        session, referral = partner_access.session_of(unit, token)
        note_access(unit, partner_access.partner_of(referral), "read", case_id=referral.case_id)
        zone = referral.case.programme.zone
        context = _household(unit, runtime, referral)
        until = wording.hour(session.expires_at.astimezone(zone))
    return answers.page(request, "partner_household.html", until=until, once=new_token(), **context)


@router.get(REPORT)
def read_report(request: Request, runtime: Here) -> Response:
    """The report of the visit, to read or to print, for whom the household agreed; each reading is written down."""
    token = link_cookies.held(request, runtime.settings, "session")
    with runtime.database.write("access") as unit:
        _, referral = partner_access.session_of(unit, token)
        context = _reports(referral, partner_access.reports(unit, referral))
        note_access(unit, partner_access.partner_of(referral), "report", case_id=referral.case_id)
    return answers.page(request, "partner_report.html", **context)


@router.get(REPORT + "/{report_id}")
def download_report(request: Request, runtime: Here, report_id: UUID) -> Response:
    """Its file."""
    token = link_cookies.held(request, runtime.settings, "session")
    with runtime.database.write("access") as unit:
        _, referral = partner_access.session_of(unit, token)
        answer = answers.saved(runtime, partner_access.report_file(unit, referral, report_id))
        note_access(unit, partner_access.partner_of(referral), "download", case_id=referral.case_id)
    return answer


@router.post("/acces/quitter")
def leave(runtime: Here, request: Request) -> Response:
    """Close the access on this browser."""
    with runtime.database.write("access") as unit:
        programme = partner_access.close_session(unit, link_cookies.held(request, runtime.settings, "session"))
        response = answers.see(f"/d/{programme.slug}/merci/leave" if programme else READING)
    link_cookies.take(response, runtime.settings, "session")
    return response


@router.get("/acces/{token}")
def ready(request: Request, runtime: Here, token: str) -> Response:
    """The link of the mail: a button, or why it does not open. Looking at it uses nothing up."""
    return _door(request, runtime, token)


@router.post("/acces/{token}", dependencies=[Limited])
def enter(request: Request, runtime: Here, token: str) -> Response:
    """Use the link up. A second press in the browser that is already in leads there too."""
    browser = link_cookies.held(request, runtime.settings, "browser")
    try:
        with runtime.database.write("partner_access") as unit:
            session_token = partner_access.open_session(unit, runtime, token, browser=browser)
    except SignInLinkRefused as refused:
        if _is_inside(request, runtime, token):
            return answers.see(READING)
        _note_refusal(runtime, token)
        return _door(request, runtime, token, status=refused.status_code)
    response = answers.see(READING)
    link_cookies.give(response, runtime.settings, "session", session_token)
    return response


@router.post("/acces/{token}/nouveau", dependencies=[Limited])
def ask_again(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """Another link for the same request, for this browser, to the same address."""
    once = str(data.get("once") or new_token())
    browser = link_cookies.browser_of(request, runtime, once)

    def act(unit: UnitOfWork) -> None:
        referral = partner_access.referral_of(unit, sign_in_link_of(unit, runtime, token))
        partner_access.ask_link(unit, referral, browser=browser)

    try:
        answers.act_once(runtime, data, actor="link", route=f"acces/{token.partition('.')[0]}", act=act)
    except GuardRefused as refused:
        return _door(request, runtime, token, refusal=refused.sentence, status=refused.status_code)
    with runtime.database.read() as unit:
        referral = partner_access.referral_of(unit, sign_in_link_of(unit, runtime, token))
        return _sent(runtime, browser, referral.case.programme)


def _sent(runtime: Runtime, browser: str, programme: Programme) -> Response:
    response = answers.see(f"/d/{programme.slug}/lien-envoye")
    link_cookies.give(response, runtime.settings, "browser", browser)
    return response


def _door(request: Request, runtime: Runtime, token: str, *, refusal: str = "", status: int = 200) -> Response:
    browser = link_cookies.held(request, runtime.settings, "browser")
    with runtime.database.read() as unit:
        link = sign_in_link_of(unit, runtime, token)
        referral = partner_access.referral_of(unit, link)
        programme = referral.case.programme
        why = refusal or partner_access.why_not(unit, link, browser=browser)
        context = {
            "shell": Shell(dispositif=programme.public_name),
            "reference": referral.case.number,
            "partner": referral.partner.name,
            "phone": programme.phone,
        }
    again = "" if refusal or why in {"", NOT_SHARED} else f"/acces/{token}/nouveau"
    action = "" if why else f"/acces/{token}"
    return answers.page(
        request, "sign_in_link.html", status=status, why=why, again=again, action=action, once=new_token(), **context
    )


def _is_inside(request: Request, runtime: Runtime, token: str) -> bool:
    held = link_cookies.held(request, runtime.settings, "session")
    with runtime.database.read() as unit:
        try:
            session, _ = partner_access.session_of(unit, held)
            return session.referral_id == sign_in_link_of(unit, runtime, token).referral_id
        except CaseworkError:
            return False


def _note_refusal(runtime: Runtime, token: str) -> None:
    with runtime.database.write("access") as unit:
        referral = partner_access.referral_of(unit, sign_in_link_of(unit, runtime, token))
        actor = partner_access.partner_of(referral)
        note_access(unit, actor, "sign_in", case_id=referral.case_id, allowed=False)


def _household(unit: UnitOfWork, runtime: Runtime, referral: Referral) -> dict[str, Any]:
    case = referral.case
    programme, found = case.programme, partner_access.details(referral)
    return {
        "shell": Shell(dispositif=programme.public_name),
        "reference": case.number,
        "partner": referral.partner.name,
        "theme": label("theme_mail", referral.need.theme),
        "who": found.name,
        "phones": found.phones,
        "best_time": label("best_time", found.best_time),
        "address": found.address,
        "brief": found.brief,
        "report": REPORT if may_read_report(unit, referral) else "",
        "said": task_link.said(notes.conversation(unit, referral), programme.zone),
        "today": today_of(unit, programme.id),
        "news": _news(unit, runtime, referral),
        "asked_by": {"name": signer_of(unit, programme.id), "phone": programme.phone},
    }


def _reports(referral: Referral, found: Sequence[ReportGiven]) -> dict[str, Any]:
    return {
        "shell": Shell(dispositif=referral.case.programme.public_name),
        "reference": referral.case.number,
        "partner": referral.partner.name,
        "back": READING,
        "reports": [
            {
                "visited_on": each.visited_on,
                "delivered_on": each.delivered_on,
                "summary": each.summary,
                "file": f"{REPORT}/{each.id}" if each.document else "",
            }
            for each in found
        ],
    }


def _news(unit: UnitOfWork, runtime: Runtime, referral: Referral) -> str:
    """Where he gives his news."""
    awaited = open_tasks.of_referral(unit, referral.id, "report_outcome")
    return task_url(runtime, awaited[0]) if awaited else ""
