"""What a browser shows of itself before anybody signs in: its place on the network, its family, the mark we gave it."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from fastapi import Depends, Request
from starlette.responses import Response

from services.accounts.accounts import Door, count_try
from services.foundation.runtime import Runtime
from services.foundation.settings import Settings
from services.foundation.tokens import Secrets, new_token
from services.rules.limits import ANONYMOUS, Use

MARK: Final = "relais-appareil"
MARK_LASTS: Final = timedelta(days=365)
_PURPOSE: Final = "known-browser"
_FAMILIES: Final = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
                    ("FxiOS", "Firefox"), ("Chrome", "Chrome"), ("CriOS", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_MACHINES: Final = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
                    ("Mac OS", "Mac"), ("CrOS", "Chromebook"), ("Linux", "Linux"))  # fmt: skip


def place_of(request: Request) -> str:
    """Where a request comes from, for limits only: it is stored as an HMAC. A whole IPv6 home is one place."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else host


def door_of(request: Request, runtime: Runtime, email: str) -> Door:
    """Where somebody who gives this address knocks."""
    nonce, _, signature = request.cookies.get(_name(runtime.settings), "").partition(".")
    known = runtime.secrets.verify(_PURPOSE, f"{nonce}\0{email.strip().lower()}", signature)
    return Door(place_of(request), nonce if known else "")


def give_mark(response: Response, settings: Settings, secrets: Secrets, email: str) -> None:
    """Know this browser again for this address: it opens nothing, its tries only count apart from a stranger's."""
    nonce = new_token()
    response.set_cookie(
        _name(settings),
        f"{nonce}.{secrets.sign(_PURPOSE, f'{nonce}{chr(0)}{email}')}",
        max_age=int(MARK_LASTS.total_seconds()),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def family_of(request: Request) -> str:
    """`Firefox, Windows`: enough to know one's own browser again in a list, and nothing more."""
    agent = request.headers.get("user-agent", "")
    found = (next((name for mark, name in table if mark in agent), "") for table in (_FAMILIES, _MACHINES))
    return ", ".join(filter(None, found))


def count_anonymous(request: Request) -> None:
    """Count a form that somebody sends without an account. Raises `TooMany`."""
    runtime: Runtime = request.app.state.runtime
    count_try(runtime.database, Use(ANONYMOUS, place_of(request)))


Limited: Final = Depends(count_anonymous)
"""For the routes that anybody may send to."""


def _name(settings: Settings) -> str:
    return f"__Host-{MARK}" if settings.is_https else MARK
