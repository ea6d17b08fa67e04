"""A partner's people and habits through the API, noted for him by the coordination."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.cases import Referral
from services.cases import partner_team
from services.cases.partner_team import ColleagueForm, FullForm, GoneForm, PreferenceForm
from services.forms import PassOn
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.web.api.answers import ColleagueLine, PartnerAbsenceLine, PartnerTeamAnswer, Receipt
from services.web.api.edge import Acting, Acts, Reads, Said

TAG: Final = "Annuaire"
router = APIRouter(tags=[TAG])
_HERE: Final = "/partners/{partner_id}"


@router.get(_HERE + "/team", summary="Lire les personnes et les habitudes")
def read_partner_team(reads: Reads, partner_id: UUID) -> PartnerTeamAnswer:
    """Collègues, absences à venir, et quand ce partenaire veut nos e-mails."""
    with reads.runtime.database.read() as unit:
        return _told(unit, reads.actor(unit), partner_id)


@router.post(
    _HERE + "/full", response_model=PartnerTeamAnswer, summary="Noter qu’un partenaire est complet, ou ne l’est plus"
)
def say_partner_full(acts: Acts, partner_id: UUID, form: FullForm) -> JSONResponse:
    """L’annuaire le met de côté jusqu’à ce jour compris."""
    return _and_tell(acts, partner_id, partner_team.say_full, form)


@router.post(
    _HERE + "/mail-preferences", response_model=PartnerTeamAnswer, summary="Noter quand un partenaire veut nos e-mails"
)
def set_partner_mail(acts: Acts, partner_id: UUID, form: PreferenceForm) -> JSONResponse:
    """Un seul e-mail par jour dans tous les cas ; une urgence part aussitôt."""
    return _and_tell(acts, partner_id, partner_team.prefer, form)


@router.post(_HERE + "/colleagues", response_model=PartnerTeamAnswer, summary="Ajouter un collègue chez un partenaire")
def add_partner_colleague(acts: Acts, partner_id: UUID, form: ColleagueForm) -> JSONResponse:
    """Rien ne lui est envoyé pour cela."""
    return _and_tell(acts, partner_id, partner_team.add_colleague, form)


@router.post(
    _HERE + "/colleagues/{colleague_id}/end",
    response_model=PartnerTeamAnswer,
    summary="Retirer un collègue chez un partenaire",
)
def end_partner_colleague(acts: Acts, partner_id: UUID, colleague_id: UUID) -> JSONResponse:
    """Ce qu’il suivait revient à l’adresse commune."""
    return _and_tell(acts, partner_id, partner_team.end_colleague, colleague_id)


@router.post(_HERE + "/absences", response_model=PartnerTeamAnswer, summary="Noter une absence chez un partenaire")
def note_partner_absence(acts: Acts, partner_id: UUID, form: GoneForm) -> JSONResponse:
    """Les e-mails vont pendant ce temps à qui le remplace."""
    return _and_tell(acts, partner_id, partner_team.be_away, form)


@router.post(
    _HERE + "/absences/{absence_id}/cancel",
    response_model=PartnerTeamAnswer,
    summary="Annuler une absence chez un partenaire",
)
def cancel_partner_absence(acts: Acts, partner_id: UUID, absence_id: UUID) -> JSONResponse:
    """Il lit de nouveau."""
    return _and_tell(acts, partner_id, partner_team.be_back, absence_id)


@router.post(
    "/cases/{case_id}/referrals/{referral_id}/pass-on",
    response_model=Receipt,
    summary="Confier une demande à un collègue du partenaire",
)
def pass_referral_on(acts: Acts, case_id: UUID, referral_id: UUID, form: PassOn) -> JSONResponse:
    """Il reçoit la demande, puis ce qui la suit."""
    return acts.on_part(case_id, Referral, referral_id, partner_team.pass_on, form)


def _and_tell(
    acts: Acting, partner_id: UUID, act: Callable[[UnitOfWork, Hand, UUID, *Said], object], *said: *Said
) -> JSONResponse:
    def acting(unit: UnitOfWork, hand: Hand) -> PartnerTeamAnswer:
        act(unit, hand, partner_id, *said)
        unit.session.flush()
        return _told(unit, hand.actor, partner_id)

    return acts.once(acting, *said)


def _told(unit: UnitOfWork, actor: Actor, partner_id: UUID) -> PartnerTeamAnswer:
    found = partner_team.team(unit, actor, partner_id)
    return PartnerTeamAnswer(
        colleagues=[ColleagueLine(id=each.id, name=each.name, email=each.email) for each in found.colleagues],
        absences=[
            PartnerAbsenceLine(
                id=each.id,
                colleague_id=each.colleague_id,
                first_on=each.first_on,
                last_on=each.last_on,
                delegate_id=each.delegate_id,
            )
            for each in found.absences
        ],
        gathered=found.gathered,
        weekdays=sorted(found.weekdays),
    )
