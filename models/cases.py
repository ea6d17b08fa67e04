"""Cases and what they hold: household, dwelling, alerts, permissions, calls, notes, documents."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id
from models.programmes import Commune, Organisation, Person, Programme
from models.vocabulary import STAGE_OF, CaseState, ReferralKind, Stage


class Household(Base):
    """The people of one case; personal data lives here and in notes, never in events."""

    __tablename__ = "household"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    civility: Mapped[str] = mapped_column(default="")
    first_name: Mapped[str] = mapped_column(default="")
    surname: Mapped[str]
    email: Mapped[str | None]
    best_time: Mapped[str]
    birth_year: Mapped[int | None]
    people: Mapped[int | None]
    search_key: Mapped[str] = mapped_column(index=True)

    phones: Mapped[list["Phone"]] = relationship(order_by="Phone.rank", back_populates="household")

    @property
    def name(self) -> str:
        """As written on an envelope."""
        return " ".join(part for part in (self.civility, self.first_name, self.surname) if part)


class Phone(Base):
    """A number of the household; once blocked (wrong number) no channel may use it."""

    __tablename__ = "phone"
    __table_args__ = (UniqueConstraint("household_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    number: Mapped[str] = mapped_column(index=True)  # E.164
    rank: Mapped[int] = mapped_column(default=1)
    reached_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]

    household: Mapped[Household] = relationship(back_populates="phones")


class Dwelling(Base):
    """Where the household lives."""

    __tablename__ = "dwelling"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    street: Mapped[str]
    complement: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str]
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    tenure: Mapped[str]
    landlord: Mapped[str] = mapped_column(default="")
    search_key: Mapped[str] = mapped_column(index=True)

    commune: Mapped[Commune] = relationship()


class Case(Base):
    """One household, one dwelling, one episode. Moved by `services.rules.casework` only.

    `version` is compared and swapped by each act, so two acts never both win.
    """

    __tablename__ = "case"
    __table_args__ = (
        UniqueConstraint("programme_id", "number"),
        Index("ix_case_programme_id_stage", "programme_id", "stage"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[str]
    state: Mapped[str] = mapped_column(default=CaseState.SUBMITTED.value)
    stage: Mapped[str] = mapped_column(default=Stage.DETECTION.value)
    version: Mapped[int] = mapped_column()
    last_seq: Mapped[int] = mapped_column(default=0)
    pathway_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    dwelling_id: Mapped[UUID] = mapped_column(ForeignKey("dwelling.id"), index=True)
    operator_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    urgency: Mapped[str]
    danger: Mapped[str | None]  # last danger told and not yet acknowledged
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    checks: Mapped[dict[str, Any]] = mapped_column(default=dict)  # in territory, possible duplicates (numbers)
    resumes_in: Mapped[str | None]  # the state of a suspended case before it was
    suspended_until: Mapped[date | None]
    erased_at: Mapped[datetime | None]  # nothing tells any more who the household was
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"), index=True)

    programme: Mapped[Programme] = relationship()
    household: Mapped[Household] = relationship()
    dwelling: Mapped[Dwelling] = relationship()
    operator: Mapped[Organisation | None] = relationship()
    alerts: Mapped[list["Alert"]] = relationship(
        back_populates="case", order_by="Alert.received_at", foreign_keys="Alert.case_id"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict

    def enter(self, state: CaseState) -> None:
        """Store a state and the stage that follows from it, in the same update; a suspended case keeps its stage."""
        if state is CaseState.SUSPENDED:
            self.resumes_in = self.state
        else:
            self.resumes_in, self.suspended_until, self.stage = None, None, STAGE_OF[state].value
        self.state = state.value

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is expected."""
        return self.stage == Stage.CLOSED.value


