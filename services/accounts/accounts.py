"""Accounts: created by the programme, opened by a password; tries are counted before they are made."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.programmes import Membership, Person
from models.vocabulary import Role
from services.accounts import passwords, sessions
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import InvalidInput, SignInRefused
from services.rules import limits
from services.rules.limits import TooMany, Use
from services.rules.policy import Actor, note_access

REFUSED: Final = "Adresse ou mot de passe incorrect."
PASSWORD_CHANGED: Final = "password.changed"  # noqa: S105 - the name of an act
SIGN_IN: Final = "sign_in"
LIMITED: Final = "sign_in.limited"
GUARDED: Final = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})
"""They read every household, or let people in: a second proof. Source: CNIL, recommendation of 20 March 2025."""


@dataclass(frozen=True)
class Door:
    """Where somebody knocks: the place on the network, and the mark of a browser that this address has been in with."""

    place: str = ""
    mark: str = ""


def create_account(  # noqa: PLR0913 - an account is these six facts
    unit: UnitOfWork, *, email: str, name: str, password: str | None, programme_id: UUID, role: Role,
    organisation_id: UUID | None = None,
) -> Person:  # fmt: skip
    """Give a person a membership; somebody already known keeps his account and his password."""
    person = person_of(unit, email)
    if person is None:
        address = email.strip().lower()
        hashed = passwords.hashed(password, about=(address, name)) if password is not None else None
        person = Person(email=address, name=name, password_hash=hashed)
        unit.session.add(person)
        unit.session.flush()
    held = select(Membership).filter_by(
        person_id=person.id, programme_id=programme_id, role=role.value, organisation_id=organisation_id
    )
    membership = unit.session.scalars(held).first()
    if membership is None:
        membership = Membership(person_id=person.id, programme_id=programme_id, role=role.value)
        membership.organisation_id = organisation_id
        unit.session.add(membership)
    membership.ended_at = None
    unit.session.flush()
    return person


def person_of(unit: UnitOfWork, email: str) -> Person | None:
    """Whose address this is."""
    return unit.session.scalars(select(Person).where(Person.email == email.strip().lower())).first()


def sign_in(database: Database, email: str, password: str, door: Door = Door()) -> Person:
    """The person whose password this is: a first proof.

    Raises `SignInRefused` with one sentence for every reason, or `TooMany`.

    An unknown address costs the same time, and is limited in the same way, as a known one. The hash is computed with no
    transaction open, so a burst of tries cannot hold the database.
    """
    uses = _uses(email, door)
    count_try(database, *uses)
    with database.read() as unit:
        found = person_of(unit, email)
        person_id, stored = (found.id, found.password_hash) if found else (None, None)
    right = passwords.is_right(stored, password)
    with database.write("sign_in") as unit:
        person = unit.session.get(Person, person_id) if person_id else None
        opened = right and person is not None and bool(sessions.memberships_of(unit, person))
        if opened:
            limits.clear(unit, uses[0])
            limits.give_back(unit, *uses[1:])
        else:
            note_access(unit, Actor("person", person_id), SIGN_IN, case_id=None, allowed=False)
    if person is None or not opened:
        raise SignInRefused(REFUSED)
    return person


def is_guarded(unit: UnitOfWork, person: Person) -> bool:
    """Whether what this person may do asks for more than one proof."""
    return any(each.role in GUARDED for each in sessions.memberships_of(unit, person))


def sign_out(unit: UnitOfWork, actor: Actor) -> None:
    """Write down that somebody left; the session itself is the web's."""
    note_access(unit, actor, "sign_out", case_id=None)


def new_password(database: Database, actor: Actor, *, current: str, new: str) -> str:
    """What is kept of a new password for one's own account, once the one in use was given; nothing is changed yet.

    Raises `InvalidInput` beside the field that is wrong, or `TooMany`.
    """
    count_try(database, _changes(actor))
    with database.read() as unit:
        person = unit.session.get_one(Person, actor.id)
        stored, about = person.password_hash, (person.email, person.name)
    if not passwords.is_right(stored, current):
        raise InvalidInput("current", "Ce n’est pas votre mot de passe actuel.")
    return passwords.hashed(new, about=about)


def change_password(unit: UnitOfWork, actor: Actor, hashed: str, *, keep: str = "") -> None:
    """Take what `new_password` gave; every other browser is signed out. `keep`: the token that stays."""
    limits.clear(unit, _changes(actor))
    person = unit.session.get_one(Person, actor.id)
    person.password_hash = hashed
    sessions.end_all(unit, person.id, but=keep)
    note_access(unit, actor, PASSWORD_CHANGED, case_id=None)


def _changes(actor: Actor) -> Use:
    return Use(limits.PASSWORDS, f"change\0{actor.id}")


def count_try(database: Database, *uses: Use) -> None:
    """Count a try in a transaction of its own, whatever becomes of it. Raises `TooMany`, written down once a minute."""
    try:
        with database.write("try") as unit:
            limits.spend(unit, *uses)
    except TooMany:
        with suppress(TooMany), database.write("try_refused") as unit:
            limits.spend(unit, *(Use(limits.REFUSALS, use.key) for use in uses))
            note_access(unit, Actor("person", None), LIMITED, case_id=None, allowed=False)
        raise


def _uses(email: str, door: Door) -> tuple[Use, ...]:
    """What a failed sign-in counts against: the address from such a browser, then the place."""
    address = tries_of(email, door.mark)
    return (address, Use(limits.PLACES, door.place)) if door.place else (address,)


def tries_of(email: str, mark: str = "") -> Use:
    """Wrong passwords for an address, from strangers' browsers or from one that it has been in with."""
    return Use(limits.PASSWORDS, f"{email.strip().lower()}\0{mark}")
