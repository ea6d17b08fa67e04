"""Files to take in, through the API: dropped, looked at, corrected, asked for, followed; the rows to correct."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from fastapi.responses import JSONResponse

from models.engine import FileImport
from models.vocabulary import ImportKind, ImportState
from services.cases.documents import AT_MOST
from services.foundation.database import UnitOfWork
from services.imports import files
from services.imports.files import Dropped
from services.imports.reading import MAX_SIZE
from services.imports.verdicts import Judged, Verdict
from services.rules.casework import Hand
from services.rules.policy import Right, require
from services.web.api.edge import Acts, Reads
from services.web.api.import_answers import (
    ImportAnswer,
    ImportColumn,
    ImportColumns,
    ImportPreview,
    ImportRow,
    Imports,
    ImportValue,
)

TAG: Final = "Reprises"
router = APIRouter(tags=[TAG], prefix="/imports")
PAGE: Final = 100
MEDIA: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


@router.get("", summary="Lister les fichiers à reprendre")
def list_imports(reads: Reads) -> Imports:
    """Les cinquante derniers, du plus récent au plus ancien."""
    with reads.runtime.database.read() as unit:
        return Imports(items=[_import(each) for each in files.listed(unit, reads.actor(unit))])


@router.post("", status_code=201, response_model=ImportAnswer, summary="Déposer un fichier à reprendre")
def drop_import(  # noqa: PLR0917 - the fields of a form
    acts: Acts,
    file: Annotated[UploadFile, File(description=f"XLSX, ODS ou CSV : 20 000 lignes et {AT_MOST}")],
    kind: Annotated[ImportKind, Form(description="Ce que sont les lignes")] = ImportKind.CASES,
    organisation_id: Annotated[UUID | None, Form(description="Pour des demandes : le service qui les envoie")] = None,
    collected_by: Annotated[str, Form(max_length=120, description="Qui a recueilli l’accord des ménages")] = "",
    collected_on: Annotated[date | None, Form(description="Quand l’accord a été recueilli")] = None,
    notify: Annotated[bool, Form(description="Envoyer l’accusé de réception et l’avis à la coordination")] = False,
) -> JSONResponse:
    """Le fichier est lu, rien n’est encore repris. Ses lignes sont gardées sept jours au plus."""
    with acts.reading.runtime.database.read() as unit:
        require(acts.reading.actor(unit), Right.IMPORT)
    received = files.receive(file.file.read(MAX_SIZE + 1), file.filename or "")
    told = Dropped(kind, organisation_id, collected_by, collected_on, notify=notify)
    said = "\0".join((received.sha256, kind, str(organisation_id), collected_by, str(collected_on), str(notify)))
    return acts.once(lambda unit, hand: _import(files.drop(unit, hand, told, received)), said)


@router.get("/{import_id}", summary="Suivre la reprise d’un fichier")
def read_import(reads: Reads, import_id: UUID) -> ImportAnswer:
    """Où elle en est, par ses comptes."""
    with reads.runtime.database.read() as unit:
        return _import(files.file_for(unit, reads.actor(unit), import_id))


@router.get("/{import_id}/preview", summary="Voir ce qu’un fichier donnerait")
def preview_import(
    reads: Reads,
    import_id: UUID,
    verdict: Annotated[Verdict | None, Query(description="Les lignes de ce verdict seulement")] = None,
    page: Annotated[int, Query(ge=1, description="Page de cent lignes")] = 1,
) -> ImportPreview:
    """Comment ses colonnes sont lues, ce qui n’a pas été compris, le verdict de chaque ligne. N’écrit rien."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        seen = files.preview(unit, actor, import_id)
    with reads.runtime.database.write("access") as unit:
        files.note_reading(unit, actor)
    judged = seen.outcome.judged if seen.outcome else ()
    rows = [one for one in judged if verdict in {None, one.verdict}]
    return ImportPreview(
        refusal=seen.refusal,
        columns=[ImportColumn(title=each.title, field=each.field) for each in seen.layout.columns],
        unread=[ImportValue(field=each.field, text=each.text, rows=each.rows) for each in seen.unread],
        counts={each.value: count for each, count in seen.outcome.counts.items()} if seen.outcome else {},
        total=len(rows),
        rows=[_row(one) for one in rows[(page - 1) * PAGE : page * PAGE]],
    )


@router.post("/{import_id}/columns", response_model=ImportAnswer, summary="Dire ce que sont les colonnes d’un fichier")
def correct_import(acts: Acts, import_id: UUID, form: ImportColumns) -> JSONResponse:
    """Remplace ce qui en avait été dit ; retenu, une fois repris, pour les fichiers aux mêmes titres."""
    return acts.once(lambda unit, hand: _import(files.correct(unit, hand, import_id, form.model_dump())), form)


@router.post(
    "/{import_id}/carry-out", response_model=ImportAnswer, summary="Reprendre les lignes valables d’un fichier"
)
def carry_out_import(acts: Acts, import_id: UUID) -> JSONResponse:
    """Relais les reprend à la suite ; le même fichier deux fois ne change rien."""
    return acts.once(_acting(files.carry_out, import_id))


@router.post("/{import_id}/withdraw", response_model=ImportAnswer, summary="Effacer les lignes d’un fichier")
def withdraw_import(acts: Acts, import_id: UUID) -> JSONResponse:
    """Tout de suite ; ce qui est repris le reste."""
    return acts.once(_acting(files.withdraw, import_id))


def _acting(
    act: Callable[[UnitOfWork, Hand, UUID], FileImport], import_id: UUID
) -> Callable[[UnitOfWork, Hand], ImportAnswer]:
    return lambda unit, hand: _import(act(unit, hand, import_id))


@router.get(
    "/{import_id}/to-correct",
    summary="Emporter les lignes à corriger",
    response_class=Response,
    responses={200: {"content": {MEDIA["xlsx"]: {}}}},
)
def read_import_corrections(reads: Reads, import_id: UUID) -> Response:
    """Avec leurs motifs, au format du fichier déposé (XLSX ou CSV) ; corrigé, ce fichier se dépose à son tour.

    Gardées sept jours, ou jusqu’à ce qu’on les efface.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        name, content = files.to_correct(unit, actor, import_id)
    with reads.runtime.database.write("access") as unit:
        files.note_fetched(unit, actor, import_id, goes=False)
    return Response(content, media_type=MEDIA[name.rpartition(".")[2]])


def _import(found: FileImport) -> ImportAnswer:
    return ImportAnswer(
        id=found.id,
        kind=ImportKind(found.kind),
        state=ImportState(found.state),
        filename=found.filename,
        dropped_at=found.dropped_at,
        done_at=found.done_at,
        wanted=found.wanted,
        taken=found.taken,
        counts=found.summary.get("counts", {}),
        refusal=found.summary.get("refusal", ""),
    )


def _row(one: Judged) -> ImportRow:
    return ImportRow(number=one.row.number, verdict=one.verdict, reasons=list(one.reasons), known=list(one.known))
