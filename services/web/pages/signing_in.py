"""Sign in and out. The answer is the same whether the address is known or not, wrong or locked."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services import accounts
from services.foundation.errors import SignInRefused
from services.web import sessions
from services.web.pages import answers
from services.web.pages.entries import kept
from services.web.pages.visitor import Entered, Here, SignedIn, token_of
from services.web.rendering import Form, Shell

router = APIRouter()
HOME: Final = "/a-faire"


@router.get("/connexion")
def ask(request: Request, suite: str = "") -> Response:
    """The form."""
    return _form(request, Form(once=""), suite)


@router.post("/connexion")
def sign_in(request: Request, runtime: Here, data: Entered) -> Response:
    """Open a session under a new token, whatever the browser held before."""
    suite = str(data.get("suite", ""))
    try:
        person = accounts.sign_in(runtime.database, str(data.get("email", "")), str(data.get("password", "")))
    except SignInRefused as refused:
        typed = {name: value for name, value in kept(data).items() if name == "email"}
        return _form(request, Form(once="", entered=typed, errors={"email": refused.sentence}), suite, status=401)
    with runtime.database.write("session") as unit:
        token = sessions.open_session(unit, person, replaces=token_of(request))
    response = RedirectResponse(_inside(suite), answers.SEE_OTHER)
    sessions.give_cookie(response, runtime.settings, token)
    return response


@router.post("/deconnexion")
def sign_out(request: Request, visitor: SignedIn) -> Response:
    """Delete the session, here and in the browser."""
    with visitor.runtime.database.write("session") as unit:
        accounts.sign_out(unit, visitor.actor)
        sessions.close_session(unit, token_of(request))
    response = RedirectResponse("/connexion", answers.SEE_OTHER)
    sessions.take_cookie(response, visitor.runtime.settings)
    return response


def _form(request: Request, form: Form, suite: str, *, status: int = 200) -> Response:
    shell = Shell(dispositif="Relais")
    return answers.page(request, "sign_in.html", status=status, shell=shell, form=form, suite=_inside(suite, ""))


def _inside(address: str, otherwise: str = HOME) -> str:
    """Only an address of ours: one slash first, no host, no backslash that browsers read as one."""
    ours = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if ours else otherwise
