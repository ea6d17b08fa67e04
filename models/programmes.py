"""Programmes, people, organisations and what ties them: memberships, territories, closures, sessions, keys."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import PARIS, Base, Key, new_id
from models.vocabulary import KeyScope, Theme


class Programme(Base):
    """One Slime, the tenant: its public name, its zone, how it signs, its pathway in force."""

    __tablename__ = "programme"

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    public_name: Mapped[str]  # what households read; never "précarité"
    carrier: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]  # replies come here
    postal_address: Mapped[str]
    city: Mapped[str]
    zone: Mapped[ZoneInfo] = mapped_column(default=PARIS)
    subdivision: Mapped[str | None]  # holidays code (57, 6AE, 971…), None in the common case
    pathway_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    case_count: Mapped[int] = mapped_column(default=0)  # numbers cases: 2026-00042
    is_demonstration: Mapped[bool] = mapped_column(default=False)  # invented people, printed passwords
    news_at: Mapped[datetime | None]  # the last round of monthly letters to alert givers
    moving_since: Mapped[datetime | None]  # its open cases are being moved to the pathway in force
    moved_to: Mapped[str | None]  # the number of the last that was looked at


class PathwayVersion(Base):
    """A published definition, stored by the hash of its content; never changed, pinned by cases."""

    __tablename__ = "pathway_version"

    hash: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]


class PathwayPublication(Base):
    """A programme put a definition in force: when, by whom (None: by a command), instead of which."""

    __tablename__ = "pathway_publication"

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    pathway_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    replaced_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class ProgrammeText(Base):
    """One version of a text in a programme's own words; the newest is in force.

    Plain text with fields in brackets, never Jinja. Without words it is the return to the text that ships.
    """

    __tablename__ = "programme_text"
    __table_args__ = (UniqueConstraint("programme_id", "text", "party", "channel", "version"),)

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    text: Mapped[str]
    party: Mapped[str]
    channel: Mapped[str]
    version: Mapped[int]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    at: Mapped[datetime]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Closure(Base):
    """Days on which the programme does not work (a pont, a summer week), inclusive."""

    __tablename__ = "closure"

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    first_on: Mapped[date]
    last_on: Mapped[date]
    label: Mapped[str]


class Absence(Base):
    """Days on which somebody of the team is away, inclusive; why is nobody's affair. A delegate reads meanwhile."""

    __tablename__ = "absence"

    id: Mapped[Key]
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

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]


class OrganisationClosure(Base):
    """Days on which a partner is closed, inclusive: nothing new is asked, no reminder leaves, no delay moves."""

    __tablename__ = "organisation_closure"

    id: Mapped[Key]
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

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    slug: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    contact: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None]
    phone: Mapped[str | None]
    contract: Mapped[str | None]  # of an operator
    alert_link_version: Mapped[int] = mapped_column(default=1)  # raise it to replace the secret link
    alert_link_revoked_at: Mapped[datetime | None]  # no secret link opens anything until it is renewed
    ended_on: Mapped[date | None]  # works with the programme no more: offered nowhere, what was done stays

    services: Mapped[list["Service"]] = relationship(back_populates="organisation", order_by="Service.name")

    @property
    def themes(self) -> list[str]:
        """The types of solution that its services offer, in the order of the catalogue."""
        offered = {theme for service in self.services if service.ended_on is None for theme in service.themes}
        return [theme.value for theme in Theme if theme in offered]


class NewsStop(Base):
    """An address that wants no letter of the month; `mark` is its HMAC, so that nobody is named here."""

    __tablename__ = "news_stop"

    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(primary_key=True)
    stopped_at: Mapped[datetime]


class ServiceArea(Base):
    """A zone with a name, which several services may share. Source: HSDS `service_area`."""

    __tablename__ = "service_area"
    __table_args__ = (UniqueConstraint("programme_id", "name"),)

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    name: Mapped[str]

    communes: Mapped[list["AreaCommune"]] = relationship(order_by="AreaCommune.commune_code")

    def codes(self, day: date) -> frozenset[str]:
        """The INSEE codes of its communes that day."""
        return frozenset(
            each.commune_code
            for each in self.communes
            if each.from_on <= day and (each.to_on is None or each.to_on >= day)
        )


class AreaCommune(Base):
    """A commune of a zone, between two dates (the last may be open)."""

    __tablename__ = "service_area_commune"

    area_id: Mapped[UUID] = mapped_column(ForeignKey("service_area.id"), primary_key=True)
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"), primary_key=True)
    from_on: Mapped[date] = mapped_column(primary_key=True)
    to_on: Mapped[date | None]

    commune: Mapped[Commune] = relationship()


class Service(Base):
    """What a partner offers, where, to whom, and whether there is room. Source: HSDS `service`, in our words.

    An empty list of conditions sets none; no area is the programme's whole territory. Capacity is what the partner
    said on `capacity_on`: so many places, or none until a day.
    """

    __tablename__ = "service"

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str]
    themes: Mapped[list[str]] = mapped_column(default=list)
    area_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_area.id"), index=True)
    income_classes: Mapped[list[str]] = mapped_column(default=list)
    tenures: Mapped[list[str]] = mapped_column(default=list)
    conditions: Mapped[str] = mapped_column(default="")  # what else it asks, in words
    places: Mapped[int | None]
    full_until: Mapped[date | None]
    capacity_on: Mapped[date | None]
    professional_contact: Mapped[str] = mapped_column(default="")
    professional_email: Mapped[str | None]
    professional_phone: Mapped[str | None]
    household_contact: Mapped[str] = mapped_column(default="")  # where and when a household is received
    household_email: Mapped[str | None]
    household_phone: Mapped[str | None]
    verified_on: Mapped[date | None]
    ended_on: Mapped[date | None]  # the partner offers it no more
    sheet_link_version: Mapped[int] = mapped_column(default=1)  # raise it to revoke the partner's link to his sheet

    organisation: Mapped[Organisation] = relationship(back_populates="services")
    area: Mapped[ServiceArea | None] = relationship()


