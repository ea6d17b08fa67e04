"""Files to take in: dropped, read again with what is said of their columns, asked for, followed, forgotten."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.vocabulary import ImportKind, ImportState
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, InvalidInput, InvalidInputs, NotFound
from services.foundation.tokens import new_token
from services.imports import files
from services.imports.files import Dropped, Received
from services.imports.reading import MAX_SIZE
from services.imports.verdicts import Verdict
from services.rules.casework import Hand
from services.rules.policy import Right, require
from services.web.pages import answers, exporting
from services.web.pages.entries import kept, mistakes_of, uploaded
from services.web.pages.imports_view import COLUMN, VALUE, columns_page, line_of, preview_page, standing
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE: Final = "/reglages/reprises"
NO_FILE: Final = "Choisissez un fichier."
SECTION: Final = "/reglages"
PATHS: Final = {"situations": ImportKind.CASES, "demandes": ImportKind.ALERTS}


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The latest files, and the two kinds that can be dropped."""
    with visitor.runtime.database.read() as unit:
        lines = [line_of(visitor, each, f"{HERE}/{each.id}") for each in files.listed(unit, visitor.actor)]
    shell = visitor.shell(SECTION, answers.done_words(fait))
    return answers.page(request, "imports.html", shell=shell, lines=lines, here=HERE)


@router.get(HERE + "/situations")
def ask_cases(request: Request, visitor: SignedIn) -> Response:
    """The form for a spreadsheet of cases in progress."""
    return _asked(request, visitor, ImportKind.CASES, answers.blank())


@router.get(HERE + "/demandes")
def ask_alerts(request: Request, visitor: SignedIn) -> Response:
    """The form for a file of alerts."""
    return _asked(request, visitor, ImportKind.ALERTS, answers.blank())


def _asked(request: Request, visitor: Visitor, kind: ImportKind, form: Form, *, status: int = 200) -> Response:
    with visitor.runtime.database.read() as unit:
        givers = [(str(giver_id), name) for giver_id, name in files.givers(unit, visitor.actor)]
    path = next(path for path, known in PATHS.items() if known is kind)
    return answers.page(
        request,
        "import_new.html",
        status=status,
        shell=visitor.shell(SECTION),
        form=form,
        kind=kind.value,
        givers=givers,
        action=f"{HERE}/{path}",
        back=HERE,
        today=visitor.today.isoformat(),
    )


