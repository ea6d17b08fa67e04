"""The territory through the API: read, foreseen, changed from a day on."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from services.foundation.database import UnitOfWork
from services.network import territory
from services.network.territory import Effect, TerritoryForm
from services.rules.casework import Hand
from services.rules.published import today_of
from services.web.api.answers import PlaceLine, TerritoryAnswer, TerritoryEffect
from services.web.api.edge import Acts, Reads

TAG: Final = "Territoire"
router = APIRouter(tags=[TAG], prefix="/territory")
Codes = Annotated[list[str] | None, Query(description="Codes INSEE")]


@router.get("", summary="Lire le territoire")
def read_territory(reads: Reads) -> TerritoryAnswer:
    """Les communes d’aujourd’hui et à venir, avec leurs jours."""
    with reads.runtime.database.read() as unit:
        found = territory.places(unit, reads.actor(unit))
        return TerritoryAnswer(
            items=[
                PlaceLine(code=each.commune.code, name=each.commune.name, from_on=each.from_on, to_on=each.to_on)
                for each in found
            ]
        )


@router.get("/effect", summary="Voir ce qu’un changement de territoire veut dire")
def foresee_territory(
    reads: Reads,
    from_on: Annotated[date | None, Query(description="À partir de ce jour ; absent : aujourd’hui")] = None,
    enter: Codes = None,
    leave: Codes = None,
) -> TerritoryEffect:
    """Rien n’est changé."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        day = from_on or today_of(unit, actor.programme_id)
        form = TerritoryForm(enter=enter or [], leave=leave or [], from_on=day)
        return _effect(territory.foresee(unit, actor, form))


@router.post("", response_model=TerritoryEffect, summary="Modifier le territoire à partir d’un jour")
def change_territory(acts: Acts, form: TerritoryForm) -> JSONResponse:
    """Aucune situation n’est déplacée ; une demande est examinée avec le territoire du jour où elle est arrivée."""

    def act(unit: UnitOfWork, hand: Hand) -> TerritoryEffect:
        return _effect(territory.change(unit, hand, form))

    return acts.once(act, form)


def _effect(effect: Effect) -> TerritoryEffect:
    return TerritoryEffect(
        entering=[each.code for each in effect.entering],
        leaving=[each.code for each in effect.leaving],
        open_cases=[each.number for each in effect.open_cases],
        requests=[each.number for each in effect.requests],
    )
