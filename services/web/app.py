"""The application: pages, API and static files behind one set of protections."""

from http import HTTPStatus
from operator import attrgetter
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models.programmes import Programme
from services.foundation.errors import CaseworkError, Denied, LinkAged, NotFound, SignInRefused, Unavailable
from services.foundation.runtime import Runtime, use
from services.foundation.tokens import new_token
from services.rules.policy import Actor, note_access
from services.web import problems, returning
from services.web.api import TAGS, include_api
from services.web.api.description import describe
from services.web.pages import (
    about,
    access_log,
    account,
    acts,
    administration,
    alerts,
    answers,
    asking,
    bulk,
    case_posts,
    cases,
    coming,
    cuts,
    directory,
    directory_acts,
    figures,
    held,
    household,
    imports,
    keys,
    letters,
    liaison,
    lives,
    measuring,
    organisations,
    orienting,
    owing,
    parcours,
    partner_access,
    partner_desk,
    pathway_settings,
    people,
    posters,
    presence,
    presence_acts,
    replies,
    requests_made,
    second_proof,
    settings,
    sheets,
    signing_in,
    surveying,
    task_acts,
    task_link,
    territory,
    text_settings,
    today,
    webhooks,
)
from services.web.rendering import STATIC, Shell, environment
from services.web.returning import LeadsBack
from services.web.security import ForeignForm, SameSiteOnly, SecurityHeaders, TooLarge

FOR_EVER: Final = "public, max-age=31536000, immutable"
# In this order: `/situations/nouvelle` is read before `/situations/{case_id}`.
PAGES: Final = (
    about,
    held,
    signing_in,
    second_proof,
    account,
    today,
    alerts,
    cases,
    case_posts,
    coming,
    parcours,
    figures,
    acts,
    cuts,
    liaison,
    lives,
    measuring,
    surveying,
    task_acts,
    asking,
    bulk,
    orienting,
    owing,
    letters,
    replies,
    posters,
    organisations,
    territory,
    directory_acts,
    sheets,
    directory,
    presence,
    presence_acts,
    settings,
    pathway_settings,
    text_settings,
    imports,
    household,
    requests_made,
    task_link,
    partner_desk,
    partner_access,
    administration,
    people,
    keys,
    access_log,
    webhooks,
)


class Application(FastAPI):
    """FastAPI whose protections stand outside everything, its own error page included."""

    def build_middleware_stack(self) -> ASGIApp:
        """As the base, wrapped."""
        runtime: Runtime = self.state.runtime
        pages = LeadsBack(super().build_middleware_stack())
        refuse = problems.handler(problems.of_refusal, error_page)
        return SecurityHeaders(SameSiteOnly(WithRuntime(pages, runtime), refuse), runtime.settings)

    def openapi(self) -> dict[str, Any]:
        """As the base, with French words and examples; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(super().openapi(), TAGS)
        return self.openapi_schema


def create_app(runtime: Runtime, *, engine_wait_s: float = 1.0) -> FastAPI:
    """Build the application. After an act a page waits up to `engine_wait_s` for what follows from it."""
    app = Application(
        title="Relais",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=attrgetter("name"),
    )
    app.state.runtime, app.state.pages, app.state.engine_wait_s = runtime, environment(), engine_wait_s
    for module in PAGES:  # as they are: an included router would make each route a second time, and match it twice
        app.router.routes.extend(module.router.routes)
    include_api(app)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    problems.install(app, otherwise=error_page)
    return app


async def error_page(request: Request, error: Exception) -> Response:
    """A refusal in plain words; nobody signed in is led to the sign-in, a denial is written down."""
    if isinstance(error, problems.OUTAGES):
        error = Unavailable()
    if isinstance(error, SignInRefused):
        return await _to_the_sign_in(request)
    actor = getattr(request.state, "actor", None)
    if isinstance(error, Denied | NotFound) and isinstance(actor, Actor):
        await run_in_threadpool(_note_denial, request, actor)
    status = 404 if isinstance(error, RequestValidationError) else int(getattr(error, "status_code", 500))
    response = answers.page(
        request,
        "error.html",
        status=status,
        shell=Shell(dispositif=await _service(request, status)),
        form=None,
        kind="foreign" if isinstance(error, ForeignForm) else status,
        sentence=error.sentence if isinstance(error, CaseworkError) else "",
        incident="",
        sent=request.method == "POST",
        back=request.url.path if isinstance(error, TooLarge) else _back(request),
        phone="",
        ask_at=error.ask_at if isinstance(error, LinkAged) else "",
        once=new_token(),
    )
    if wait_s := getattr(error, "retry_after_s", None):
        response.headers["Retry-After"] = str(wait_s)
    return response


async def _service(request: Request, status: int) -> str:
    """The name that whoever came by a link knows, where this Relais carries one service only."""
    if isinstance(getattr(request.state, "actor", None), Actor) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Relais"
    return await run_in_threadpool(_only_service, request.app.state.runtime)


def _only_service(runtime: Runtime) -> str:
    try:
        with runtime.database.read() as unit:
            names = unit.session.scalars(select(Programme.public_name).limit(2)).all()
    except problems.OUTAGES:
        return "Relais"
    return names[0] if len(names) == 1 else "Relais"


async def _to_the_sign_in(request: Request) -> Response:
    """The sign-in leads back to the page that was asked for, and keeps what was typed."""
    path = request.url.path
    if request.method == "POST" and not path.startswith("/connexion"):
        return await signing_in.interrupted(request)
    if request.method == "GET" and answers.is_inline(request):
        return _from_a_page_that_stays(request)
    leads_back = request.method == "GET" and path != "/" and not path.startswith("/connexion")
    return RedirectResponse(f"/connexion?suite={path}" if leads_back else "/connexion", answers.SEE_OTHER)


def _from_a_page_that_stays(request: Request) -> Response:
    """Who opens a form in a line signs in, then finds his list; what refreshes by itself leaves the page as it is."""
    if not request.url.path.startswith("/situations/"):
        return Response(status_code=204)
    back = request.query_params.get(returning.BACK, "")
    suite = back if returning.is_list(back) else request.url.path
    return Response(headers={"HX-Redirect": f"/connexion?suite={quote(suite)}"})


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
