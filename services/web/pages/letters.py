"""The day's letters: printed as one file, posted, ticked."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.engine import Message
from services.correspondence import letters
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.listing import PAGE
from services.rules.policy import known
from services.rules.titles import text_title
from services.web.pages import answers
from services.web.pages.entries import kept, mistakes_of
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
HERE: Final = "/courriers"


@router.get("/courriers")
def show(request: Request, visitor: SignedIn, fait: str = "", page: int = 1, poste: int = 1) -> Response:
    """What waits for the printer, and what waits for the post, each in its pages (`page`, `poste`)."""
    return _page(request, visitor, answers.blank(), fait, at=(page, poste))


def _page(
    request: Request, visitor: Visitor, form: Form, fait: str = "", *, at: tuple[int, int] = (1, 1), status: int = 200
) -> Response:
    with visitor.runtime.database.read() as unit:
        to_post = letters.to_post(unit, visitor.actor)
        waiting, printed = letters.to_print(unit, visitor.actor).page(unit, at[0]), to_post.page(unit, at[1])
        lines, counts = _lines(unit, visitor, waiting.rows), to_post.by(unit, Message.batch_id)
        batches = [
            {
                "id": str(each.batch.id),
                "pdf": f"/courriers/{each.batch.id}.pdf",
                "on": each.batch.on,
                "count": counts[each.batch.id],
                "letters": _lines(unit, visitor, each.letters),
            }
            for each in letters.by_batch(unit, printed.rows)
        ]
    return answers.page(
        request,
        "letters.html",
        status=status,
        shell=visitor.shell("/courriers", answers.done_words(fait)),
        form=form,
        waiting=lines,
        count=waiting.total,
        pages=answers.pages(waiting.total, waiting.number, PAGE, f"{HERE}?poste={printed.number}&page="),
        batches=batches,
        action=f"{HERE}?page={waiting.number}&poste={printed.number}",
        post_pages=answers.pages(printed.total, printed.number, PAGE, f"{HERE}?page={waiting.number}&poste="),
        today=visitor.today.isoformat(),
    )


def _lines(unit: UnitOfWork, visitor: Visitor, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """A letter printed before an association took the case keeps its line, to be ticked, and loses its name."""
    named = known(unit, visitor.actor, {each.of_case.id for each in messages})
    return [_line(visitor, each, is_known=each.of_case.id in named) for each in messages]


def _line(visitor: Visitor, message: Message, *, is_known: bool) -> dict[str, Any]:
    case = message.of_case
    return {
        "id": str(message.id),
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "recipient": case.household.name if is_known else "",
        "what": message.subject or text_title(message.text),
        "planned_on": message.due_at.astimezone(visitor.zone).date(),
        "error": message.error or "",
    }


@router.post("/courriers/imprimer")
def print_letters(visitor: SignedIn, data: Entered) -> Response:
    """Put every waiting letter into one file."""
    made: list[bool] = []

    def act(unit: UnitOfWork) -> None:
        made.append(letters.print_batch(unit, visitor.hand) is not None)

    visitor.once(data, "courriers/imprimer", act)
    return answers.see("/courriers", "lettres-aucune" if made == [False] else "lettres-imprimees")


@router.get("/courriers/{batch_id}.pdf")
def pdf(visitor: SignedIn, batch_id: UUID) -> Response:
    """The file to print; saved, not shown among our pages."""
    with visitor.runtime.database.read() as unit:
        printed = letters.batch_for(unit, visitor.actor, batch_id)
        content = letters.pdf_of(unit, printed)
        name = f"courriers-{printed.batch.on.isoformat()}-{printed.batch.ordinal}.pdf"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="application/pdf", headers=headers)


@router.post("/courriers")
def mark_posted(request: Request, visitor: SignedIn, data: Entered, page: int = 1, poste: int = 1) -> Response:
    """The ticked letters are in the post, or all those of one file."""

    def act(unit: UnitOfWork) -> None:
        ids = [UUID(str(each)) for each in data.getlist("letter")]
        if "batch" in data:
            ids = letters.of_batch(unit, visitor.actor, UUID(str(data["batch"])))
        letters.mark_posted(unit, visitor.hand, ids, on=on)

    try:
        on = _day(str(data.get("posted_on", "")))
        visitor.once(data, "courriers", act)
    except InvalidInput as refused:
        form = Form(entered=kept(data), errors=mistakes_of(refused))
        return _page(request, visitor, form, at=(page, poste), status=422)
    return answers.see("/courriers", "lettres-postees")


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise InvalidInput("posted_on", "Une date est attendue.") from None
