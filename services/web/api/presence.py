"""Who is there and which days are closed, through the API: absences, days of work, duty, closures."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.programmes import Closure, OrganisationClosure
from services.foundation.database import UnitOfWork
from services.programme import closures, presence
from services.programme.closures import ClosingForm
from services.programme.presence import AbsenceForm, DutyForm, WorkForm
from services.rules.casework import Hand
from services.web.api.answers import AbsenceLine, ClosureLine, DutyLine, Made, PlanningAnswer, WorkDaysLine
from services.web.api.edge import Acting, Acts, Reads, Said

TAG: Final = "Calendrier"
router = APIRouter(tags=[TAG])


@router.get("/planning", summary="Lire le calendrier")
def read_planning(reads: Reads) -> PlanningAnswer:
    """D’aujourd’hui et après : de l’équipe pour la coordination, de soi pour les autres ; fermetures pour tous."""
    with reads.runtime.database.read() as unit:
        known = presence.planning(unit, reads.actor(unit))
        return PlanningAnswer(
            absences=[
                AbsenceLine(
                    id=each.id,
                    person_id=each.person_id,
                    first_on=each.first_on,
                    last_on=each.last_on,
                    delegate_id=each.delegate_id,
                )
                for each in known.absences
            ],
            work_days=[WorkDaysLine(person_id=each.person_id, weekdays=each.weekdays) for each in known.patterns],
            duties=[
                DutyLine(id=each.id, person_id=each.person_id, from_at=each.from_at, to_at=each.to_at)
                for each in known.duties
            ],
            closures=[
                *(_closed(each, None, each.label) for each in known.days_off),
                *(_closed(each, each.organisation_id) for each in known.closures),
            ],
        )


def _closed(row: Closure | OrganisationClosure, organisation_id: UUID | None, label: str = "") -> ClosureLine:
    return ClosureLine(
        id=row.id, organisation_id=organisation_id, first_on=row.first_on, last_on=row.last_on, label=label
    )


def _made(acts: Acting, act: Callable[[UnitOfWork, Hand, *Said], object], *said: *Said) -> JSONResponse:
    def acting(unit: UnitOfWork, hand: Hand) -> Made:
        made = act(unit, hand, *said)
        return Made(made_id=getattr(made, "id", None))

    return acts.once(acting, *said)


@router.post("/absences", response_model=Made, summary="Noter une absence")
def declare_absence(acts: Acts, form: AbsenceForm) -> JSONResponse:
    """La sienne, ou pour la coordination celle de quelqu’un ; le remplaçant lit ses messages pendant ce temps."""
    return _made(acts, presence.declare_absence, form)


@router.post("/absences/{absence_id}/cancel", response_model=Made, summary="Annuler une absence")
def cancel_absence(acts: Acts, absence_id: UUID) -> JSONResponse:
    """La personne sera là."""
    return _made(acts, presence.cancel_absence, absence_id)


@router.post("/work-days", response_model=Made, summary="Dire quels jours on travaille")
def set_work_days(acts: Acts, form: WorkForm) -> JSONResponse:
    """Le message du jour attend le prochain jour travaillé ; aucun jour donné : tous les jours ouverts."""
    return _made(acts, presence.set_work_days, form)


@router.post("/duties", response_model=Made, summary="Prévoir une astreinte")
def set_duty(acts: Acts, form: DutyForm) -> JSONResponse:
    """Un danger arrive aussitôt à la personne d’astreinte, même un jour fermé."""
    return _made(acts, presence.set_duty, form)


@router.post("/duties/{duty_id}/end", response_model=Made, summary="Annuler une astreinte")
def end_duty(acts: Acts, duty_id: UUID) -> JSONResponse:
    """La personne n’est plus d’astreinte."""
    return _made(acts, presence.end_duty, duty_id)


@router.post("/closures", response_model=Made, summary="Fermer des jours")
def close(acts: Acts, form: ClosingForm) -> JSONResponse:
    """Du dispositif (ce qui y tombait passe au jour ouvert suivant), d’un partenaire ou d’un opérateur."""
    return _made(acts, closures.close, form)


@router.post("/closures/{closure_id}/reopen", response_model=Made, summary="Annuler une fermeture")
def reopen_days(acts: Acts, closure_id: UUID) -> JSONResponse:
    """Les dates qui avaient bougé restent où elles sont."""
    return _made(acts, closures.reopen, closure_id)
