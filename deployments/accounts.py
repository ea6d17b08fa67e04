"""Creates the accounts of people who sign in with a password; the first ones are made from the command line."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pwdlib import PasswordHash
from sqlalchemy import select

from models.programmes import Membership, Organisation, Person, Programme
from models.vocabulary import Role
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime

SHORTEST_PASSWORD: Final = 12


@dataclass(frozen=True)
class Wanted:
    """Whom to let in; organisation and programme by their slug."""

    email: str
    name: str
    role: str = Role.COORDINATOR
    organisation: str | None = None
    programme: str | None = None


def add(current: Runtime, wanted: Wanted, *, password: str) -> None:
    """Create the account, or give one more role to a person who has one and keep their password.

    Raises `InvalidInput` with what to change.
    """
    email = _email(wanted.email)
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput("password", f"Le mot de passe doit compter au moins {SHORTEST_PASSWORD} caractères.")
    password_hash = PasswordHash.recommended().hash(password)
    with current.database.write("account") as unit:
        programme = programme_named(unit, wanted.programme)
        organisation_id = _organisation(unit, programme.id, wanted)
        person = unit.session.scalar(select(Person).where(Person.email == email))
        if person is None:
            person = Person(email=email, name=wanted.name, password_hash=password_hash)
            unit.session.add(person)
            unit.session.flush()
        held = select(Membership).filter_by(
            person_id=person.id, programme_id=programme.id, role=wanted.role, organisation_id=organisation_id
        )
        membership = unit.session.scalar(held)
        if membership is None:
            membership = Membership(person_id=person.id, programme_id=programme.id, role=wanted.role)
            membership.organisation_id = organisation_id
            unit.session.add(membership)
        membership.ended_at = None


def _email(given: str) -> str:
    try:
        return validate_email(given, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise InvalidInput("email", f"L’adresse {given} n’est pas une adresse électronique.") from error


def programme_named(unit: UnitOfWork, slug: str | None) -> Programme:
    """The programme of this identifier, which may be left out while there is one only. Raises `InvalidInput`."""
    found = unit.session.scalars(select(Programme).order_by(Programme.slug)).all()
    chosen = [programme for programme in found if slug in {None, programme.slug}]
    if not found:
        raise InvalidInput("programme", "Il n’y a encore aucun dispositif dans cette base.")
    if len(chosen) != 1:
        names = ", ".join(programme.slug for programme in found)
        raise InvalidInput("programme", f"Dites lequel des dispositifs avec --programme\u00a0: {names}.")
    return chosen[0]


def _organisation(unit: UnitOfWork, programme_id: UUID, wanted: Wanted) -> UUID | None:
    if wanted.organisation is None:
        if wanted.role == Role.OPERATOR:
            raise InvalidInput("organisation", "Dites avec --organisation pour qui cette personne fait les visites.")
        return None
    found = select(Organisation.id).filter_by(programme_id=programme_id, slug=wanted.organisation)
    organisation_id = unit.session.scalar(found)
    if organisation_id is None:
        raise InvalidInput("organisation", f"L’organisation {wanted.organisation} n’existe pas dans ce dispositif.")
    return organisation_id
