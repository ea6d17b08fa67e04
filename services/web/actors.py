"""Who is asking: an API key, a signed-in browser or an alert giver's link becomes an actor, read anew each time."""

from dataclasses import dataclass, field, replace
from typing import Literal

from fastapi import Request

from services.accounts import api_keys
from services.foundation.database import UnitOfWork
from services.foundation.errors import SignInRefused
from services.foundation.runtime import Runtime, runtime
from services.rules.links import open_alert_link
from services.rules.policy import Actor
from services.web import sessions

_SCHEMES: dict[str, Literal["key", "link"]] = {"bearer": "key", "lien": "link"}


@dataclass(frozen=True)
class Credentials:
    """What a request shows of itself; nothing is checked yet."""

    kind: Literal["key", "link", "session"]
    token: str = field(repr=False)


def runtime_of(request: Request) -> Runtime:
    """The installation that the application was made for."""
    given = getattr(request.app.state, "runtime", None)
    return given if isinstance(given, Runtime) else runtime()


def credentials_of(request: Request) -> Credentials:
    """The `Authorization` header (`Bearer`, `Lien`), else the browser's cookie. Raises `SignInRefused`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        kind = _SCHEMES.get(scheme.lower())
        if kind is None or not token.strip():
            raise SignInRefused
        return Credentials(kind, token.strip())
    cookie = request.cookies.get(sessions.cookie_name(runtime_of(request).settings))
    if not cookie:
        raise SignInRefused
    return Credentials("session", cookie)


def actor_of(unit: UnitOfWork, chosen: Runtime, credentials: Credentials, *, held: bool = False) -> Actor:
    """The actor, as of this transaction: a revoked key or an ended membership counts at once.

    `held`: whoever ends his session, key, link, account or role waits until this transaction is over.
    Raises `SignInRefused`, or `LinkExpired` for a revoked link.
    """
    if credentials.kind == "link":
        return open_alert_link(unit, chosen, credentials.token, held=held)[0]
    if credentials.kind == "key":
        membership = api_keys.membership_of(unit, credentials.token, held=held)
        actor = None if membership is None else sessions.actor_through(membership, membership.person)
        actor = actor and replace(actor, only=api_keys.scope_of(unit, credentials.token))
    else:
        actor = sessions.actor_of(unit, credentials.token, held=held)
    if actor is None:
        raise SignInRefused
    return actor
