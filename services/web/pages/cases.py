"""The pipeline, the search, one case, its files. Names never stand in an address; each reading of a case is noted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.cases import Case
from models.engine import Task
from models.vocabulary import Stage
from services import listing, search
from services.cases import documents
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.listing import OPEN_STAGES, Filters
from services.overview import desk
from services.rules.policy import Right, known, note_access, readable, rights
from services.rules.published import calendar_of
from services.rules.texts.labels import label
from services.web.pages import answers, case_view, exporting
from services.web.pages.lists import Asked, pages_of
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form, Link

router = APIRouter(include_in_schema=False)
COLUMNS: Final = ("Situation", "Commune", "Étape", "Où elle en est", "Opérateur", "Ouverte le", "Terminée le",
                  "En attente de", "Avant le")  # fmt: skip


@router.get("/situations")
def pipeline(request: Request, visitor: SignedIn, asked: Asked, page: int = 1) -> Response:
    """The cases that the reader may see, stage by stage."""
    with visitor.runtime.database.read() as unit:
        counts = listing.cases(unit, visitor.actor, asked.but(stage=None)).by(unit, Case.stage)
        total = counts.get(asked.stage, 0) if asked.stage else sum(counts.values())
        found = listing.cases(unit, visitor.actor, asked).page(unit, page, total=total)
        rows = _rows(unit, visitor, found.rows)
    return answers.page(
        request,
        "cases.html",
        shell=visitor.shell("/situations"),
        heading="Situations",
        may_note=Right.TRIAGE in rights(visitor.actor),
        tabs=list(_tabs(asked, counts)),
        rows=rows,
        pages=pages_of(found, asked, "/situations"),
        files=[{"label": kind.upper(), "href": asked.address(f"/situations.{kind}")} for kind in exporting.KINDS],
    )


@router.get("/situations.{kind}")
def export(visitor: SignedIn, asked: Asked, kind: str) -> Response:
    """The same list as a file, by reference alone: a file goes where nobody sees who reads it. Who took it is noted."""
    if kind not in exporting.KINDS or Right.READ not in rights(visitor.actor):
        raise NotFound
    with visitor.runtime.database.read() as unit:
        question = listing.cases(unit, visitor.actor, asked)
        lines = [line for cases in question.batches(unit) for line in _lines(unit, visitor, cases)]
    with visitor.runtime.database.write("access") as unit:
        note_access(unit, visitor.actor, "export /situations", case_id=None)
    return exporting.file(kind, f"situations-{visitor.today.isoformat()}", COLUMNS, lines)


def _lines(unit: UnitOfWork, visitor: Visitor, cases: Sequence[Case]) -> Iterator[tuple[str, ...]]:
    first = desk.owed_first(unit, visitor.actor, cases)
    for case in cases:
        shown, task = _row(visitor, case, is_known=False), first.get(case.id)
        yield (
            *(shown[name] for name in ("reference", "commune", "stage", "state", "operator")),
            *(_day(visitor, at) for at in (case.opened_at, case.closed_at)),
            _ball(unit, visitor, task)["waits"],
            _day(visitor, task.due_at if task else None),
        )


def _day(visitor: Visitor, at: datetime | None) -> str:
    return at.astimezone(visitor.zone).date().isoformat() if at else ""


def _tabs(asked: Filters, counts: Mapping[str, int]) -> Iterator[Link]:
    """What is under way, stage by stage, then what has ended, of which years of cases are counted only if asked for."""
    ended = None if asked.open_only else counts.get(Stage.CLOSED, 0)
    under_way = sum(counts.get(each, 0) for each in OPEN_STAGES)
    every = asked.stage is None
    yield _tab("En cours", asked.but(stage=None, open_only=True), under_way, current=every and asked.open_only)
    for each in OPEN_STAGES:
        yield _tab(label("stage", each), asked.but(stage=each), counts.get(each, 0), current=asked.stage is each)
    closed = asked.but(stage=Stage.CLOSED, open_only=False)
    yield _tab("Terminées", closed, ended, current=asked.stage is Stage.CLOSED)
    both = None if ended is None else under_way + ended
    yield _tab("Toutes", asked.but(stage=None, open_only=False), both, current=every and not asked.open_only)


def _tab(words: str, asked: Filters, count: int | None, *, current: bool) -> Link:
    return Link(words, asked.address("/situations"), current=current, count=count)


@router.post("/recherche")
def found(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Cases by name, street, number or reference: sent in the body, so that no name is written in an address."""
    words, number = str(data.get("q", "")).strip()[:120], str(data.get("page", ""))
    page: listing.Page[Case] = listing.Page([], 1, 0)
    with visitor.runtime.database.read() as unit:
        if words:
            asked_for = int(number) if number.isascii() and number.isdecimal() else 1
            page = search.search(unit, visitor.actor, words).page(unit, asked_for)
        rows = _rows(unit, visitor, page.rows)
    if words:
        with visitor.runtime.database.write("access") as unit:
            search.note(unit, visitor.actor, page.total)
    return answers.page(
        request,
        "cases.html",
        shell=visitor.shell("/situations", query=words),
        heading="Résultats de la recherche",
        under=_how_many(page.total),
        tabs=[],
        rows=rows,
        pages=_pages(page, words),
    )


