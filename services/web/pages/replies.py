"""Answers to our mails: one item's to read, and those that no item asks anybody to read."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.cases import Referral
from models.engine import IncomingMail, Task
from models.lifecycles import UNANSWERED, UNDER_WAY
from models.vocabulary import ReferralState, Suggestion, TaskState
from services.correspondence import replies
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.foundation.tokens import new_token
from services.rules.policy import note_access, readable
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.entries import kept
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
APART: Final = "/messages-recus"
SEALED: Final = {"sender": "", "subject": "", "text": "Ce message est gardé avec la situation : son opérateur le lit."}
"""What is shown of a mail about a household whom the reader may not know."""


@router.get("/situations/{case_id}/reponses/{task_id}")
def ask(request: Request, visitor: SignedIn, case_id: UUID, task_id: UUID) -> Response:
    """What was answered, what it seems to say, and what can be done about it."""
    with visitor.runtime.database.write("access") as unit:
        case = readable(unit, visitor.actor, case_id)
        task, found = replies.to_read(unit, visitor.actor, task_id)
        if task.case_id != case.id:
            raise NotFound
        note_access(unit, visitor.actor, "read", case_id=case.id)
        acts = _acts(unit, task, found)
        lines = [_line(visitor, reply.mail) | _words(reply) for reply in found]
    return answers.page(
        request,
        "reply.html",
        shell=visitor.shell("/a-faire"),
        reference=case.number,
        href=f"/situations/{case.id}",
        replies=lines,
        acts=acts,
    )


@router.post("/situations/{case_id}/reponses/{task_id}")
def read(request: Request, visitor: SignedIn, case_id: UUID, task_id: UUID, data: Entered) -> Response:
    """Read, nothing to do."""
    with visitor.runtime.database.read() as unit:
        readable(unit, visitor.actor, case_id)
    visitor.once(data, f"reponses/{task_id}", lambda unit: replies.read(unit, visitor.hand, task_id))
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "reponse-lue")


def _words(reply: replies.Reply) -> dict[str, Any]:
    suggested = label("suggestion", reply.suggestion.value) if reply.suggestion else ""
    return {"author": reply.author, "text": reply.text, "suggested": suggested}


def _line(visitor: Visitor, mail: IncomingMail) -> dict[str, Any]:
    return {
        "id": str(mail.id),
        "when": wording.moment(mail.received_at, visitor.zone, today=visitor.today),
        "sender": mail.sender,
        "subject": mail.subject,
    }


def _acts(unit: UnitOfWork, task: Task, found: Sequence[replies.Reply]) -> list[dict[str, Any]]:
    """Record what it says for the partner, where there is something to record; a plain yes, by one button."""
    if task.state != TaskState.OPEN:
        return []
    here = f"/situations/{task.case_id}"
    acts: list[dict[str, Any]] = []
    referral = unit.session.get(Referral, task.referral_id) if task.referral_id else None
    if referral is not None and ReferralState(referral.state) in UNANSWERED:
        its = f"{here}/orientations/{referral.id}"
        said_yes = bool(found) and found[0].suggestion is Suggestion.ACCEPT
        if said_yes:
            said = {"said_by": found[0].author, "how": "e-mail"}
            acts = [{"label": "Enregistrer son accord", "post": f"{its}/oui", "once": new_token(), "hidden": said,
                     "main": True}]  # fmt: skip
        answer = "Enregistrer une autre réponse" if said_yes else "Enregistrer la réponse"
        acts.append({"label": answer, "href": f"{its}/reponse", "main": not said_yes})
    elif referral is not None and ReferralState(referral.state) in UNDER_WAY:
        acts = [{"label": "Enregistrer les nouvelles", "href": f"{here}/orientations/{referral.id}/nouvelles",
                 "main": True}]  # fmt: skip
    return [*acts, {"label": "Lu, rien à faire", "post": f"{here}/reponses/{task.id}", "once": new_token()}]


# --- Kept apart -----------------------------------------------------------------------------------------------------


@router.get(APART)
def apart(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The mails that nobody's item asks to read."""
    return _page(request, visitor, flash=answers.done_words(fait))


@router.post(APART + "/{mail_id}/classer")
def file_on_case(request: Request, visitor: SignedIn, mail_id: UUID, data: Entered) -> Response:
    """This mail is about that case."""
    number = f"number-{mail_id}"  # several such forms share the page
    try:
        visitor.once(
            data,
            f"messages-recus/{mail_id}/classer",
            lambda unit: replies.file_on_case(unit, visitor.hand, mail_id, str(data.get(number, ""))),
        )
    except InvalidInput as refused:
        form = Form(entered=kept(data), errors={number: refused.sentence})
        return _page(request, visitor, wrong={str(mail_id): form}, status=422)
    return answers.see(APART, "message-classe")


@router.post(APART + "/{mail_id}/sans-suite")
def set_aside(visitor: SignedIn, mail_id: UUID, data: Entered) -> Response:
    """Read, nothing to do."""
    visitor.once(
        data, f"messages-recus/{mail_id}/sans-suite", lambda unit: replies.set_aside(unit, visitor.hand, mail_id)
    )
    return answers.see(APART, "message-sans-suite")


def _page(
    request: Request, visitor: Visitor, *, flash: str = "", wrong: dict[str, Form] | None = None, status: int = 200
) -> Response:
    with visitor.runtime.database.read() as unit:
        mails = replies.waiting(unit, visitor.actor)
        sealed = replies.sealed(unit, visitor.actor, mails)
        lines = [_apart(visitor, mail) | (SEALED if mail.id in sealed else {}) for mail in mails]
    return answers.page(
        request,
        "incoming.html",
        status=status,
        shell=visitor.shell(APART, flash),
        mails=[line | {"form": (wrong or {}).get(line["id"], answers.blank())} for line in lines],
        address=APART,
    )


def _apart(visitor: Visitor, mail: IncomingMail) -> dict[str, Any]:
    case = mail.case
    return _line(visitor, mail) | {
        "kind": label("incoming_kind", mail.kind),
        "text": mail.text,
        "case": {"reference": case.number, "href": f"/situations/{case.id}"} if case else None,
    }
