"""What the reader has just sent and may still take back: how long it waits, and one button."""

from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.cases import recalling
from services.foundation.errors import GuardRefused, NotFound
from services.rules.policy import Right, rights
from services.web.pages import answers
from services.web.pages.visitor import Entered, SignedIn

router = APIRouter(include_in_schema=False)


@router.get("/envois-retenus")
def held(request: Request, visitor: SignedIn) -> Response:
    """The bar alone, counted down; a browser without htmx asks for it by mistake and gets the day."""
    if not answers.is_inline(request):
        return answers.see("/a-faire")
    return answers.page(request, "held.html", held=visitor.held())


@router.post("/envois-retenus/annuler")
def recall(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Take back what is named, each in its own transaction; too late for one is said, the others are taken back."""
    case_ids, late = [], False
    try:
        events = [UUID(str(event)) for event in data.getlist("event")]
    except ValueError:
        raise NotFound from None
    for event_id in events:
        try:
            with visitor.runtime.database.write("recall") as unit:
                case_ids.append(recalling.recall(unit, visitor.hand, event_id).id)
        except GuardRefused:
            late = True
    if not case_ids:
        raise GuardRefused("C’est trop tard : l’envoi est parti.")
    for case_id in case_ids:
        answers.wait_for_engine(request, case_id)
    done = "rappel-partiel" if late else "rappel"
    elsewhere = "/a-faire" if len(case_ids) > 1 else f"/situations/{case_ids[0]}"
    if Right.READ not in rights(visitor.actor):
        elsewhere = "/administration"
    return answers.see(_here(request) or elsewhere, done)


def _here(request: Request) -> str:
    """The page that htmx changes in place: the bar stands on every one."""
    path = urlsplit(request.headers.get("hx-current-url", "")).path
    return path if answers.is_inline(request) and not path.startswith("//") else ""
