"""The files that coordinators drop: kept, looked at, corrected, asked for; in the end only their counts are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from models.engine import FileImport
from models.programmes import Organisation, Programme
from models.vocabulary import ImportKind, ImportState, OrganisationKind
from services.cases.documents import plain_name
from services.foundation.database import UnitOfWork, is_duplicate
from services.foundation.errors import Conflict, GuardRefused, InvalidInput, NotFound
from services.imports import alerts, cases, corrections, mapping, register
from services.imports.case_columns import CASE_COLUMNS
from services.imports.mapping import ALERT_COLUMNS, Columns, Layout, MappingFile
from services.imports.packing import pack, unpack
from services.imports.reading import Content, FileRefused, parse
from services.imports.register import Batch, Outcome
from services.imports.unread import Unread
from services.imports.verdicts import Collected, Judged
from services.rules.casework import Hand
from services.rules.finding import by_name
from services.rules.policy import Actor, Right, note_access, require

KEPT: Final = timedelta(days=7)
"""How long the rows of a file that nobody takes in, or those to correct, are kept."""
LISTED: Final = 50
COLUMNS: Final[dict[ImportKind, Columns]] = {ImportKind.CASES: CASE_COLUMNS, ImportKind.ALERTS: ALERT_COLUMNS}


@dataclass(frozen=True)
class Dropped:
    """What is said of a file when it is given; what follows `kind` is said of alerts only."""

    kind: ImportKind = ImportKind.CASES
    organisation_id: UUID | None = None
    collected_by: str = ""
    collected_on: date | None = None
    notify: bool = False


@dataclass(frozen=True)
class Preview:
    """What a file would give. Without `outcome` its columns are to be said first; `refusal` says why."""

    layout: Layout
    outcome: Outcome | None = None
    unread: Sequence[Unread] = ()
    refusal: str = ""


@dataclass(frozen=True)
class Received:
    """A file that was read, before anything is written."""

    filename: str
    sha256: str
    is_workbook: bool
    packed: bytes


def receive(data: bytes, filename: str) -> Received:
    """Read the bytes of a file outside any transaction. Raises `FileRefused`."""
    content = parse(data)
    return Received(plain_name(filename, "fichier"), content.sha256, content.is_workbook, pack(content))


def drop(unit: UnitOfWork, hand: Hand, said: Dropped, received: Received) -> FileImport:
    """Keep what a file holds until somebody says to take it in. Opens no case."""
    require(hand.actor, Right.IMPORT)
    if hand.actor.programme_id is None:
        raise NotFound
    is_alerts = said.kind is ImportKind.ALERTS
    if is_alerts:
        _check_alerts(unit, hand.actor.programme_id, said)
    made = FileImport(
        programme_id=hand.actor.programme_id,
        kind=said.kind.value,
        state=ImportState.READY.value,
        organisation_id=said.organisation_id if is_alerts else None,
        collected_by=said.collected_by.strip() or None if is_alerts else None,
        collected_on=said.collected_on if is_alerts else None,
        notify=said.notify and is_alerts,
        filename=received.filename,
        sha256=received.sha256,
        is_workbook=received.is_workbook,
        mapping={},
        content=received.packed,
        dropped_at=unit.now,
        dropped_by_id=hand.actor.person_id,
        summary={},
    )
    unit.session.add(made)
    note_access(unit, hand.actor, "import.dropped", case_id=None)
    unit.session.flush()
    return made


def _check_alerts(unit: UnitOfWork, programme_id: UUID, said: Dropped) -> None:
    giver = unit.session.get(Organisation, said.organisation_id) if said.organisation_id else None
    if giver is None or giver.programme_id != programme_id or giver.kind != OrganisationKind.ALERT_GIVER:
        raise InvalidInput("organisation_id", "Choisissez le service qui envoie ce fichier.")
    if bool(said.collected_by.strip()) != (said.collected_on is not None):
        lacking = "collected_on" if said.collected_by.strip() else "collected_by"
        raise InvalidInput(lacking, "Dites ensemble qui a recueilli l’accord des ménages, et quand.")


def listed(unit: UnitOfWork, actor: Actor) -> Sequence[FileImport]:
    """The programme's latest files, the newest first."""
    require(actor, Right.IMPORT)
    query = select(FileImport).where(FileImport.programme_id == actor.programme_id)
    return unit.session.scalars(query.order_by(FileImport.dropped_at.desc(), FileImport.id.desc()).limit(LISTED)).all()


