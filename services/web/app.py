"""The application: pages, API and static files behind one set of protections."""

from typing import Final
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.foundation.errors import CaseworkError, Denied, NotFound, SignInRefused
from services.foundation.runtime import Runtime, use
from services.rules.policy import Actor, note_access
from services.web import problems
from services.web.api import router as api
from services.web.pages import (
    about,
    acts,
    administration,
    alerts,
    answers,
    asking,
    case_posts,
    cases,
    letters,
    lives,
    organisations,
    orienting,
    partner_access,
    replies,
    signing_in,
    task_acts,
    task_link,
    today,
)
from services.web.rendering import STATIC, Shell, environment
from services.web.security import SameSiteOnly, SecurityHeaders

FOR_EVER: Final = "public, max-age=31536000, immutable"
PAGES: Final = (about, signing_in, today, cases, case_posts, acts, lives, task_acts, asking, orienting,
                letters, replies, organisations, alerts, task_link,
                partner_access, administration)  # fmt: skip
KNOWN_ERRORS: Final = frozenset({403, 404, 409, 410, 422, 500, 503})


class Application(FastAPI):
    """FastAPI whose protections stand outside everything, its own error page included."""

    def build_middleware_stack(self) -> ASGIApp:
        """As the base, wrapped."""
        runtime: Runtime = self.state.runtime
        return SecurityHeaders(SameSiteOnly(WithRuntime(super().build_middleware_stack(), runtime)), runtime.settings)


def create_app(runtime: Runtime, *, engine_wait_s: float = 1.0) -> FastAPI:
    """Build the application. After an act a page waits up to `engine_wait_s` for what follows from it."""
    app = Application(title="Relais", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.state.runtime, app.state.pages, app.state.engine_wait_s = runtime, environment(), engine_wait_s
    for module in PAGES:
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    problems.install(app, otherwise=error_page)
    return app


async def error_page(request: Request, error: Exception) -> Response:
    """A refusal in plain words; nobody signed in is led to the sign-in, a denial is written down."""
    if isinstance(error, SignInRefused):
        return RedirectResponse(sign_in_address(request), answers.SEE_OTHER)
    actor = getattr(request.state, "actor", None)
    if isinstance(error, Denied | NotFound) and isinstance(actor, Actor):
        await run_in_threadpool(_note_denial, request, actor)
    status = 404 if isinstance(error, RequestValidationError) else int(getattr(error, "status_code", 500))
    return answers.page(
        request,
        "error.html",
        status=status,
        shell=Shell(dispositif="Relais"),
        form=None,
        kind=status,
        sentence=error.sentence if isinstance(error, CaseworkError) else "",
        incident="",
        back=_back(request),
        phone="",
    )


def sign_in_address(request: Request) -> str:
    """The sign-in, which leads back to the page that was asked for."""
    path = request.url.path
    return f"/connexion?suite={path}" if request.method == "GET" and path != "/" else "/connexion"


def _note_denial(request: Request, actor: Actor) -> None:
    runtime: Runtime = request.app.state.runtime
    route = getattr(request.scope.get("route"), "path", "")
    try:
        case_id = UUID(str(request.path_params.get("case_id", "")))
    except ValueError:
        case_id = None
    with runtime.database.write("access") as unit:
        note_access(unit, actor, f"{request.method} {route}", case_id=case_id, allowed=False)


def _back(request: Request) -> str:
    parts = request.url.path.split("/")
    return "/".join(parts[:3]) if parts[1] == "situations" and len(parts) > 3 else "/"  # noqa: PLR2004


class KeptFiles(StaticFiles):
    """Static files are named by their content, so browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As the base, kept for ever when found."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = FOR_EVER
        return response


class WithRuntime:
    """Let what is below find this application's runtime while a request is answered."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        """`app` is what it stands before."""
        self.app, self.runtime = app, runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        with use(self.runtime):
            await self.app(scope, receive, send)
