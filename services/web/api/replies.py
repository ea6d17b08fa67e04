"""Mails that came to us and that no item asks to read, through the API: filed on a case, or set aside."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.engine import IncomingMail
from models.vocabulary import IncomingKind
from services.correspondence import replies
from services.forms import Filing
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.web.api.answers import Done, Incoming, IncomingLine, Receipt
from services.web.api.edge import Acts, Reads, receipt

TAG: Final = "Messages reçus"
router = APIRouter(tags=[TAG], prefix="/incoming")


@router.get("", summary="Lister les messages reçus à classer")
def list_incoming(reads: Reads) -> Incoming:
    """Ceux de votre dispositif, le plus ancien d’abord.

    L’administration lit ceux dont personne ne sait le dispositif.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        mails = replies.waiting(unit, actor)
        sealed = replies.sealed(unit, actor, mails)
        return Incoming(items=[_line(each, sealed=each.id in sealed) for each in mails])


def _line(mail: IncomingMail, *, sealed: bool) -> IncomingLine:
    return IncomingLine(
        id=mail.id,
        kind=IncomingKind(mail.kind),
        sender="" if sealed else mail.sender,
        subject="" if sealed else mail.subject,
        text="" if sealed else mail.text,
        received_at=mail.received_at,
        case_id=mail.case_id,
    )


@router.post("/{mail_id}/file", response_model=Receipt, summary="Ranger un message dans une situation")
def file_incoming(acts: Acts, mail_id: UUID, form: Filing) -> JSONResponse:
    """Ses mots deviennent une note pour l’équipe."""
    return acts.once(lambda unit, hand: receipt(replies.file_on_case(unit, hand, mail_id, form.number)), form)


@router.post("/{mail_id}/set-aside", response_model=Done, summary="Noter qu’un message reçu est sans suite")
def set_incoming_aside(acts: Acts, mail_id: UUID) -> JSONResponse:
    """Il est lu, rien n’est à faire."""

    def set_aside(unit: UnitOfWork, hand: Hand) -> Done:
        replies.set_aside(unit, hand, mail_id)
        return Done()

    return acts.once(set_aside)
