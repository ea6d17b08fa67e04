"""The pages of the mailbox and the same answers in JSON: every mail is shown as untrusted content."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from babel.dates import format_datetime
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deployments.catcher.reading import Mail, links_of, pieces, read
from deployments.catcher.smtp import Reception
from deployments.catcher.store import Entry, Mailbox
from models.base import PARIS

FOLDER: Final = Path(__file__).parent / "templates"
PAGE: Final = 100
LARGEST_ID: Final = 2**63 - 1
VIEWS: Final = {"texte": "Texte", "html": "HTML", "entetes": "En-têtes", "source": "Source"}

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# What a mail brings: no script, no form, no link followed, nothing fetched from the network.
CONTENT_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

router = APIRouter()


def create_app(reception: Reception, *, allowed_hosts: Sequence[str]) -> FastAPI:
    """Build the site.

    A request that names another host is refused, so that no web page can read the mails by rebinding its own name.
    """
    app = FastAPI(title="Courrier local", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.reception = reception
    app.include_router(router)
    app.middleware("http")(_guard)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    app.add_exception_handler(StarletteHTTPException, _refusal)
    return app


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "linked": linked, "size": size}
    return environment


def moment(when: datetime, pattern: str = "d MMM yyyy, H 'h' mm") -> str:
    """Write a UTC time as read in mainland France."""
    return format_datetime(when, pattern, tzinfo=PARIS, locale="fr")


def size(octets: int) -> str:
    """Write a file size in kilo-octets, rounded up."""
    return f"{-(-octets // 1024)}\u00a0Ko"


def linked(text: str) -> Markup:
    """Escape a text and make its web addresses clickable, without telling the site where the reader comes from."""
    anchor = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>')
    return Markup().join(anchor.format(piece) if is_link else escape(piece) for piece, is_link in pieces(text))


templates = Jinja2Templates(env=_environment())


@dataclass(frozen=True, slots=True)
class Found:
    """The mail that an address of the site names."""

    entry: Entry
    raw: bytes
    mail: Mail


# `async`, although they wait for nothing: FastAPI would run them in other threads, and the mailbox belongs to one.
async def _reception(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


Receiving = Annotated[Reception, Depends(_reception)]


async def _mailbox(reception: Receiving) -> Mailbox:
    return reception.mailbox


Box = Annotated[Mailbox, Depends(_mailbox)]


async def _found(mail_id: int, mailbox: Box) -> Found:
    """Find the mail; 404 when it was erased or never was."""
    found = mailbox.find(min(mail_id, LARGEST_ID))
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    entry, raw = found
    return Found(entry, raw, read(raw))


OneMail = Annotated[Found, Depends(_found)]


@router.get("/", response_class=HTMLResponse)
async def show_list(request: Request, mailbox: Box, a: str = "", avant: int | None = None) -> Response:
    """The mails, newest first; `a` keeps those sent to an address that contains it."""
    before = max(0, min(avant, LARGEST_ID)) if avant is not None else None
    found = mailbox.entries(containing=a, before=before, limit=PAGE + 1)
    context = {
        "entries": found[:PAGE],
        "older": found[PAGE - 1].id if len(found) > PAGE else None,
        "filter": a.strip(),
        "known": mailbox.recipients(),
        "shown": mailbox.count(containing=a),
        "total": mailbox.count(),
    }
    return templates.TemplateResponse(request, "list.html", context)


@router.get("/messages/{mail_id:int}", response_class=HTMLResponse)
async def show_mail(request: Request, found: OneMail, vue: str = "") -> Response:
    """One mail; the text part first, the HTML part when there is no text."""
    mail = found.mail
    view = vue if vue in VIEWS else "html" if mail.html and mail.text is None else "texte"
    context = {
        "entry": found.entry,
        "mail": mail,
        "view": view,
        "views": VIEWS,
        "source": found.raw.decode("utf-8", "replace") if view == "source" else "",
        "links": links_of(mail.html) if view == "html" and mail.html else [],
    }
    return templates.TemplateResponse(request, "mail.html", context)


@router.get("/messages/{mail_id:int}/html")
async def show_html(found: OneMail) -> Response:
    """The HTML part alone, for the frame: sandboxed even when opened by itself."""
    if found.mail.html is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return HTMLResponse(found.mail.html, headers={"Content-Security-Policy": CONTENT_POLICY})


@router.get("/messages/{mail_id:int}/pieces/{number:int}")
async def download_attachment(found: OneMail, number: int) -> Response:
    """One attachment, as a file to save and never as a page."""
    if not 1 <= number <= len(found.mail.attachments):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    attachment = found.mail.attachments[number - 1]
    return _download(attachment.content, attachment.name)


@router.get("/messages/{mail_id:int}/message.eml")
async def download_source(found: OneMail) -> Response:
    """The mail exactly as received."""
    return _download(found.raw, f"message-{found.entry.id}.eml")


@router.post("/effacer")
async def erase(mailbox: Box) -> Response:
    """Erase every mail."""
    mailbox.erase()
    return RedirectResponse("/", status_code=303)


@router.get("/style.css")
async def style() -> Response:
    """The style sheet of the pages."""
    return FileResponse(FOLDER / "style.css", media_type="text/css")


@router.get("/healthz")
async def health(mailbox: Box) -> dict[str, str]:
    """Say that the process answers and can read its file."""
    mailbox.count()
    return {"status": "ok"}


@router.get("/api/accepted")
async def accepted(reception: Receiving, message_id: str = "") -> dict[str, str]:
    """Say whether a mail with this Message-ID was accepted; unsure while another mail is on its way in."""
    wanted = message_id.strip()
    if reception.mailbox.has_accepted(wanted):
        return {"verdict": "yes"}
    return {"verdict": "no" if wanted and not reception.under_way else "cannot_tell"}


@router.get("/api/messages")
async def list_as_json(mailbox: Box, to: str = "") -> JSONResponse:
    """The thousand latest mails, newest first; `to` keeps those sent to exactly this address."""
    return JSONResponse([_as_json(entry) for entry in mailbox.entries(to=to)])


@router.get("/api/messages/{mail_id:int}")
async def mail_as_json(found: OneMail) -> JSONResponse:
    """One mail, read."""
    mail = found.mail
    parts = {
        "headers": [list(header) for header in mail.headers],
        "text": mail.text,
        "html": mail.html,
        "attachments": [attachment.name for attachment in mail.attachments],
    }
    return JSONResponse(_as_json(found.entry) | parts)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "message_id": entry.message_id,
        "from": entry.sender,
        "to": list(entry.recipients),
        "subject": entry.subject,
        "received_at": entry.received_at.isoformat(),
    }


def _download(content: bytes, name: str) -> Response:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": CONTENT_POLICY,
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse a form that another site sends, and put the security headers on every answer."""
    if request.method in {"GET", "HEAD"} or _is_ours(request):
        response = await answer(request)
    else:
        response = PlainTextResponse("Demande refusée : elle vient d’un autre site.", status_code=403)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _is_ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _refusal(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    if request.url.path.startswith("/api/"):
        return JSONResponse(
            {"detail": "introuvable" if status == HTTPStatus.NOT_FOUND else "refusé"}, status_code=status
        )
    return templates.TemplateResponse(request, "missing.html", {}, status_code=status)
