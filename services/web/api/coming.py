"""The API's view of the sends to come, and what a person decides of the next step of a clock."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.forms import NextStep, Skip
from services.overview import coming
from services.overview.coming import Departure
from services.rules.policy import Right, readable, require
from services.web.api.answers import DepartureLine, Departures, Receipt
from services.web.api.edge import Acts, Reads

TAG: Final = "Envois à venir"
router = APIRouter(tags=[TAG])


@router.get("/coming", summary="Lister les envois à venir")
def list_coming(reads: Reads) -> Departures:
    """Ce qui partira dans les quatorze jours si rien ne change, du plus proche au plus lointain."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        return Departures(items=[_line(each) for each in coming.until(unit, actor, unit.now + coming.HORIZON)])


@router.get("/cases/{case_id}/coming", summary="Lire les envois à venir")
def list_coming_of_case(reads: Reads, case_id: UUID) -> Departures:
    """Tous ceux d’une situation, sans limite de date."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        readable(unit, actor, case_id)
        return Departures(items=[_line(each) for each in coming.of_case(unit, actor, case_id)])


@router.post("/cases/{case_id}/clocks/{clock_id}/skip", response_model=Receipt, summary="Ne pas envoyer une relance")
def skip_reminder(acts: Acts, case_id: UUID, clock_id: UUID, form: Skip) -> JSONResponse:
    """La prochaine de cette échéance, telle que lue ; les suivantes gardent leur jour."""
    return acts.on_case(case_id, coming.skip, clock_id, form)


@router.post(
    "/cases/{case_id}/clocks/{clock_id}/send-now", response_model=Receipt, summary="Envoyer une relance sans attendre"
)
def send_reminder_now(acts: Acts, case_id: UUID, clock_id: UUID, form: NextStep) -> JSONResponse:
    """La prochaine de cette échéance, telle que lue ; elle ne partira pas une seconde fois."""
    return acts.on_case(case_id, coming.leave_now, clock_id, form)


def _line(each: Departure) -> DepartureLine:
    return DepartureLine(
        at=each.at,
        case_id=each.case_id,
        task_id=each.task_id,
        party=each.party,
        organisation_id=each.organisation_id,
        channel=each.channel,
        text=each.text or None,
        why=each.why or None,
        closed_until=each.closed_until,
        message_id=each.message_id,
        clock_id=each.clock.id if each.clock else None,
        generation=each.clock.generation if each.clock else None,
        step=each.clock.step if each.clock else None,
    )