@router.post(HERE + "/situations")
def drop_cases(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Read a spreadsheet of cases; nothing of it is written but its rows, for some days."""
    return _drop(request, visitor, ImportKind.CASES, data)


@router.post(HERE + "/demandes")
def drop_alerts(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Read a file of alerts."""
    return _drop(request, visitor, ImportKind.ALERTS, data)


def _drop(request: Request, visitor: Visitor, kind: ImportKind, data: FormData) -> Response:
    require(visitor.actor, Right.IMPORT)
    made: list[UUID] = []
    try:
        told, received = _read(kind, data)

        def act(unit: UnitOfWork) -> None:
            made.append(files.drop(unit, visitor.hand, told, received).id)

        _once(visitor, data, kind.value, act)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        errors = mistakes_of(refused) if isinstance(refused, InvalidInput) else {"file": refused.sentence}
        form = Form(once=new_token(), entered=kept(data), errors=errors)
        return _asked(request, visitor, kind, form, status=refused.status_code)
    return answers.see(f"{HERE}/{made[0]}" if made else HERE, "fichier-lu")


def _read(kind: ImportKind, data: FormData) -> tuple[Dropped, Received]:
    """Raise `InvalidInputs` for all that lacks, so that nobody chooses his file twice."""
    try:
        told = _dropped(kind, data)
    except InvalidInput as refused:
        lacking = {} if uploaded(data) else {"file": NO_FILE}
        raise InvalidInputs(mistakes_of(refused) | lacking) from None
    return told, _received(data)


def _dropped(kind: ImportKind, data: FormData) -> Dropped:
    if kind is ImportKind.CASES:
        return Dropped()
    try:
        giver_id = UUID(str(data.get("organisation_id", "")))
    except ValueError:
        raise InvalidInput("organisation_id", "Choisissez le service qui envoie ce fichier.") from None
    typed = str(data.get("collected_on") or "")
    try:
        on = date.fromisoformat(typed) if typed else None
    except ValueError:
        raise InvalidInput("collected_on", "Une date est attendue.") from None
    return Dropped(kind, giver_id, str(data.get("collected_by") or ""), on, notify="notify" in data)


def _received(data: FormData) -> Received:
    upload = uploaded(data)
    if upload is None:
        raise InvalidInput("file", NO_FILE)
    return files.receive(upload.file.read(MAX_SIZE + 1), upload.filename or "")


@router.get(HERE + "/{import_id}")
def one(
    request: Request, visitor: SignedIn, import_id: UUID, *, fait: str = "", lignes: str = "", page: int = 1
) -> Response:
    """What a file would give, how far it has come, or what became of it."""
    return _one(request, visitor, import_id, answers.blank(), fait=fait, verdict=lignes, number=page)


def _one(
    request: Request, visitor: Visitor, import_id: UUID, form: Form, *, fait: str = "", verdict: str = "",
    number: int = 1, status: int = 200,
) -> Response:  # fmt: skip
    address = f"{HERE}/{import_id}"
    preview: dict[str, Any] | None = None
    with visitor.runtime.database.read() as unit:
        found = files.file_for(unit, visitor.actor, import_id)
        if found.state == ImportState.READY:
            seen = files.preview(unit, visitor.actor, import_id)
            chosen = next((each for each in Verdict if each == verdict), None)
            preview = preview_page(seen, chosen, max(1, number), address)
            preview |= columns_page(found, seen)
        file = standing(visitor, found)
    if preview is not None:
        with visitor.runtime.database.write("access") as unit:
            files.note_reading(unit, visitor.actor)
    return answers.page(
        request,
        "import.html",
        status=status,
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        form=form,
        file=file,
        preview=preview,
        address=address,
        back=HERE,
        once=new_token(),
    )


@router.post(HERE + "/{import_id}/colonnes")
def correct(request: Request, visitor: SignedIn, import_id: UUID, data: Entered) -> Response:
    """Read the file again with what was said of its columns and values."""
    with visitor.runtime.database.read() as unit:
        layout = files.layout_of(unit, visitor.actor, import_id)
        fields = files.fields_of(files.file_for(unit, visitor.actor, import_id))
    columns: dict[str, str] = {}
    twice: dict[str, str] = {}
    for column in layout.columns:
        field = str(data.get(f"{COLUMN}{column.title}") or "")
        if field and field in columns:
            twice[f"{COLUMN}{column.title}"] = f"«\u00a0{columns[field]}\u00a0» est déjà lue ainsi."
        elif field:
            columns[field] = column.title
    if twice:
        form = Form(once=new_token(), entered=kept(data), errors=twice)
        return _one(request, visitor, import_id, form, status=422)
    values = {name: dict(codes) for name, codes in layout.said.values.items()}
    for name, code in data.multi_items():
        field, _, text = name.removeprefix(VALUE).partition(":")
        if name.startswith(VALUE) and isinstance(code, str):
            values.setdefault(field, {}).pop(text, None)
            if code:
                values[field][text] = code
    unsaid = dict.fromkeys(fields, "")  # what no column was said to be is not guessed either
    told = {"columns": unsaid | columns, "values": values, "defaults": layout.said.defaults}
    _once(visitor, data, f"{import_id}/colonnes", lambda unit: files.correct(unit, visitor.hand, import_id, told))
    return answers.see(f"{HERE}/{import_id}", "fichier-relu")


@router.post(HERE + "/{import_id}/reprendre")
def carry_out(request: Request, visitor: SignedIn, import_id: UUID, data: Entered) -> Response:
    """Ask for its valid rows; the relay takes them in, whatever becomes of this page."""
    return _act(request, visitor, import_id, data, act=files.carry_out, path="reprendre", done="fichier-demande")


@router.post(HERE + "/{import_id}/effacer")
def withdraw(request: Request, visitor: SignedIn, import_id: UUID, data: Entered) -> Response:
    """Forget its rows at once."""
    return _act(request, visitor, import_id, data, act=files.withdraw, path="effacer", done="fichier-efface")


def _act(
    request: Request, visitor: Visitor, import_id: UUID, data: FormData, *,
    act: Callable[[UnitOfWork, Hand, UUID], object], path: str, done: str,
) -> Response:  # fmt: skip
    try:
        _once(visitor, data, f"{import_id}/{path}", lambda unit: act(unit, visitor.hand, import_id))
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        form = Form(once=new_token(), errors={"": refused.sentence})
        return _one(request, visitor, import_id, form, status=refused.status_code)
    return answers.see(f"{HERE}/{import_id}", done)


@router.post(HERE + "/{import_id}/a-corriger")
def to_correct(visitor: SignedIn, import_id: UUID) -> Response:
    """The rows that are not taken in, with their reasons, to be corrected and dropped again. It is an act: they go."""
    with visitor.runtime.database.read() as unit:
        name, content = files.to_correct(unit, visitor.actor, import_id)
    with visitor.runtime.database.write("access") as unit:
        files.note_fetched(unit, visitor.actor, import_id)
    return exporting.saved(name, content)


def _once(visitor: Visitor, data: FormData, route: str, act: Callable[[UnitOfWork], object]) -> None:
    visitor.once(data, f"reprises/{route}", act)
