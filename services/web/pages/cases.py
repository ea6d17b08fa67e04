"""The pipeline, the search, one case, its files. Names never stand in an address; each reading of a case is noted."""

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from models.cases import Case
from models.vocabulary import Stage
from services import desk, documents
from services.foundation import wording
from services.rules.policy import note_access
from services.rules.texts.labels import label
from services.web.pages import answers, case_view
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form, Link

router = APIRouter()
STAGES: Final = tuple(stage for stage in Stage)


@router.get("/situations")
def pipeline(request: Request, visitor: SignedIn, etape: str = "", page: int = 1) -> Response:
    """Every case that the reader may see, stage by stage."""
    stage = Stage(etape) if etape in set(Stage) else None
    with visitor.runtime.database.read() as unit:
        counts = desk.CaseQuery(visitor.actor).by_stage(unit)
        query = desk.CaseQuery(visitor.actor, stage)
        rows = [_row(visitor, case) for case in query.page(unit, max(1, page))]
    total = counts.get(stage, 0) if stage else sum(counts.values())
    tabs = [Link("Toutes", "/situations", current=stage is None, count=sum(counts.values()))] + [
        Link(label("stage", each), f"/situations?etape={each}", current=each is stage, count=counts.get(each, 0))
        for each in STAGES
    ]
    return answers.page(
        request,
        "cases.html",
        shell=visitor.shell("/situations"),
        heading="Situations",
        tabs=tabs,
        rows=rows,
        pages=_pages(total, max(1, page), f"/situations?etape={etape}&page=" if stage else "/situations?page="),
    )


@router.post("/recherche")
def search(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Cases by name, street, number or reference: sent in the body, so that no name is written in an address."""
    words = str(data.get("q", "")).strip()[:120]
    with visitor.runtime.database.read() as unit:
        query = desk.CaseQuery(visitor.actor, words=words)
        found = query.page(unit, 1) if words else []
        rows = [_row(visitor, case) for case in found]
    return answers.page(
        request,
        "cases.html",
        shell=visitor.shell("/situations", query=words),
        heading="Résultats de la recherche",
        tabs=[],
        rows=rows,
        pages=None,
    )


def _row(visitor: Visitor, case: Case) -> dict[str, Any]:
    return {
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "who": case.household.name,
        "commune": case.dwelling.commune.name,
        "stage": label("stage", case.stage),
        "state": label("case_state", case.state),
        "operator": case.operator.name if case.operator else "",
        "opened_on": case.opened_at.astimezone(visitor.zone).date(),
        "danger": case.danger is not None and not case.is_closed,
    }


def _pages(total: int, number: int, address: str) -> dict[str, Any] | None:
    if total <= desk.PAGE:
        return None
    first, last = (number - 1) * desk.PAGE + 1, min(total, number * desk.PAGE)
    return {
        "here": f"{first} à {last} sur {total}",
        "previous": f"{address}{number - 1}" if number > 1 else None,
        "following": f"{address}{number + 1}" if last < total else None,
    }


@router.get("/situations/{case_id}")
def case(request: Request, visitor: SignedIn, case_id: UUID, fait: str = "") -> Response:
    """One case: who it waits for, what happened, what is to come."""
    return case_page(request, visitor, case_id, fait=fait)


def case_page(
    request: Request, visitor: Visitor, case_id: UUID, *, fait: str = "", note: Form | None = None
) -> Response:
    """The page itself; `note` when a note that was refused is to be shown again."""
    with visitor.runtime.database.read() as unit:
        found = desk.sheet(unit, visitor.actor, case_id)
        context = case_view.context(unit, visitor, found)
    response = answers.page(
        request,
        "case.html",
        status=422 if note else 200,
        shell=visitor.shell("/situations", answers.done_words(fait)),
        note_form=note or answers.blank(),
        call_form=answers.blank(),
        **context,
    )
    noted(visitor, "read", case_id)
    return response


@router.get("/situations/{case_id}/lecteurs")
def readers(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """Who opened this case: for the coordinator and the administrator's questions."""
    with visitor.runtime.database.read() as unit:
        case = desk.readable(unit, visitor.actor, case_id)
        reference = case.number
        entries = desk.readers(unit, visitor.actor, case_id)
        rows = [[name, wording.moment(at, visitor.zone, today=visitor.today)] for name, at in entries]
    shell = visitor.shell("/situations")
    return answers.page(
        request, "readers.html", shell=shell, reference=reference, href=f"/situations/{case_id}", rows=rows
    )


@router.get("/documents/{document_id}")
def download(visitor: SignedIn, document_id: UUID) -> Response:
    """A file of a case: always saved, never shown among our pages."""
    with visitor.runtime.database.read() as unit:
        document, owner = documents.document_for(unit, visitor.actor, document_id)
        path, name, kind = documents.path_of(visitor.runtime, document), document.filename, document.media_type
        case_id = owner.id
    noted(visitor, "download", case_id)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return FileResponse(path, media_type=kind, headers=headers)


def noted(visitor: Visitor, action: str, case_id: UUID) -> None:
    """Write in the access log that somebody read a case."""
    with visitor.runtime.database.write("access") as unit:
        note_access(unit, visitor.actor, action, case_id=case_id)
