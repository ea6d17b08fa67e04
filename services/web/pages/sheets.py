"""A partner's own sheet, by its link and without an account; and what the coordination does with what he proposed."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Programme, Service
from services.foundation.errors import CaseworkError
from services.network import sheets
from services.rules.links import open_sheet_link
from services.web.pages import answers
from services.web.pages.directory import HERE
from services.web.pages.directory_acts import fields
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, Here, SignedIn
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
RIGHT = "juste"
"""The button of a partner whose sheet needs no change."""


@router.get("/fiche/{token}")
def show(request: Request, runtime: Here, token: str) -> Response:
    """The sheet as the directory says it, to be confirmed or corrected. Nothing is recorded by looking."""
    return _page(request, runtime, token, answers.blank())


@router.post("/fiche/{token}")
def send(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """It is right; or what should change, which waits for the coordination."""
    is_right = data.get("then") == RIGHT
    try:
        form = None if is_right else read(sheets.SheetForm, data)
        with runtime.database.write("sheet") as unit:
            actor, service = open_sheet_link(unit, runtime, token, held=True)
            shell = _shell(unit.session.get_one(Programme, service.organisation.programme_id))
            made = form and sheets.propose(unit, actor, service, form)
            if form is None:
                sheets.confirm(unit, actor, service)
    except Mistakes as mistakes:
        form_again = Form(entered=kept(data), errors=mistakes.errors)
        return _page(request, runtime, token, form_again, status=422)
    except CaseworkError as refused:
        if refused.status_code != 422:  # noqa: PLR2004 - a link that opens nothing has its own page
            raise
        form_again = Form(entered=kept(data), errors=mistakes_of(refused))
        return _page(request, runtime, token, form_again, status=422)
    then = "La coordination relit vos changements, puis les met dans l’annuaire." if made else ""
    heading = "Merci : vos changements sont transmis" if made else "Merci : votre fiche est à jour"
    return answers.page(request, "thanks.html", shell=shell, heading=heading, then=then)


@router.post(HERE + "/{service_id}/propositions/{proposal_id}/{decision}")
def decide(visitor: SignedIn, service_id: UUID, proposal_id: UUID, decision: str, data: Entered) -> Response:
    """Write what the partner proposed, or leave the sheet as it is."""
    act = sheets.take if decision == "prendre" else sheets.refuse
    visitor.once(data, f"propositions/{proposal_id}/{decision}", lambda unit: act(unit, visitor.hand, proposal_id))
    done = "proposition-prise" if decision == "prendre" else "proposition-ecartee"
    return answers.see(f"{HERE}/{service_id}", done)


def _shell(programme: Programme) -> Shell:
    return Shell(dispositif=programme.public_name)


def _page(request: Request, runtime: Here, token: str, form: Form, *, status: int = 200) -> Response:
    with runtime.database.read() as unit:
        _, service = open_sheet_link(unit, runtime, token)
        programme = unit.session.get_one(Programme, service.organisation.programme_id)
        shell, phone, asked = _shell(programme), programme.phone, _fields(service)
        partner, area = service.organisation.name, service.area.name if service.area else ""
    return answers.page(
        request,
        "own_sheet.html",
        status=status,
        shell=shell,
        form=form,
        partner=partner,
        area=area,
        phone=phone,
        fields=asked,
        action=request.url.path,
        right=RIGHT,
    )


def _fields(service: Service) -> list[dict[str, Any]]:
    """What the coordination fills, without the zone; opened, since everything is to be looked at."""
    plain = [spec for spec in fields([], service) if spec["name"] != "area"]
    return [inner for spec in plain for inner in (spec["fields"] if spec["kind"] == "fold" else [spec])]
