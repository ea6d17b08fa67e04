"""Setting a programme up: its organisations and people, its communes and closures, the pathway that it follows."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import EmailStr, Field, StringConstraints, field_validator
from sqlalchemy import select

from models.base import PARIS
from models.pathway import Pathway
from models.programmes import Closure, Commune, Membership, Organisation, Person, Programme, Territory
from models.vocabulary import Contract, OrganisationKind, Role, Theme
from services.accounts.accounts import create_account
from services.forms import Form, Line, PhoneNumber, RequiredLine
from services.foundation.calendar import is_subdivision
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.network.directory import ServiceForm, offer
from services.rules.finding import search_key
from services.rules.policy import Actor
from services.rules.published import forget_calendar, publish

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


class ProgrammeForm(Form):
    """A new programme, and what its letters say of it."""

    slug: Slug
    name: RequiredLine
    public_name: RequiredLine  # what households read
    carrier: RequiredLine
    phone: PhoneNumber
    email: EmailStr
    postal_address: RequiredLine
    city: RequiredLine
    zone: ZoneInfo = PARIS
    subdivision: str | None = None

    @field_validator("subdivision")
    @classmethod
    def _has_holidays(cls, code: str | None) -> str | None:
        if code is not None and not is_subdivision(code):
            raise ValueError(f"aucun territoire n’a le code « {code} » (57, 6AE, 971…)")
        return code


class OrganisationForm(Form):
    """An alert giver's service, an operator, a partner, or the carrier."""

    slug: Slug
    kind: OrganisationKind
    name: RequiredLine
    contact: Line = ""
    email: EmailStr | None = None
    phone: PhoneNumber | None = None
    themes: list[Theme] = Field(default_factory=list)  # of a partner: one service of his name, without conditions
    services: list[ServiceForm] = Field(default_factory=list)
    contract: Contract | None = None  # of an operator: nothing said is a public contract
    verified_on: date | None = None  # when somebody last made sure of what its services say


class PersonForm(Form):
    """Somebody who signs in; an operator's staff through their organisation."""

    email: EmailStr
    name: RequiredLine
    role: Role
    organisation: Slug | None = None
    password: str | None = None


class KnownCommune(NamedTuple):
    """A commune as INSEE and the post know it."""

    code: str
    name: str
    postcodes: tuple[str, ...]
    department: str


def create_programme(unit: UnitOfWork, form: ProgrammeForm, pathway: Pathway) -> Programme:
    """Open a programme that follows this pathway, published if it was not."""
    if unit.session.scalar(select(Programme.id).where(Programme.slug == form.slug)) is not None:
        raise InvalidInput("slug", "Un dispositif porte déjà cet identifiant.")
    programme = Programme(pathway_hash=publish(unit, pathway), **form.model_dump())
    unit.session.add(programme)
    unit.session.flush()
    return programme


def follow_pathway(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> None:
    """New cases follow this definition from now on; open ones keep theirs."""
    programme.pathway_hash = publish(unit, pathway)


def add_organisation(unit: UnitOfWork, programme: Programme, form: OrganisationForm) -> Organisation:
    """Enter an organisation in the directory."""
    taken = select(Organisation.id).filter_by(programme_id=programme.id, slug=form.slug)
    if unit.session.scalar(taken) is not None:
        raise InvalidInput("slug", "Une organisation de ce dispositif porte déjà cet identifiant.")
    own = form.model_dump(mode="json", exclude={"themes", "services", "verified_on"})
    if form.kind is OrganisationKind.OPERATOR:
        own["contract"] = (form.contract or Contract.PUBLIC_CONTRACT).value
    elif form.contract is not None:
        raise InvalidInput("contract", "Seul un opérateur a un contrat.")
    organisation = Organisation(programme_id=programme.id, **own)
    unit.session.add(organisation)
    unit.session.flush()
    plain = [ServiceForm(name=form.name, themes=form.themes)] if form.themes else []
    for service in (*plain, *form.services):
        offer(unit, organisation, service).verified_on = form.verified_on
    return organisation


def add_person(unit: UnitOfWork, programme: Programme, form: PersonForm) -> Person:
    """Let somebody in; without a password they cannot sign in yet."""
    if form.role is Role.OPERATOR and form.organisation is None:
        raise InvalidInput("organisation", "Dites pour quel opérateur cette personne fait les visites.")
    organisation_id = None if form.organisation is None else organisation(unit, programme.id, form.organisation).id
    return create_account(
        unit,
        email=form.email,
        name=form.name,
        password=form.password,
        programme_id=programme.id,
        role=form.role,
        organisation_id=organisation_id,
    )


def add_communes(unit: UnitOfWork, communes: Iterable[KnownCommune]) -> None:
    """Make communes known; those that are known already stay as they are."""
    known = set(unit.session.scalars(select(Commune.code)))
    for commune in communes:
        if commune.code not in known:
            unit.session.add(
                Commune(
                    code=commune.code,
                    name=commune.name,
                    search_key=search_key(commune.name),
                    postcodes=list(commune.postcodes),
                    department=commune.department,
                )
            )
    unit.session.flush()


def open_territory(unit: UnitOfWork, programme: Programme, codes: Iterable[str], *, from_on: date) -> None:
    """The programme works in these communes from that day. Raises `InvalidInput` for an unknown code."""
    known = set(unit.session.scalars(select(Commune.code)))
    for code in sorted(set(codes)):
        if code not in known:
            raise InvalidInput("commune_code", f"La commune {code} n’est pas connue.")
        unit.session.add(Territory(programme_id=programme.id, commune_code=code, from_on=from_on))
    unit.session.flush()


def close_office(unit: UnitOfWork, programme_id: UUID, *, first_on: date, last_on: date, label: str) -> Closure:
    """Days on which the programme does not work, both included. Delays already counted do not move."""
    if last_on < first_on:
        raise InvalidInput("last_on", "La fin vient avant le début.")
    closure = Closure(programme_id=programme_id, first_on=first_on, last_on=last_on, label=label)
    unit.session.add(closure)
    forget_calendar(unit, programme_id)
    return closure


def organisation(unit: UnitOfWork, programme_id: UUID, slug: str) -> Organisation:
    """The programme's organisation of this identifier. Raises `NotFound`."""
    found = unit.session.scalars(select(Organisation).filter_by(programme_id=programme_id, slug=slug)).first()
    if found is None:
        raise NotFound
    return found


def member(unit: UnitOfWork, programme_id: UUID, email: str) -> Actor:
    """A person of the programme as an actor. Raises `NotFound`."""
    found = unit.session.scalars(
        select(Membership)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.programme_id == programme_id, Membership.ended_at.is_(None), Person.email == email.lower())
        .order_by(Membership.id)
    ).first()
    if found is None:
        raise NotFound
    return Actor(
        "person",
        found.person_id,
        programme_id=programme_id,
        role=Role(found.role),
        organisation_id=found.organisation_id,
        name=found.person.name,
    )
