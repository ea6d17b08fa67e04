"""Programmes, people, organisations and what ties them: memberships, territories, closures, sessions, keys."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id


class Programme(Base):
    """One Slime, the tenant: its public name, its zone, how it signs, its pathway in force."""

    __tablename__ = "programme"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    public_name: Mapped[str]  # what households read; never "précarité"
    carrier: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]  # replies come here
    postal_address: Mapped[str]
    city: Mapped[str]
    zone: Mapped[str] = mapped_column(default="Europe/Paris")
    subdivision: Mapped[str | None]  # holidays code (57, 6AE, 971…), None in the common case
    pathway_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    case_count: Mapped[int] = mapped_column(default=0)  # numbers cases: 2026-00042


class PathwayVersion(Base):
    """A published definition, stored by the hash of its content; never changed, pinned by cases."""

    __tablename__ = "pathway_version"

    hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]


class Closure(Base):
    """Days on which the programme does not work (a pont, a summer week), inclusive."""

    __tablename__ = "closure"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    first_on: Mapped[date]
    last_on: Mapped[date]
    label: Mapped[str]


class Absence(Base):
    """Days on which somebody of the team is away, inclusive; why is nobody's affair. A delegate reads meanwhile."""

    __tablename__ = "absence"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    delegate_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class WorkPattern(Base):
    """The days of the week on which somebody works for a programme: 0 is Monday. Without a row, every open day."""

    __tablename__ = "work_pattern"

    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    weekdays: Mapped[list[int]]


class Duty(Base):
    """Who answers for the coordination between two instants: an evening, a weekend, a holiday. The end is excluded."""

    __tablename__ = "duty"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]


class OrganisationClosure(Base):
    """Days on which a partner is closed, inclusive: nothing new is asked, no reminder leaves, no delay moves."""

    __tablename__ = "organisation_closure"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    first_on: Mapped[date]
    last_on: Mapped[date]


class Commune(Base):
    """A commune by its INSEE code; a postcode may serve several, so it is not the key."""

    __tablename__ = "commune"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    search_key: Mapped[str] = mapped_column(index=True)
    postcodes: Mapped[list[str]]
    department: Mapped[str]


class Territory(Base):
    """A commune in which the programme works, between two dates (the last may be open)."""

    __tablename__ = "territory"

    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"), primary_key=True)
    from_on: Mapped[date] = mapped_column(primary_key=True)
    to_on: Mapped[date | None]


class Organisation(Base):
    """An alert giver's service, an operator, a partner, or the carrier itself."""

    __tablename__ = "organisation"
    __table_args__ = (UniqueConstraint("programme_id", "slug"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    slug: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    contact: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None]
    phone: Mapped[str | None]
    themes: Mapped[list[str]] = mapped_column(default=list)
    full_until: Mapped[date | None]  # a partner said "at capacity"
    alert_link_version: Mapped[int] = mapped_column(default=1)  # raise it to revoke the secret link


class Person(Base):
    """Somebody who signs in; global: memberships tie people to programmes."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    phone: Mapped[str | None]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]

    memberships: Mapped[list["Membership"]] = relationship(back_populates="person")


class Membership(Base):
    """What a person does in a programme; for an operator's staff, through which organisation."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "role", "organisation_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="memberships")
    programme: Mapped[Programme] = relationship()
    organisation: Mapped[Organisation | None] = relationship()


class WebSession(Base):
    """A signed-in browser. Only the SHA-256 of its token is stored; deleting the row signs it out."""

    __tablename__ = "web_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignInLink(Base):
    """A link of ten minutes and one use, bound to the browser that asked.

    Its token is an HMAC of `id`, so nothing secret is stored; of the browser's own cookie only the SHA-256.
    """

    __tablename__ = "sign_in_link"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    browser_hash: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PartnerSession(Base):
    """A partner's browser that used its sign-in link: it reads one referral's household and nothing else."""

    __tablename__ = "partner_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiKey(Base):
    """A bearer token of the API, acting as one membership; only its SHA-256 is stored."""

    __tablename__ = "api_key"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    membership_id: Mapped[UUID] = mapped_column(ForeignKey("membership.id"), index=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AccessEntry(Base):
    """Who read what, sign-ins and denials; kept twelve months, apart from the case."""

    __tablename__ = "access_log"
    __table_args__ = (Index("ix_access_log_case_id_at", "case_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    actor: Mapped[str]  # kind:id, never a name
    action: Mapped[str]
    case_id: Mapped[UUID | None]
    allowed: Mapped[bool]
    reason: Mapped[str | None]  # why an administrator put something right; never about a household


class IdempotentAnswer(Base):
    """The first answer given to an idempotency key, replayed for the same request, refused for another."""

    __tablename__ = "idempotent_answer"

    actor: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
