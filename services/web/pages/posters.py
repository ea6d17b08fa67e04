"""A sheet for the wall of an alert giver's service: when to ask, the form as a code, what came of the last term."""

from datetime import date
from typing import Any
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from models.programmes import Organisation, Programme
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.foundation.runtime import Runtime
from services.overview import requests_made
from services.programme import organisations
from services.rules.links import alert_url, has_alert_link, open_alert_link
from services.rules.published import today_of
from services.web.pages import answers
from services.web.pages.organisations import HERE, SECTION
from services.web.pages.visitor import Here, SignedIn
from services.web.rendering import Shell

router = APIRouter(include_in_schema=False)


@router.get("/demande/{token}/affiche")
def of_team(request: Request, runtime: Here, token: str) -> Response:
    """Behind the link of the service, for its team to print."""
    with runtime.database.read() as unit:
        _, giver = open_alert_link(unit, runtime, token)
        context = _context(unit, runtime, giver, today_of(unit, giver.programme_id))
    shell = Shell(dispositif=context["public_name"])
    return answers.page(
        request, "poster.html", shell=shell, layout="base_public.html", back=f"/demande/{token}", **context
    )


@router.get(HERE + "/{organisation_id}/affiche")
def of_service(request: Request, visitor: SignedIn, organisation_id: UUID) -> Response:
    """The same for the coordination, which hands it over."""
    with visitor.runtime.database.read() as unit:
        giver = organisations.alert_giver(unit, visitor.actor, organisation_id)
        if not has_alert_link(giver):
            raise NotFound
        context = _context(unit, visitor.runtime, giver, visitor.today)
    return answers.page(request, "poster.html", shell=visitor.shell(SECTION), layout="base.html", back=HERE, **context)


def _context(unit: UnitOfWork, runtime: Runtime, giver: Organisation, today: date) -> dict[str, Any]:
    programme, address = unit.session.get_one(Programme, giver.programme_id), alert_url(runtime, giver)
    term = requests_made.last_term(today)
    told = requests_made.of_organisation(unit, giver, term)
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        border=4, svgclass=None, lineclass=None, omitsize=True
    )
    figures = (
        (told.requests, "demandes de visite"),
        (told.visited, "ménages visités"),
        (told.helped, "ménages aidés par un partenaire"),
    )
    return {
        "name": giver.name,
        "public_name": programme.public_name,
        "phone": programme.phone,
        "address": address,
        "code": Markup(drawn),  # noqa: S704 - drawn by us from our own address
        "term": wording.months(term.first, term.last),
        "figures": [(number, words) for number, words in figures if number is not None],
    }
