"""The second proof of a sign-in: a code of the telephone, and how the telephone comes to know it."""

from typing import Any, Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from services.accounts import second_factor
from services.accounts.second_factor import CODE, SET_UP, CodeRefused
from services.foundation import qr
from services.foundation.runtime import Runtime
from services.rules.limits import TooMany
from services.web import link_cookies
from services.web.browsers import Limited
from services.web.pages import answers, resuming
from services.web.pages.signing_in import inside, let_in
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
SHELL: Final = Shell(dispositif="Relais")


@router.get("/connexion/code")
def ask(request: Request, runtime: Here, suite: str = "") -> Response:
    """The code of this moment."""
    return _code_form(request, runtime, Form(once=""), suite)


@router.post("/connexion/code", dependencies=[Limited])
def give(request: Request, runtime: Here, data: Entered) -> Response:
    """Let in whoever gives it."""
    suite, carried = str(data.get("suite", "")), str(data.get(resuming.KEPT, ""))
    try:
        person_id = second_factor.pass_step(
            runtime.database, runtime, _token(request, runtime), str(data.get("code", ""))
        )
    except (CodeRefused, TooMany) as refused:
        form = Form(once="", errors={"code": refused.sentence})
        return _code_form(request, runtime, form, suite, kept=carried, status=refused.status_code)
    back = resuming.give_back(request, runtime, person_id, carried)
    return let_in(request, runtime, person_id, back or RedirectResponse(inside(suite), answers.SEE_OTHER))


@router.get("/connexion/telephone")
def show(request: Request, runtime: Here, suite: str = "") -> Response:
    """What the telephone reads."""
    return _set_up_form(request, runtime, Form(once=""), suite)


@router.post("/connexion/telephone", dependencies=[Limited])
def set_up(request: Request, runtime: Here, data: Entered) -> Response:
    """The telephone answered: the person is in, and sees the codes for paper this once."""
    suite = str(data.get("suite", ""))
    try:
        person_id, codes = second_factor.confirm(
            runtime.database, runtime, _token(request, runtime), str(data.get("code", ""))
        )
    except (CodeRefused, TooMany) as refused:
        form = Form(once="", errors={"code": refused.sentence})
        return _set_up_form(request, runtime, form, suite, status=refused.status_code)
    page = answers.page(request, "paper_codes.html", shell=SHELL, codes=codes, onward=inside(suite))
    return let_in(request, runtime, person_id, page)


def _code_form(
    request: Request, runtime: Runtime, form: Form, suite: str, *, kept: str = "", status: int = 200
) -> Response:
    with runtime.database.read() as unit:
        second_factor.step_of(unit, _token(request, runtime), CODE)
    return answers.page(request, "code.html", status=status, shell=SHELL, form=form, suite=inside(suite), kept=kept)


def _set_up_form(request: Request, runtime: Runtime, form: Form, suite: str, *, status: int = 200) -> Response:
    with runtime.database.read() as unit:
        step, person = second_factor.step_of(unit, _token(request, runtime), SET_UP)
        address, secret = second_factor.offer(runtime, step, person)
        required = second_factor.is_required(unit, person)
    context: dict[str, Any] = {
        "code": Markup(qr.drawn(address, title="QR code à lire avec l’application")),  # noqa: S704 - drawn by us
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "required": required,
        "suite": inside(suite),
    }
    return answers.page(request, "second_factor.html", status=status, shell=SHELL, form=form, **context)


def _token(request: Request, runtime: Runtime) -> str:
    return link_cookies.held(request, runtime.settings, "step")
