"""The API's readings: cases, tasks, the directory."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field

from models.vocabulary import OrganisationKind
from services.cases import documents, notes
from services.correspondence import messages, replies
from services.forms import NoteForm, Settlement
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.overview import desk
from services.rules.policy import Actor, Right, programme_of, readable, require
from services.rules.published import calendar_of
from services.web.api import reading
from services.web.api.answers import (
    CaseAnswer,
    Cases,
    OpeningLine,
    Openings,
    Organisations,
    Receipt,
    ReplyLine,
    ReplyLines,
    Tasks,
)
from services.web.api.edge import Acts, Reads, etag
from services.web.api.narrowing import Narrowed

TAG: Final = "Lecture"
router = APIRouter(tags=[TAG])
Limit = Annotated[int, Query(ge=1, le=200, description="Nombre de lignes par page")]
After = Annotated[UUID | None, Query(description="« next » de la page précédente")]
Due = Literal["late", "today", "week"]
_DAYS: Final[dict[Due, int]] = {"today": 1, "week": 7}


class Listed(Narrowed):
    """The same criteria as the page of cases, from a case on."""

    after: UUID | None = Field(None, description="« next » de la page précédente")
    limit: int = Field(50, ge=1, le=200, description="Nombre de lignes par page")


@router.get("/cases", summary="Lister les situations")
def list_cases(
    reads: Reads,
    asked: Annotated[Listed, Query()],
) -> Cases:
    """Les situations que vous pouvez lire, de la plus récente à la plus ancienne.

    Un critère sur ce qui est attendu garde celles où c’est attendu maintenant.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        return reading.cases(unit, actor, asked.filters, after=asked.after, limit=asked.limit)


@router.get("/cases/{case_id}", summary="Lire une situation")
def read_case(reads: Reads, case_id: UUID, response: Response) -> CaseAnswer:
    """Une situation : où elle en est, qui est attendu et jusqu’à quand. La lecture est notée.

    L’en-tête `ETag` porte la version, à rendre en `If-Match` avec un acte.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        case = readable(unit, actor, case_id)
        answer = reading.case(unit, actor, case)
    reads.note(actor, "case.read", case_id)
    response.headers["ETag"] = etag(answer.version)
    return answer


@router.get("/cases/{case_id}/readers", summary="Lire qui a ouvert une situation")
def read_readers(reads: Reads, case_id: UUID) -> Openings:
    """Réservé à la coordination."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        found = desk.readers(unit, actor, readable(unit, actor, case_id).id)
    return Openings(items=[OpeningLine(name=each.name, what=each.what, at=each.at) for each in found])


@router.get("/cases/{case_id}/replies/{task_id}", summary="Lire ce qui a été répondu à nos messages")
def read_replies(reads: Reads, case_id: UUID, task_id: UUID) -> ReplyLines:
    """Les réponses qu’une tâche « read_reply » demande de lire. La lecture est notée, la tâche reste."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        task, found = replies.to_read(unit, actor, task_id)
        if task.case_id != case_id:
            raise NotFound
        lines = [
            ReplyLine(
                mail_id=each.mail.id,
                sender=each.mail.sender,
                subject=each.mail.subject,
                author=each.author,
                text=each.text,
                suggestion=each.suggestion,
                received_at=each.mail.received_at,
            )
            for each in found
        ]
    reads.note(actor, "case.read", case_id)
    return ReplyLines(items=lines)


@router.get(
    "/cases/{case_id}/documents/{document_id}",
    summary="Télécharger un fichier d’une situation",
    response_class=Response,
    responses={200: {"content": {media_type: {} for media_type in documents.KINDS.values()}}},
)
def read_document(reads: Reads, case_id: UUID, document_id: UUID) -> FileResponse:
    """Le rapport de visite, une photo : ceux que la situation liste. La lecture est notée."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        document, case = documents.document_for(unit, actor, document_id)
        if case.id != case_id:
            raise NotFound
        path, name, kind = documents.path_of(reads.runtime, document), document.filename, document.media_type
    reads.note(actor, "download", case_id)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return FileResponse(path, media_type=kind, headers=headers)


@router.post("/cases/{case_id}/notes", status_code=201, response_model=Receipt, summary="Écrire une note pour l’équipe")
def add_note(acts: Acts, case_id: UUID, form: NoteForm) -> JSONResponse:
    """La note est lue par la coordination et l’opérateur de la situation."""
    return acts.on_case(case_id, notes.add_note, form)


@router.post(
    "/cases/{case_id}/messages/{message_id}/send-now",
    response_model=Receipt,
    summary="Envoyer tout de suite un message en attente",
)
def send_message_now(acts: Acts, case_id: UUID, message_id: UUID) -> JSONResponse:
    """Refusé s’il n’attend plus, ou s’il est pour un ménage en dehors des heures d’envoi."""
    return acts.on_case(case_id, messages.send_now, message_id)


@router.post(
    "/cases/{case_id}/messages/{message_id}/settle",
    response_model=Receipt,
    summary="Dire si un message à vérifier est arrivé",
)
def settle_message(acts: Acts, case_id: UUID, message_id: UUID, form: Settlement) -> JSONResponse:
    """Arrivé, son délai court ; pas arrivé, il repart. Cela vaut pour tout ce que le même courriel portait."""
    return acts.on_case(
        case_id,
        lambda unit, hand, case_id, said: messages.settle(unit, hand, case_id, message_id, delivered=said.delivered),
        form,
    )


@router.get("/tasks", summary="Lister mes tâches")
def list_tasks(
    reads: Reads,
    due: Annotated[
        Due | None, Query(description="late : en retard ; today : avant ce soir ; week : sous 7 jours")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Tasks:
    """Ce qui vous attend, vous ou votre structure, du plus pressé au moins pressé."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        before = _before(unit, actor, due) if due else None
        return reading.tasks_of(unit, actor, before=before, after=after, limit=limit)


@router.get("/organisations", summary="Lire l’annuaire")
def list_organisations(
    reads: Reads,
    kind: Annotated[OrganisationKind | None, Query(description="Nature de la structure")] = None,
    ended: Annotated[bool, Query(description="Celles qui ne travaillent plus avec le dispositif aussi")] = False,
) -> Organisations:
    """Les structures du dispositif : opérateurs, partenaires, donneurs d’alerte."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        return reading.organisations(unit, actor, kind, ended=ended)


def _before(unit: UnitOfWork, actor: Actor, due: Due) -> datetime:
    """The instant before which a task is due: now, or a coming midnight in the programme's zone."""
    if due == "late":
        return unit.now
    calendar = calendar_of(unit, programme_of(actor))
    return calendar.start_of(calendar.local_day(unit.now) + timedelta(days=_DAYS[due]))
