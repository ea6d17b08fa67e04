"""The day's letters through the API: listed, printed as one file, posted when a person says so."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from models.engine import Message
from services.correspondence import letters
from services.forms import Posting
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.web.api.edge import Acts, Reads
from services.web.api.overview_answers import LetterBatchLine, LetterLine, Letters, Posted, Printed

TAG: Final = "Courriers"
router = APIRouter(tags=[TAG], prefix="/letters")
PDF: Final = "application/pdf"


@router.get("", summary="Lister les courriers à imprimer et à poster")
def list_letters(
    reads: Reads,
    page: Annotated[int, Query(ge=1, description="Page de ceux à imprimer, à partir de 1")] = 1,
    post_page: Annotated[int, Query(ge=1, description="Page de ceux à poster, à partir de 1")] = 1,
) -> Letters:
    """Du plus ancien au plus récent, une page de chaque liste."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        waiting = letters.to_print(unit, actor).page(unit, page)
        printed = letters.to_post(unit, actor).page(unit, post_page)
        return Letters(
            to_print=[_letter(each) for each in waiting.rows],
            page=waiting.number,
            total=waiting.total,
            post_page=printed.number,
            post_total=printed.total,
            to_post=[
                LetterBatchLine(
                    id=each.batch.id,
                    printed_on=each.batch.on,
                    ordinal=each.batch.ordinal,
                    letters=[_letter(letter) for letter in each.letters],
                )
                for each in letters.by_batch(unit, printed.rows)
            ],
        )


@router.post("/print", response_model=Printed, summary="Imprimer les courriers qui attendent")
def print_letters(acts: Acts) -> JSONResponse:
    """Un seul fichier ; ce qui a perdu sa raison est annulé."""

    def put_together(unit: UnitOfWork, hand: Hand) -> Printed:
        batch = letters.print_batch(unit, hand)
        return Printed(batch_id=batch.id if batch else None)

    return acts.once(put_together)


@router.get(
    "/{batch_id}.pdf",
    summary="Lire le fichier à imprimer",
    response_class=Response,
    responses={200: {"content": {PDF: {}}}},
)
def read_letters(reads: Reads, batch_id: UUID) -> Response:
    """Le même à chaque fois."""
    with reads.runtime.database.read() as unit:
        content = letters.pdf_of(unit, letters.batch_for(unit, reads.actor(unit), batch_id))
    return Response(content, media_type=PDF)


@router.post("/posted", response_model=Posted, summary="Noter que des courriers sont postés")
def mark_letters_posted(acts: Acts, form: Posting) -> JSONResponse:
    """Combien l’ont été ; un courrier déjà posté n’est pas compté deux fois."""
    return acts.once(
        lambda unit, hand: Posted(count=letters.mark_posted(unit, hand, form.letter_ids, on=form.posted_on)),
        form,
    )


def _letter(message: Message) -> LetterLine:
    case = message.of_case
    return LetterLine(
        message_id=message.id,
        case_id=case.id,
        number=case.number,
        text=message.text,
        due_at=message.due_at,
        error=message.error,
    )