def _how_many(total: int) -> str:
    if total == search.MOST:
        return f"Les {total} situations enregistrées en dernier : ajoutez un mot pour en trouver une plus ancienne"
    return f"{total} situations, de la plus récente à la plus ancienne" if total > 1 else ""


def _pages(found: listing.Page[Case], words: str) -> dict[str, Any] | None:
    """The pages beside are asked for as the search was: in the body."""
    if found.total <= listing.PAGE:
        return None
    return {
        "here": f"{found.first} à {found.last} sur {found.total}",
        "previous": found.number - 1 if found.number > 1 else None,
        "following": found.number + 1 if found.has_next else None,
        "asked": {"action": "/recherche", "words": words},
    }


def _rows(unit: UnitOfWork, visitor: Visitor, cases: Sequence[Case]) -> list[dict[str, Any]]:
    named = known(unit, visitor.actor, [case.id for case in cases])
    first = desk.owed_first(unit, visitor.actor, cases)
    return [_row(visitor, case, is_known=case.id in named) | _ball(unit, visitor, first.get(case.id)) for case in cases]


def _ball(unit: UnitOfWork, visitor: Visitor, task: Task | None) -> dict[str, Any]:
    """Whom a case waits for, and until when."""
    if task is None:
        return {"waits": "", "due": None}
    who, _ = desk.waited_for(unit, visitor.actor, task)
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    return {"waits": wording.capital(who), "due": {"text": due.text, "tone": due.tone.value}}


def _row(visitor: Visitor, case: Case, *, is_known: bool) -> dict[str, Any]:
    return {
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "who": case.household.name if is_known else "",
        "commune": case.dwelling.commune.name,
        "stage": label("stage", case.stage),
        "state": label("case_state", case.state),
        "operator": case.operator.name if case.operator else "",
        "opened_on": case.opened_at.astimezone(visitor.zone).date(),
        "danger": case.danger is not None,
    }


@router.get("/situations/{case_id}")
def case(request: Request, visitor: SignedIn, case_id: UUID, fait: str = "", voir: str = "") -> Response:
    """One case: who it waits for, what happened, what is to come."""
    answers.wait_for_engine(request, case_id)
    return case_page(request, visitor, case_id, fait=fait, see=voir)


def case_page(
    request: Request, visitor: Visitor, case_id: UUID, *, fait: str = "", see: str = "", note: Form | None = None
) -> Response:
    """The page itself; `see`: which view of its story; `note` when a note that was refused is to be shown again."""
    with visitor.runtime.database.read() as unit:
        found = desk.sheet(unit, visitor.actor, case_id)
        context = case_view.context(unit, visitor, found, see=see)
    response = answers.page(
        request,
        "case.html",
        status=422 if note else 200,
        shell=visitor.shell("/situations", answers.done_words(fait)),
        form=note or answers.blank(),
        call_form=answers.blank(),
        **context,
    )
    noted(visitor, "read", case_id)
    return response


@router.get("/situations/{case_id}/fiche")
def printed(request: Request, visitor: SignedIn, case_id: UUID, nom: str = "") -> Response:
    """The case on paper, without what names the household unless asked."""
    with visitor.runtime.database.read() as unit:
        found = desk.sheet(unit, visitor.actor, case_id)
        context = case_view.sheet(unit, visitor, found, named=nom == "oui")
    response = answers.page(request, "sheet.html", shell=visitor.shell("/situations"), **context)
    noted(visitor, "sheet", case_id)
    return response


@router.get("/situations/{case_id}/lecteurs")
def readers(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """Who opened this case: for the coordinator and the administrator's questions."""
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        reference = case.number
        entries = desk.readers(unit, visitor.actor, case_id)
        rows = [
            [name, label("opening", what), wording.moment(at, visitor.zone, today=visitor.today)]
            for name, what, at in entries
        ]
    shell = visitor.shell("/situations")
    return answers.page(
        request, "readers.html", shell=shell, reference=reference, href=f"/situations/{case_id}", rows=rows
    )


@router.get("/documents/{document_id}")
def download(visitor: SignedIn, document_id: UUID) -> Response:
    """A file of a case."""
    with visitor.runtime.database.read() as unit:
        document, owner = documents.document_for(unit, visitor.actor, document_id)
        answer, case_id = answers.saved(visitor.runtime, document), owner.id
    noted(visitor, "download", case_id)
    return answer


def noted(visitor: Visitor, action: str, case_id: UUID) -> None:
    """Write in the access log that somebody read a case."""
    with visitor.runtime.database.write("access") as unit:
        note_access(unit, visitor.actor, action, case_id=case_id)
