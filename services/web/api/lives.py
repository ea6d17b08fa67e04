"""The API's acts on the life of a case: it waits, ends early, is a double, goes elsewhere; loans and agreements."""

from typing import Final, TypeVar
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.cases import Loan, Permission
from services.cases import (
    circumstances,
    complaints,
    derogations,
    endings,
    findings,
    kits,
    loans,
    merging,
    needs,
    permissions,
    reports,
    supply_cuts,
    surveys,
    suspension,
    triage,
)
from services.cases.circumstances import CircumstancesForm
from services.cases.findings import FindingsForm, MatchForm
from services.cases.supply_cuts import AidFiled, CutEnd, CutForm, NewDay, SupplierCall, WhichCut
from services.cases.surveys import SurveyForm
from services.forms import (
    ComplaintForm,
    DerogationDecision,
    DerogationForm,
    Disqualification,
    GapForm,
    HandedOver,
    KitForm,
    LoanForm,
    Merge,
    NoteForm,
    PermissionForm,
    Reassignment,
    Suspension,
    Transfer,
    Withdrawal,
)
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Vie de la situation"
K = TypeVar("K", Loan, Permission)
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}")


@router.post("/circumstances", response_model=Receipt, summary="Noter les revenus et la composition du ménage")
def record_circumstances(acts: Acts, case_id: UUID, form: CircumstancesForm) -> JSONResponse:
    """Tout ce qui est connu : ce qui n’est pas dit ne l’est plus. La coordination et l’opérateur seuls le lisent."""
    return acts.on_case(case_id, circumstances.record, form)


@router.post("/survey", response_model=Receipt, summary="Compléter le relevé de la visite")
def record_survey(acts: Acts, case_id: UUID, form: SurveyForm) -> JSONResponse:
    """Le ménage, son logement, ses équipements, ses contrats, champ par champ. Ce qui est laissé vide reste."""
    return acts.on_case(case_id, surveys.record, form)


@router.post("/findings", response_model=Receipt, summary="Noter les chiffres du ménage")
def record_findings(acts: Acts, case_id: UUID, form: FindingsForm) -> JSONResponse:
    """Ce qui n’est pas dit reste comme avant. La coordination et l’opérateur seuls le lisent."""
    return acts.on_case(case_id, findings.record, form)


@router.post("/kit", response_model=Receipt, summary="Noter les petits équipements")
def record_kit(acts: Acts, case_id: UUID, form: KitForm) -> JSONResponse:
    """Tous, tels qu’ils sont : ce qui n’est pas dit n’y est plus. Le coût en est tiré."""
    return acts.on_case(case_id, kits.record, form)


@router.post("/match", response_model=Receipt, summary="Noter la ressemblance avec une autre situation")
def note_match(acts: Acts, case_id: UUID, form: MatchForm) -> JSONResponse:
    """Pour la coordination, avant de réunir deux situations ou de les laisser."""
    return acts.on_case(case_id, findings.note_match, form)


@router.post("/gaps", status_code=201, response_model=Receipt, summary="Noter qu’un besoin n’a pas de solution")
def note_gap(acts: Acts, case_id: UUID, form: GapForm) -> JSONResponse:
    """Ce n’est pas une orientation : personne n’est sollicité, mais le manque est compté."""
    return acts.on_case(case_id, needs.note_gap, form)


@router.post("/derogation", response_model=Receipt, summary="Demander une dérogation aux plafonds")
def ask_derogation(acts: Acts, case_id: UUID, form: DerogationForm) -> JSONResponse:
    """Pendant que la demande est examinée. Plus tard, la coordination seule la note, et elle est accordée."""
    return acts.on_case(case_id, derogations.ask, form)


@router.post("/derogation/decide", response_model=Receipt, summary="Accorder ou refuser une dérogation")
def decide_derogation(acts: Acts, case_id: UUID, form: DerogationDecision) -> JSONResponse:
    """Refusée, la demande s’arrête comme au-dessus des plafonds."""
    return acts.on_case(case_id, derogations.decide, form)


