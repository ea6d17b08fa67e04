"""A coordinator's own spreadsheet of cases in progress: judged as a whole, then, if asked, told row by row, once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.programmes import Membership, Organisation, Person, Programme
from models.vocabulary import OrganisationKind
from services.foundation.database import Database, UnitOfWork
from services.foundation.runtime import runtime
from services.imports import case_verdicts, mapping, past, register, unread
from services.imports.case_columns import CASE_COLUMNS
from services.imports.case_verdicts import JudgedCase, Named, Office
from services.imports.mapping import Mapped, MappingFile
from services.imports.positions import ORDER, Position
from services.imports.reading import Content, read
from services.imports.register import Told
from services.imports.unread import Unread
from services.imports.verdicts import Judged, Verdict
from services.network.territory import communes_on
from services.rules.published import today_of

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


@dataclass(frozen=True)
class CaseBatch:
    """A spreadsheet of cases, judged."""

    outcome: CaseOutcome
    office: Office

    @property
    def slice(self) -> int:
        """One row in each transaction: what happened to its case is told act by act."""
        return 1

    def take(self, database: Database, rows: Sequence[Judged]) -> list[Told]:
        """Tell the cases of these rows."""
        entries = [(one.entry, self.office.key(one.row)) for one in rows if isinstance(one, JudgedCase) and one.entry]
        with database.write(WRITE_ROW) as unit:
            return [past.tell(unit, entry, programme_id=self.office.programme_id, key=key) for entry, key in entries]

    def unread(self) -> Sequence[Unread]:
        """The values that nobody understood."""
        return unread.of_cases(self.outcome.judged, self.office)


def run(database: Database, order: CaseOrder) -> CaseOutcome:
    """Judge every row; with `commit`, open a case for each valid one, one transaction a row.

    A run that was killed is resumed by running it again. Raises `FileRefused` or `InvalidInput`.
    """
    content = read(order.file)
    with database.read() as unit:
        programme = register.programme(unit, order.programme)
        batch = judge(unit, content, programme, order.mapping)
    if not order.commit:
        return batch.outcome
    rows = [row for rows in register.taking(database, batch) for row in rows]
    judged, told = [one for one, _ in rows], [done for _, done in rows if done]
    register.remember(database, content.sha256, batch.office.programme_id, judged)
    with database.write("import_columns") as unit:
        headers = batch.outcome.mapped.headers
        register.remember_columns(unit, batch.office.programme_id, CASE_COLUMNS, headers, order.mapping)
    return replace(
        batch.outcome,
        judged=judged,
        numbers=tuple(one.number for one in told),
        recounted=sum(one.recounted for one in told),
        uninformed=sum(not one.informed for one in told),
    )


def judge(unit: UnitOfWork, content: Content, programme: Programme, said: MappingFile) -> CaseBatch:
    """The verdict of every row. Raises `FileRefused`. Writes nothing."""
    remembered = register.said_of_columns(unit, programme.id, CASE_COLUMNS)
    mapped = mapping.apply(content.sheets, said, columns=CASE_COLUMNS, remembered=remembered)
    office = _office(unit, programme, mapped, f"cases:{content.sha256}:{programme.id}:")
    judged = case_verdicts.judge(mapped.rows, office)
    outcome = CaseOutcome(judged, mapped, content.masked, content.is_workbook, positions=_positions(judged))
    return CaseBatch(outcome, office)


def _positions(judged: Sequence[JudgedCase]) -> list[tuple[Position, int]]:
    counts = Counter(one.entry.position for one in judged if one.entry and one.verdict is Verdict.VALID)
    return [(position, counts[position]) for position in ORDER if counts[position]]


def _office(unit: UnitOfWork, programme: Programme, mapped: Mapped, prefix: str) -> Office:
    today = today_of(unit, programme.id)
    office = Office(
        programme_id=programme.id,
        prefix=prefix,
        secrets=runtime().secrets,
        communes=register.communes(unit),
        territory=frozenset(unit.session.scalars(communes_on(programme.id, today))),
        known=register.known(unit, programme.id),
        operators=_named(unit, programme.id, OrganisationKind.OPERATOR),
        partners=_named(unit, programme.id, OrganisationKind.PARTNER),
        done=frozenset(),
        now=unit.now,
        zone=programme.zone,
    )
    return replace(office, done=register.taken(unit, (office.key(row) for row in mapped.rows)))


def _named(unit: UnitOfWork, programme_id: UUID, kind: OrganisationKind) -> list[Named]:
    ours = Organisation.programme_id == programme_id, Organisation.kind == kind, Organisation.ended_on.is_(None)
    staff = (
        select(Membership.organisation_id, Person.name)
        .join(Person, Person.id == Membership.person_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(*ours, Membership.ended_at.is_(None))
    )
    people: defaultdict[UUID, list[str]] = defaultdict(list)
    for organisation_id, name in unit.session.execute(staff):
        if organisation_id:
            people[organisation_id].append(name)
    found = unit.session.scalars(select(Organisation).where(*ours).order_by(Organisation.name))
    return [Named(each.id, each.name, each.slug, tuple(each.themes), tuple(people[each.id])) for each in found]
