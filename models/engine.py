"""What the engine keeps: events, work, tasks, obligations, occurrences, messages, loops, the story clock."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, bindparam, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Key
from models.cases import Case, Referral, SupplyCut, Visit
from models.programmes import Organisation, Person
from models.vocabulary import MessageState, TaskState, WebhookState, WorkState

_Serial = BigInteger().with_variant(Integer(), "sqlite")  # SQLite only counts INTEGER PRIMARY KEY by itself


class Event(Base):
    """A recorded domain fact in the past tense. Append-only; its payload holds no text and no name."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        Index("ix_event_programme_id_occurred_at", "programme_id", "occurred_at"),
    )

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    seq: Mapped[int]
    type: Mapped[str]
    payload: Mapped[dict[str, Any]]
    actor: Mapped[str]  # kind:id (person, organisation, timer, engine)
    on_behalf_of: Mapped[UUID | None]  # the organisation whose answer was recorded by somebody else
    source: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)


class Work(Base):
    """The relay's queue: one row for each event to handle, deleted when handled.

    `leased_until` is lease time (the database's or a monotonic clock), `ready_at` too; business time has no say here.
    """

    __tablename__ = "work"
    __table_args__ = (Index("ix_work_state_ready_at", "state", "ready_at"),)

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), unique=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    type: Mapped[str]
    state: Mapped[str] = mapped_column(default=WorkState.READY.value)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    error: Mapped[str | None]  # class and place, no personal datum


