"""The access log: searched by person, situation, kind and day; exported, which is itself written down."""

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.vocabulary import Role
from services.accounts import access_log
from services.accounts.access_log import Line, Wanted
from services.foundation import wording
from services.foundation.spreadsheet import workbook
from services.rules.texts.labels import choices, has_label, label
from services.web.pages import answers
from services.web.pages.administration import tabs
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE: Final = "/administration/journal"
A_PAGE: Final = 50
LARGEST: Final = 20_000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADER: Final = ("Quand", "Qui", "Quoi", "Situation", "Compte concerné", "Accordé", "Motif")


@router.get(HERE)
def show(request: Request, visitor: SignedIn, page: int = 1) -> Response:
    """One page of what is looked for; the address holds ids, codes and days only."""
    asked = {name: value for name, value in request.query_params.items() if name in Wanted.__dataclass_fields__}
    with visitor.runtime.database.read() as unit:
        first = (max(page, 1) - 1) * A_PAGE
        lines, total = access_log.search(unit, visitor.actor, _read(asked), first=first, limit=A_PAGE)
        people = [(str(person_id), name) for person_id, name in access_log.people(unit, visitor.actor)]
    last = min(first + A_PAGE, total)
    return answers.page(
        request,
        "access_log.html",
        shell=visitor.shell("/administration"),
        tabs=tabs(HERE) if visitor.actor.role is Role.ADMINISTRATOR else [],
        form=Form(once="", entered=asked),
        people=people,
        kinds=choices("access_kind"),
        rows=[_cells(visitor, each) for each in lines],
        here=f"{first + 1} à {last} sur {total}" if total else "",
        previous=_page(asked, page - 1) if page > 1 else None,
        following=_page(asked, page + 1) if last < total else None,
        export=HERE,
    )


@router.post(HERE)
def export(visitor: SignedIn, data: Entered) -> Response:
    """What is looked for as a spreadsheet."""
    wanted = _read({name: str(value) for name, value in data.items()})
    with visitor.runtime.database.read() as unit:
        lines, _ = access_log.search(unit, visitor.actor, wanted, first=0, limit=LARGEST)
    with visitor.runtime.database.write("access_log") as unit:
        access_log.note_export(unit, visitor.actor)
    rows = [HEADER, *([str(cell) for cell in _cells(visitor, each)] for each in lines)]
    name = f"journal-des-acces-{visitor.today.isoformat()}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(workbook("Journal des accès", rows), media_type=XLSX, headers=headers)


def _read(asked: dict[str, str]) -> Wanted:
    """What cannot be read is not looked for."""
    return Wanted(
        person_id=_or_none(UUID, asked.get("person_id", "")),
        number=asked.get("number", ""),
        kind=asked.get("kind", "") if asked.get("kind") in access_log.KINDS else "",
        first_on=_or_none(date.fromisoformat, asked.get("first_on", "")),
        last_on=_or_none(date.fromisoformat, asked.get("last_on", "")),
    )


def _or_none(make: Any, text: str) -> Any:
    try:
        return make(text)
    except ValueError:
        return None


def _page(asked: dict[str, str], number: int) -> str:
    return f"{HERE}?{urlencode(asked | {'page': number})}"


def _cells(visitor: Visitor, line: Line) -> list[str]:
    action = label("access_action", line.action) if has_label("access_action", line.action) else line.action
    return [
        wording.moment(line.at, visitor.zone, today=visitor.today),
        line.who,
        action,
        line.number,
        line.about,
        "oui" if line.allowed else "refusé",
        line.reason,
    ]