@router.post("/complaints", response_model=Receipt, summary="Noter une réclamation")
def receive_complaint(acts: Acts, case_id: UUID, form: ComplaintForm) -> JSONResponse:
    """La coordination doit une réponse, que la situation soit terminée ou non."""
    return acts.on_case(case_id, complaints.receive, form)


@router.post("/complaints/answer", response_model=Receipt, summary="Noter la réponse à une réclamation")
def answer_complaint(acts: Acts, case_id: UUID, form: NoteForm) -> JSONResponse:
    """Ce qui a été répondu, et comment."""
    return acts.on_case(case_id, complaints.answer, form)


@router.post("/suspend", response_model=Receipt, summary="Mettre la situation en pause")
def suspend_case(acts: Acts, case_id: UUID, form: Suspension) -> JSONResponse:
    """Toutes les échéances attendent, sauf un danger ; la coordination revoit la situation le jour choisi."""
    return acts.on_case(case_id, suspension.suspend, form)


@router.post("/resume", response_model=Receipt, summary="Reprendre la situation")
def resume_case(acts: Acts, case_id: UUID) -> JSONResponse:
    """Les échéances sont reculées du temps ouvré qu’a duré la pause."""
    return acts.on_case(case_id, suspension.resume)


@router.post("/cut", response_model=Receipt, summary="Suivre une coupure annoncée")
def announce_cut(acts: Acts, case_id: UUID, form: CutForm) -> JSONResponse:
    """Ce qui est à faire avant se compte à rebours du premier jour où la loi permet de couper."""
    return acts.on_case(case_id, supply_cuts.announce, form)


@router.post("/cut/move", response_model=Receipt, summary="Changer le jour de la coupure")
def move_cut(acts: Acts, case_id: UUID, form: NewDay) -> JSONResponse:
    """Les dates de ce qui reste à faire sont recomptées."""
    return acts.on_case(case_id, supply_cuts.move, form)


@router.post("/cut/supplier", response_model=Receipt, summary="Noter l’appel au fournisseur")
def note_supplier_call(acts: Acts, case_id: UUID, form: SupplierCall) -> JSONResponse:
    """Avec le nouveau jour, s’il a reporté la coupure."""
    return acts.on_case(case_id, supply_cuts.note_call, form)


@router.post("/cut/aid", response_model=Receipt, summary="Noter le dépôt d’une demande d’aide")
def note_aid_filed(acts: Acts, case_id: UUID, form: AidFiled) -> JSONResponse:
    """La fourniture est maintenue jusqu’à la décision, deux mois au plus."""
    return acts.on_case(case_id, supply_cuts.note_aid, form)


@router.post("/cut/end", response_model=Receipt, summary="Dire comment la coupure finit")
def end_cut(acts: Acts, case_id: UUID, form: CutEnd) -> JSONResponse:
    """Évitée, ou faite : la coordination l’apprend alors tout de suite."""
    return acts.on_case(case_id, supply_cuts.end, form)


@router.post("/cut/restore", response_model=Receipt, summary="Noter le retour de l’énergie")
def restore_supply(acts: Acts, case_id: UUID, form: WhichCut | None = None) -> JSONResponse:
    """Après une coupure faite."""
    return acts.on_case(case_id, supply_cuts.restore, form)


@router.post("/diagnosis", response_model=Receipt, summary="Noter que le diagnostic est terminé")
def finish_diagnosis(acts: Acts, case_id: UUID) -> JSONResponse:
    """Il ne reste qu’à remettre le rapport."""
    return acts.on_case(case_id, reports.finish_diagnosis)


@router.post("/disqualify", response_model=Receipt, summary="Arrêter : conditions non réunies")
def disqualify_case(acts: Acts, case_id: UUID, form: Disqualification) -> JSONResponse:
    """Avant la visite seulement."""
    return acts.on_case(case_id, endings.disqualify, form)


