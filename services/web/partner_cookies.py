"""The two cookies of a partner: the mark of the browser that asked for a link, and the session that the link opened."""

from typing import Final, Literal

from fastapi import Request
from starlette.responses import Response

from services.foundation.runtime import Runtime
from services.foundation.settings import Settings
from services.partner_access import LINK_LASTS, SESSION_LASTS

Kind = Literal["browser", "session"]
NAMES: Final[dict[Kind, str]] = {"browser": "relais-navigateur", "session": "relais-partenaire"}
LASTS: Final = {"browser": LINK_LASTS, "session": SESSION_LASTS}


def held(request: Request, settings: Settings, kind: Kind) -> str:
    """What the browser holds; empty when it holds nothing."""
    return request.cookies.get(_name(settings, kind), "")


def browser_of(request: Request, runtime: Runtime, once: str) -> str:
    """The browser's mark: the one that it holds, else a new one, the same for both presses of one form's button."""
    return held(request, runtime.settings, "browser") or runtime.secrets.sign("browser", once)


def give(response: Response, settings: Settings, kind: Kind, token: str) -> None:
    """Unreadable to scripts, never sent by another site's forms, gone when it serves no more."""
    response.set_cookie(
        _name(settings, kind),
        token,
        max_age=int(LASTS[kind].total_seconds()),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def take(response: Response, settings: Settings, kind: Kind) -> None:
    """Forget it in the browser too."""
    response.delete_cookie(_name(settings, kind), path="/", secure=settings.is_https, httponly=True, samesite="lax")


def _name(settings: Settings, kind: Kind) -> str:
    return f"__Host-{NAMES[kind]}" if settings.is_https else NAMES[kind]
