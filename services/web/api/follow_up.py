"""The API's acts of the follow-up: calls, the end, the reopening."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.cases import closing, follow_up, household_answers, referrals
from services.cases.household_answers import HouseholdWord
from services.forms import CaseReopening, ClosureForm, ContactForm, FollowUpForm
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Suivi"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post("/follow-up/start", response_model=Receipt, summary="Commencer le suivi")
def start_follow_up(acts: Acts, case_id: UUID) -> JSONResponse:
    """Rien de plus à orienter. Refusé tant qu’un partenaire doit répondre."""
    return acts.on_case(case_id, referrals.drop_need)


@router.post("/follow-up/calls", status_code=201, response_model=Receipt, summary="Noter un appel de suivi")
def record_follow_up_call(acts: Acts, case_id: UUID, form: FollowUpForm) -> JSONResponse:
    """À 1, 6 et 12 mois : le ménage a-t-il encore froid, a-t-il encore des impayés ?"""
    return acts.on_case(case_id, follow_up.record_follow_up, form)


@router.post("/follow-up/contact", response_model=Receipt, summary="Choisir comment demander des nouvelles")
def choose_contact(acts: Acts, case_id: UUID, form: ContactForm) -> JSONResponse:
    """Par appel, SMS ou e-mail ; refusé si le ménage ne peut pas être joint ainsi."""
    return acts.on_case(case_id, follow_up.choose_contact, form)


@router.post("/household-answers", status_code=201, response_model=Receipt, summary="Noter ce que dit le ménage")
def note_household_answer(acts: Acts, case_id: UUID, form: HouseholdWord) -> JSONResponse:
    """Cela l’a aidé, ne l’a pas aidé, ou il veut être rappelé : alors quelqu’un rappelle, à une date."""
    return acts.on_case(case_id, household_answers.note, form)


@router.post("/close", response_model=Receipt, summary="Clore la situation")
def close_case(acts: Acts, case_id: UUID, form: ClosureForm) -> JSONResponse:
    """Refusé tant qu’un partenaire a la main."""
    return acts.on_case(case_id, closing.close_case, form)


@router.post("/reopen", response_model=Receipt, summary="Rouvrir la situation")
def reopen_case(acts: Acts, case_id: UUID, form: CaseReopening | None = None) -> JSONResponse:
    """La même situation reprend, avec son histoire ; transmise et remise, seulement si l’autre dispositif y renonce."""
    return acts.on_case(case_id, closing.reopen_case, form or CaseReopening())
