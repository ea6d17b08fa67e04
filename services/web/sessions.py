"""The cookie of a signed-in browser, and who it stands for: read anew at each request."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, false, func, select
from starlette.responses import Response

from models.programmes import Membership, Person, Programme, WebSession
from models.vocabulary import Role
from services.accounts.sessions import ABSOLUTE, IDLE, SEEN_EVERY, lasts
from services.foundation.database import UnitOfWork
from services.foundation.settings import Settings
from services.foundation.tokens import token_hash
from services.rules.policy import Actor

SECURE_COOKIE: Final = "__Host-relais"
PLAIN_COOKIE: Final = "relais"
COOKIES: Final = (SECURE_COOKIE, PLAIN_COOKIE)


def cookie_name(settings: Settings) -> str:
    """`__Host-` asks for https."""
    return SECURE_COOKIE if settings.is_https else PLAIN_COOKIE


@dataclass(frozen=True)
class Holder:
    """Who holds a token and through which programme; `is_stale`: it is time to write that this browser was seen."""

    actor: Actor
    programme: str
    phone: str
    zone: ZoneInfo
    is_stale: bool


def holder(unit: UnitOfWork, token: str, *, held: bool = False) -> Holder | None:
    """Who holds this token; None once it ran out, or when the account or its memberships ended. One question, since
    every page asks it.

    `held`: whoever ends one of them waits until this transaction is over.
    """
    living = {"token": token_hash(token), "now": unit.now, "idle": unit.now - IDLE}
    found = next(iter(unit.rows(_HELD if held else _HOLDER, **living)), None) if token else None
    if found is None:
        return None
    actor = Actor(
        "person",
        found.person_id,
        programme_id=found.programme_id,
        role=Role(found.role),
        organisation_id=found.organisation_id,
        name=found.person,
    )
    return Holder(actor, found.programme, found.phone, found.zone, found.seen_at + SEEN_EVERY <= unit.now)


_HOLDER: Final = (
    select(
        WebSession.seen_at,
        Person.id.label("person_id"),
        Person.name.label("person"),
        Membership.programme_id,
        Membership.role,
        Membership.organisation_id,
        Programme.name.label("programme"),
        Programme.phone,
        Programme.zone,
    )
    .join(Person, Person.id == WebSession.person_id)
    .join(Membership, Membership.person_id == Person.id)
    .join(Programme, Programme.id == Membership.programme_id)
    .where(
        WebSession.token_hash == bindparam("token"),
        lasts(bindparam("now"), bindparam("idle")),
        Person.disabled_at.is_(None),
        Membership.ended_at.is_(None),
    )
    # The membership that was chosen in this browser, else the oldest.
    .order_by(func.coalesce(Membership.id == WebSession.membership_id, false()).desc(), Membership.id)
    .limit(1)
)
_HELD: Final = _HOLDER.with_for_update(read=True, of=(WebSession, Person, Membership))


def actor_of(unit: UnitOfWork, token: str, *, held: bool = False) -> Actor | None:
    """Who holds this token, as an actor."""
    found = holder(unit, token, held=held)
    return found.actor if found else None


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
