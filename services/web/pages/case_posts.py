"""Acts of one press on the page of a case: the report with its file, a note, the doubt about a message."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.cases import Case
from models.vocabulary import OrganisationKind
from services import forms
from services.cases import documents, notes, reports
from services.correspondence import messages
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, InvalidInput, NotFound
from services.overview import desk
from services.rules.policy import Right, check, check_known, readable
from services.web.pages import answers
from services.web.pages.act_pages import UNREAD, ActPage, again, check_seen, show
from services.web.pages.cases import case_page
from services.web.pages.entries import Mistakes, kept, mistakes_of, read, uploaded
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)


class Rewritten(BaseModel):
    """The typed part of a report; the file comes beside it."""

    summary: forms.FreeText


class Written(Rewritten):
    """The same, with who may read it, as the household said when it was given."""

    to_alert_giver: bool = False
    to_landlord: bool = False
    to_referent: bool = False
    to_committee: bool = False
    to_partner_ids: list[UUID] = []


def _fields(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    partners = desk.organisations(unit, visitor.actor, OrganisationKind.PARTNER)
    return [
        *_itself(),
        {"kind": "checks", "name": "to_alert_giver", "label": "Donneur d’alerte", "optional": True,
         "hint": "Il l’apprend sur la page de ses demandes, et vous le demande : à vous de le lui remettre",
         "choices": [("yes", "Le ménage veut bien que le donneur d’alerte lise le rapport")]},
        {"kind": "checks", "name": "to_landlord", "label": "Bailleur", "optional": True,
         "choices": [("yes", "Le ménage veut bien que le bailleur soit contacté")]},
        {"kind": "checks", "name": "to_referent", "label": "Travailleur social référent", "optional": True,
         "hint": "Relais ne le lui envoie pas : à vous de le lui remettre",
         "choices": [("yes", "Le ménage veut bien que son travailleur social lise le rapport")]},
        {"kind": "checks", "name": "to_committee", "label": "Commission d’orientation", "optional": True,
         "hint": "Relais ne le lui envoie pas : à vous de le lui remettre",
         "choices": [("yes", "Le ménage veut bien que la commission lise le rapport")]},
        {"kind": "checks", "name": "to_partner_ids", "label": "Partenaires", "optional": True, "two": True,
         "hint": "Ceux qui, de l’avis du ménage, peuvent lire le résumé et le fichier, leur demande une fois acceptée",
         "choices": [(str(each.id), each.name) for each in partners]},
    ]  # fmt: skip


def _itself(summary: str = "") -> list[dict[str, Any]]:
    return [
        {"kind": "file", "name": "file", "label": "Rapport de visite",
         "hint": f"PDF ou photo, {documents.AT_MOST} ; ni santé, ni revenus si un partenaire le lit",
         "accept": "application/pdf,image/jpeg,image/png"},
        {"kind": "textarea", "name": "summary", "label": "Résumé", "rows": 5, "value": summary,
         "hint": "Ce qui a été vu, ce qui a été fait, ce qui reste à faire"},
    ]  # fmt: skip


def _as_it_stands(unit: UnitOfWork, _visitor: Visitor, case: Case) -> list[dict[str, Any]]:
    report = reports.latest(unit, case)
    return _itself(report.summary if report else "")


REPORT: Final = ActPage(
    "rapport",
    "rapport",
    "Remettre le rapport",
    "Le ménage a son rapport",
    Right.REPORT,
    reports.deliver_report,
    Written,
    fields=_fields,
    follows=("L’orientation vers les partenaires peut commencer.",),
    possible=reports.check_not_given,
)
REPLACEMENT: Final = ActPage(
    "rapport/remplacer",
    "rapport-remplacer",
    "Remplacer le rapport",
    "Remplacer le rapport",
    Right.REPORT,
    reports.replace,
    Rewritten,
    fields=_as_it_stands,
    lead="Un fichier ou un résumé faux, ou d’un autre ménage, laisse la place au bon.",
    follows=("L’ancien fichier est effacé : personne ne peut plus l’ouvrir.",
             "Ceux qui pouvaient lire le rapport lisent le nouveau. Personne n’en est prévenu."),
    danger=True,
    possible=reports.replaceable,
)  # fmt: skip
"""Both have their own way, since a file is stored before the transaction."""


@router.get("/situations/{case_id}/rapport")
def ask_report(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """The file, the summary, and with whom it may be shared."""
    return show(request, visitor, case_id, REPORT, answers.blank())


@router.post("/situations/{case_id}/rapport")
def deliver_report(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Store the file, then attach and deliver it in one transaction."""
    _may(visitor, case_id, Right.REPORT)
    return _carry_out(request, visitor, case_id, data, page=REPORT, form=forms.ReportForm)


