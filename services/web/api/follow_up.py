"""The API's acts of the follow-up: calls, the end, the reopening."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services import closing, follow_up, referrals
from services.forms import ClosureForm, FollowUpForm
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Suivi"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post(
    "/follow-up/start",
    status_code=200,
    response_model=Receipt,
    operation_id="start_follow_up",
    name="start_follow_up",
    summary="Commencer le suivi",
)
def start_follow_up(acts: Acts, case_id: UUID) -> JSONResponse:
    """Rien de plus à orienter. Refusé tant qu’un partenaire doit répondre."""
    return acts.on_case(case_id, lambda unit, hand: referrals.drop_need(unit, hand, case_id), status=200)


@router.post(
    "/follow-up/calls",
    status_code=201,
    response_model=Receipt,
    operation_id="record_follow_up_call",
    name="record_follow_up_call",
    summary="Noter un appel de suivi",
)
def record_follow_up_call(acts: Acts, case_id: UUID, form: FollowUpForm) -> JSONResponse:
    """À 1, 6 et 12 mois : le ménage a-t-il encore froid, a-t-il encore des impayés ?"""
    return acts.on_case(
        case_id, lambda unit, hand: follow_up.record_follow_up(unit, hand, case_id, form), said=form, status=201
    )


@router.post(
    "/close",
    status_code=200,
    response_model=Receipt,
    operation_id="close_case",
    name="close_case",
    summary="Clore la situation",
)
def close_case(acts: Acts, case_id: UUID, form: ClosureForm) -> JSONResponse:
    """Refusé tant qu’un partenaire a la main."""
    return acts.on_case(
        case_id, lambda unit, hand: closing.close_case(unit, hand, case_id, form), said=form, status=200
    )


@router.post(
    "/reopen",
    status_code=200,
    response_model=Receipt,
    operation_id="reopen_case",
    name="reopen_case",
    summary="Rouvrir la situation",
)
def reopen_case(acts: Acts, case_id: UUID) -> JSONResponse:
    """La même situation reprend, avec son histoire."""
    return acts.on_case(case_id, lambda unit, hand: closing.reopen_case(unit, hand, case_id), status=200)
