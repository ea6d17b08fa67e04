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
from services.rules.casework import Hand
from services.rules.policy import Right, check, readable
from services.web.pages import answers
from services.web.pages.act_pages import UNREAD, ActPage, again, check_seen, show
from services.web.pages.cases import case_page
from services.web.pages.entries import Mistakes, kept, mistakes_of, read, uploaded
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)


class Written(BaseModel):
    """The typed part of a report; the file comes beside it."""

    summary: forms.FreeText
    to_alert_giver: bool = False
    to_landlord: bool = False
    to_referent: bool = False
    to_committee: bool = False
    to_partner_ids: list[UUID] = []


def _fields(unit: UnitOfWork, visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    partners = desk.organisations(unit, visitor.actor, OrganisationKind.PARTNER)
    return [
        {"kind": "file", "name": "file", "label": "Rapport de visite",
         "hint": f"PDF ou photo, {documents.AT_MOST} ; ni santé, ni revenus si un partenaire le lit",
         "accept": "application/pdf,image/jpeg,image/png"},
        {"kind": "textarea", "name": "summary", "label": "Résumé", "rows": 5,
         "hint": "Ce qui a été vu, ce qui a été fait, ce qui reste à faire"},
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


def _unused(_unit: UnitOfWork, _hand: Hand, _case_id: UUID, _form: object) -> None:
    """The report has its own way, since a file is stored before the transaction."""


REPORT: Final = ActPage(
    "rapport",
    "rapport",
    "Remettre le rapport",
    "Le ménage a son rapport",
    Right.REPORT,
    _unused,
    fields=_fields,
    follows=("L’orientation vers les partenaires peut commencer.",),
)


@router.get("/situations/{case_id}/rapport")
def ask_report(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """The file, the summary, and with whom it may be shared."""
    return show(request, visitor, case_id, REPORT, answers.blank())


@router.post("/situations/{case_id}/rapport")
def deliver_report(request: Request, visitor: SignedIn, case_id: UUID, data: Entered) -> Response:
    """Store the file, then attach and deliver it in one transaction."""
    _may(visitor, case_id, Right.REPORT)
    try:
        written = _written(data)
        _deliver(visitor, case_id, data, written)
    except Mistakes as mistakes:
        return again(request, visitor, case_id, REPORT, data, errors=mistakes.errors, status=UNREAD)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        errors, status = mistakes_of(refused), refused.status_code
        return again(request, visitor, case_id, REPORT, data, errors=errors, status=status)
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", REPORT.code)


def _written(data: FormData) -> Written:
    """Raise `Mistakes` for all that is missing, so that nobody corrects twice."""
    written, lacking = read(Written, data), {}
    if not uploaded(data):
        lacking["file"] = "Joignez le fichier du rapport."
    if not written.summary:
        lacking["summary"] = "Cette réponse manque."
    if lacking:
        raise Mistakes(lacking)
    return written


def _may(visitor: Visitor, case_id: UUID, right: Right) -> None:
    """Asked before anything is stored: a foreign file may not fill the disk."""
    with visitor.runtime.database.read() as unit:
        check(unit, visitor.actor, readable(unit, visitor.actor, case_id), right)


def _deliver(visitor: Visitor, case_id: UUID, data: FormData, written: Written) -> None:
    upload = uploaded(data)
    if upload is None:
        raise InvalidInput("file", "Joignez le fichier du rapport.")
    stored = documents.store(visitor.runtime, documents.chunks_of(upload.file))
    kept_file: list[UUID] = []

    def act(unit: UnitOfWork) -> None:
        check_seen(unit, visitor, case_id, data)
        document = documents.add_document(unit, visitor.hand, case_id, upload.filename or "", stored)
        form = forms.ReportForm(document_id=document.id, **written.model_dump())
        reports.deliver_report(unit, visitor.hand, case_id, form)
        kept_file.append(document.id)

    try:
        visitor.once(data, f"{case_id}/rapport", act)
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