class Task(Base):
    """One thing that one responsible party must do by a date."""

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_case_id_state", "case_id", "state"),
        # Of all the tasks of the years few are open: what is owed is read from an index of these alone. It holds all
        # that lists and counters ask of a task, so that the rows themselves, far apart, are read for one page only.
        Index(
            "ix_task_open",
            "programme_id",
            "due_at",
            "case_id",
            "stage",
            "party",
            "kind",
            "organisation_id",
            "person_id",
            "visit_id",
            "opened_at",
            "paused_at",
            "snoozed_until",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        # The same by whom is waited for in each stage, so that they are counted in this order, without sorting all.
        Index(
            "ix_task_awaited",
            "programme_id",
            "stage",
            "party",
            "organisation_id",
            "case_id",
            "due_at",
            "opened_at",
            "paused_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    kind: Mapped[str]
    party: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    alert_id: Mapped[UUID | None] = mapped_column(ForeignKey("alert.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"))
    loan_id: Mapped[UUID | None] = mapped_column(ForeignKey("loan.id"))
    cut_id: Mapped[UUID | None] = mapped_column(ForeignKey("supply_cut.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))  # who said "I do it"
    ordinal: Mapped[int] = mapped_column(default=0)  # which call of the follow-up: 1, 6 or 12 months
    state: Mapped[str] = mapped_column(default=TaskState.OPEN.value)
    stage: Mapped[str]  # while it is open, the stage of its case: what is owed is counted by it
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    provisional: Mapped[bool] = mapped_column(default=False)  # the date is final once the mail is accepted
    closed_at: Mapped[datetime | None]
    link_version: Mapped[int] = mapped_column(default=1)
    paused_at: Mapped[datetime | None]  # it waits with its case or its partner: nobody owes it now
    snoozed_until: Mapped[date | None]  # no reminder before that day
    snoozes: Mapped[int] = mapped_column(default=0)
    effect_key: Mapped[str] = mapped_column(unique=True)

    case: Mapped[Case] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    person: Mapped[Person | None] = relationship()
    referral: Mapped[Referral | None] = relationship()
    visit: Mapped[Visit | None] = relationship()
    cut: Mapped[SupplyCut | None] = relationship()


IS_OPEN: Final = Task.state == bindparam(None, TaskState.OPEN.value, literal_execute=True)
"""An open task, in so many letters: an index of the open tasks alone serves no query whose state is a parameter."""


class Obligation(Base):
    """A running clock on a task or a visit: the ladder it climbs, its next step and when.

    `generation` is raised when it is armed again, so an occurrence of an older life can never fire. A step that cannot
    be taken is tried again at `retry_at`; `failed_at` is when it failed first, and both are forgotten once it is taken.
    """

    __tablename__ = "obligation"
    __table_args__ = (Index("ix_obligation_next_at", "next_at"), Index("ix_obligation_case_id", "case_id", "next_at"))

    id: Mapped[Key]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"))
    task_id: Mapped[UUID] = mapped_column(ForeignKey("task.id"), index=True)
    ladder: Mapped[str]
    anchor_at: Mapped[datetime]
    due_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=1)
    next_step: Mapped[int | None]
    next_at: Mapped[datetime | None]  # None: nothing more to fire
    ended_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    error: Mapped[str | None]  # class and place, no personal datum
    effect_key: Mapped[str] = mapped_column(unique=True)

    task: Mapped[Task] = relationship()
    pauses: Mapped[list["Pause"]] = relationship(order_by="Pause.from_at", lazy="selectin")

    @property
    def waited(self) -> list[tuple[datetime, datetime]]:
        """From when to when it waited, once that is over; what came before it was armed again is in its anchor."""
        spans = ((pause.from_at, pause.to_at) for pause in self.pauses if pause.to_at is not None)
        return [(start, end) for start, end in spans if end > self.anchor_at]


class Pause(Base):
    """A time during which a clock did not run, and why; `ended_at` None: it waits now."""

    __tablename__ = "pause"

    id: Mapped[Key]
    obligation_id: Mapped[UUID] = mapped_column(ForeignKey("obligation.id"), index=True)
    reason: Mapped[str]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]


class Occurrence(Base):
    """One step of an obligation that fired, or was suppressed and why."""

    __tablename__ = "occurrence"
    __table_args__ = (UniqueConstraint("obligation_id", "generation", "step", "recipient"),)

    id: Mapped[Key]
    obligation_id: Mapped[UUID] = mapped_column(ForeignKey("obligation.id"))
    generation: Mapped[int]
    step: Mapped[int]
    recipient: Mapped[str]  # the party the step speaks to; "" for a step that opens a task or acts
    state: Mapped[str]
    reason: Mapped[str | None]
    due_at: Mapped[datetime]
    at: Mapped[datetime]


class Message(Base):
    """The delivery ledger: one notification, one recipient, one channel.

    `due_at` and back-off are business time; `leased_until` is lease time. The text is written by the claim and
    kept ninety days. `message_id` is fixed at creation and the same on every attempt. Daily messages for one address
    leave in one mail: `bundle_id` is the message that was handed over for this one, None for a mail of its own.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_state_due_at", "state", "due_at"),
        Index("ix_message_case_id", "case_id", "state"),
        Index("ix_message_programme_id_address_done_at_due_at", "programme_id", "address", "done_at", "due_at"),
        # Who had the mail of the day is asked for each that is planned, however much else ended today.
        Index(
            "ix_message_daily_left",
            "programme_id",
            "address",
            "done_at",
            sqlite_where=text("daily IS 1 AND state = 'accepted'"),
            postgresql_where=text("daily IS TRUE AND state = 'accepted'"),
        ),
    )

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"))  # None: about an account
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"))  # why it leaves
    sign_in_link_id: Mapped[UUID | None] = mapped_column(ForeignKey("sign_in_link.id"))
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id"), index=True)
    text: Mapped[str]  # which text of the catalogue
    party: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    alert_id: Mapped[UUID | None] = mapped_column(ForeignKey("alert.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"))
    channel: Mapped[str]
    address: Mapped[str]  # e-mail, E.164 number; "" for a letter (the dwelling's at printing)
    state: Mapped[str] = mapped_column(default=MessageState.QUEUED.value)
    urgent: Mapped[bool] = mapped_column(default=False)  # passes quiet hours
    daily: Mapped[bool] = mapped_column(default=False)  # at most one mail of these a day for one address
    bundle_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"), index=True)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    first_tried_at: Mapped[datetime | None]
    token: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    data_started_at: Mapped[datetime | None]
    message_id: Mapped[str] = mapped_column(unique=True)
    reply_code: Mapped[int | None]
    provider_id: Mapped[str | None]  # queue id or SMS reference
    error: Mapped[str | None]
    done_at: Mapped[datetime | None]  # accepted, refused, cancelled, posted
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("letter_batch.id"), index=True)
    effect_key: Mapped[str] = mapped_column(unique=True)

    case: Mapped[Case | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()

    @property
    def of_case(self) -> Case:
        """The case of a message that must have one: all but mails about an account."""
        if self.case is None:
            raise LookupError(self.text)
        return self.case


HAS_LEFT: Final = Message.state == bindparam(None, MessageState.ACCEPTED.value, literal_execute=True)
"""Its reader's server took it; in so many letters, as an index of these alone asks."""


class IncomingMail(Base):
    """A mail that was read from our mailbox, once: `message_id` is its own, or a hash of a mail without one.

    The words of a reply are a note of its case; they are here only while the mail has no case. `waits` until somebody
    files it or sets it aside, since no item asks anybody to read it.
    """

    __tablename__ = "incoming_mail"

    id: Mapped[Key]
    message_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    programme_id: Mapped[UUID | None] = mapped_column(ForeignKey("programme.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("case.id"), index=True)
    answered_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))  # our mail that it answers
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"))  # its note hangs there
    sender: Mapped[str] = mapped_column(default="")
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    status: Mapped[str | None]  # of a bounce or a delay: 5.1.1
    suggestion: Mapped[str | None]
    received_at: Mapped[datetime]
    waits: Mapped[bool] = mapped_column(default=False, index=True)
    handled_at: Mapped[datetime | None]
    handled_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))

    case: Mapped[Case | None] = relationship()


