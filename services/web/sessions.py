"""Signed-in browsers: an opaque token in a cookie, its hash in the database, two hours idle, twelve in all."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from starlette.responses import Response

from models.programmes import Membership, Person, WebSession
from models.vocabulary import Role
from services.foundation.database import UnitOfWork
from services.foundation.settings import Settings
from services.foundation.tokens import new_token, token_hash
from services.rules.policy import Actor

SECURE_COOKIE: Final = "__Host-relais"
PLAIN_COOKIE: Final = "relais"
COOKIES: Final = (SECURE_COOKIE, PLAIN_COOKIE)
IDLE: Final = timedelta(hours=2)
ABSOLUTE: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How often a reading browser is written down: not at every page."""


def cookie_name(settings: Settings) -> str:
    """`__Host-` asks for https."""
    return SECURE_COOKIE if settings.is_https else PLAIN_COOKIE


def open_session(unit: UnitOfWork, person: Person, *, replaces: str | None = None) -> str:
    """Sign a browser in; the token that it held before dies. Sessions that ran out are swept by the way."""
    unit.session.execute(delete(WebSession).where(WebSession.expires_at < unit.now))
    if replaces:
        close_session(unit, replaces)
    token = new_token()
    unit.session.add(
        WebSession(
            token_hash=token_hash(token),
            person_id=person.id,
            created_at=unit.now,
            seen_at=unit.now,
            expires_at=unit.now + ABSOLUTE,
        )
    )
    return token


def close_session(unit: UnitOfWork, token: str) -> None:
    """Sign a browser out."""
    unit.session.execute(delete(WebSession).where(WebSession.token_hash == token_hash(token)))


def actor_of(unit: UnitOfWork, token: str) -> Actor | None:
    """Who holds this token; None once it ran out, or when the account or its membership ended."""
    session = unit.session.get(WebSession, token_hash(token))
    if session is None or session.expires_at <= unit.now or session.seen_at + IDLE <= unit.now:
        return None
    person = unit.session.get_one(Person, session.person_id)
    membership = membership_of(unit, person)
    return None if membership is None else actor_through(membership, person)


def membership_of(unit: UnitOfWork, person: Person) -> Membership | None:
    """The membership through which a person acts: the oldest that lasts."""
    if person.disabled_at is not None:
        return None
    lasting = select(Membership).where(Membership.person_id == person.id, Membership.ended_at.is_(None))
    return unit.session.scalars(lasting.order_by(Membership.id)).first()


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
