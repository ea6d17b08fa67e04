"""Sign in and out, by password or by a link. The answer is the same whether the address is known or not."""

from typing import Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from models.programmes import Person, Programme
from services.accounts import account_links, accounts, second_factor, sessions
from services.accounts.sign_in_links import SignInLinkRefused, why_not
from services.foundation.errors import GuardRefused, InvalidInput, SignInRefused
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.limits import TooMany
from services.rules.policy import Actor, note_access
from services.web import browsers, link_cookies
from services.web.browsers import Limited
from services.web.pages import answers, resuming
from services.web.pages.entries import MAIL, kept, mistakes_of
from services.web.pages.visitor import Entered, Here, SignedIn, token_of
from services.web.rendering import Flash, Form, Shell
from services.web.sessions import give_cookie, take_cookie

router = APIRouter(include_in_schema=False)
HOME: Final = "/a-faire"
LOST: Final = "connexion-fermee"
"""What is said of a form that came after its session was closed elsewhere: nobody knows any more whose it was."""


@router.get("/connexion")
def ask(request: Request, suite: str = "", fait: str = "") -> Response:
    """The form."""
    return _form(request, Form(once=""), suite, done=fait)


@router.post("/connexion")
def sign_in(request: Request, runtime: Here, data: Entered) -> Response:
    """Open a session under a new token, whatever the browser held before."""
    suite, email = str(data.get("suite", "")), str(data.get("email", ""))
    carried = str(data.get(resuming.KEPT, ""))
    door = browsers.door_of(request, runtime, email)
    try:
        person = accounts.sign_in(runtime.database, email, str(data.get("password", "")), door)
    except (SignInRefused, TooMany) as refused:
        typed = {name: value for name, value in kept(data).items() if name == "email"}
        form = Form(once="", entered=typed, errors={"email": refused.sentence})
        return _form(request, form, suite, kept=carried, status=refused.status_code)
    return proceed(request, runtime, person.id, inside(suite), carried)


@router.get("/connexion/lien")
def ask_link(request: Request) -> Response:
    """The address to which a link is to be sent."""
    return _link_form(request, Form(once=""))


@router.post("/connexion/lien", dependencies=[Limited])
def send_link(request: Request, runtime: Here, data: Entered) -> Response:
    """Whether the address is known is found out once the answer has left: its time tells nothing either."""
    email = str(data.get("email", "")).strip()
    if "@" not in email:
        form = Form(once="", entered={"email": email}, errors={"email": MAIL})
        return _link_form(request, form, status=422)
    try:
        accounts.count_try(runtime.database, *account_links.limits_of(email))
    except TooMany as refused:
        form = Form(once="", entered={"email": email}, errors={"email": refused.sentence})
        return _link_form(request, form, status=refused.status_code)
    browser = link_cookies.held(request, runtime.settings, "browser") or new_token()
    response = answers.see("/connexion/lien/envoye")
    link_cookies.give(response, runtime.settings, "browser", browser)
    response.background = BackgroundTask(_write_link, runtime, email, browser)
    return response


def _write_link(runtime: Runtime, email: str, browser: str) -> None:
    with runtime.database.write("account_link") as unit:
        account_links.ask(unit, email, browser=browser)


@router.get("/connexion/lien/envoye")
def link_sent(request: Request) -> Response:
    """The same words for a known and an unknown address."""
    return answers.page(request, "account_link_sent.html", shell=Shell(dispositif="Relais"))


@router.get("/connexion/lien/{token}")
def open_link(request: Request, runtime: Here, token: str) -> Response:
    """The link of the mail: what it is good for. Looking at it uses nothing up."""
    return _door(request, runtime, token, Form(once=""))


@router.post("/connexion/lien/{token}", dependencies=[Limited])
def enter_by_link(request: Request, runtime: Here, token: str) -> Response:
    """Come in without a password."""
    browser = link_cookies.held(request, runtime.settings, "browser")
    try:
        with runtime.database.write("account_link_enter") as unit:
            person_id = account_links.enter(unit, runtime, token, browser=browser)
    except (SignInLinkRefused, GuardRefused) as refused:
        return _door(request, runtime, token, Form(once=""), status=refused.status_code)
    return proceed(request, runtime, person_id, HOME)


