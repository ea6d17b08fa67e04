"""A coordinator's own spreadsheet of cases in progress: judged as a whole, then, if asked, told row by row, once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.engine import ImportedColumns
from models.programmes import Organisation, Programme
from models.refusals import CaseworkError
from models.vocabulary import OrganisationKind
from services import alerts
from services.foundation.database import Database, UnitOfWork, is_duplicate
from services.imports import case_verdicts, mapping, past, register
from services.imports.case_columns import CASE_COLUMNS
from services.imports.case_verdicts import JudgedCase, Named, Office
from services.imports.mapping import Mapped, MappingFile
from services.imports.past import Told
from services.imports.positions import ORDER, Position
from services.imports.reading import read
from services.imports.verdicts import Verdict

WRITE_ROW: Final = "import_case"
"""The label of a row's transaction, and so of its crash points."""


@dataclass(frozen=True)
class CaseOrder:
    """What is asked: which file, for which programme. Without `commit` nothing is written."""

    file: Path
    programme: str | None = None
    mapping: MappingFile = field(default_factory=MappingFile)
    commit: bool = False


@dataclass(frozen=True)
class CaseOutcome(register.Outcome):
    """What was found and done.

    `recounted` counts the cases whose next date had passed, `uninformed` those whose household is still to be told.
    """

    positions: Sequence[tuple[Position, int]] = ()
    recounted: int = 0
    uninformed: int = 0


def run(database: Database, order: CaseOrder) -> CaseOutcome:
    """Judge every row; with `commit`, open a case for each valid one, one transaction a row.

    A run that was killed is resumed by running it again. Raises `FileRefused` or `InvalidInput`.
    """
    content = read(order.file)
    with database.read() as unit:
        programme = register.programme(unit, order.programme)
        mapped = mapping.apply(
            content.sheets, order.mapping, columns=CASE_COLUMNS, remembered=_remembered(unit, programme.id)
        )
        office = _office(unit, programme, mapped, f"cases:{content.sha256}:{programme.id}:")
    judged: Sequence[JudgedCase] = case_verdicts.judge(mapped.rows, office)
    if not order.commit:
        return CaseOutcome(judged, mapped, content.masked, content.is_workbook, positions=_positions(judged))
    judged, told = _take_all(database, judged, office)
    register.remember(database, content.sha256, office.programme_id, judged)
    _remember_columns(database, office.programme_id, mapped.headers, order.mapping)
    return CaseOutcome(
        judged,
        mapped,
        content.masked,
        content.is_workbook,
        numbers=tuple(one.number for one in told),
        positions=_positions(judged),
        recounted=sum(one.recounted for one in told),
        uninformed=sum(not one.informed for one in told),
    )


def _positions(judged: Sequence[JudgedCase]) -> list[tuple[Position, int]]:
    counts = Counter(one.entry.position for one in judged if one.entry and one.verdict is Verdict.VALID)
    return [(position, counts[position]) for position in ORDER if counts[position]]


def _office(unit: UnitOfWork, programme: Programme, mapped: Mapped, prefix: str) -> Office:
    zone = ZoneInfo(programme.zone)
    today = unit.now.astimezone(zone).date()
    office = Office(
        programme_id=programme.id,
        prefix=prefix,
        communes=register.communes(unit),
        territory=frozenset(unit.session.scalars(alerts.territory(programme.id, today))),
        known=register.known(unit, programme.id),
        operators=_named(unit, programme.id, OrganisationKind.OPERATOR),
        partners=_named(unit, programme.id, OrganisationKind.PARTNER),
        done=frozenset(),
        now=unit.now,
        zone=zone,
    )
    return replace(office, done=register.taken(unit, (office.key(row) for row in mapped.rows)))


def _named(unit: UnitOfWork, programme_id: UUID, kind: OrganisationKind) -> list[Named]:
    query = select(Organisation).where(Organisation.programme_id == programme_id, Organisation.kind == kind)
    found = unit.session.scalars(query.order_by(Organisation.name))
    return [Named(each.id, each.name, each.slug, tuple(each.themes)) for each in found]


def _take_all(database: Database, judged: Sequence[JudgedCase], office: Office) -> tuple[list[JudgedCase], list[Told]]:
    """Open the cases; a row that a use case refuses goes back with its sentence."""
    after, told = [], []
    for one in judged:
        if one.verdict is not Verdict.VALID:
            after.append(one)
            continue
        try:
            done = _take(database, one, office)
        except CaseworkError as refusal:
            if refusal.retryable:
                raise
            after.append(replace(one, verdict=Verdict.REFUSED, reasons=(refusal.sentence,)))
        else:
            after.append(one)
            told += [done] if done else []
    return after, told


def _take(database: Database, one: JudgedCase, office: Office) -> Told | None:
    """Open the case of a row; None if another run was faster."""
    if one.entry is None:  # pragma: no cover - a valid row has its entry
        return None
    try:
        with database.write(WRITE_ROW) as unit:
            return past.tell(unit, one.entry, programme_id=office.programme_id, key=office.key(one.row))
    except IntegrityError as error:
        if is_duplicate(error):
            return None
        raise


# --- What somebody once said of the columns --------------------------------------------------------------------------


def _remembered(unit: UnitOfWork, programme_id: UUID) -> dict[str, MappingFile]:
    rows = unit.session.scalars(select(ImportedColumns).where(ImportedColumns.programme_id == programme_id))
    context = {"columns": CASE_COLUMNS}
    return {row.headers: MappingFile.model_validate(row.mapping, context=context) for row in rows}


def _remember_columns(database: Database, programme_id: UUID, headers: str, said: MappingFile) -> None:
    """Keep what a mapping file said, for the next file with these headers; the last word counts."""
    if said == MappingFile():
        return
    with database.write("import_columns") as unit:
        kept = unit.session.get(ImportedColumns, (programme_id, headers))
        if kept is None:
            kept = ImportedColumns(programme_id=programme_id, headers=headers)
            unit.session.add(kept)
        kept.mapping, kept.said_at = said.model_dump(), unit.now
