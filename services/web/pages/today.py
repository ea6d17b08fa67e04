"""What is to do today, each line with its act."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from models.vocabulary import Role
from services import desk
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.published import calendar_of
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.next_acts import acts_of
from services.web.pages.visitor import LINKS, SignedIn, Visitor

router = APIRouter()


@router.get("/")
def home(visitor: SignedIn) -> Response:
    """The first page of each role: the day's list, or what the software could not do."""
    return RedirectResponse(LINKS[visitor.actor.role][0][1] if visitor.actor.role else "/a-faire", answers.SEE_OTHER)


@router.get("/a-faire")
def today(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """What needs a person; the rest goes by itself. An administrator has no case to follow."""
    if visitor.actor.role is Role.ADMINISTRATOR:
        return answers.see(LINKS[Role.ADMINISTRATOR][0][1])
    with visitor.runtime.database.read() as unit:
        found = desk.today(unit, visitor.actor)
        lines = [_line(unit, visitor, todo) for todo in found.lines]
    return answers.page(
        request,
        "today.html",
        shell=visitor.shell("/a-faire", answers.done_words(fait)),
        first_name=visitor.actor.name.split(" ")[0],
        lines=lines,
        alone=found.alone,
        letters=found.letters,
    )


def _line(unit: UnitOfWork, visitor: Visitor, todo: desk.Todo) -> dict[str, Any]:
    task, case = todo.task, todo.case
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, case.programme_id))
    danger = task.kind == desk.DANGER
    words = todo.title
    if danger and case.danger:
        words = f"{words} : {label('danger', case.danger).lower()}"
    return {
        "due": {"text": "Danger", "tone": "danger"} if danger else {"text": due.text, "tone": due.tone.value},
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "commune": case.dwelling.commune.name,
        "stage": case.stage,
        "say": words,
        "waiting_for": todo.waiting_for,
        "phone": todo.phone,
        "acts": acts_of(unit, visitor.actor, task, doubt=todo.doubt),
    }
