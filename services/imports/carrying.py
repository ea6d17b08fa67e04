"""Takes in the files that somebody asked for, some seconds at a time: whoever dies in the middle is resumed."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from models.engine import FileImport
from models.refusals import CaseworkError
from models.vocabulary import ImportKind, ImportState
from services.foundation.database import Database, UnitOfWork
from services.imports import files, register
from services.imports.register import Batch, Told
from services.imports.verdicts import Judged, Verdict

TRIES: Final = 5
"""How often a file is taken up without one more row taken in, before a person has to look."""
SAVE_S: Final = 1.0
GIVE_WAY_S: Final = 0.005
"""Between two transactions: on SQLite whoever waits for the lock gets it."""
STOPPED: Final = "Relais n’a pas pu aller au bout : ce qui est repris le reste. Relancez, ou prévenez l’administrateur."


@dataclass
class _Progress:
    """What this slice did, and what earlier ones had done."""

    sha256: str
    programme_id: UUID
    before: int
    rows: list[Judged] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Rows that became cases since somebody asked."""
        return self.before + len(self.told)


def is_queued(unit: UnitOfWork) -> bool:
    """Whether a file waits to be taken in, or to be taken in further."""
    return unit.session.scalar(_queued().limit(1)) is not None


def _queued() -> Any:
    query = select(FileImport.id).where(FileImport.state == ImportState.QUEUED)
    return query.order_by(FileImport.asked_at, FileImport.id)


def carry_on(database: Database, *, budget_s: float) -> bool:
    """Take in rows of the file that waits longest, for `budget_s` at most; False when none waits.

    One at a time (the caller holds a lease): each file is judged when those before it are in.
    """
    until = time.monotonic() + budget_s
    with database.write("import_start") as unit:
        import_id = _take_up(unit)
    if import_id is None:
        return False
    try:
        with database.read() as unit:
            batch = files.batch_of(unit, unit.session.get_one(FileImport, import_id))
    except CaseworkError as refused:
        with database.write("import_stop") as unit:
            _stop(unit.session.get_one(FileImport, import_id), refused.sentence)
        return True
    with database.write("import_begin") as unit:
        progress = _begin(unit, import_id, batch)
    if progress is None or _advance(database, import_id, batch, progress, until):
        return True
    register.remember(database, progress.sha256, progress.programme_id, progress.rows)
    with database.write("import_done") as unit:
        _finish(unit, import_id, batch, progress)
    return True


def _take_up(unit: UnitOfWork) -> UUID | None:
    import_id: UUID | None = unit.session.scalar(_queued().limit(1))
    if import_id is None:
        return None
    found = unit.session.get_one(FileImport, import_id, with_for_update=True)
    found.attempts += 1
    if found.attempts > TRIES:
        _stop(found, STOPPED)
        return None
    return import_id


def _stop(found: FileImport, sentence: str) -> None:
    found.state, found.summary = ImportState.STOPPED.value, found.summary | {"refusal": sentence}


def _begin(unit: UnitOfWork, import_id: UUID, batch: Batch) -> _Progress | None:
    """Count what is wanted, the first time; remember what was said of the columns. None when it was stopped."""
    found = unit.session.get_one(FileImport, import_id)
    if found.state != ImportState.QUEUED:
        return None
    counts = batch.outcome.counts
    if "counts" not in found.summary:
        found.wanted, found.known = counts[Verdict.VALID], counts[Verdict.DONE]
        found.summary = {"counts": dict(counts), "dangers": batch.outcome.dangers}
        columns = files.COLUMNS[ImportKind(found.kind)]
        headers, said = batch.outcome.mapped.headers, files.said_of(found)
        register.remember_columns(unit, found.programme_id, columns, headers, said)
    return _Progress(found.sha256, found.programme_id, counts[Verdict.DONE] - found.known)


def _advance(database: Database, import_id: UUID, batch: Batch, progress: _Progress, until: float) -> bool:
    """Take rows in until the time is up; whether some are left."""
    saved_at = time.monotonic()
    for rows in register.taking(database, batch):
        progress.rows += [one for one, _ in rows]
        told = [each for _, each in rows if each]
        if not told:
            continue
        progress.told += told
        now = time.monotonic()
        if now >= until or now - saved_at >= SAVE_S:
            with database.write("import_progress") as unit:
                found = unit.session.get_one(FileImport, import_id)
                found.taken, found.attempts = progress.taken, 0
            saved_at = now
        if now >= until:
            return True
        time.sleep(GIVE_WAY_S)
    return False


def _finish(unit: UnitOfWork, import_id: UUID, batch: Batch, progress: _Progress) -> None:
    """Keep the rows to correct, forget the others."""
    found = unit.session.get_one(FileImport, import_id)
    counts = Counter(one.verdict for one in progress.rows)
    counts[Verdict.VALID], counts[Verdict.DONE] = progress.taken, found.known
    found.state, found.done_at, found.taken = ImportState.DONE.value, unit.now, progress.taken
    found.corrections = files.corrections_of(found, progress.rows, batch.outcome.mapped.kept)
    found.content = None
    found.filename = found.filename if found.corrections else ""
    found.summary = found.summary | {
        "counts": {verdict.value: count for verdict, count in counts.items() if count},
        "recounted": sum(one.recounted for one in progress.told),
        "uninformed": sum(not one.informed for one in progress.told),
    }
