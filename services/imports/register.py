"""What an import knows before it reads a row, and what it leaves behind: programme, communes, known cases, file."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models.cases import Case, Household
from models.engine import Event, ImportedFile
from models.programmes import Commune, Programme
from services import alerts
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import InvalidInput
from services.imports import verdicts
from services.imports.mapping import Mapped
from services.imports.verdicts import Judged, Known, Verdict

CHUNK = 500
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
    def counts(self) -> Counter[Verdict]:
        """How many rows of each verdict."""
        return Counter(one.verdict for one in self.judged)


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
    """Every case of the programme, to be compared."""
    cases = unit.session.scalars(
        select(Case)
        .where(Case.programme_id == programme_id)
        .options(selectinload(Case.household).selectinload(Household.phones), selectinload(Case.dwelling))
        .order_by(Case.number)
    )
    return [Known(alerts.likeness(case), case.number, not case.is_closed) for case in cases]


def taken(unit: UnitOfWork, keys: Iterable[str]) -> frozenset[str]:
    """Those of these keys under which a case was opened already."""
    wanted = list(keys)
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        query = select(Event.idempotency_key).where(Event.idempotency_key.in_(wanted[start : start + CHUNK]))
        found.update(key for key in unit.session.scalars(query) if key)
    return frozenset(found)


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
