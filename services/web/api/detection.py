"""The API's acts of detection: take a request up, or refuse it."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.cases import triage
from services.forms import Acceptance, Rejection
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Repérage"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post("/accept", response_model=Receipt, summary="Prendre la demande")
def accept_case(acts: Acts, case_id: UUID, form: Acceptance) -> JSONResponse:
    """La situation est confiée à un opérateur, qui la voit dès lors."""
    return acts.on_case(case_id, triage.accept, form)


@router.post("/reject", response_model=Receipt, summary="Refuser la demande")
def reject_case(acts: Acts, case_id: UUID, form: Rejection) -> JSONResponse:
    """Le donneur d’alerte apprend la nature du motif ; le ménage reçoit un autre contact."""
    return acts.on_case(case_id, triage.reject, form)
