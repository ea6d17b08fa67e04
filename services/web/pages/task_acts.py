"""What is done with a task: taken, given back, handed over, its reminders put off; or done, with its outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from models.engine import Task
from services import forms
from services.cases import reminding, tasks
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, NotFound
from services.rules.casework import Hand
from services.rules.policy import Right, readable
from services.rules.published import pathway_of
from services.rules.texts.labels import choices
from services.rules.titles import outcomes_of, task_title, what_to_do
from services.web.pages.act_pages import ActPage, Nothing, bare, carry_out, of_part, show
from services.web.pages.acts import NOTE
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
Fields = Callable[[UnitOfWork, Visitor, Task], list[dict[str, Any]]]


@dataclass(frozen=True)
class TaskAct:
    """One act on a task: its page, what it asks, its use case."""

    heading: str
    button: str
    do: Callable[[UnitOfWork, Hand, UUID, Any], object]
    model: type[BaseModel] = Nothing
    fields: Fields = lambda _unit, _visitor, _task: []
    follows: tuple[str, ...] = ()


def _return(_unit: UnitOfWork, _visitor: Visitor, _task: Task) -> list[dict[str, Any]]:
    return [{"kind": "radios", "name": "reason", "label": "Motif", "choices": choices("return_reason")}, NOTE]


def _colleagues(unit: UnitOfWork, _visitor: Visitor, task: Task) -> list[dict[str, Any]]:
    found = [
        (str(each.person_id), each.name) for each in tasks.colleagues(unit, task) if each.person_id != task.person_id
    ]
    return [{"kind": "radios", "name": "person_id", "label": "À qui", "choices": found}, NOTE]


def _snooze(unit: UnitOfWork, visitor: Visitor, task: Task) -> list[dict[str, Any]]:
    pathway = pathway_of(unit, task.case.pathway_hash)
    left = pathway.snoozes - task.snoozes
    hint = f"Dans {pathway.snooze_days} jours ouvrés au plus ; encore {wording.counted(left, 'report')}"
    return [
        {"kind": "radios", "name": "reason", "label": "Motif", "choices": choices("snooze_reason")},
        {"kind": "date", "name": "until", "label": "Pas de relance avant le", "hint": hint,
         "earliest": visitor.tomorrow.isoformat()},
    ]  # fmt: skip


def _outcomes(unit: UnitOfWork, _visitor: Visitor, task: Task) -> list[dict[str, Any]]:
    rule = tasks.own_rule(unit, task.case, task)
    options = outcomes_of(rule) if rule is not None else []
    asked = [{"kind": "radios", "name": "outcome", "label": "Ce qu’il en est", "choices": options}] if options else []
    return [*asked, NOTE]


ACTS: Final = {
    "relancer": TaskAct("Relancer maintenant", "Relancer", bare(reminding.remind),
                        follows=("Le message attend une minute : vous pouvez l’annuler.",
                                 "Un seul e-mail par jour : si le sien est déjà parti, la relance part demain matin.")),
    "prendre": TaskAct("S’occuper d’une tâche", "Je m’en occupe", bare(tasks.take),
                       follows=("Votre nom est affiché : les autres savent que vous vous en occupez.",)),
    "rendre": TaskAct("Rendre une tâche à la coordination", "Rendre la tâche", tasks.give_back, forms.TaskReturn,
                      _return, ("La coordination a la même tâche, avec trois jours ouvrés au moins.",)),
    "transmettre": TaskAct("Transmettre une tâche à un collègue", "Transmettre", tasks.hand_over, forms.HandOver,
                           _colleagues, ("L’échéance ne change pas.",)),
    "reporter": TaskAct("Reporter les relances d’une tâche", "Reporter les relances", tasks.snooze, forms.Snooze,
                        _snooze, ("Aucune relance ne part avant ce jour.", "L’échéance de la tâche ne change pas.")),
    "terminer": TaskAct("Terminer une tâche", "Enregistrer", tasks.complete, forms.TaskDone, _outcomes),
}  # fmt: skip


def _page(visitor: Visitor, case_id: UUID, task_id: UUID, name: str) -> ActPage:
    """The page of this act for one task, which must be of this case."""
    act = ACTS[name]
    with visitor.runtime.database.read() as unit:
        task = _of_case(unit, visitor, case_id, task_id, name)
        pathway = pathway_of(unit, task.case.pathway_hash)
        title, asked = task_title(pathway, task.kind), what_to_do(pathway, task.kind)
    own = name == "terminer"
    page = ActPage(
        name,
        f"tache-{name}",
        title if own else act.heading,
        act.button,
        Right.TASKS,
        act.do,
        act.model,
        lambda unit, visitor, _case: act.fields(unit, visitor, unit.session.get_one(Task, task_id)),
        lead=asked if own else f"{title}.",
        follows=act.follows,
    )
    return of_part(page, "taches", task_id)


def _of_case(unit: UnitOfWork, visitor: Visitor, case_id: UUID, task_id: UUID, name: str) -> Task:
    readable(unit, visitor.actor, case_id)
    task = unit.session.get(Task, task_id)
    if task is None or task.case_id != case_id:
        raise NotFound
    may = reminding.may_remind if name == "relancer" else tasks.may_act
    if not may(visitor.actor, task):
        raise Denied
    return task


def _routes(name: str) -> None:
    address = f"/situations/{{case_id}}/taches/{{task_id}}/{name}"

    def ask(request: Request, visitor: SignedIn, case_id: UUID, task_id: UUID) -> Response:
        form = Form(entered=dict(request.query_params))
        return show(request, visitor, case_id, _page(visitor, case_id, task_id, name), form)

    def send(request: Request, visitor: SignedIn, case_id: UUID, task_id: UUID, data: Entered) -> Response:
        return carry_out(request, visitor, case_id, _page(visitor, case_id, task_id, name), data)

    router.add_api_route(address, ask, methods=["GET"], name=f"task {name}: ask")
    router.add_api_route(address, send, methods=["POST"], name=f"task {name}: send")


for _name in ACTS:
    _routes(_name)