def file_for(unit: UnitOfWork, actor: Actor, import_id: UUID) -> FileImport:
    """A file of one's own programme. Raises `NotFound`."""
    require(actor, Right.IMPORT)
    found = unit.session.get(FileImport, import_id)
    if found is None or found.programme_id != actor.programme_id:
        raise NotFound
    return found


def givers(unit: UnitOfWork, actor: Actor) -> list[tuple[UUID, str]]:
    """The services that may have sent a file of alerts."""
    require(actor, Right.IMPORT)
    kind = OrganisationKind.ALERT_GIVER
    query = select(Organisation.id, Organisation.name).where(
        Organisation.programme_id == actor.programme_id, Organisation.kind == kind
    )
    return [(row.id, row.name) for row in sorted(unit.session.execute(query), key=by_name)]


# --- Looking --------------------------------------------------------------------------------------------------------


def preview(unit: UnitOfWork, actor: Actor, import_id: UUID) -> Preview:
    """What the file would give today. Raises `GuardRefused` once its rows are gone. Writes nothing."""
    layout, found = layout_of(unit, actor, import_id), file_for(unit, actor, import_id)
    try:
        batch = batch_of(unit, found)
    except FileRefused as refused:
        return Preview(layout, refusal=refused.sentence)
    return Preview(layout, batch.outcome, batch.unread())


def layout_of(unit: UnitOfWork, actor: Actor, import_id: UUID) -> Layout:
    """How its columns are read. Raises `GuardRefused` once its rows are gone."""
    found = file_for(unit, actor, import_id)
    columns = COLUMNS[ImportKind(found.kind)]
    remembered = register.said_of_columns(unit, found.programme_id, columns)
    return mapping.layout(_content(found).sheets, said_of(found), columns=columns, remembered=remembered)


def batch_of(unit: UnitOfWork, found: FileImport) -> Batch:
    """Its rows, judged. Raises `FileRefused` or `InvalidInput`."""
    content, said = _content(found), said_of(found)
    programme = unit.session.get_one(Programme, found.programme_id)
    if found.kind == ImportKind.CASES:
        return cases.judge(unit, content, programme, said)
    giver = unit.session.get_one(Organisation, found.organisation_id)
    collected = Collected(found.collected_by, found.collected_on) if found.collected_by and found.collected_on else None
    return alerts.judge(unit, content, programme, giver, said, collected=collected, notify=found.notify)


def _content(found: FileImport) -> Content:
    if found.content is None:
        raise GuardRefused("Les lignes de ce fichier ont été effacées : déposez-le à nouveau.")
    return unpack(found.content)


def said_of(found: FileImport) -> MappingFile:
    """What was said of its columns and values on the page."""
    return MappingFile.model_validate(found.mapping, context={"columns": COLUMNS[ImportKind(found.kind)]})


def fields_of(found: FileImport) -> dict[str, str]:
    """What its columns may be said to be, in the order of the file to correct, with their words."""
    labels = COLUMNS[ImportKind(found.kind)].labels
    return {name: words for name, words in labels.items() if name != "confirmed"}


def note_reading(unit: UnitOfWork, actor: Actor) -> None:
    """Its rows were shown to somebody."""
    note_access(unit, actor, "import.read", case_id=None)


def to_correct(unit: UnitOfWork, actor: Actor, import_id: UUID) -> tuple[str, bytes]:
    """The rows to correct as a file, and its name: of what would be, or of what was done. Writes nothing."""
    found = file_for(unit, actor, import_id)
    content = found.corrections
    if content is None and found.state == ImportState.READY:
        outcome = batch_of(unit, found).outcome
        content = corrections_of(found, outcome.judged, outcome.mapped.kept)
    if content is None:
        raise GuardRefused("Les lignes à corriger de ce fichier ont été effacées, ou il n’y en avait pas.")
    return f"a-corriger.{'xlsx' if found.is_workbook else 'csv'}", content


