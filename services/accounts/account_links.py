"""A link to the address that we know: how somebody comes in without a password, or chooses a new one.

Coordinators and administrators never come in by a mail alone: their link lets them choose a password, no more.
"""

from typing import Final
from uuid import UUID

from models.base import new_id
from models.engine import Message
from models.programmes import Membership, Person, SignInLink
from models.vocabulary import Channel, Party, Role
from services.accounts import accounts, passwords, sessions, sign_in_links
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import GuardRefused, LinkExpired, SignInRefused
from services.foundation.runtime import Runtime
from services.rules import limits
from services.rules.limits import Use
from services.rules.links import sign_in_link_of
from services.rules.policy import Actor, note_access

LINK: Final = "account_link"
INVITATION: Final = "account_invitation"
ASKED: Final = "sign_in.link_asked"
PASSWORD_ONLY: Final = "Pour votre rôle, ce lien sert à choisir un mot de passe."  # noqa: S105 - a sentence


def ask(unit: UnitOfWork, email: str, *, browser: str) -> None:
    """Send a link to this address if somebody works with it; whoever asks learns nothing of that."""
    person = accounts.person_of(unit, email)
    held = sessions.memberships_of(unit, person) if person else ()
    if person is None or not held:
        return
    link = sign_in_links.make(unit, browser=browser, person_id=person.id)
    write_to(unit, held[0], LINK, key=f"link:{link.id}", link=link)
    note_access(unit, Actor("person", person.id, programme_id=held[0].programme_id), ASKED, case_id=None)


def write_to(unit: UnitOfWork, membership: Membership, text: str, *, key: str, link: SignInLink | None = None) -> None:
    """Plan a mail about an account, which leaves at once, at any hour."""
    message_id = new_id()
    unit.session.add(
        Message(
            id=message_id,
            programme_id=membership.programme_id,
            text=text,
            party=(Party.OPERATOR if membership.role == Role.OPERATOR else Party.COORDINATOR).value,
            person_id=membership.person_id,
            sign_in_link_id=link.id if link else None,
            channel=Channel.EMAIL.value,
            address=membership.person.email,
            urgent=True,
            created_at=unit.now,
            due_at=unit.now,
            message_id=f"<{message_id}.account@relais>",
            effect_key=f"account:{key}",
        )
    )


def limits_of(email: str) -> tuple[Use, ...]:
    """What asking for a link counts against."""
    return (Use(limits.LINKS, email.strip().lower()),)


def person_behind(unit: UnitOfWork, runtime: Runtime, token: str) -> tuple[SignInLink, Person]:
    """Whose link this is, whether it still opens or not. Raises `LinkExpired` for a forged one, or a partner's."""
    link = sign_in_link_of(unit, runtime, token)
    if link.person_id is None:
        raise LinkExpired
    return link, unit.session.get_one(Person, link.person_id)


def enter(unit: UnitOfWork, runtime: Runtime, token: str, *, browser: str) -> UUID:
    """Use a link as a first proof. Raises `SignInLinkRefused`, or `GuardRefused` for whom a mail is not enough."""
    link, person = person_behind(unit, runtime, token)
    if accounts.is_guarded(unit, person):
        raise GuardRefused(PASSWORD_ONLY)
    if not sessions.memberships_of(unit, person):
        raise SignInRefused
    sign_in_links.use_up(unit, link, browser=browser)
    return person.id


def choose_password(database: Database, runtime: Runtime, token: str, *, browser: str, password: str) -> None:
    """Use a link to choose a password; every browser is signed out, and tries count from nothing.

    A password that is refused leaves the link good. Raises `SignInLinkRefused`, `InvalidInput`.
    """
    with database.read() as unit:
        link, person = person_behind(unit, runtime, token)
        refusal = sign_in_links.why_not(unit, link, browser=browser)
        about = (person.email, person.name)
    if refusal:
        raise sign_in_links.SignInLinkRefused(refusal)
    hashed = passwords.hashed(password, about=about)
    with database.write("password_by_link") as unit:
        link, person = person_behind(unit, runtime, token)
        sign_in_links.use_up(unit, link, browser=browser)
        person.password_hash = hashed
        sessions.end_all(unit, person.id)
        limits.clear(unit, accounts.tries_of(person.email))
        note_access(unit, Actor("person", person.id), accounts.PASSWORD_CHANGED, case_id=None)
