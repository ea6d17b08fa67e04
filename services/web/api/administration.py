"""What the software could not do by itself, through the API: for a programme's administrator, each with a reason."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.vocabulary import Channel, MessageState, Party
from services.forms import Remedy
from services.foundation.database import UnitOfWork
from services.operations import administration
from services.operations.administration import ParkedEvent
from services.rules.casework import Hand
from services.web.api.answers import (
    ClockLine,
    Done,
    ParkedLine,
    RemedyLine,
    TroubledLine,
    Troubles,
)
from services.web.api.edge import Acts, Reads

TAG: Final = "Administration"
router = APIRouter(tags=[TAG], prefix="/administration")


@router.get("", summary="Lire ce que Relais n’a pas pu faire seul")
def list_troubles(reads: Reads) -> Troubles:
    """Événements mis de côté, messages refusés ou à vérifier, rappels en échec, et ce qui a été remis en route.

    Aucun nom de ménage n’y paraît.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        return Troubles(
            events=[_parked(each) for each in administration.parked(unit, actor)],
            messages=[
                TroubledLine(
                    id=each.id,
                    number=each.case.number if each.case else None,
                    text=each.text,
                    party=Party(each.party),
                    channel=Channel(each.channel),
                    state=MessageState(each.state),
                    attempts=each.attempts,
                    reply_code=each.reply_code,
                    error=each.error,
                )
                for each in administration.troubled(unit, actor)
            ],
            clocks=[
                ClockLine(
                    number=each.task.case.number, task_id=each.task_id, failed_at=each.failed_at, error=each.error
                )
                for each in administration.failing_clocks(unit, actor)
            ],
            remedies=[
                RemedyLine(action=each.action, actor=each.actor, at=each.at, reason=each.reason)
                for each in administration.remedies(unit, actor)
            ],
        )


@router.post("/events/{work_id}/retry", response_model=Done, summary="Essayer encore un événement mis de côté")
def retry_event(acts: Acts, work_id: int, form: Remedy) -> JSONResponse:
    """Douze nouveaux essais ; le motif est gardé."""

    def retry(unit: UnitOfWork, hand: Hand) -> Done:
        administration.try_again(unit, hand, work_id, form)
        return Done()

    return acts.once(retry, form)


@router.post("/messages/{message_id}/resend", response_model=Done, summary="Renvoyer un message refusé")
def resend_message(acts: Acts, message_id: UUID, form: Remedy) -> JSONResponse:
    """Un message à vérifier ne repart jamais ainsi : il se vérifie sur sa situation."""

    def resend(unit: UnitOfWork, hand: Hand) -> Done:
        administration.send_again(unit, hand, message_id, form)
        return Done()

    return acts.once(resend, form)


def _parked(event: ParkedEvent) -> ParkedLine:
    return ParkedLine(
        id=event.id,
        type=event.type,
        number=event.reference,
        since=event.since,
        attempts=event.attempts,
        error=event.error,
    )