class Alert(Base):
    """What an alert giver sent; several may belong to one case."""

    __tablename__ = "alert"
    __table_args__ = (Index("ix_alert_organisation_id", "organisation_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    received_on_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"), index=True)  # before a merge moved it
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    giver_name: Mapped[str]
    giver_email: Mapped[str | None]
    giver_phone: Mapped[str | None]
    origin: Mapped[str]  # form, import, phone
    motives: Mapped[list[str]]
    free_text: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]

    case: Mapped[Case] = relationship(back_populates="alerts", foreign_keys=[case_id])
    organisation: Mapped[Organisation | None] = relationship()


class Permission(Base):
    """Something the household agreed to: dated, attributed, revocable."""

    __tablename__ = "permission"
    __table_args__ = (Index("ix_permission_case_id_kind", "case_id", "kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    kind: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))  # shared with whom
    mode: Mapped[str]
    collected_by: Mapped[str]
    given_on: Mapped[date]
    text_version: Mapped[str]
    revoked_at: Mapped[datetime | None]


class Call(Base):
    """One attempt to reach the household."""

    __tablename__ = "call"
    __table_args__ = (Index("ix_call_case_id_at", "case_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    phone_id: Mapped[UUID | None] = mapped_column(ForeignKey("phone.id"))
    at: Mapped[datetime]
    result: Mapped[str]
    purpose: Mapped[str]  # contact, or the follow-up it belongs to
    by_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Note(Base):
    """Free text about a case; erased with it. `audience` narrows who reads it."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_case_id_at", "case_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    audience: Mapped[str]  # team, partner (with the team), alert_giver (with the team)
    author: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime]


class Document(Base):
    """A file of a case, stored under a random name; served only through a checked download."""

    __tablename__ = "document"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    filename: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    stored_as: Mapped[str] = mapped_column(unique=True)
    added_at: Mapped[datetime]
    added_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Visit(Base):
    """A visit to the dwelling; `sequence` follows its calendar invitation."""

    __tablename__ = "visit"
    __table_args__ = (UniqueConstraint("case_id", "ordinal"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    ordinal: Mapped[int]
    state: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    sequence: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]

    officer: Mapped[Person | None] = relationship()


class Report(Base):
    """The visit's report: a file and a summary (the summary is a note). One current report a visit.

    No file: it was given before Relais held the case, and is kept elsewhere.
    """

    __tablename__ = "report"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"))
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("document.id"))
    summary: Mapped[str]
    delivered_at: Mapped[datetime]


class Need(Base):
    """One problem with one goal, by its type of solution."""

    __tablename__ = "need"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    theme: Mapped[str]
    created_at: Mapped[datetime]


class Referral(Base):
    """One need × one partner × one attempt; a retry is a new referral that `replaces` the old."""

    __tablename__ = "referral"
    __table_args__ = (Index("ix_referral_partner_id_state", "partner_id", "state"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    pool_id: Mapped[UUID | None] = mapped_column(index=True)  # asked of several at once: the first to accept has it
    kind: Mapped[str] = mapped_column(default=ReferralKind.MAIL.value)
    check_on: Mapped[date | None]  # outside portal: when to look for an answer; on hold: when to look again
    state: Mapped[str]
    reason: Mapped[str | None]
    outcome: Mapped[str | None]
    loop: Mapped[str]
    brief: Mapped[str] = mapped_column(default="")  # what the partner needs to know, written by a person
    file_number: Mapped[str] = mapped_column(default="")  # the partner's own
    amount_cents: Mapped[int | None]
    snapshot: Mapped[dict[str, Any]] = mapped_column(default=dict)  # partner's name and address at the send
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]  # accepted by the mail server: the answer's clock starts here
    opened_at: Mapped[datetime | None]  # the partner's first button or sign-in; reading alone leaves no trace
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    need: Mapped[Need] = relationship()
    partner: Mapped[Organisation] = relationship()
    case: Mapped[Case] = relationship()


class Loan(Base):
    """A device lent to the household (a wattmeter, a camera), with the day by which it comes back."""

    __tablename__ = "loan"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    item: Mapped[str]
    lent_on: Mapped[date]
    due_on: Mapped[date]
    returned_on: Mapped[date | None]
    lent_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
