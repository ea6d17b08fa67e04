"""One act for several lines at once: each in its own transaction, refusals said line by line, nothing half done."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.engine import Task
from services import desk, forms, reminding, tasks
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, NotFound
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.policy import readable
from services.rules.published import pathway_of
from services.rules.texts.labels import choices
from services.rules.titles import task_title
from services.web import returning
from services.web.pages import answers
from services.web.pages.act_pages import Nothing
from services.web.pages.entries import Mistakes, read
from services.web.pages.visitor import Entered, SignedIn, Visitor

router = APIRouter(include_in_schema=False)
MOST: Final = 50
"""As many as a page shows."""

Do = Callable[[UnitOfWork, Hand, UUID, Any], object]
ACTS: Final[dict[str, tuple[str, type[BaseModel], Do]]] = {
    "relancer": ("Relances prêtes", Nothing, lambda unit, hand, task_id, _form: reminding.remind(unit, hand, task_id)),
    "reporter": ("Relances reportées", forms.Snooze, tasks.snooze),
    "transmettre": ("Tâches transmises", forms.HandOver, tasks.hand_over),
    "prendre": ("Tâches prises", Nothing, lambda unit, hand, task_id, _form: tasks.take(unit, hand, task_id)),
}


def offered(unit: UnitOfWork, visitor: Visitor, here: str, *, typed: FormData | None = None) -> dict[str, Any]:
    """What the form under a list asks: to whom, until when, why, and the list to come back to; with what was typed."""
    colleagues = desk.team(unit, visitor.actor)
    return {
        "once": new_token(),
        "back": here,
        "colleagues": [(str(each.id), each.name) for each in colleagues],
        "reasons": choices("snooze_reason"),
        "earliest": (visitor.today + timedelta(days=1)).isoformat(),
        "typed": {name: typed.get(name) if typed else None for name in ("reason", "until", "person_id")},
    }


@router.post("/en-lot")
def bulk(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Carry out one act for each line that was chosen, and say what became of each."""
    words, model, act = ACTS.get(str(data.get("act")), (None, None, None))
    if words is None or model is None or act is None:
        raise NotFound
    chosen, problem, form = _chosen(data), "", None
    try:
        form = read(model, data)
    except Mistakes as mistakes:
        problem = next(iter(mistakes.errors.values()))
    if not chosen:
        problem = "Cochez d’abord les lignes."
    back = str(data.get(returning.BACK, ""))
    back = back if returning.is_list(back) else "/a-faire"
    lines = [] if problem else [_one(visitor, data, task_id, form, act) for task_id in chosen]
    for case_id in {line["case_id"] for line in lines if not line["refused"]}:
        answers.wait_for_engine(request, case_id)
    with visitor.runtime.database.read() as unit:
        untried = [_line(unit, visitor, task_id) for task_id in chosen] if problem else []
        lot = offered(unit, visitor, back, typed=data) if untried else None
    return answers.page(
        request,
        "bulk.html",
        status=422 if problem else 200,
        shell=visitor.shell(""),
        heading=words,
        problem=problem,
        untried=untried,
        lot=lot,
        done=[line for line in lines if not line["refused"]],
        refused=[line for line in lines if line["refused"]],
        back=back,
    )


def _chosen(data: FormData) -> list[UUID]:
    try:
        return list(dict.fromkeys(UUID(str(each)) for each in data.getlist("tache")))[:MOST]
    except ValueError:
        raise NotFound from None


def _one(visitor: Visitor, data: FormData, task_id: UUID, form: Any, act: Do) -> dict[str, Any]:
    with visitor.runtime.database.read() as unit:
        line = _line(unit, visitor, task_id)
    try:
        visitor.once(data, f"en-lot/{task_id}", lambda unit: act(unit, visitor.hand, task_id, form))
    except CaseworkError as refused:
        line["refused"] = refused.sentence
    return line


def _line(unit: UnitOfWork, visitor: Visitor, task_id: UUID) -> dict[str, Any]:
    task = unit.session.get(Task, task_id)
    if task is None:
        raise NotFound
    case = readable(unit, visitor.actor, task.case_id)
    return {
        "task": task.id,
        "case_id": case.id,
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "what": task_title(pathway_of(unit, case.pathway_hash), task.kind),
        "refused": "",
    }
