"""Signed-in browsers: opened under a new token, listed to their owner, ended one by one or all at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select

from models.programmes import Membership, Person, WebSession
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.foundation.tokens import new_token, token_hash
from services.rules.policy import Actor, note_access

IDLE: Final = timedelta(hours=2)
ABSOLUTE: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How often a reading browser is written down: not at every page."""
ENDED: Final = "session.ended"


def open_session(unit: UnitOfWork, person: Person, *, browser: str = "", replaces: str | None = None) -> str:
    """Sign a browser in, every proof given; the token that it held before dies. Old sessions are swept by the way."""
    unit.session.execute(delete(WebSession).where(WebSession.expires_at < unit.now))
    if replaces:
        close_session(unit, replaces)
    token = new_token()
    unit.session.add(
        WebSession(
            token_hash=token_hash(token),
            person_id=person.id,
            browser=browser,
            created_at=unit.now,
            seen_at=unit.now,
            expires_at=unit.now + ABSOLUTE,
        )
    )
    return token


def close_session(unit: UnitOfWork, token: str) -> None:
    """Sign a browser out."""
    unit.session.execute(delete(WebSession).where(WebSession.token_hash == token_hash(token)))


def lasts(now: Any, idle_since: Any) -> ColumnElement[bool]:
    """Whether a session is good: it did not run out, nor was it left alone too long. Instants, or their parameters."""
    return and_(WebSession.expires_at > now, WebSession.seen_at > idle_since)


def living(unit: UnitOfWork, token: str) -> WebSession | None:
    """The session of this token, unless it ran out or was left alone too long."""
    good = WebSession.token_hash == token_hash(token), lasts(unit.now, unit.now - IDLE)
    return unit.session.scalars(select(WebSession).where(*good)).first()


def of_person(unit: UnitOfWork, person_id: UUID) -> Sequence[WebSession]:
    """The browsers in which a person is signed in now, the latest seen first."""
    query = select(WebSession).where(WebSession.person_id == person_id, lasts(unit.now, unit.now - IDLE))
    return unit.session.scalars(query.order_by(WebSession.seen_at.desc(), WebSession.id)).all()


def end_one(unit: UnitOfWork, actor: Actor, session_id: UUID) -> None:
    """Sign one of one's own browsers out. Raises `NotFound` for somebody else's."""
    mine = select(WebSession).where(WebSession.id == session_id, WebSession.person_id == actor.id)
    session = unit.session.scalars(mine).first()
    if session is None:
        raise NotFound
    unit.session.delete(session)
    note_access(unit, actor, ENDED, case_id=None)


def end_others(unit: UnitOfWork, actor: Actor, token: str) -> None:
    """Sign all of one's own browsers out but the one that asks."""
    if actor.id is not None:
        end_all(unit, actor.id, but=token)
        note_access(unit, actor, ENDED, case_id=None)


def end_all(unit: UnitOfWork, person_id: UUID, *, but: str = "") -> None:
    """Sign a person out everywhere, except in the browser that holds the token `but`."""
    ended = delete(WebSession).where(WebSession.person_id == person_id)
    unit.session.execute(ended.where(WebSession.token_hash != token_hash(but)) if but else ended)


def memberships_of(unit: UnitOfWork, person: Person) -> Sequence[Membership]:
    """What a person may act as, the oldest first; nothing once the account is closed."""
    if person.disabled_at is not None:
        return []
    lasting = select(Membership).where(Membership.person_id == person.id, Membership.ended_at.is_(None))
    return unit.session.scalars(lasting.order_by(Membership.id)).all()


def act_as(unit: UnitOfWork, token: str, membership_id: UUID) -> Membership:
    """Go on in this browser through another of one's memberships. Raises `NotFound`."""
    session = living(unit, token)
    person = unit.session.get_one(Person, session.person_id) if session else None
    chosen = next((each for each in (memberships_of(unit, person) if person else ()) if each.id == membership_id), None)
    if session is None or chosen is None:
        raise NotFound
    session.membership_id = chosen.id
    return chosen
