"""One act for several lines at once: each in its own transaction, refusals said line by line, nothing half done."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.engine import Task
from services import forms
from services.cases import reminding, tasks
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.policy import readable, rights
from services.rules.presence import side, team
from services.rules.published import pathway_of
from services.rules.texts.labels import choices
from services.rules.titles import task_title
from services.web import returning
from services.web.pages import answers, bulk_asking
from services.web.pages.act_pages import Nothing
from services.web.pages.bulk_asking import BulkAct
from services.web.pages.entries import Mistakes, kept, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
MOST: Final = 50
"""As many as a page shows."""
FILLED: Final = "rempli"
UNTICKED: Final = "Cochez d’abord les lignes."

Do = Callable[[UnitOfWork, Hand, UUID, Any], object]
ACTS: Final[dict[str, tuple[str, type[BaseModel], Do]]] = {
    "relancer": ("Relances prêtes", Nothing, lambda unit, hand, task_id, _form: reminding.remind(unit, hand, task_id)),
    "reporter": ("Relances reportées", forms.Snooze, tasks.snooze),
    "transmettre": ("Tâches transmises", forms.HandOver, tasks.hand_over),
    "prendre": ("Tâches prises", Nothing, lambda unit, hand, task_id, _form: tasks.take(unit, hand, task_id)),
}


def offered(unit: UnitOfWork, visitor: Visitor, here: str, *, typed: FormData | None = None) -> dict[str, Any]:
    """What the form under a list asks: to whom, until when, why, and the list to come back to; with what was typed.

    `asking`: the acts that have a page of their own.
    """
    actor = visitor.actor
    colleagues = side(team(unit, visitor.programme_id), actor.role, actor.organisation_id)
    return {
        "once": new_token(),
        "back": here,
        "asking": bulk_asking.offered(visitor.actor),
        "colleagues": [(str(each.person_id), each.name) for each in colleagues],
        "reasons": choices("snooze_reason"),
        "earliest": visitor.tomorrow.isoformat(),
        "typed": {name: typed.get(name) if typed else None for name in ("reason", "until", "person_id")},
    }


@router.post("/en-lot")
def bulk(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Carry out one act for each line that was chosen, and say what became of each."""
    asking = bulk_asking.ACTS.get(str(data.get("act")))
    if asking is not None:
        return _ask(request, visitor, data, asking)
    words, model, act = ACTS.get(str(data.get("act")), (None, None, None))
    if words is None or model is None or act is None:
        raise NotFound
    chosen, problem, form = _chosen(data), "", None
    try:
        form = read(model, data)
    except Mistakes as mistakes:
        problem = next(iter(mistakes.errors.values()))
    if not chosen:
        problem = UNTICKED
    back = _back(data)
    lines = (
        []
        if problem
        else [
            _one(visitor, data, task_id, lambda unit, hand, task_id: act(unit, hand, task_id, form))
            for task_id in chosen
        ]
    )
    if not problem:
        return _told(request, visitor, words, lines, back)
    with visitor.runtime.database.read() as unit:
        untried = [_line(unit, visitor, task_id) for task_id in chosen]
        lot = offered(unit, visitor, back, typed=data) if untried else None
    return answers.page(
        request, "bulk.html", status=422, shell=visitor.shell(""), heading="Rien n’a été fait", problem=problem,
        untried=untried, lot=lot, done=[], refused=[], back=back,
    )  # fmt: skip


def _back(data: FormData) -> str:
    back = str(data.get(returning.BACK, ""))
    return back if returning.is_list(back) else "/a-faire"


def _told(request: Request, visitor: Visitor, words: str, lines: list[dict[str, Any]], back: str) -> Response:
    """What became of each line."""
    done = [line for line in lines if not line["refused"]]
    for case_id in {line["case_id"] for line in done}:
        answers.wait_for_engine(request, case_id)
    return answers.page(
        request, "bulk.html", shell=visitor.shell(""), heading=words if done else "Rien n’a été fait", problem="",
        untried=[], lot=None, done=done, refused=[line for line in lines if line["refused"]], back=back,
    )  # fmt: skip


def _ask(request: Request, visitor: Visitor, data: FormData, act: BulkAct) -> Response:
    """The page of an act that asks something first; then what became of each line."""
    if act.right not in rights(visitor.actor):
        raise Denied
    with visitor.runtime.database.read() as unit:
        tasks = [_task(unit, visitor, task_id) for task_id in _chosen(data)]
        concerned = act.concerned(tasks)
        problem = _problem(act, tasks, concerned)
        fields = act.fields(unit, visitor, concerned)
        lines = [_line(unit, visitor, task.id) for task in concerned]
        others = [_line(unit, visitor, task.id) for task in tasks if task not in concerned]
    errors = {"": problem} if problem else {}
    if FILLED in data and not problem:
        try:
            do = act.ready(visitor, data)
        except Mistakes as mistakes:
            errors = mistakes.errors
        else:
            carry_out = partial(bulk_asking.carry_out, do=do)
            done = [_one(visitor, data, line["task"], carry_out) for line in lines]
            return _told(request, visitor, act.done, done, _back(data))
    return answers.page(
        request,
        "bulk_asking.html",
        status=422 if errors else 200,
        shell=visitor.shell(""),
        form=Form(entered=kept(data) if FILLED in data else {}, errors=errors),
        code=str(data.get("act")),
        heading=act.heading,
        lead=act.lead,
        button=act.button,
        fields=fields,
        lines=lines,
        others=others,
        back=_back(data),
    )


def _problem(act: BulkAct, tasks: list[Task], concerned: list[Task]) -> str:
    if not tasks:
        return UNTICKED
    return act.problem(concerned) if concerned else "Aucune des lignes cochées n’attend cela."


def _chosen(data: FormData) -> list[UUID]:
    try:
        return list(dict.fromkeys(UUID(str(each)) for each in data.getlist("tache")))[:MOST]
    except ValueError:
        raise NotFound from None


def _one(
    visitor: Visitor, data: FormData, task_id: UUID, act: Callable[[UnitOfWork, Hand, UUID], object]
) -> dict[str, Any]:
    with visitor.runtime.database.read() as unit:
        line = _line(unit, visitor, task_id)
    try:
        visitor.once(data, f"en-lot/{task_id}", lambda unit: act(unit, visitor.hand, task_id))
    except CaseworkError as refused:
        line["refused"] = refused.sentence
    return line


def _task(unit: UnitOfWork, visitor: Visitor, task_id: UUID) -> Task:
    task = unit.session.get(Task, task_id)
    if task is None:
        raise NotFound
    readable(unit, visitor.actor, task.case_id)
    return task


def _line(unit: UnitOfWork, visitor: Visitor, task_id: UUID) -> dict[str, Any]:
    task = _task(unit, visitor, task_id)
    case = task.case
    return {
        "task": task.id,
        "case_id": case.id,
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "what": task_title(pathway_of(unit, case.pathway_hash), task.kind),
        "refused": "",
    }
