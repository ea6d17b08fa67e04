"""What is to do today, each line with its act."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from models.engine import Message
from models.vocabulary import Role
from services import listing
from services.correspondence import messages
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.network import directory, sheets
from services.overview import desk
from services.rules.policy import Right, rights
from services.rules.published import calendar_of
from services.rules.ranking import DANGER
from services.rules.supply_cuts import truce_end
from services.rules.texts.labels import label
from services.web.pages import answers, bulk
from services.web.pages.lists import Asked, pages_of
from services.web.pages.next_acts import acts_of, handling_of
from services.web.pages.visitor import LINKS, SignedIn, Visitor

BESIDE: Final = 2
"""How many acts stand in a line; a third one would leave no room for its words, and folds with the others."""
router = APIRouter(include_in_schema=False)
HERE: Final = "/a-faire"
WITH_A_CUT: Final = listing.Filters(cut=True)


@router.get("/")
def home(visitor: SignedIn) -> Response:
    """The first page of each role: the day's list, or what the software could not do."""
    return RedirectResponse(LINKS[visitor.actor.role][0][1] if visitor.actor.role else "/a-faire", answers.SEE_OTHER)


@router.get("/a-faire")
def today(request: Request, visitor: SignedIn, asked: Asked, page: int = 1, fait: str = "") -> Response:
    """What needs a person; the rest goes by itself. An administrator has no case to follow."""
    if visitor.actor.role is Role.ADMINISTRATOR:
        return answers.see(LINKS[Role.ADMINISTRATOR][0][1])
    here = asked.address(HERE) if page == 1 else asked.address(HERE, page=page)
    with visitor.runtime.database.read() as unit:
        found = desk.today(unit, visitor.actor, asked, number=page)
        lines = [_line(unit, visitor, todo, here) for todo in found.lines.rows]
        lot = bulk.offered(unit, visitor, here)
        coordinates = Right.DIRECTORY in rights(visitor.actor)
        stale = directory.count_stale(unit, visitor.actor) if coordinates else 0
        proposed = sheets.count_waiting(unit, visitor.actor) if coordinates else 0
        spring = truce_end(visitor.today)
        cuts = listing.cases(unit, visitor.actor, WITH_A_CUT).count(unit) if spring else 0
        came_back = [_returned(each) for each in messages.came_back(unit, visitor.actor)] if coordinates else []
    return answers.page(
        request,
        "today.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        first_name=visitor.actor.name.split(" ")[0],
        lines=lines,
        total=found.lines.total,
        pages=pages_of(found.lines, asked, HERE),
        alone=found.alone,
        alone_href=asked.but(alone=True).address("/situations"),
        letters=found.letters,
        lot=lot,
        stale=stale,
        proposed=proposed,
        came_back=came_back,
        cuts={"count": cuts, "href": WITH_A_CUT.address("/situations"), "from": wording.short(spring)}
        if spring and cuts
        else None,
    )


def _returned(message: Message) -> dict[str, str]:
    """A mail that came back: by its organisation or its party, since an address may say who the household is."""
    case, reader = message.of_case, message.organisation
    who = reader.name if reader else label("party", message.party)
    return {"what": f"{who}, {case.number}", "href": f"/situations/{case.id}?voir=messages#histoire"}


def _line(unit: UnitOfWork, visitor: Visitor, todo: desk.Todo, here: str) -> dict[str, Any]:
    task, case = todo.task, todo.case
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, case.programme_id))
    danger = task.kind == DANGER
    words = todo.title
    if danger and case.danger:
        words = f"{words} : {label('danger', case.danger).lower()}"
    if task.kind == desk.HOLD_VISIT and task.visit is not None:
        words = f"{words}, {wording.moment(task.visit.starts_at, visitor.zone, today=visitor.today)}"
    why = ", ".join(label("rank_reason", reason) for reason in todo.reasons)
    acts = acts_of(unit, visitor.actor, task, doubt=todo.doubt, back=here)
    return {
        "id": case.id,
        "task": task.id,
        "due": {"text": "Danger", "tone": "danger"} if danger else {"text": due.text, "tone": due.tone.value},
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "commune": case.dwelling.commune.name,
        "stage": case.stage,
        "say": words,
        "why": why,
        "waiting_for": todo.waiting_for,
        "phone": todo.phone,
        "acts": acts[:BESIDE],
        "handling": [*acts[BESIDE:], *handling_of(unit, visitor.actor, task, back=here)],
    }
