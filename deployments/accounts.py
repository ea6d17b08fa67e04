"""Creates the accounts of people who sign in with a password; the first ones are made from the command line."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select

from models.base import new_id
from models.programmes import Organisation, Programme
from models.vocabulary import Role
from services.accounts import account_links, second_factor
from services.accounts.accounts import create_account, person_of
from services.accounts.sessions import memberships_of
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime
from services.programme import people
from services.rules.policy import Actor, note_access

COMMAND: Final = Actor("command", None)


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
    with current.database.write("account") as unit:
        programme = programme_named(unit, wanted.programme)
        create_account(
            unit,
            email=email,
            name=wanted.name,
            password=password,
            programme_id=programme.id,
            role=Role(wanted.role),
            organisation_id=_organisation(unit, programme.id, wanted),
        )


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


def invite(current: Runtime, wanted: Wanted) -> None:
    """Open an account without a password and write to its address. Raises `InvalidInput`."""
    email = _email(wanted.email)
    with current.database.write("account_invite") as unit:
        programme = programme_named(unit, wanted.programme)
        person = create_account(
            unit,
            email=email,
            name=wanted.name,
            password=None,
            programme_id=programme.id,
            role=Role(wanted.role),
            organisation_id=_organisation(unit, programme.id, wanted),
        )
        held = next(each for each in memberships_of(unit, person) if each.programme_id == programme.id)
        account_links.write_to(unit, held, account_links.INVITATION, key=f"invitation:{new_id()}")
        note_access(unit, COMMAND, people.INVITED, case_id=None, about=person.id)


def forget_telephone(current: Runtime, email: str, reason: str) -> None:
    """For the only administrator who lost the telephone and the codes on paper. Raises `InvalidInput`."""
    with current.database.write("account_forget_telephone") as unit:
        person = person_of(unit, email)
        if person is None:
            raise InvalidInput("email", "Personne n’a de compte à cette adresse.")
        second_factor.forget(unit, person)
        note_access(unit, COMMAND, people.TELEPHONE_FORGOTTEN, case_id=None, about=person.id, reason=reason)
