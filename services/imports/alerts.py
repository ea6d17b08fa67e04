"""A file of alerts: judged as a whole, then, if asked, taken in row by row; the same file twice changes nothing."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.engine import Event
from models.programmes import Organisation, Programme
from models.vocabulary import OrganisationKind, Source, Urgency
from services import alerts
from services.foundation.database import Database, UnitOfWork, is_duplicate
from services.foundation.errors import InvalidInput
from services.imports import mapping, register, verdicts
from services.imports.mapping import MappingFile
from services.imports.reading import read
from services.imports.verdicts import Collected, Giver, Judged, Office, Verdict
from services.rules.casework import Hand
from services.rules.policy import Actor

WRITE_ROW: Final = "import_row"
"""The label of a row's transaction, and so of its crash points."""


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
class Outcome(register.Outcome):
    """What was found and done."""

    @property
    def dangers(self) -> list[int]:
        """The rows to take in that tell of a danger."""
        return [
            one.row.number
            for one in self.judged
            if one.verdict in {Verdict.VALID, Verdict.DOUBTFUL} and one.form and one.form.urgency is Urgency.DANGER
        ]


@dataclass(frozen=True)
class _Sender:
    programme_id: UUID
    organisation_id: UUID
    prefix: str

    def key(self, sheet: int, number: int) -> str:
        """The programme is part of it: two programmes may be sent the same file."""
        return f"{self.prefix}{sheet}:{number}"


def run(database: Database, order: Order) -> Outcome:
    """Judge every row; with `commit`, open a case for each valid one, one transaction a row.

    A run that was killed is resumed by running it again. Raises `FileRefused` or `InvalidInput`.
    """
    content = read(order.file)
    mapped = mapping.apply(content.sheets, order.mapping)
    with database.read() as unit:
        programme, organisation = _sender(unit, order)
        sender = _Sender(programme.id, organisation.id, f"file:{content.sha256}:{programme.id}:")
        office = _office(unit, programme, organisation, sender.prefix, order.collected)
    judged = verdicts.judge(mapped.rows, office)
    outcome = Outcome(judged, mapped, content.masked, content.is_workbook)
    if not order.commit:
        return outcome
    valid = [one for one in judged if one.verdict is Verdict.VALID]
    numbers = [_take(database, one, sender, silent=not order.notify) for one in valid]
    register.remember(database, content.sha256, sender.programme_id, judged)
    return replace(outcome, numbers=tuple(number for number in numbers if number))


def _sender(unit: UnitOfWork, order: Order) -> tuple[Programme, Organisation]:
    programme = register.programme(unit, order.programme)
    organisation = unit.session.scalars(
        select(Organisation).where(Organisation.programme_id == programme.id, Organisation.slug == order.organisation)
    ).first()
    if organisation is None or organisation.kind != OrganisationKind.ALERT_GIVER:
        raise InvalidInput(
            "organisation",
            "Dites avec --organisation quel donneur d’alerte envoie ce fichier\u00a0: identifiant inconnu.",
        )
    return programme, organisation


def _office(
    unit: UnitOfWork, programme: Programme, organisation: Organisation, prefix: str, collected: Collected | None
) -> Office:
    today = unit.now.astimezone(ZoneInfo(programme.zone)).date()
    if collected is not None and collected.on > today:
        raise InvalidInput("agreed_on", "La date de l’accord est dans le futur.")
    keys = unit.session.scalars(select(Event.idempotency_key).where(Event.idempotency_key.startswith(prefix))).all()
    return Office(
        communes=register.communes(unit),
        territory=frozenset(unit.session.scalars(alerts.territory(programme.id, today))),
        known=register.known(unit, programme.id),
        done=frozenset(_place(key) for key in keys if key),
        giver=Giver(organisation.contact or organisation.name, organisation.email, organisation.phone),
        today=today,
        collected=collected,
    )


def _place(key: str) -> tuple[int, int]:
    sheet, number = key.rsplit(":", 2)[1:]
    return int(sheet), int(number)


def _take(database: Database, one: Judged, sender: _Sender, *, silent: bool) -> str | None:
    """Open the case of a row; None if another run was faster."""
    if one.form is None:  # pragma: no cover - a valid row has its form
        return None
    actor = Actor(
        "import",
        None,
        programme_id=sender.programme_id,
        organisation_id=sender.organisation_id,
        name=one.form.giver_name,
    )
    hand = Hand(actor, Source.IMPORT, key=sender.key(one.row.sheet, one.row.number))
    try:
        with database.write(WRITE_ROW) as unit:
            return alerts.submit(unit, hand, one.form, origin="import", silent=silent).number
    except IntegrityError as error:
        if is_duplicate(error):
            return None
        raise
