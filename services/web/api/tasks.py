"""The API's acts on tasks: taken, given back, handed over, put off; a task of the pathway's own is done."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from models.engine import Task
from services.cases import reminding, tasks
from services.correspondence import replies
from services.forms import HandOver, Snooze, TaskDone, TaskReturn
from services.web.api.answers import Receipt
from services.web.api.edge import Acts

TAG: Final = "Tâches"
router = APIRouter(tags=[TAG], prefix="/cases/{case_id}/tasks/{task_id}")


@router.post("/take", response_model=Receipt, summary="S’occuper d’une tâche")
def take_task(acts: Acts, case_id: UUID, task_id: UUID) -> JSONResponse:
    """Votre nom est montré aux autres."""
    return acts.on_part(case_id, Task, task_id, tasks.take)


@router.post("/remind", response_model=Receipt, summary="Relancer maintenant")
def remind(acts: Acts, case_id: UUID, task_id: UUID) -> JSONResponse:
    """Qui doit cette tâche reçoit un rappel, avec son e-mail du jour ; une relance par jour."""
    return acts.on_part(case_id, Task, task_id, reminding.remind)


@router.post("/return", response_model=Receipt, summary="Rendre une tâche à la coordination")
def return_task(acts: Acts, case_id: UUID, task_id: UUID, form: TaskReturn) -> JSONResponse:
    """La coordination a la même tâche ; `made_id` la désigne."""
    return acts.on_part(case_id, Task, task_id, tasks.give_back, form)


@router.post("/hand-over", response_model=Receipt, summary="Transmettre une tâche à un collègue")
def hand_task_over(acts: Acts, case_id: UUID, task_id: UUID, form: HandOver) -> JSONResponse:
    """À quelqu’un de la même équipe ; l’échéance ne change pas."""
    return acts.on_part(case_id, Task, task_id, tasks.hand_over, form)


@router.post("/snooze", response_model=Receipt, summary="Reporter les relances d’une tâche")
def snooze_task(acts: Acts, case_id: UUID, task_id: UUID, form: Snooze) -> JSONResponse:
    """Deux fois au plus, de quelques jours ouvrés ; l’échéance ne change pas."""
    return acts.on_part(case_id, Task, task_id, tasks.snooze, form)


@router.post("/complete", response_model=Receipt, summary="Terminer une tâche propre au parcours")
def complete_task(acts: Acts, case_id: UUID, task_id: UUID, form: TaskDone) -> JSONResponse:
    """Avec une de ses issues, si elle en a ; les autres tâches finissent par l’acte qu’elles demandent."""
    return acts.on_part(case_id, Task, task_id, tasks.complete, form)


@router.post("/read-reply", response_model=Receipt, summary="Une réponse reçue par e-mail est lue")
def read_reply(acts: Acts, case_id: UUID, task_id: UUID) -> JSONResponse:
    """Rien d’autre n’est à faire ; son texte est une note de la situation."""
    return acts.on_part(case_id, Task, task_id, replies.read)
