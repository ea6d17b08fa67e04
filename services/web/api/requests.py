"""The API's acts on requests to partners: prepared, under study, on hold, given to another, asked anew, struck out."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.cases import Referral
from services.cases import partner_work, referrals, rerouting
from services.forms import Answer, Confirmation, Hold, Meeting, NoteForm, ReferralForm, Reopening, Voiding
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.web.api.answers import Receipt
from services.web.api.edge import Acts
from services.web.api.orientation import TAG

router = APIRouter(tags=[TAG], prefix="/cases/{case_id}/referrals")


@router.post("/draft", status_code=201, response_model=Receipt, summary="Préparer une demande sans l’envoyer")
def prepare_referral(acts: Acts, case_id: UUID, form: ReferralForm) -> JSONResponse:
    """Rien ne part ; l’accord du ménage n’est demandé qu’à l’envoi."""
    return acts.on_case(case_id, referrals.prepare, form)


@router.post("/{referral_id}/send", response_model=Receipt, summary="Envoyer une demande préparée")
def send_draft(acts: Acts, case_id: UUID, referral_id: UUID, form: ReferralForm) -> JSONResponse:
    """Au partenaire et avec les mots donnés ici."""
    return acts.on_part(case_id, Referral, referral_id, referrals.send_draft, form)


@router.post("/{referral_id}/acknowledge", response_model=Receipt, summary="Noter que le partenaire étudie la demande")
def acknowledge_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Answer) -> JSONResponse:
    """Son délai de réponse repart, une fois."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.acknowledge, form)


@router.post("/{referral_id}/propose", response_model=Receipt, summary="Noter le rendez-vous proposé par le partenaire")
def propose_meeting(acts: Acts, case_id: UUID, referral_id: UUID, form: Meeting) -> JSONResponse:
    """Avant sa réponse, un jour donné vaut un oui ; un autre jour remplace le précédent. Le ménage en est prévenu."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.propose, form)


@router.post("/{referral_id}/start", response_model=Receipt, summary="Noter que l’aide a commencé")
def start_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Answer) -> JSONResponse:
    """Des nouvelles sont attendues soixante jours plus tard."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.start, form)


@router.post("/{referral_id}/hold", response_model=Receipt, summary="Noter que l’aide attend")
def hold_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Hold) -> JSONResponse:
    """Trente jours au plus ; l’échéance du partenaire attend aussi, sauf si c’est lui qui est attendu."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.hold, form)


@router.post("/{referral_id}/resume", response_model=Receipt, summary="Noter que l’aide reprend")
def resume_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Answer) -> JSONResponse:
    """L’échéance est reculée du temps ouvré de l’attente."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.resume, form)


@router.post("/{referral_id}/confirm", response_model=Receipt, summary="Noter que le ménage confirme l’aide")
def confirm_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Confirmation) -> JSONResponse:
    """`verified` faux : le ménage ne peut plus être interrogé."""
    return acts.on_part(case_id, Referral, referral_id, _confirm, form)


@router.post("/{referral_id}/dispute", response_model=Receipt, summary="Noter que le ménage conteste l’aide")
def dispute_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: NoteForm) -> JSONResponse:
    """La coordination doit vérifier."""
    return acts.on_part(case_id, Referral, referral_id, partner_work.dispute, form)


@router.post("/{referral_id}/transfer", response_model=Receipt, summary="Demander à un autre partenaire")
def transfer_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: ReferralForm) -> JSONResponse:
    """Le premier en est prévenu et perd son accès ; `made_id` désigne la nouvelle demande."""
    return acts.on_part(case_id, Referral, referral_id, rerouting.transfer, form)


@router.post("/{referral_id}/reopen", response_model=Receipt, summary="Demander à nouveau")
def reopen_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Reopening) -> JSONResponse:
    """Une nouvelle demande est préparée ; l’ancienne reste close."""
    return acts.on_part(case_id, Referral, referral_id, rerouting.reopen, form)


@router.post("/{referral_id}/void", response_model=Receipt, summary="Annuler une demande saisie par erreur")
def void_referral(acts: Acts, case_id: UUID, referral_id: UUID, form: Voiding) -> JSONResponse:
    """Si elle est partie, par une autre personne que celle qui l’a envoyée."""
    return acts.on_part(case_id, Referral, referral_id, rerouting.void, form)


def _confirm(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Confirmation) -> object:
    return partner_work.confirm(unit, hand, referral_id, verified=form.verified)
