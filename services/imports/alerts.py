"""A file of alerts: judged as a whole, then, if asked, taken in row by row; the same file twice changes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from models.cases import Case, Household
from models.engine import Event, ImportedFile
from models.programmes import Commune, Organisation, Programme
from models.vocabulary import OrganisationKind, Source, Urgency
from services import alerts
from services.foundation.database import Database, UnitOfWork, is_duplicate
from services.foundation.errors import InvalidInput
from services.imports import mapping, verdicts
from services.imports.mapping import Mapped, MappingFile
from services.imports.reading import read
from services.imports.verdicts import Collected, Giver, Judged, Known, Office, Verdict
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
class Outcome:
    """What was found and done; `numbers` names the cases that this run opened."""

    judged: Sequence[Judged]
    mapped: Mapped
    masked: int
    is_workbook: bool
    numbers: tuple[str, ...] = ()

    @property
    def counts(self) -> Counter[Verdict]:
        """How many rows of each verdict, before anything was taken in."""
        return Counter(one.verdict for one in self.judged)

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
    _remember(database, content.sha256, sender.programme_id, outcome)
    return replace(outcome, numbers=tuple(number for number in numbers if number))


def _sender(unit: UnitOfWork, order: Order) -> tuple[Programme, Organisation]:
    query = select(Programme).order_by(Programme.slug)
    programmes = unit.session.scalars(
        query.where(Programme.slug == order.programme) if order.programme else query
    ).all()
    if len(programmes) != 1:
        raise InvalidInput(
            "programme", "Dites avec --programme de quel dispositif il s’agit\u00a0: identifiant inconnu."
        )
    organisation = unit.session.scalars(
        select(Organisation).where(
            Organisation.programme_id == programmes[0].id, Organisation.slug == order.organisation
        )
    ).first()
    if organisation is None or organisation.kind != OrganisationKind.ALERT_GIVER:
        raise InvalidInput(
            "organisation",
            "Dites avec --organisation quel donneur d’alerte envoie ce fichier\u00a0: identifiant inconnu.",
        )
    return programmes[0], organisation


def _office(
    unit: UnitOfWork, programme: Programme, organisation: Organisation, prefix: str, collected: Collected | None
) -> Office:
    today = unit.now.astimezone(ZoneInfo(programme.zone)).date()
    if collected is not None and collected.on > today:
        raise InvalidInput("agreed_on", "La date de l’accord est dans le futur.")
    communes = unit.session.execute(select(Commune.code, Commune.search_key, Commune.postcodes)).all()
    keys = unit.session.scalars(select(Event.idempotency_key).where(Event.idempotency_key.startswith(prefix))).all()
    return Office(
        communes=[verdicts.Commune(code, name_key, tuple(postcodes)) for code, name_key, postcodes in communes],
        territory=frozenset(unit.session.scalars(alerts.territory(programme.id, today))),
        known=_known(unit, programme.id),
        done=frozenset(_place(key) for key in keys if key),
        giver=Giver(organisation.contact or organisation.name, organisation.email, organisation.phone),
        today=today,
        collected=collected,
    )


def _known(unit: UnitOfWork, programme_id: UUID) -> list[Known]:
    cases = unit.session.scalars(
        select(Case)
        .where(Case.programme_id == programme_id)
        .options(selectinload(Case.household).selectinload(Household.phones), selectinload(Case.dwelling))
        .order_by(Case.number)
    )
    return [Known(alerts.likeness(case), case.number, not case.is_closed) for case in cases]


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


def _remember(database: Database, sha256: str, programme_id: UUID, outcome: Outcome) -> None:
    """Note that the file was taken in, the first time; counts only."""
    summary: dict[str, Any] = {verdict.value: count for verdict, count in sorted(outcome.counts.items())}
    with database.write("import_file") as unit:
        if unit.session.get(ImportedFile, (sha256, programme_id)) is None:
            unit.session.add(
                ImportedFile(
                    sha256=sha256,
                    programme_id=programme_id,
                    imported_at=unit.now,
                    rows=len(outcome.judged),
                    summary=summary,
                )
            )