@router.get("/situations/{case_id}/rapport/remplacer")
def ask_replacement(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """The right file, and the summary as it stands."""
    _may(visitor, case_id, Right.REPORT, knowing=True)
    return show(request, visitor, case_id, REPLACEMENT, answers.blank())


@router.post("/situations/{case_id}/rapport/remplacer")
def replace_report(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Store the right file, then put it in the place of the wrong one in one transaction."""
    _may(visitor, case_id, Right.REPORT, knowing=True)
    return _carry_out(request, visitor, case_id, data, page=REPLACEMENT, form=forms.ReplacementForm)


def _carry_out(
    request: Request, visitor: Visitor, case_id: UUID, data: FormData, *, page: ActPage, form: type[BaseModel]
) -> Response:
    try:
        _send(visitor, case_id, data, page, form)
    except Mistakes as mistakes:
        return again(request, visitor, case_id, page, data, errors=mistakes.errors, status=UNREAD)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        errors, status = mistakes_of(refused), refused.status_code
        return again(request, visitor, case_id, page, data, errors=errors, status=status)
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", page.code)


def _written(data: FormData, model: type[BaseModel]) -> dict[str, Any]:
    """Raise `Mistakes` for all that is missing, so that nobody corrects twice."""
    written, lacking = read(model, data).model_dump(), {}
    if not uploaded(data):
        lacking["file"] = "Joignez le fichier du rapport."
    if not written["summary"]:
        lacking["summary"] = "Cette réponse manque."
    if lacking:
        raise Mistakes(lacking)
    return written


def _may(visitor: Visitor, case_id: UUID, right: Right, *, knowing: bool = False) -> None:
    """Asked before anything is stored: a foreign file may not fill the disk. `knowing`: also whose case it is."""
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        check(unit, visitor.actor, case, right)
        if knowing:
            check_known(unit, visitor.actor, case)


def _send(visitor: Visitor, case_id: UUID, data: FormData, page: ActPage, form: type[BaseModel]) -> None:
    written = _written(data, page.model)
    upload = uploaded(data)
    if upload is None:
        raise InvalidInput("file", "Joignez le fichier du rapport.")
    stored = documents.store(visitor.runtime, documents.chunks_of(upload.file))
    kept_file: list[UUID] = []

    def act(unit: UnitOfWork) -> None:
        check_seen(unit, visitor, case_id, data)
        document = documents.add_document(unit, visitor.hand, case_id, upload.filename or "", stored)
        page.do(unit, visitor.hand, case_id, form(document_id=document.id, **written))
        kept_file.append(document.id)

    try:
        visitor.once(data, f"{case_id}/{page.path}", act)
    except BaseException:
        stored[0].unlink(missing_ok=True)
        raise
    if not kept_file:  # the second press of one button: the first one's file is kept
        stored[0].unlink(missing_ok=True)


@router.post("/situations/{case_id}/notes")
def write_note(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """A note for the team."""
    try:
        form = read(forms.NoteForm, data)
    except Mistakes as mistakes:
        return case_page(request, visitor, case_id, note=Form(entered=kept(data), errors=mistakes.errors))
    visitor.once(data, f"{case_id}/notes", lambda unit: notes.add_note(unit, visitor.hand, case_id, form))
    return answers.see(f"/situations/{case_id}", "note")


@router.post("/situations/{case_id}/messages/{message_id}/remis")
def was_delivered(request: Request, visitor: SignedIn, case_id: UUID, message_id: UUID, data: Entered) -> Response:
    """The reader says that he has it."""
    return _settle(request, visitor, case_id, message_id, data, delivered=True)


@router.post("/situations/{case_id}/messages/{message_id}/non-remis")
def was_not_delivered(request: Request, visitor: SignedIn, case_id: UUID, message_id: UUID, data: Entered) -> Response:
    """The reader says that he never got it: it leaves again."""
    return _settle(request, visitor, case_id, message_id, data, delivered=False)


@router.post("/situations/{case_id}/messages/{message_id}/envoyer")
def send_now(request: Request, visitor: SignedIn, case_id: UUID, message_id: UUID, data: Entered) -> Response:
    """A message that waits for its hour leaves at once."""
    visitor.once(
        data, f"messages/{message_id}/envoyer", lambda unit: messages.send_now(unit, visitor.hand, case_id, message_id)
    )
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "message-envoye")


def _settle(
    request: Request, visitor: Visitor, case_id: UUID, message_id: UUID, data: FormData, *, delivered: bool
) -> Response:
    visitor.once(
        data,
        f"messages/{message_id}/{delivered}",
        lambda unit: messages.settle(unit, visitor.hand, case_id, message_id, delivered=delivered),
    )
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "message-remis" if delivered else "message-non-remis")
