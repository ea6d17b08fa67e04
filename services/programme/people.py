"""Who works with Relais: invited, given roles, kept out; every act with its line in the access log."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from models.base import new_id
from models.programmes import Membership, Organisation, Person, Programme
from models.vocabulary import OrganisationKind, Role
from services.accounts import account_links, accounts, second_factor, sessions
from services.cases import visits
from services.forms import Invitation, Remedy, RoleForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.rules.casework import Hand
from services.rules.finding import by_name
from services.rules.policy import Actor, Right, note_access, programme_of

INVITED = "person.invited"
ROLE_GIVEN = "person.role_given"
ROLE_ENDED = "person.role_ended"
CLOSED = "person.closed"
REOPENED = "person.reopened"
TELEPHONE_FORGOTTEN = "second_factor.reset"
LAST = "C’est la dernière personne qui administre ce dispositif : donnez d’abord ce rôle à quelqu’un d’autre."


@dataclass(frozen=True)
class Known:
    """A person of the programme, with the roles held there; `signed_in` counts the browsers that are in now."""

    person: Person
    roles: Sequence[Membership]
    signed_in: int
    guarded: bool


def everybody(unit: UnitOfWork, actor: Actor) -> list[Known]:
    """The people of the actor's programme by name, those who left last."""
    ours = select(Membership.person_id).where(Membership.programme_id == programme_of(actor, Right.ADMINISTER))
    found = unit.session.scalars(select(Person).where(Person.id.in_(ours)).order_by(Person.name, Person.id)).all()
    known = [_known(unit, actor, person) for person in found]
    return sorted(known, key=lambda each: each.person.disabled_at is not None or not each.roles)


def one(unit: UnitOfWork, actor: Actor, person_id: UUID) -> Known:
    """A person of the actor's programme. Raises `NotFound`."""
    return _known(unit, actor, _ours(unit, actor, person_id))


def invite(unit: UnitOfWork, hand: Hand, form: Invitation) -> Person:
    """Open an account without a password and write to its address; somebody known elsewhere keeps his own."""
    programme_id = programme_of(hand.actor, Right.ADMINISTER)
    person = accounts.create_account(
        unit,
        email=form.email,
        name=form.name,
        password=None,
        programme_id=programme_id,
        role=form.role,
        organisation_id=_organisation(unit, programme_id, form),
    )
    if person.disabled_at is not None:
        raise InvalidInput("email", "Ce compte existe et il est fermé : rouvrez-le depuis sa fiche.")
    _write(unit, hand, person)
    return person


def invite_again(unit: UnitOfWork, hand: Hand, person_id: UUID) -> None:
    """The same mail once more: it opens nothing by itself. Raises `GuardRefused` for an account without a role."""
    _write(unit, hand, _ours(unit, hand.actor, person_id))


def give_role(unit: UnitOfWork, hand: Hand, person_id: UUID, form: RoleForm) -> None:
    """One more role in the actor's programme. Browsers are signed out: the next sign-in asks what the role wants."""
    person, programme_id = _ours(unit, hand.actor, person_id), programme_of(hand.actor, Right.ADMINISTER)
    accounts.create_account(
        unit,
        email=person.email,
        name=person.name,
        password=None,
        programme_id=programme_id,
        role=form.role,
        organisation_id=_organisation(unit, programme_id, form),
    )
    sessions.end_all(unit, person.id)
    _note(unit, hand, ROLE_GIVEN, person)


def end_role(unit: UnitOfWork, hand: Hand, person_id: UUID, membership_id: UUID) -> None:
    """Take a role away: sessions end at once, and the keys made with it. Raises `GuardRefused` for the last
    administrator."""
    person = _ours(unit, hand.actor, person_id)
    held = _lasting(unit, hand.actor, person)
    membership = next((each for each in held if each.id == membership_id), None)
    if membership is None:
        raise NotFound
    _check_not_last(unit, hand.actor, [membership])
    membership.ended_at = unit.now
    sessions.end_all(unit, person.id)
    visits.relieve(unit, hand, membership.programme_id, person.id)
    _note(unit, hand, ROLE_ENDED, person)


def forget_telephone(unit: UnitOfWork, hand: Hand, person_id: UUID, form: Remedy) -> None:
    """Somebody lost the telephone and the codes on paper: the next sign-in, by password, sets another up."""
    person = _ours(unit, hand.actor, person_id)
    if person.totp_since is None:
        raise GuardRefused("Aucun téléphone n’est enregistré pour ce compte.")
    second_factor.forget(unit, person)
    _note(unit, hand, TELEPHONE_FORGOTTEN, person, form.reason)


