"""The API's acts around the visit: calls, the appointment, dangers, the report."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import JSONResponse

from services.cases import addresses, calls, documents, reports, visits
from services.forms import (
    CallForm,
    DangerForm,
    HeldVisit,
    HouseholdAddressForm,
    LostVisit,
    NumberForm,
    PastVisit,
    ReplacementForm,
    ReportForm,
    VisitForm,
)
from services.foundation.errors import InvalidInput
from services.web.api.answers import Receipt
from services.web.api.edge import REPLAYED, Acts

TAG: Final = "Visite"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post("/calls", status_code=201, response_model=Receipt, summary="Noter un appel au ménage")
def record_call(acts: Acts, case_id: UUID, form: CallForm) -> JSONResponse:
    """Un faux numéro est bloqué pour tous les canaux, à l’instant."""
    return acts.on_case(case_id, calls.record_call, form)


@router.post("/phone", response_model=Receipt, summary="Donner le bon numéro")
def correct_number(acts: Acts, case_id: UUID, form: NumberForm) -> JSONResponse:
    """Le nouveau numéro s’ajoute aux autres ; les appels reprennent."""
    return acts.on_case(case_id, calls.correct_number, form)


@router.post("/email", response_model=Receipt, summary="Corriger l’adresse électronique du ménage")
def mend_household_address(acts: Acts, case_id: UUID, form: HouseholdAddressForm) -> JSONResponse:
    """Quand un courriel est revenu, ou pour une autre raison. La même adresse est reprise si elle remarche."""
    return acts.on_case(case_id, addresses.mend_household_address, form)


@router.post("/email/remove", response_model=Receipt, summary="Retirer l’adresse électronique du ménage")
def remove_household_address(acts: Acts, case_id: UUID) -> JSONResponse:
    """Les messages suivants partent par SMS ou par courrier ; les nouvelles se demandent par téléphone."""
    return acts.on_case(case_id, addresses.remove_household_address)


@router.post("/give-up", response_model=Receipt, summary="Renoncer à joindre le ménage")
def give_up(acts: Acts, case_id: UUID) -> JSONResponse:
    """Refusé avant assez d’appels, sur assez de jours, à des moments différents, puis avant la date de l’attente."""
    return acts.on_case(case_id, calls.give_up)


@router.post("/visits", status_code=201, response_model=Receipt, summary="Fixer la visite")
def plan_visit(acts: Acts, case_id: UUID, form: VisitForm) -> JSONResponse:
    """Invitation et rappels partent d’eux-mêmes."""
    return acts.on_case(case_id, visits.plan_visit, _zoned(form))


@router.post("/visits/held", status_code=201, response_model=Receipt, summary="Noter une visite déjà faite")
def note_held_visit(acts: Acts, case_id: UUID, form: PastVisit) -> JSONResponse:
    """Elle n’avait pas été fixée ici : aucune invitation ne part, le rapport est dû à compter de son jour."""
    return acts.on_case(case_id, visits.note_held_visit, form)


@router.post("/visits/current/move", response_model=Receipt, summary="Déplacer la visite prévue")
def move_visit(acts: Acts, case_id: UUID, form: VisitForm) -> JSONResponse:
    """La même invitation, mise à jour."""
    return acts.on_case(case_id, visits.move_visit, _zoned(form))


@router.post("/visits/current/lose", response_model=Receipt, summary="Noter que la visite n’a pas eu lieu")
def lose_visit(acts: Acts, case_id: UUID, form: LostVisit) -> JSONResponse:
    """Annulée avant, ou quelqu’un était absent : une absence n’est pas une annulation."""
    return acts.on_case(case_id, visits.lose_visit, form)


@router.post("/visits/current/hold", response_model=Receipt, summary="Noter que la visite a eu lieu")
def hold_visit(acts: Acts, case_id: UUID, form: HeldVisit) -> JSONResponse:
    """Le rapport est alors attendu ; un danger constaté est dit à la coordination."""
    return acts.on_case(case_id, visits.hold_visit, form)


@router.post("/dangers", status_code=201, response_model=Receipt, summary="Signaler un danger")
def report_danger(acts: Acts, case_id: UUID, form: DangerForm) -> JSONResponse:
    """La coordination est prévenue à l’instant."""
    return acts.on_case(case_id, visits.report_danger, form)


@router.post("/dangers/acknowledge", response_model=Receipt, summary="Prendre un danger en charge")
def acknowledge_danger(acts: Acts, case_id: UUID) -> JSONResponse:
    """Les rappels s’arrêtent. Réservé à la coordination, ou à qui est d’astreinte pour elle."""
    return acts.on_case(case_id, visits.acknowledge_danger)


@router.post("/report", status_code=201, response_model=Receipt, summary="Remettre le rapport au ménage")
def deliver_report(acts: Acts, case_id: UUID, form: ReportForm) -> JSONResponse:
    """Le fichier est d’abord déposé ; l’orientation suit."""
    return acts.on_case(case_id, reports.deliver_report, form)


@router.post("/report/replace", response_model=Receipt, summary="Remplacer le rapport")
def replace_report(acts: Acts, case_id: UUID, form: ReplacementForm) -> JSONResponse:
    """Le bon fichier est d’abord déposé ; l’ancien est effacé. Qui peut lire le rapport ne change pas."""
    return acts.on_case(case_id, reports.replace, form)


@router.post("/documents", status_code=201, response_model=Receipt, summary="Déposer un fichier")
def add_document(
    acts: Acts, case_id: UUID, file: Annotated[UploadFile, File(description=f"PDF, JPEG ou PNG, {documents.AT_MOST}")]
) -> JSONResponse:
    """Le fichier est reconnu à son contenu ; `made_id` sert ensuite à remettre le rapport."""
    name = file.filename or ""
    stored = documents.store(acts.reading.runtime, documents.chunks_of(file.file))
    kept = False
    try:
        response = acts.on_case(
            case_id,
            lambda unit, hand, case_id, name, _digest: documents.add_document(unit, hand, case_id, name, stored),
            name,
            stored[1],
        )
        kept = REPLAYED not in response.headers
        return response
    finally:
        if not kept:
            stored[0].unlink(missing_ok=True)


def _zoned(form: VisitForm) -> VisitForm:
    if form.starts_at.tzinfo is None:
        raise InvalidInput("starts_at", "Précisez le fuseau horaire (par exemple +01:00).")
    return form