@router.post("/connexion/lien/{token}/mot-de-passe", dependencies=[Limited])
def choose_password(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """Choose a password, then sign in with it."""
    browser, typed = link_cookies.held(request, runtime.settings, "browser"), str(data.get("password", ""))
    try:
        account_links.choose_password(runtime.database, runtime, token, browser=browser, password=typed)
    except (InvalidInput, SignInLinkRefused) as refused:
        errors = mistakes_of(refused) if isinstance(refused, InvalidInput) else {}
        return _door(request, runtime, token, Form(once="", errors=errors), status=refused.status_code)
    return answers.see("/connexion", "mot-de-passe-choisi")


@router.post("/deconnexion")
def sign_out(request: Request, visitor: SignedIn) -> Response:
    """Delete the session, here and in the browser."""
    with visitor.runtime.database.write("session") as unit:
        accounts.sign_out(unit, visitor.actor)
        sessions.close_session(unit, token_of(request))
    response = RedirectResponse("/connexion", answers.SEE_OTHER)
    take_cookie(response, visitor.runtime.settings)
    return response


async def interrupted(request: Request) -> Response:
    """A form came after its session had ended: sign in again, in the page that keeps what was typed."""
    carried = await resuming.keep(request)
    if not carried:
        return answers.see("/connexion", "" if carried is None else LOST)
    return await run_in_threadpool(_form, request, Form(once=""), "", kept=carried, status=SignInRefused.status_code)


def proceed(request: Request, runtime: Runtime, person_id: UUID, address: str, carried: str = "") -> Response:
    """After the first proof: the second, or its set-up, where there is one; else the first page.

    `carried` is a form that was interrupted, on its way back (`resuming`).
    """
    with runtime.database.write("sign_in_step") as unit:
        kind = second_factor.wanted(unit, unit.session.get_one(Person, person_id))
        step = second_factor.open_step(unit, person_id, kind) if kind else ""
    if not kind:
        back = resuming.give_back(request, runtime, person_id, carried)
        return let_in(request, runtime, person_id, back or RedirectResponse(address, answers.SEE_OTHER))
    page = {second_factor.CODE: "/connexion/code", second_factor.SET_UP: "/connexion/telephone"}[kind]
    response: Response = RedirectResponse(f"{page}?suite={quote(address)}", answers.SEE_OTHER)
    if carried and kind == second_factor.CODE:
        shell, form = Shell(dispositif="Relais"), Form(once="")
        response = answers.page(request, "code.html", shell=shell, form=form, suite=address, kept=carried)
    link_cookies.give(response, runtime.settings, "step", step)
    return response


def let_in(request: Request, runtime: Runtime, person_id: UUID, response: Response) -> Response:
    """Open a session under a new token for somebody who has given every proof."""
    with runtime.database.write("session") as unit:
        person = unit.session.get_one(Person, person_id)
        family = browsers.family_of(request)
        token = sessions.open_session(unit, person, browser=family, replaces=token_of(request))
        note_access(unit, Actor("person", person_id), accounts.SIGN_IN, case_id=None)
    give_cookie(response, runtime.settings, token)
    browsers.give_mark(response, runtime.settings, runtime.secrets, person.email)
    link_cookies.take(response, runtime.settings, "step")
    return response


def inside(address: str, otherwise: str = HOME) -> str:
    """Only an address of ours: one slash first, no host, no backslash that browsers read as one."""
    ours = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if ours else otherwise


def _form(request: Request, form: Form, suite: str, *, done: str = "", kept: str = "", status: int = 200) -> Response:
    said = answers.done_words(done)
    shell = Shell(dispositif="Relais", flash=Flash(said, "info" if done == LOST else "ok") if said else None)
    runtime: Runtime = request.app.state.runtime
    with runtime.database.read() as unit:
        invented = unit.session.scalar(select(Programme.id).where(Programme.is_demonstration).limit(1)) is not None
    context = {"suite": inside(suite, ""), "is_demonstration": invented, "kept": kept}
    return answers.page(request, "sign_in.html", status=status, shell=shell, form=form, **context)


def _link_form(request: Request, form: Form, *, status: int = 200) -> Response:
    return answers.page(request, "account_link.html", status=status, shell=Shell(dispositif="Relais"), form=form)


def _door(request: Request, runtime: Runtime, token: str, form: Form, *, status: int = 200) -> Response:
    browser = link_cookies.held(request, runtime.settings, "browser")
    with runtime.database.read() as unit:
        link, person = account_links.person_behind(unit, runtime, token)
        context = {
            "why": why_not(unit, link, browser=browser),
            "may_enter": not accounts.is_guarded(unit, person),
            "email": person.email,
        }
    here = f"/connexion/lien/{token}"
    shell = Shell(dispositif="Relais")
    return answers.page(request, "account_door.html", status=status, shell=shell, form=form, here=here, **context)
