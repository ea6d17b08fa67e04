"""A file of alerts: judged as a whole, then, if asked, taken in by slices; the same file twice changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.engine import Event
from models.programmes import Organisation, Programme
from models.vocabulary import OrganisationKind, Source
from services.cases import alerts
from services.cases.agreements import wrong_day
from services.forms import AlertForm
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import InvalidInput
from services.imports import mapping, register, unread, verdicts
from services.imports.mapping import ALERT_COLUMNS, MappingFile
from services.imports.reading import Content, read
from services.imports.register import Outcome, Told
from services.imports.unread import Unread
from services.imports.verdicts import Collected, Giver, Judged, Office
from services.network.territory import communes_on
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import today_of

WRITE_ROWS: Final = "import_rows"
"""The label of a slice's transaction, and so of its crash points."""
SLICE: Final = 50
"""How many rows are taken in at once: enough to be fast, and nobody waits long for the writer's lock."""


@dataclass(frozen=True)
class Order:
    """What is asked: which file, for whom. Without `commit` nothing is written; without `notify` nothing is sent."""

    file: Path
    organisation: str
    programme: str | None = None
    mapping: MappingFile = field(default_factory=MappingFile)
    collected: Collected | None = None
    commit: bool = False
    notify: bool = False


@dataclass(frozen=True)
class AlertBatch:
    """A file of alerts, judged."""

    outcome: Outcome
    programme_id: UUID
    organisation_id: UUID
    prefix: str
    silent: bool

    @property
    def slice(self) -> int:
        """So many rows in one transaction."""
        return SLICE

    def take(self, database: Database, rows: Sequence[Judged]) -> list[Told]:
        """Open the cases of these rows."""
        requests = [(self._hand(one, one.form), one.form) for one in rows if one.form]
        with database.write(WRITE_ROWS) as unit:
            cases = alerts.submit_all(unit, requests, origin="import", silent=self.silent)
            return [Told(case.number) for case in cases]

    def _hand(self, one: Judged, form: AlertForm) -> Hand:
        giver = Actor(
            "import", None, programme_id=self.programme_id, organisation_id=self.organisation_id, name=form.giver_name
        )
        return Hand(giver, Source.IMPORT, key=f"{self.prefix}{one.row.sheet}:{one.row.number}")

    def unread(self) -> Sequence[Unread]:
        """The values that nobody understood."""
        return unread.of_alerts(self.outcome.judged)


def run(database: Database, order: Order) -> Outcome:
    """Judge every row; with `commit`, open a case for each valid one.

    A run that was killed is resumed by running it again. Raises `FileRefused` or `InvalidInput`.
    """
    content = read(order.file)
    with database.read() as unit:
        programme, organisation = _sender(unit, order)
        batch = judge(
            unit, content, programme, organisation, order.mapping, collected=order.collected, notify=order.notify
        )
    if not order.commit:
        return batch.outcome
    told = [done.number for rows in register.taking(database, batch) for _, done in rows if done]
    register.remember(database, content.sha256, batch.programme_id, batch.outcome.judged)
    return replace(batch.outcome, numbers=tuple(told))


def judge(  # noqa: PLR0913 - what was said of the file when it was given
    unit: UnitOfWork, content: Content, programme: Programme, organisation: Organisation, said: MappingFile, *,
    collected: Collected | None = None, notify: bool = False,
) -> AlertBatch:  # fmt: skip
    """The verdict of every row. Raises `FileRefused` or `InvalidInput`. Writes nothing."""
    remembered = register.said_of_columns(unit, programme.id, ALERT_COLUMNS)
    mapped = mapping.apply(content.sheets, said, columns=ALERT_COLUMNS, remembered=remembered)
    # The programme is part of it: two programmes may be sent the same file.
    prefix = f"file:{content.sha256}:{programme.id}:"
    judged = verdicts.judge(mapped.rows, _office(unit, programme, organisation, prefix, collected))
    outcome = Outcome(judged, mapped, content.masked, content.is_workbook)
    return AlertBatch(outcome, programme.id, organisation.id, prefix, silent=not notify)


def _sender(unit: UnitOfWork, order: Order) -> tuple[Programme, Organisation]:
    programme = register.programme(unit, order.programme)
    organisation = unit.session.scalars(
        select(Organisation).where(Organisation.programme_id == programme.id, Organisation.slug == order.organisation)
    ).first()
    if organisation is None or organisation.kind != OrganisationKind.ALERT_GIVER or organisation.ended_on is not None:
        raise InvalidInput(
            "organisation",
            "Dites avec --organisation quel donneur d’alerte envoie ce fichier\u00a0: identifiant inconnu.",
        )
    return programme, organisation


def _office(
    unit: UnitOfWork, programme: Programme, organisation: Organisation, prefix: str, collected: Collected | None
) -> Office:
    today = today_of(unit, programme.id)
    if collected is not None and (said := wrong_day(collected.on, today)):
        raise InvalidInput("agreed_on", said)
    keys = unit.session.scalars(select(Event.idempotency_key).where(Event.idempotency_key.startswith(prefix))).all()
    return Office(
        communes=register.communes(unit),
        territory=frozenset(unit.session.scalars(communes_on(programme.id, today))),
        known=register.known(unit, programme.id),
        done=frozenset(_place(key) for key in keys if key),
        giver=Giver(organisation.contact or organisation.name, organisation.email, organisation.phone),
        today=today,
        collected=collected,
    )


def _place(key: str) -> tuple[int, int]:
    sheet, number = key.rsplit(":", 2)[1:]
    return int(sheet), int(number)
