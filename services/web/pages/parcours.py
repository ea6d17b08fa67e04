"""The pipeline on a page: five stages, where it blocks, the cards of the next days; refreshed while it is looked at."""

from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from models.engine import Task
from models.programmes import Organisation
from models.vocabulary import OrganisationKind, Party, Role
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.listing import Filters
from services.overview import desk, pipeline
from services.overview.pipeline import Board, Column, Waiting
from services.rules.finding import by_name
from services.rules.published import calendar_of, pathway_of
from services.rules.ranking import DANGER
from services.rules.texts.labels import label
from services.rules.titles import task_title
from services.web.pages import answers
from services.web.pages.lists import Asked
from services.web.pages.next_acts import acts_of
from services.web.pages.visitor import SignedIn, Visitor

router = APIRouter(include_in_schema=False)
HERE: Final = "/parcours"
LIST: Final = "/situations"
NAMED: Final = 3
"""So many of those waited for are named under a stage."""
NO_CONTENT: Final = 204


@router.get(HERE)
def board(request: Request, visitor: SignedIn, asked: Asked, vu: str = "", fait: str = "") -> Response:
    """Where the cases stand. A browser that shows it asks again: nothing is answered while nothing has changed."""
    filters = Filters(operator_id=asked.operator_id, commune=asked.commune)
    with visitor.runtime.database.read() as unit:
        stamp = pipeline.stamp(unit, visitor.actor)
        if vu and vu == stamp:
            return Response(status_code=NO_CONTENT)
        found = pipeline.board(unit, visitor.actor, filters)
        columns = [_column(unit, visitor, each, found, filters.address(HERE)) for each in found.columns]
        operators = _operators(unit, visitor)
    return answers.page(
        request,
        "pipeline.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        total=found.total,
        total_href=filters.but(open_only=True).address(LIST),
        columns=columns,
        block=_block(visitor, found),
        days=pipeline.DAYS,
        stamp=stamp,
        here=filters.address(HERE),
        operators=operators,
        chosen=str(asked.operator_id or ""),
    )


def _operators(unit: UnitOfWork, visitor: Visitor) -> list[tuple[str, str]]:
    """Whose cases the board may be kept to; an operator sees his own anyway."""
    if visitor.actor.role is not Role.COORDINATOR:
        return []
    query = select(Organisation.id, Organisation.name).where(
        Organisation.programme_id == visitor.actor.programme_id, Organisation.kind == OrganisationKind.OPERATOR
    )
    return [(str(row.id), row.name) for row in sorted(unit.session.execute(query), key=by_name)]


def _column(unit: UnitOfWork, visitor: Visitor, column: Column, found: Board, back: str) -> dict[str, Any]:
    soon = column.filters.but(within=pipeline.DAYS)
    return {
        "stage": column.stage.value,
        "name": label("stage", column.stage.value),
        "count": column.count,
        "href": column.filters.address(LIST),
        "late": column.late,
        "late_href": column.filters.but(late=True).address(LIST),
        "share": round(100 * column.late / column.count) if column.count else 0,
        "age": column.age_days,
        "blocks": found.block is not None and found.block[0] is column,
        "waiting": [
            {"name": who(visitor, each), "cases": each.cases, "href": each.filters.address(LIST)}
            for each in column.waiting[:NAMED]
        ],
        "others": max(0, len(column.waiting) - NAMED),
        "soon": column.soon,
        "soon_href": soon.address(LIST),
        "more": max(0, column.soon - len(column.cards)),
        "cards": [_card(unit, visitor, task, back) for task in column.cards],
    }


def who(visitor: Visitor, each: Waiting) -> str:
    """Whom cases wait for, standing alone."""
    if each.name:
        return each.name
    if each.party is Party.COORDINATOR and visitor.actor.role is Role.COORDINATOR:
        return desk.YOU
    words = {Party.COORDINATOR: "coordination", Party.ALERT_GIVER: "donneurs d’alerte"}
    return words.get(each.party, label("party", each.party.value))


def _block(visitor: Visitor, found: Board) -> dict[str, Any] | None:
    if found.block is None:
        return None
    column, side = found.block
    days = (visitor.now - side.since).days if side.since else 0
    return {
        "where": label("stage_at", column.stage.value),
        "cases": side.late,
        "whom": who(visitor, side),
        "you": side.party is Party.COORDINATOR and visitor.actor.role is Role.COORDINATOR,
        "days": days,
        "href": side.filters.but(late=True).address(LIST),
    }


def _card(unit: UnitOfWork, visitor: Visitor, task: Task, back: str) -> dict[str, Any]:
    case = task.case
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, case.programme_id))
    danger = task.kind == DANGER
    waits, _ = desk.waited_for(unit, visitor.actor, task)
    return {
        "id": case.id,
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "commune": case.dwelling.commune.name,
        "due": {"text": "Danger", "tone": "danger"} if danger else {"text": due.text, "tone": due.tone.value},
        "what": task_title(pathway_of(unit, case.pathway_hash), task.kind),
        "waits": waits,
        "danger": danger,
        "acts": [act | {"main": False} for act in acts_of(unit, visitor.actor, task, back=back)[:1]],
    }