def note_fetched(unit: UnitOfWork, actor: Actor, import_id: UUID, *, goes: bool = True) -> None:
    """Somebody took the rows to correct away: of what was done they go the next night if he said so."""
    found = file_for(unit, actor, import_id)
    if goes and found.state == ImportState.DONE:
        found.fetched_at = found.fetched_at or unit.now
    note_access(unit, actor, "import.fetched", case_id=None)


def corrections_of(found: FileImport, judged: Sequence[Judged], kept: Sequence[str]) -> bytes | None:
    """The file of the rows to correct; None when there is none. `kept`: the fields that its columns feed."""
    of_cases = found.kind == ImportKind.CASES
    wanted = corrections.NOT_TAKEN if of_cases else corrections.TO_CORRECT
    if not any(one.verdict in wanted for one in judged):
        return None
    labels = COLUMNS[ImportKind(found.kind)].labels
    fields = tuple(labels) if of_cases else kept
    return corrections.content(judged, fields, is_workbook=found.is_workbook, labels=labels, verdicts=wanted)


# --- Saying ---------------------------------------------------------------------------------------------------------


def correct(unit: UnitOfWork, hand: Hand, import_id: UUID, said: dict[str, Any]) -> FileImport:
    """Say what its columns are, and its values that were not understood. What is said replaces what was said before."""
    found = _in_state(unit, hand.actor, import_id, ImportState.READY)
    try:
        known = MappingFile.model_validate(said, context={"columns": COLUMNS[ImportKind(found.kind)]})
    except ValidationError:
        raise InvalidInput("columns", "Une de ces colonnes n’existe pas dans Relais.") from None
    found.mapping = known.model_dump()
    note_access(unit, hand.actor, "import.corrected", case_id=None)
    return found


def carry_out(unit: UnitOfWork, hand: Hand, import_id: UUID) -> FileImport:
    """Ask the relay to take its valid rows in. Raises `Conflict` while the same file is being taken in."""
    found = _in_state(unit, hand.actor, import_id, ImportState.READY, ImportState.STOPPED)
    found.state, found.asked_at, found.attempts = ImportState.QUEUED.value, unit.now, 0
    note_access(unit, hand.actor, "import.asked", case_id=None)
    try:
        with unit.session.begin_nested():
            unit.session.flush()
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise Conflict("Ce fichier est déjà en cours de reprise : une fois suffit.") from None
    return found


def withdraw(unit: UnitOfWork, hand: Hand, import_id: UUID) -> FileImport:
    """Forget the rows of a file at once. What was taken in stays."""
    states = (ImportState.READY, ImportState.STOPPED, ImportState.DONE)
    found = _in_state(unit, hand.actor, import_id, *states)
    if found.state != ImportState.DONE:
        found.state = ImportState.WITHDRAWN.value
    found.content, found.corrections, found.filename = None, None, ""
    note_access(unit, hand.actor, "import.withdrawn", case_id=None)
    return found


def _in_state(unit: UnitOfWork, actor: Actor, import_id: UUID, *states: ImportState) -> FileImport:
    """The file, locked, if something may still be said of it."""
    found = file_for(unit, actor, import_id)
    unit.session.refresh(found, with_for_update=True)
    if found.state not in states:
        raise GuardRefused("La reprise de ce fichier est déjà demandée, ou faite : rouvrez sa page.")
    return found


# --- Forgetting -----------------------------------------------------------------------------------------------------


def forget_old(unit: UnitOfWork) -> None:
    """Drop the rows that nobody took in within a week, and the rows to correct once they were taken away."""
    old = FileImport.dropped_at < unit.now - KEPT
    fetched = FileImport.fetched_at.is_not(None)
    waiting = FileImport.state.in_([ImportState.READY, ImportState.STOPPED])
    gone = {"content": None, "corrections": None, "filename": ""}
    drop_rows = update(FileImport).execution_options(synchronize_session=False)
    unit.session.execute(drop_rows.where(waiting, old).values(state=ImportState.WITHDRAWN.value, **gone))
    done = FileImport.state == ImportState.DONE
    unit.session.execute(drop_rows.where(done, FileImport.filename > "", or_(fetched, old)).values(**gone))
    unit.session.execute(delete(FileImport).where(FileImport.dropped_at < unit.now - timedelta(days=365)))