class SheetProposal(Base):
    """What a partner would change on his sheet: the fields that differ. The directory changes once it is taken."""

    __tablename__ = "sheet_proposal"

    id: Mapped[Key]
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), index=True)
    said_by: Mapped[str]
    said: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    taken: Mapped[bool | None]

    service: Mapped[Service] = relationship()


class PartnerPreference(Base):
    """How a partner likes our mails: gathered at ten on his days, instead of the first of a day at once.

    `weekdays`: 0 is Monday; none given: every open day. What is urgent leaves at once all the same.
    """

    __tablename__ = "partner_preference"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    gathered: Mapped[bool] = mapped_column(default=False)
    weekdays: Mapped[list[int]] = mapped_column(default=list)


class PartnerColleague(Base):
    """Somebody of a partner who reads our mails beside his one address; he has no account."""

    __tablename__ = "partner_colleague"
    __table_args__ = (UniqueConstraint("organisation_id", "email"),)

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str]
    email: Mapped[str]  # lower case
    ended_on: Mapped[date | None]


class PartnerAbsence(Base):
    """Days on which nobody reads at a colleague's address, or at the partner's own one (None), inclusive.

    Meanwhile his mails go to the delegate; None: to the partner's own address.
    """

    __tablename__ = "partner_absence"

    id: Mapped[Key]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    colleague_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_colleague.id"))
    first_on: Mapped[date]
    last_on: Mapped[date]
    delegate_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_colleague.id"))


class Person(Base):
    """Somebody who signs in; global: memberships tie people to programmes."""

    __tablename__ = "person"

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    phone: Mapped[str | None]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    totp_seed: Mapped[str | None]  # with the installation's key it makes the secret of the second factor
    totp_since: Mapped[datetime | None]
    totp_period: Mapped[int] = mapped_column(default=0)  # the last that served, in half minutes since 1970

    memberships: Mapped[list["Membership"]] = relationship(back_populates="person")


class Membership(Base):
    """What a person does in a programme; for an operator's staff, through which organisation."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "programme_id", "role", "organisation_id"),)

    id: Mapped[Key]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[str]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="memberships")
    programme: Mapped[Programme] = relationship()
    organisation: Mapped[Organisation | None] = relationship()


class WebSession(Base):
    """A signed-in browser. Only the SHA-256 of its token is stored; deleting the row signs it out.

    `id` names it to its owner, and opens nothing. `browser` is a family ("Firefox, Windows"): no version, no address.
    """

    __tablename__ = "web_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    membership_id: Mapped[UUID | None] = mapped_column(ForeignKey("membership.id"))  # None: the oldest that lasts
    browser: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RecoveryCode(Base):
    """A code on paper that replaces the telephone once. Only its HMAC is stored."""

    __tablename__ = "recovery_code"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    used_at: Mapped[datetime | None]


class SignInStep(Base):
    """A browser that gave the first proof and owes the second: it may do nothing else, for ten minutes.

    `kind` says whether a code is asked or a telephone is set up, in which case `seed` is what it is given.
    """

    __tablename__ = "sign_in_step"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str]
    seed: Mapped[str]
    expires_at: Mapped[datetime]


class SignInLink(Base):
    """A link of ten minutes and one use, bound to the browser that asked: a person's, or the partner's of a referral.

    Its token is an HMAC of `id`, so nothing secret is stored; of the browser's own cookie only the SHA-256.
    """

    __tablename__ = "sign_in_link"

    id: Mapped[Key]
    browser_hash: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
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
    """A bearer token of the API, acting as one membership within its scope; only its SHA-256 is stored."""

    __tablename__ = "api_key"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    label: Mapped[str]
    membership_id: Mapped[UUID] = mapped_column(ForeignKey("membership.id"), index=True)
    scope: Mapped[str] = mapped_column(default=KeyScope.ALL.value)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]  # None: made before keys had an end, or from the command line
    used_at: Mapped[datetime | None]  # to the hour
    revoked_at: Mapped[datetime | None]

    membership: Mapped[Membership] = relationship()


class Allowance(Base):
    """What was spent of a limit by one thing: all of it will have come back at `empty_at`. The key is an HMAC."""

    __tablename__ = "allowance"

    key: Mapped[str] = mapped_column(primary_key=True)
    empty_at: Mapped[datetime] = mapped_column(index=True)


class AccessEntry(Base):
    """Who read what, sign-ins and denials; kept twelve months, apart from the case."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_case_id_at", "case_id", "at"),
        Index("ix_access_log_programme_id_at", "programme_id", "at"),
    )

    id: Mapped[Key]
    at: Mapped[datetime] = mapped_column(index=True)
    programme_id: Mapped[UUID | None]  # None: nobody was known yet
    actor: Mapped[str]  # kind:id, never a name
    action: Mapped[str]
    case_id: Mapped[UUID | None]
    allowed: Mapped[bool]
    reason: Mapped[str | None]  # why an administrator put something right; never about a household
    about_id: Mapped[UUID | None]  # the person whose account it concerns


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
