"""What every answer carries and what no request may do: headers, where a form may come from, how much may be sent."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.refusals import CaseworkError
from services.cases.documents import LARGEST, TOO_HEAVY
from services.foundation.settings import Settings
from services.web.sessions import COOKIES

FOR_PROGRAMS: Final = ("/api/", "/lettre-du-mois/")
"""What a program may ask for: the API with a key of its own, a mailbox's button with the secret of its mail."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_BODY: Final = LARGEST + 2 * 1024 * 1024  # a document and its form
YEAR_S: Final = 365 * 24 * 3600
CSP: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
Refuse = Callable[[Request, CaseworkError], Awaitable[Response]]


class TooLarge(CaseworkError):
    """More was sent than any form of ours sends."""

    status_code = 413
    retryable = False
    code = "too-large"

    def __init__(self) -> None:
        """What to do with a file, since nothing else weighs as much."""
        super().__init__(
            f"{TOO_HEAVY} Rien n’est enregistré : revenez au formulaire et choisissez un fichier plus léger."
        )


class ForeignForm(CaseworkError):
    """A form that no page of ours sent; a browser that hides where it comes from sends the same."""

    status_code = 403
    retryable = False
    code = "denied"

    def __init__(self) -> None:
        """The honest reader of a page of ours finds it again and sends once more."""
        super().__init__("Ce formulaire ne vient pas de Relais : revenez à la page et recommencez.")


class SameSiteOnly:
    """Refuse an act that another site sends with the reader's cookie; trust what browsers say of the origin.

    Without `Sec-Fetch-Site` and without `Origin` the sender is no browser: it may pass where programs may ask, never
    with a cookie. Source: OWASP, fetch metadata.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        """`app` is what it stands before; `refuse` says no as the application does."""
        self.app, self.refuse = app, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403 or 413."""
        if scope["type"] == "http" and scope["method"] not in SAFE:
            headers = Headers(scope=scope)
            if not comes_from_here(headers, path=scope["path"]):
                await (await self.refuse(Request(scope), ForeignForm()))(scope, receive, send)
                return
            counted = _Counted(scope, receive, send, announced=_length(headers))
            if not counted.is_too_large:
                await counted.pass_on(self.app)
            if counted.is_too_large and not counted.answered:
                await (await self.refuse(Request(scope), TooLarge()))(scope, receive, send)
            return
        await self.app(scope, receive, send)


class _Counted:
    """A request that is cut off as soon as it is too large, whatever it announced: nothing more of it is read."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, announced: int) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.announced, self.length, self.answered = announced, 0, False

    async def pass_on(self, app: ASGIApp) -> None:
        """Let the application answer, but for what it answers to what was cut; nothing to whoever left."""
        with suppress(ClientDisconnect):
            await app(self.scope, self.receive, self.send)

    @property
    def is_too_large(self) -> bool:
        """Whether more came, or will, than may be sent."""
        return max(self.announced, self.length) > LARGEST_BODY

    async def receive(self) -> Message:
        """The next piece, or the end of a sender who sends too much."""
        message = await self._receive()
        self.length += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.is_too_large else message

    async def send(self, message: Message) -> None:
        """Nothing that was answered to half a request."""
        if self.is_too_large and not self.answered:
            return
        self.answered = True
        await self._send(message)


def comes_from_here(headers: Headers, *, path: str) -> bool:
    """Whether an unsafe request was sent by one of our own pages, or by a program with its own key."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    has_cookie = any(f"{name}=" in headers.get("cookie", "") for name in COOKIES)
    return path.startswith(FOR_PROGRAMS) and not has_cookie


def _length(headers: Headers) -> int:
    announced = headers.get("content-length", "0")
    return int(announced) if announced.isdecimal() else LARGEST_BODY + 1


class SecurityHeaders:
    """Put the same protections on every answer, errors included; a page may be stricter, never looser."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """`settings` say whether the public address is https."""
        self.app = app
        self.fixed = {
            "content-security-policy": CSP,
            "x-content-type-options": "nosniff",
            "referrer-policy": referrer_policy(settings),
            "cache-control": "no-store",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
        }
        if settings.is_https:
            self.fixed["strict-transport-security"] = f"max-age={YEAR_S}; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add what is not there yet."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.fixed.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def referrer_policy(settings: Settings) -> str:
    """No address ever leaves. On plain http outside this machine browsers say no `Sec-Fetch-Site`, and under
    `no-referrer` no origin either: there the origin of our own forms is kept."""
    trustworthy = settings.is_https or settings.is_on_loopback
    return "no-referrer" if trustworthy else "same-origin"
