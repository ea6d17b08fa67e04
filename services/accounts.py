"""Accounts: created by the programme, opened by a password, locked without a word after ten failures."""

from datetime import timedelta
from functools import cache
from typing import Final
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import select

from models.base import new_id
from models.programmes import Membership, Person
from models.vocabulary import Role
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import InvalidInput, SignInRefused
from services.foundation.tokens import new_token
from services.rules.policy import Actor, note_access

FAILURES_ALLOWED: Final = 10
LOCKED_FOR: Final = timedelta(minutes=15)
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 128
REFUSED: Final = "Adresse ou mot de passe incorrect."


def create_account(  # noqa: PLR0913 - an account is these six facts
    unit: UnitOfWork, *, email: str, name: str, password: str | None, programme_id: UUID, role: Role,
    organisation_id: UUID | None = None,
) -> Person:  # fmt: skip
    """Give a person a membership; somebody already known keeps his account and his password."""
    if password is not None and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput("password", f"Le mot de passe a de {SHORTEST_PASSWORD} à {LONGEST_PASSWORD} caractères.")
    person = unit.session.scalars(select(Person).where(Person.email == email.strip().lower())).first()
    if person is None:
        hashed = _hasher().hash(password) if password else None
        person = Person(id=new_id(), email=email.strip().lower(), name=name, password_hash=hashed)
        unit.session.add(person)
        unit.session.flush()
    unit.session.add(
        Membership(person_id=person.id, programme_id=programme_id, organisation_id=organisation_id, role=role.value)
    )
    unit.session.flush()
    return person


def sign_in(database: Database, email: str, password: str) -> Person:
    """The person whose password this is. Raises `SignInRefused` with one sentence for every reason.

    An unknown address costs the same time as a known one; a locked account answers like a wrong password. The hash
    is computed with no transaction open, so a burst of tries cannot hold the database.
    """
    with database.read() as unit:
        found = unit.session.scalars(select(Person).where(Person.email == email.strip().lower())).first()
        person_id, stored = (found.id, found.password_hash) if found else (None, None)
    right = _hasher().verify(password[: LONGEST_PASSWORD + 1], stored or _decoy()) and stored is not None
    with database.write("sign_in") as unit:
        person = unit.session.get(Person, person_id, with_for_update=True) if person_id else None
        opened = _opened(unit, person, right=right)
        actor = Actor("person", person_id)
        note_access(unit, actor, "sign_in", case_id=None, allowed=opened)
    if person is None or not opened:
        raise SignInRefused(REFUSED)
    return person


def sign_out(unit: UnitOfWork, actor: Actor) -> None:
    """Write down that somebody left; the session itself is the web's."""
    note_access(unit, actor, "sign_out", case_id=None)


def _opened(unit: UnitOfWork, person: Person | None, *, right: bool) -> bool:
    if person is None or person.disabled_at is not None:
        return False
    if person.locked_until is not None and person.locked_until > unit.now:
        return False
    if right:
        person.failed_sign_ins, person.locked_until = 0, None
        return True
    person.failed_sign_ins += 1
    if person.failed_sign_ins >= FAILURES_ALLOWED:
        person.failed_sign_ins, person.locked_until = 0, unit.now + LOCKED_FOR
    return False


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _decoy() -> str:
    """The hash of nobody's password, so that unknown addresses take as long as known ones."""
    return _hasher().hash(new_token())