def close(unit: UnitOfWork, hand: Hand, person_id: UUID, form: Remedy) -> None:
    """Keep somebody out at once, roles untouched. Raises `GuardRefused` for the last administrator, or when the
    account serves another programme too."""
    person = _ours(unit, hand.actor, person_id)
    elsewhere = select(Membership.id).where(
        Membership.person_id == person.id,
        Membership.programme_id != hand.actor.programme_id,
        Membership.ended_at.is_(None),
    )
    if unit.session.scalar(elsewhere.limit(1)) is not None:
        raise GuardRefused("Ce compte sert aussi à un autre dispositif : retirez seulement ses rôles ici.")
    _check_not_last(unit, hand.actor, _lasting(unit, hand.actor, person))
    person.disabled_at = person.disabled_at or unit.now
    sessions.end_all(unit, person.id)
    visits.relieve(unit, hand, programme_of(hand.actor), person.id)
    _note(unit, hand, CLOSED, person, form.reason)


def reopen(unit: UnitOfWork, hand: Hand, person_id: UUID) -> None:
    """Let somebody in again, with the roles that were left."""
    person = _ours(unit, hand.actor, person_id)
    person.disabled_at = None
    _note(unit, hand, REOPENED, person)


def operators(unit: UnitOfWork, actor: Actor) -> Sequence[Organisation]:
    """Through whom somebody may make visits."""
    ours = select(Organisation).where(
        Organisation.programme_id == programme_of(actor, Right.ADMINISTER),
        Organisation.kind == OrganisationKind.OPERATOR,
        Organisation.ended_on.is_(None),
    )
    return sorted(unit.session.scalars(ours), key=by_name)


def _ours(unit: UnitOfWork, actor: Actor, person_id: UUID) -> Person:
    here = select(Membership.person_id).where(Membership.programme_id == programme_of(actor, Right.ADMINISTER))
    found = unit.session.scalars(select(Person).where(Person.id == person_id, Person.id.in_(here))).first()
    if found is None:
        raise NotFound
    return found


def _lasting(unit: UnitOfWork, actor: Actor, person: Person) -> Sequence[Membership]:
    here = select(Membership).where(
        Membership.person_id == person.id,
        Membership.programme_id == actor.programme_id,
        Membership.ended_at.is_(None),
    )
    return unit.session.scalars(here.order_by(Membership.id)).all()


def _known(unit: UnitOfWork, actor: Actor, person: Person) -> Known:
    browsers = len(sessions.of_person(unit, person.id))
    return Known(person, _lasting(unit, actor, person), browsers, second_factor.is_required(unit, person))


def _check_not_last(unit: UnitOfWork, actor: Actor, leaving: Sequence[Membership]) -> None:
    """Two who remove each other at once take turns on the programme: one of them stays."""
    if not any(each.role == Role.ADMINISTRATOR for each in leaving):
        return
    unit.session.scalars(select(Programme).where(Programme.id == actor.programme_id).with_for_update()).one()
    others = (
        select(func.count())
        .select_from(Membership)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.programme_id == actor.programme_id,
            Membership.role == Role.ADMINISTRATOR,
            Membership.ended_at.is_(None),
            Person.disabled_at.is_(None),
            Membership.id.not_in([each.id for each in leaving]),
        )
    )
    if not unit.session.scalar(others):
        raise GuardRefused(LAST)


def _organisation(unit: UnitOfWork, programme_id: UUID, form: RoleForm) -> UUID | None:
    if form.role is not Role.OPERATOR:
        return None
    found = unit.session.get(Organisation, form.organisation_id) if form.organisation_id else None
    ours = found is not None and found.programme_id == programme_id and found.ended_on is None
    if found is None or not ours or found.kind != OrganisationKind.OPERATOR:
        raise InvalidInput("organisation_id", "Dites pour quel opérateur cette personne fait les visites.")
    return found.id


def _write(unit: UnitOfWork, hand: Hand, person: Person) -> None:
    held = _lasting(unit, hand.actor, person)
    if not held or person.disabled_at is not None:
        raise GuardRefused("Ce compte est fermé, ou n’a plus de rôle ici : rouvrez-le d’abord.")
    account_links.write_to(unit, held[0], account_links.INVITATION, key=f"invitation:{new_id()}")
    _note(unit, hand, INVITED, person)


def _note(unit: UnitOfWork, hand: Hand, action: str, person: Person, reason: str | None = None) -> None:
    note_access(unit, hand.actor, action, case_id=None, reason=reason, about=person.id)
