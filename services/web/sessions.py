"""The cookie of a signed-in browser, and who it stands for: read anew at each request."""

from typing import Final

from starlette.responses import Response

from models.programmes import Membership, Person, WebSession
from models.vocabulary import Role
from services import sessions
from services.foundation.database import UnitOfWork
from services.foundation.settings import Settings
from services.foundation.tokens import token_hash
from services.rules.policy import Actor
from services.sessions import ABSOLUTE, SEEN_EVERY

SECURE_COOKIE: Final = "__Host-relais"
PLAIN_COOKIE: Final = "relais"
COOKIES: Final = (SECURE_COOKIE, PLAIN_COOKIE)


def cookie_name(settings: Settings) -> str:
    """`__Host-` asks for https."""
    return SECURE_COOKIE if settings.is_https else PLAIN_COOKIE


def actor_of(unit: UnitOfWork, token: str) -> Actor | None:
    """Who holds this token; None once it ran out, or when the account or its memberships ended."""
    session = sessions.living(unit, token)
    if session is None:
        return None
    person = unit.session.get_one(Person, session.person_id)
    lasting = sessions.memberships_of(unit, person)
    chosen = next((each for each in lasting if each.id == session.membership_id), None) or next(iter(lasting), None)
    return None if chosen is None else actor_through(chosen, person)


def actor_through(membership: Membership, person: Person) -> Actor:
    """A person acting through one membership: also what an API key stands for."""
    return Actor(
        "person",
        person.id,
        programme_id=membership.programme_id,
        role=Role(membership.role),
        organisation_id=membership.organisation_id,
        name=person.name,
    )


def is_stale(unit: UnitOfWork, token: str) -> bool:
    """Whether it is time to write that this browser was seen."""
    session = unit.session.get(WebSession, token_hash(token))
    return session is not None and session.seen_at + SEEN_EVERY <= unit.now


def touch(unit: UnitOfWork, token: str) -> None:
    """This browser was seen just now."""
    session = unit.session.get(WebSession, token_hash(token))
    if session is not None:
        session.seen_at = unit.now


def give_cookie(response: Response, settings: Settings, token: str) -> None:
    """Unreadable to scripts, never sent by another site's forms, gone with the browser or after twelve hours."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(ABSOLUTE.total_seconds()),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="lax",
    )


def take_cookie(response: Response, settings: Settings) -> None:
    """Forget the token in the browser too."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.is_https, httponly=True, samesite="lax")
