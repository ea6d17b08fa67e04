"""Cases and what they hold: household, dwelling, alerts, permissions, calls, notes, documents."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, and_, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Key
from models.lifecycles import TAKEN_UP
from models.programmes import Commune, Organisation, Person, Programme
from models.vocabulary import STAGE_OF, CaseState, ContactBy, Loop, ReferralKind, Stage


class Household(Base):
    """The people of one case; personal data lives here and in notes, never in events."""

    __tablename__ = "household"

    id: Mapped[Key]
    civility: Mapped[str] = mapped_column(default="")
    first_name: Mapped[str] = mapped_column(default="")
    surname: Mapped[str]
    email: Mapped[str | None]
    email_refused_at: Mapped[datetime | None]  # a mail came back from it: none goes there until somebody mends it
    best_time: Mapped[str]
    birth_year: Mapped[int | None]
    people: Mapped[int | None]
    reference_income: Mapped[int | None]  # euros, of the tax notice (RFR); never for a partner or an alert giver
    income_year: Mapped[int | None]
    income_on: Mapped[date | None]  # when it was said: the ceilings of that day give the class
    breathing: Mapped[bool | None]  # somebody has breathing problems linked to the dwelling; no detail, ever
    children: Mapped[int | None]  # of its people, those under fourteen
    language: Mapped[str] = mapped_column(default="")  # spoken at home, when an interpreter is needed
    companion: Mapped[str] = mapped_column(default="")  # who should be there too: a relative, a social worker
    guardian: Mapped[str] = mapped_column(default="")  # of a protected adult: called before anything is agreed
    guardian_phone: Mapped[str | None]
    vulnerabilities: Mapped[list[str]] = mapped_column(default=list)  # yes or no each, for the team alone
    search_key: Mapped[str] = mapped_column(index=True)

    phones: Mapped[list["Phone"]] = relationship(order_by="Phone.rank", back_populates="household")

    @property
    def name(self) -> str:
        """As written on an envelope."""
        return " ".join(part for part in (self.civility, self.first_name, self.surname) if part)

    @property
    def greeted_as(self) -> str:
        """As a letter begins; a surname alone would call its reader to order."""
        return self.name if self.civility or self.first_name else "Madame, Monsieur"

    @property
    def mail_address(self) -> str | None:
        """Where its mails go; None without an address, or while the one that is known refuses them."""
        return None if self.email_refused_at is not None else self.email

    @property
    def own_phones(self) -> list["Phone"]:
        """Its numbers, in their order, without those at which somebody else answered."""
        return [phone for phone in self.phones if phone.blocked_at is None]


class Phone(Base):
    """A number of the household; once blocked (wrong number) no channel may use it."""

    __tablename__ = "phone"
    __table_args__ = (UniqueConstraint("household_id", "number"),)

    id: Mapped[Key]
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    number: Mapped[str] = mapped_column(index=True)  # E.164
    rank: Mapped[int] = mapped_column(default=1)
    reached_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    no_sms_at: Mapped[datetime | None]  # STOP was answered: no SMS any more, calls go on

    household: Mapped[Household] = relationship(back_populates="phones")


class Dwelling(Base):
    """Where the household lives."""

    __tablename__ = "dwelling"
    __table_args__ = (Index("ix_dwelling_commune_code_id", "commune_code", "id"),)  # the latest of a commune

    id: Mapped[Key]
    street: Mapped[str]
    complement: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str]
    commune_code: Mapped[str] = mapped_column(ForeignKey("commune.code"))
    tenure: Mapped[str]
    landlord: Mapped[str] = mapped_column(default="")
    heating: Mapped[str | None]
    safety: Mapped[str] = mapped_column(default="")  # for whoever goes there: a dog, steep stairs
    search_key: Mapped[str] = mapped_column(index=True)

    commune: Mapped[Commune] = relationship()


class Case(Base):
    """One household, one dwelling, one episode. Moved by `services.rules.casework` only.

    `version` is compared and swapped by each act, so two acts never both win.
    """

    __tablename__ = "case"
    __table_args__ = (
        UniqueConstraint("programme_id", "number"),
        # Without the many that are merged into none: SQLite would take the column for one that tells no case apart.
        Index(
            "ix_case_merged_into_id",
            "merged_into_id",
            sqlite_where=text("merged_into_id is not null"),
            postgresql_where=text("merged_into_id is not null"),
        ),
        Index("ix_case_programme_id_opened_at", "programme_id", "opened_at", "id"),
        Index("ix_case_programme_id_stage", "programme_id", "stage", "opened_at", "id"),
        # With the state, since an operator's cases are counted without those of households that stopped.
        Index("ix_case_programme_id_operator_id", "programme_id", "operator_id", "stage", "opened_at", "id", "state"),
    )

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[str]
    state: Mapped[str] = mapped_column(default=CaseState.SUBMITTED.value)
    stage: Mapped[str] = mapped_column(default=Stage.DETECTION.value)
    version: Mapped[int] = mapped_column()
    last_seq: Mapped[int] = mapped_column(default=0)
    pathway_hash: Mapped[str] = mapped_column(ForeignKey("pathway_version.hash"))
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    dwelling_id: Mapped[UUID] = mapped_column(ForeignKey("dwelling.id"), index=True)
    operator_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    urgency: Mapped[str]
    contact_by: Mapped[str] = mapped_column(default=ContactBy.CALL.value)  # how the household is asked for news
    danger: Mapped[str | None]  # last danger told and not yet acknowledged
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    checks: Mapped[dict[str, Any]] = mapped_column(default=dict)  # in territory, possible duplicates (numbers)
    resumes_in: Mapped[str | None]  # the state of a suspended case before it was
    suspended_until: Mapped[date | None]
    erased_at: Mapped[datetime | None]  # nothing tells any more who the household was
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"))
    transferred_to: Mapped[str | None]  # the service that took the household over, and where it is called
    transferred_phone: Mapped[str | None]
    derogation: Mapped[str | None]  # asked for a household above the ceilings, then granted or refused

    programme: Mapped[Programme] = relationship()
    household: Mapped[Household] = relationship()
    dwelling: Mapped[Dwelling] = relationship()
    operator: Mapped[Organisation | None] = relationship()
    alerts: Mapped[list["Alert"]] = relationship(
        back_populates="case", order_by="Alert.received_at, Alert.id", foreign_keys="Alert.case_id"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict

    def enter(self, state: CaseState) -> None:
        """Store a state and the stage that follows from it, in the same update; a suspended case keeps its stage."""
        if state is CaseState.SUSPENDED:
            self.resumes_in = self.resumes_in or self.state
        else:
            self.resumes_in, self.suspended_until, self.stage = None, None, STAGE_OF[state].value
        self.state = state.value

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is expected."""
        return self.stage == Stage.CLOSED.value


