"""What an import knows before it reads a row, and what it leaves behind: programme, communes, known cases, file."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.cases import Case, Dwelling, Household, Phone
from models.engine import Event, ImportedColumns, ImportedFile
from models.programmes import Commune, Programme
from models.refusals import CaseworkError
from models.vocabulary import Stage, Urgency
from services.foundation.database import Database, UnitOfWork, is_duplicate
from services.foundation.errors import InvalidInput
from services.imports import verdicts
from services.imports.mapping import Columns, Mapped, MappingFile
from services.imports.unread import Unread
from services.imports.verdicts import Judged, Known, Verdict
from services.rules.likeness import Likeness

CHUNK: Final = 500
"""How many keys are looked for at once."""


@dataclass(frozen=True)
class Outcome:
    """What was found and done; `numbers` names the cases that this run opened."""

    judged: Sequence[Judged]
    mapped: Mapped
    masked: int
    is_workbook: bool
    numbers: tuple[str, ...] = ()

    @property
    def dangers(self) -> list[int]:
        """The rows to take in that tell of a danger."""
        return [
            one.row.number
            for one in self.judged
            if one.verdict in {Verdict.VALID, Verdict.DOUBTFUL} and one.form and one.form.urgency is Urgency.DANGER
        ]

    @property
    def counts(self) -> Counter[Verdict]:
        """How many rows of each verdict."""
        return Counter(one.verdict for one in self.judged)


@dataclass(frozen=True)
class Told:
    """A row that was taken in: the number of its case, and whether the usual delay of what is next started again."""

    number: str
    recounted: bool = False
    informed: bool = True  # the household knows that it is known here; else its letter waits to be printed


class Batch(Protocol):
    """A file that was judged, and how its rows are taken in."""

    @property
    def outcome(self) -> Outcome:
        """What was found."""

    @property
    def slice(self) -> int:
        """How many rows are taken in at once."""

    def take(self, database: Database, rows: Sequence[Judged]) -> list[Told]:
        """Open the cases of valid rows, all in one transaction or none."""

    def unread(self) -> Sequence[Unread]:
        """The values that nobody understood."""


def taking(database: Database, batch: Batch) -> Iterator[list[tuple[Judged, Told | None]]]:
    """Take in the valid rows, a slice in each transaction; every row comes back, refused if a use case said no.

    A slice that holds such a row is taken in one by one. Whoever stops in the middle, or dies, goes on by judging the
    file again: what is done is known by its key.
    """
    judged = batch.outcome.judged
    for start in range(0, len(judged), batch.slice):
        rows = judged[start : start + batch.slice]
        taken = iter(_taken(database, batch, [one for one in rows if one.verdict is Verdict.VALID]))
        yield [next(taken) if one.verdict is Verdict.VALID else (one, None) for one in rows]


def _taken(database: Database, batch: Batch, rows: Sequence[Judged]) -> list[tuple[Judged, Told | None]]:
    if not rows:
        return []
    try:
        return list(zip(rows, batch.take(database, rows), strict=True))
    except CaseworkError as refusal:
        if refusal.retryable:
            raise
        if len(rows) == 1:
            return [(replace(rows[0], verdict=Verdict.REFUSED, reasons=(refusal.sentence,)), None)]
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        if len(rows) == 1:
            return [(rows[0], None)]  # another run was faster
    return [each for one in rows for each in _taken(database, batch, [one])]


def programme(unit: UnitOfWork, slug: str | None) -> Programme:
    """The programme of this identifier, or the only one. Raises `InvalidInput`."""
    query = select(Programme).order_by(Programme.slug)
    found = unit.session.scalars(query.where(Programme.slug == slug) if slug else query).all()
    if len(found) != 1:
        raise InvalidInput(
            "programme", "Dites avec --programme de quel dispositif il s’agit\u00a0: identifiant inconnu."
        )
    return found[0]


def communes(unit: UnitOfWork) -> list[verdicts.Commune]:
    """Every commune, as rows are compared with it."""
    rows = unit.session.execute(select(Commune.code, Commune.search_key, Commune.postcodes)).all()
    return [verdicts.Commune(code, name_key, tuple(postcodes)) for code, name_key, postcodes in rows]


def known(unit: UnitOfWork, programme_id: UUID) -> list[Known]:
    """Every case of the programme, to be compared; columns only, since there may be tens of thousands."""
    ours = Case.programme_id == programme_id
    numbers: defaultdict[UUID, set[str]] = defaultdict(set)
    phones = select(Case.id, Phone.number).join(Phone, Phone.household_id == Case.household_id)
    for case_id, number in unit.session.execute(phones.where(ours)):
        numbers[case_id].add(number)
    columns = Case.id, Case.number, Case.stage, Household.search_key, Dwelling.search_key, Dwelling.commune_code
    cases = (
        select(*columns)
        .join(Household, Household.id == Case.household_id)
        .join(Dwelling, Dwelling.id == Case.dwelling_id)
        .where(ours)
        .order_by(Case.number)
    )
    return [
        Known(Likeness(frozenset(numbers[case_id]), name, street, commune), number, stage != Stage.CLOSED)
        for case_id, number, stage, name, street, commune in unit.session.execute(cases)
    ]


def taken(unit: UnitOfWork, keys: Iterable[str]) -> frozenset[str]:
    """Those of these keys under which a case was opened already."""
    wanted = list(keys)
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        query = select(Event.idempotency_key).where(Event.idempotency_key.in_(wanted[start : start + CHUNK]))
        found.update(key for key in unit.session.scalars(query) if key)
    return frozenset(found)


def said_of_columns(unit: UnitOfWork, programme_id: UUID, columns: Columns) -> dict[str, MappingFile]:
    """What somebody once said of the columns of files of this kind, by the key of their header."""
    rows = unit.session.scalars(select(ImportedColumns).where(ImportedColumns.programme_id == programme_id))
    context, mark = {"columns": columns}, columns.mark
    return {
        row.headers.removeprefix(mark): MappingFile.model_validate(row.mapping, context=context)
        for row in rows
        if row.headers.startswith(mark) and ":" not in row.headers.removeprefix(mark)
    }


def remember_columns(unit: UnitOfWork, programme_id: UUID, columns: Columns, headers: str, said: MappingFile) -> None:
    """Keep what was said of a file's columns for the next file with these headers; the last word counts."""
    if said == MappingFile():
        return
    key = (programme_id, columns.mark + headers)
    kept = unit.session.get(ImportedColumns, key)
    if kept is None:
        kept = ImportedColumns(programme_id=programme_id, headers=key[1])
        unit.session.add(kept)
    kept.mapping, kept.said_at = said.model_dump(), unit.now


def remember(database: Database, sha256: str, programme_id: UUID, judged: Sequence[Judged]) -> None:
    """Note that the file was taken in, the first time; counts only."""
    counts = Counter(one.verdict for one in judged)
    summary: dict[str, Any] = {verdict.value: count for verdict, count in sorted(counts.items())}
    with database.write("import_file") as unit:
        if unit.session.get(ImportedFile, (sha256, programme_id)) is None:
            unit.session.add(
                ImportedFile(
                    sha256=sha256, programme_id=programme_id, imported_at=unit.now, rows=len(judged), summary=summary
                )
            )