@router.post("/withdraw", response_model=Receipt, summary="Arrêter à la demande du ménage")
def withdraw_case(acts: Acts, case_id: UUID, form: Withdrawal) -> JSONResponse:
    """Ses accords sont retirés, la visite annulée, les partenaires prévenus et sans accès."""
    return acts.on_case(case_id, endings.withdraw, form)


@router.post("/transfer", response_model=Receipt, summary="Transmettre à un autre dispositif")
def transfer_case(acts: Acts, case_id: UUID, form: Transfer) -> JSONResponse:
    """Avec l’accord du ménage. L’autre dispositif reçoit une demande ; tenu ailleurs, une fiche lui est due."""
    return acts.on_case(case_id, endings.transfer, form)


@router.post("/transfer/confirm", response_model=Receipt, summary="Dire que l’autre dispositif a la fiche")
def confirm_transfer(acts: Acts, case_id: UUID, form: HandedOver) -> JSONResponse:
    """Le ménage et le donneur d’alerte l’apprennent alors."""
    return acts.on_case(case_id, endings.confirm_transfer, form)


@router.post("/merge", response_model=Receipt, summary="Réunir à une autre situation")
def merge_case(acts: Acts, case_id: UUID, form: Merge) -> JSONResponse:
    """Celle-ci s’arrête, l’autre continue avec les demandes reçues pour les deux ; `made_id` la désigne."""
    return acts.on_case(case_id, merging.merge, form)


@router.post("/unmerge", response_model=Receipt, summary="Défaire la réunion")
def unmerge_case(acts: Acts, case_id: UUID) -> JSONResponse:
    """La situation revit, à examiner, avec les demandes reçues pour elle."""
    return acts.on_case(case_id, merging.undo)


@router.post("/reassign", response_model=Receipt, summary="Confier à un autre opérateur")
def reassign_case(acts: Acts, case_id: UUID, form: Reassignment) -> JSONResponse:
    """L’ancien ne la voit plus ; ses tâches passent au nouveau, aux mêmes dates."""
    return acts.on_case(case_id, triage.reassign, form)


@router.post("/loans", status_code=201, response_model=Receipt, summary="Prêter un appareil")
def lend(acts: Acts, case_id: UUID, form: LoanForm) -> JSONResponse:
    """L’opérateur est prévenu s’il n’est pas rendu au jour dit."""
    return acts.on_case(case_id, loans.lend, form)


@router.post("/loans/{loan_id}/return", response_model=Receipt, summary="Noter le retour d’un appareil")
def return_loan(acts: Acts, case_id: UUID, loan_id: UUID) -> JSONResponse:
    """Même quand la situation est terminée."""
    return acts.on_part(case_id, Loan, loan_id, loans.give_back)


@router.post("/loans/{loan_id}/loss", response_model=Receipt, summary="Noter la perte d’un appareil")
def write_off_loan(acts: Acts, case_id: UUID, loan_id: UUID) -> JSONResponse:
    """Personne ne le réclame plus ; la situation peut se terminer sans lui."""
    return acts.on_part(case_id, Loan, loan_id, loans.write_off)


@router.post("/permissions", status_code=201, response_model=Receipt, summary="Ajouter un accord du ménage")
def give_permission(acts: Acts, case_id: UUID, form: PermissionForm) -> JSONResponse:
    """Un accord qui tient déjà n’est pas écrit deux fois."""
    return acts.on_case(case_id, permissions.give, form)


@router.post("/permissions/{permission_id}/revoke", response_model=Receipt, summary="Retirer un accord du ménage")
def revoke_permission(acts: Acts, case_id: UUID, permission_id: UUID) -> JSONResponse:
    """Ce qui en dépendait s’arrête ; sans l’accord d’être contacté, la situation se termine."""
    return acts.on_part(case_id, Permission, permission_id, permissions.revoke)
