"""The pages of the foot: accessibility, personal data, legal notice; open to everybody."""

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from models.programmes import Programme
from services.web.pages import answers
from services.web.pages.visitor import Here
from services.web.rendering import Shell

router = APIRouter()
TITLES: Final = {
    "accessibilite": "Accessibilité",
    "donnees-personnelles": "Données personnelles",
    "mentions-legales": "Mentions légales",
}


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
    return answers.page(request, "about.html", shell=shell, name=name, heading=TITLES[name], programmes=programmes)


@router.get("/api/docs")
def api_docs(request: Request) -> Response:
    """Every operation of the API in one page, without a script and without another site."""
    described = request.app.openapi()
    operations = [
        (method.upper(), path, each.get("summary", ""), each.get("description", ""))
        for path, methods in described["paths"].items()
        for method, each in methods.items()
    ]
    return answers.page(request, "api.html", shell=Shell(dispositif="Relais"), operations=operations)
