"""The API's acts of orientation: ask a partner, write down what he answers and does."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.cases import Referral
from services.cases import addresses, referrals
from services.forms import AddressForm, Answer, Completion, Decline, Failure, Question, ReferralForm, TakeBack
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Orientation"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post("/referrals", status_code=201, response_model=Receipt, summary="Demander l’aide d’un partenaire")
def send_referral(acts: Acts, case_id: UUID, form: ReferralForm) -> JSONResponse:
    """Avec l’accord du ménage. Le délai de réponse court dès que la demande est remise."""
    return acts.on_case(case_id, referrals.send, form)


@router.post("/referrals/{referral_id}/accept", response_model=Receipt, summary="Noter l’accord du partenaire")
def accept_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Answer) -> JSONResponse:
    """Dites dans `on_behalf` qui l’a dit, et comment."""
    return acts.on_part(case_id, Referral, referral_id, referrals.accept, form)


@router.post("/referrals/{referral_id}/decline", response_model=Receipt, summary="Noter le refus du partenaire")
def decline_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Decline) -> JSONResponse:
    """La coordination cherche une autre solution."""
    return acts.on_part(case_id, Referral, referral_id, referrals.decline, form)


@router.post("/referrals/{referral_id}/question", response_model=Receipt, summary="Noter une question du partenaire")
def ask_question(acts: Acts, case_id: UUID, referral_id: UUID, form: Question) -> JSONResponse:
    """La première question lui redonne son délai, une fois."""
    return acts.on_part(case_id, Referral, referral_id, referrals.ask, form)


@router.post(
    "/referrals/{referral_id}/answer-question", response_model=Receipt, summary="Répondre à la question du partenaire"
)
def answer_question(acts: Acts, case_id: UUID, referral_id: UUID, form: Question) -> JSONResponse:
    """Le partenaire lit la réponse sur sa page."""
    return acts.on_part(case_id, Referral, referral_id, referrals.answer_question, form)


@router.post("/referrals/{referral_id}/progress", response_model=Receipt, summary="Noter des nouvelles du partenaire")
def report_progress(acts: Acts, case_id: UUID, referral_id: UUID, form: Answer) -> JSONResponse:
    """Le délai de soixante jours repart."""
    return acts.on_part(case_id, Referral, referral_id, referrals.report_progress, form)


@router.post("/referrals/{referral_id}/complete", response_model=Receipt, summary="Noter l’aide apportée")
def complete_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Completion) -> JSONResponse:
    """Ce que le partenaire dit ; la parole du ménage vient au suivi."""
    return acts.on_part(case_id, Referral, referral_id, referrals.complete, form)


@router.post("/referrals/{referral_id}/fail", response_model=Receipt, summary="Noter que l’aide n’a pas abouti")
def fail_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Failure) -> JSONResponse:
    """La coordination cherche une autre solution."""
    return acts.on_part(case_id, Referral, referral_id, referrals.fail, form)


@router.post(
    "/referrals/{referral_id}/mend-address",
    response_model=Receipt,
    summary="Donner l’adresse du partenaire et renvoyer la demande",
)
def mend_address(acts: Acts, case_id: UUID, referral_id: UUID, form: AddressForm) -> JSONResponse:
    """Quand sa messagerie a refusé la demande. Toutes celles qui attendaient cette adresse repartent."""
    return acts.on_part(case_id, Referral, referral_id, addresses.mend_address, form)


@router.post("/referrals/{referral_id}/withdraw", response_model=Receipt, summary="Retirer la demande")
def withdraw_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: TakeBack | None = None) -> JSONResponse:
    """Le partenaire est prévenu ; son lien ne sert plus. Sans corps, le motif est « autre »."""
    return acts.on_part(case_id, Referral, referral_id, referrals.withdraw, form)