class SearchWord(Base):
    """A plain word of a case's household or street, by which it is found; kept in the order of letters everywhere."""

    __tablename__ = "search_word"

    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    word: Mapped[str] = mapped_column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), primary_key=True, index=True)


class Alert(Base):
    """What an alert giver sent; several may belong to one case."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_organisation_id", "organisation_id"),
        Index("ix_alert_giver_email", "giver_email"),
    )

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    received_on_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"), index=True)  # before a merge moved it
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    giver_name: Mapped[str]
    giver_email: Mapped[str | None]  # in small letters, so that it is found whichever way it was typed
    giver_phone: Mapped[str | None]
    origin: Mapped[str]  # form, self, import, transfer, or how it reached the team (`AlertChannel`)
    motives: Mapped[list[str]]
    free_text: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    cut_energy: Mapped[str | None]  # an announced cut, as the alert giver knows it; followed once the case is accepted
    cut_on: Mapped[date | None]
    income_class: Mapped[str | None]  # as the alert giver believes
    followed_by: Mapped[str] = mapped_column(default="")  # who already helps the household
    notice_said: Mapped[bool] = mapped_column(default=False)  # whoever asked told what is kept, before the letter does

    case: Mapped[Case] = relationship(back_populates="alerts", foreign_keys=[case_id])
    received_on: Mapped[Case | None] = relationship(foreign_keys=[received_on_id])
    organisation: Mapped[Organisation | None] = relationship()


class Permission(Base):
    """Something the household agreed to: dated, attributed, revocable."""

    __tablename__ = "permission"
    __table_args__ = (Index("ix_permission_case_id_kind", "case_id", "kind"),)

    id: Mapped[Key]
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

    id: Mapped[Key]
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

    id: Mapped[Key]
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

    id: Mapped[Key]
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

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    ordinal: Mapped[int]
    state: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    second_officer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    with_whom: Mapped[str] = mapped_column(default="")  # who else comes: a social worker, an interpreter
    loss_reason: Mapped[str | None]
    sequence: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]

    officer: Mapped[Person | None] = relationship(foreign_keys=[officer_id])
    second_officer: Mapped[Person | None] = relationship(foreign_keys=[second_officer_id])


class Report(Base):
    """The visit's report: a file and a summary (the summary is a note). One current report a visit.

    No file: it was given before Relais held the case, and is kept elsewhere.
    """

    __tablename__ = "report"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"))
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("document.id"))
    summary: Mapped[str]
    delivered_at: Mapped[datetime]


class Need(Base):
    """One problem with one goal, by its type of solution; `gap_reason` when nothing can be done for it here."""

    __tablename__ = "need"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    theme: Mapped[str]
    created_at: Mapped[datetime]
    gap_reason: Mapped[str | None]
    gap_at: Mapped[datetime | None]


class Referral(Base):
    """One need × one partner × one attempt; a retry is a new referral that `replaces` the old."""

    __tablename__ = "referral"
    __table_args__ = (
        Index("ix_referral_partner_id_state", "partner_id", "state"),
        Index("ix_referral_takes_over_at", "takes_over_at",
              sqlite_where=text("takes_over_at IS NOT NULL"), postgresql_where=text("takes_over_at IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[Key]
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
    urgent: Mapped[bool] = mapped_column(default=False)  # the urgent delay and ladder
    brief: Mapped[str] = mapped_column(default="")  # what the partner needs to know, written by a person
    brief_is_open: Mapped[bool] = mapped_column(default=False)  # it names nobody: he reads it before his answer
    file_number: Mapped[str] = mapped_column(default="")  # the partner's own
    amount_cents: Mapped[int | None]
    snapshot: Mapped[dict[str, Any]] = mapped_column(default=dict)  # partner's name and address at the send
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]  # accepted by the mail server: the answer's clock starts here
    takes_over_at: Mapped[datetime | None]  # when the request that it replaces ends; until then it may be taken back
    meets_at: Mapped[datetime | None]  # when the partner proposes to meet the household
    opened_at: Mapped[datetime | None]  # the partner's first button or sign-in; reading alone leaves no trace
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    need: Mapped[Need] = relationship()
    partner: Mapped[Organisation] = relationship()
    case: Mapped[Case] = relationship()

    @property
    def is_helping(self) -> bool:
        """Whether its partner took it up; not where the household says that what he calls done did not come."""
        return self.state in TAKEN_UP and self.loop != Loop.DISPUTED


class PartnerCharge(Base):
    """Who of a partner follows a request, when it is not whoever reads at his one address."""

    __tablename__ = "partner_charge"

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), primary_key=True)
    colleague_id: Mapped[UUID] = mapped_column(ForeignKey("partner_colleague.id"))


class SupplyCut(Base):
    """A cut of electricity or gas that a supplier announced; what is to be done before is counted back from its day."""

    __tablename__ = "supply_cut"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    energy: Mapped[str]
    cut_on: Mapped[date]  # as the supplier says; the law may put it off
    told_on: Mapped[date]
    supplier_called_on: Mapped[date | None]
    aid_filed_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    outcome: Mapped[str | None]
    restored_on: Mapped[date | None]


class Loan(Base):
    """A device lent to the household (a wattmeter, a camera), with the day by which it comes back."""

    __tablename__ = "loan"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    item: Mapped[str]
    lent_on: Mapped[date]
    due_on: Mapped[date]
    returned_on: Mapped[date | None]
    lost_on: Mapped[date | None]
    lent_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))

    @property
    def is_out(self) -> bool:
        """Whether somebody still asks for it."""
        return self.returned_on is None and self.lost_on is None


LOAN_IS_OUT: Final = and_(Loan.returned_on.is_(None), Loan.lost_on.is_(None))
"""The same, asked of the database."""


class Finding(Base):
    """A figure of a case with the method that gave it. Never changed: the latest of its kind holds.

    Of a likeness, `about_id` is the other case; the same figure about another case is another one.
    """

    __tablename__ = "finding"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[str]
    value: Mapped[int]  # euros a year, tenths of a percent, or points of a hundred
    about_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"), index=True)
    method: Mapped[str]
    method_version: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class SurveyLine(Base):
    """An answer about the household or its dwelling; `replaced_at` once another was noted in its place.

    `about`: the room, the energy, the problem that it is of; empty in sections without such things.
    """

    __tablename__ = "survey_line"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    section: Mapped[str]
    field: Mapped[str]
    about: Mapped[str] = mapped_column(default="")
    value: Mapped[str]
    at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class KitItem(Base):
    """An equipment of the household's kit as it stands; `replaced_at` once it was noted again."""

    __tablename__ = "kit_item"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    item: Mapped[str]
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    state: Mapped[str]
    at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]


class ExitLine(Base):
    """One criterion of the scorecard with which a case was closed; a case that is closed again has other lines."""

    __tablename__ = "exit_line"

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    criterion: Mapped[str]
    met: Mapped[str]
    method: Mapped[str]
    method_version: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
