"""Small cookies beside the session: the browser that asked for a link, what a partner's opened, a sign-in half done."""

from typing import Final, Literal

from fastapi import Request
from starlette.responses import Response

from services.accounts.partner_access import SESSION_LASTS
from services.accounts.second_factor import STEP_LASTS
from services.accounts.sign_in_links import LASTS as LINK_LASTS
from services.foundation.runtime import Runtime
from services.foundation.settings import Settings

Kind = Literal["browser", "session", "step"]
NAMES: Final[dict[Kind, str]] = {"browser": "relais-navigateur", "session": "relais-partenaire", "step": "relais-etape"}
LASTS: Final = {"browser": LINK_LASTS, "session": SESSION_LASTS, "step": STEP_LASTS}


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
