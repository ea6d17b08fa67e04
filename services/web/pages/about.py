"""The pages of the foot: accessibility, personal data, legal notice; open to everybody."""

import json
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from models.programmes import Programme
from services.web.api import description
from services.web.pages import answers
from services.web.pages.visitor import Here
from services.web.rendering import Shell

router = APIRouter(include_in_schema=False)
TITLES: Final = {
    "accessibilite": "Accessibilité",
    "donnees-personnelles": "Données personnelles",
    "mentions-legales": "Mentions légales",
}
DECLARED_ON: Final = date(2026, 11, 30)
"""When `make pages` last looked at every page, and the statement about accessibility was read against what it does."""


@router.get("/accessibilite")
@router.get("/donnees-personnelles")
@router.get("/mentions-legales")
def about(request: Request, runtime: Here) -> Response:
    """One of the three, with whom to ask."""
    name = request.url.path.strip("/")
    with runtime.database.read() as unit:
        found = unit.session.scalars(select(Programme).order_by(Programme.slug)).all()
        programmes = [(each.carrier, each.public_name, each.phone, each.email, each.postal_address) for each in found]
    shell = Shell(dispositif="Relais")
    context: dict[str, Any] = {"name": name, "heading": TITLES[name], "declared_on": DECLARED_ON}
    return answers.page(request, "about.html", shell=shell, programmes=programmes, **context)


@router.get("/api/docs")
def api_docs(request: Request) -> Response:
    """Every operation of the API in one page, without a script and without another site."""
    described = request.app.openapi()
    operations = [
        (method.upper(), path, each["summary"], each.get("description", ""), _examples(each))
        for path, method, each in description.operations(described)
    ]
    return answers.page(request, "api.html", shell=Shell(dispositif="Relais"), operations=operations)


def _examples(operation: dict[str, Any]) -> list[tuple[str, str]]:
    """What is sent, then what is answered when all goes well."""
    done = [each for status, each in operation["responses"].items() if status.startswith("2")]
    shown = [
        ("Ce que vous envoyez", operation.get("requestBody", {})),
        *(("Ce qui est répondu", each) for each in done),
    ]
    return [
        (words, json.dumps(content["example"], ensure_ascii=False, indent=2))
        for words, part in shown
        for content in part.get("content", {}).values()
        if "example" in content
    ]