class LetterBatch(Base):
    """The letters of a day, printed as one PDF; posted when a person says so.

    `operator_id`: the operator who posts them himself; None is the coordination.
    """

    __tablename__ = "letter_batch"
    __table_args__ = (UniqueConstraint("programme_id", "on", "ordinal"),)

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    operator_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    on: Mapped[date]
    ordinal: Mapped[int]
    printed_at: Mapped[datetime]
    posted_on: Mapped[date | None]
    posted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Routine(Base):
    """One thing the relay does when due (tick, delivery, upkeep): who holds it, when it last ran."""

    __tablename__ = "routine"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[datetime | None]
    token: Mapped[str | None]
    leased_until: Mapped[datetime | None]


class WebhookEndpoint(Base):
    """Another software's address, told of a programme's events of some kinds.

    Its secret is worked out from `id`, `secret_version` and the installation's key: nothing secret is stored. While the
    server rests (`rests_until`, business time) nothing is sent to it.
    """

    __tablename__ = "webhook_endpoint"

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    label: Mapped[str]
    url: Mapped[str]
    types: Mapped[list[str]]  # `referral.accepted`, or `referral.*`
    secret_version: Mapped[int] = mapped_column(default=1)
    renewed_at: Mapped[datetime | None]  # the secret before still signs for a day
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    rests_until: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One event for one endpoint, once. `due_at` and `queued_at` are business time, `leased_until` lease time."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index("ix_webhook_delivery_state_due_at", "state", "due_at"),
    )

    id: Mapped[Key]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), index=True)
    state: Mapped[str] = mapped_column(default=WebhookState.QUEUED.value)
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    status: Mapped[int | None]  # what the server answered last
    error: Mapped[str | None]  # why nothing was answered: a class, never what was sent
    done_at: Mapped[datetime | None]

    endpoint: Mapped[WebhookEndpoint] = relationship()
    event: Mapped[Event] = relationship()


class StoryProgress(Base):
    """The clock of a played story and the index of its last step; its presence forbids `relais up`."""

    __tablename__ = "story_progress"

    id: Mapped[int] = mapped_column(primary_key=True)
    story: Mapped[str]
    now: Mapped[datetime]
    next_step: Mapped[int]


class ImportedFile(Base):
    """A file of alerts or of cases that was imported, by the hash of its content."""

    __tablename__ = "imported_file"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    imported_at: Mapped[datetime]
    rows: Mapped[int]
    summary: Mapped[dict[str, Any]]


class FileImport(Base):
    """A file that somebody dropped: its rows until they are taken in, then those to correct, in the end its counts."""

    __tablename__ = "file_import"
    __table_args__ = (
        Index("ix_file_import_programme_id_dropped_at", "programme_id", "dropped_at"),
        # A file is taken in by one of those who drop it at once.
        Index(
            "uq_file_import_queued",
            "programme_id",
            "sha256",
            unique=True,
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
    )

    id: Mapped[Key]
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"))
    kind: Mapped[str]
    state: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))  # the alert giver
    collected_by: Mapped[str | None]  # of a file of alerts: who asked the households for their agreement
    collected_on: Mapped[date | None]
    notify: Mapped[bool] = mapped_column(default=False)
    filename: Mapped[str]
    sha256: Mapped[str]
    is_workbook: Mapped[bool]
    mapping: Mapped[dict[str, Any]]  # what was said of its columns on the page
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # packed, without any NIR
    corrections: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # the file of the rows to correct
    dropped_at: Mapped[datetime]
    dropped_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]  # when the rows to correct were first taken away
    wanted: Mapped[int] = mapped_column(default=0)  # rows to take in
    known: Mapped[int] = mapped_column(default=0)  # rows of which it was already done before
    taken: Mapped[int] = mapped_column(default=0)
    summary: Mapped[dict[str, Any]]  # counts, and the numbers of rows that tell of a danger
    attempts: Mapped[int] = mapped_column(default=0)  # since the last row that was taken in


class ImportedColumns(Base):
    """What somebody once said of the columns of a file, found again by its headers."""

    __tablename__ = "imported_columns"

    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programme.id"), primary_key=True)
    headers: Mapped[str] = mapped_column(primary_key=True)  # hash of the titles, whatever their order
    mapping: Mapped[dict[str, Any]]
    said_at: Mapped[datetime]
