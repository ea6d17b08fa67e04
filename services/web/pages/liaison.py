"""The sheet for another Slime that is not on this Relais: what it needs to call a household, on one page of paper."""

from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.vocabulary import BestTime, Energy, Motive, Tenure, Urgency
from services.cases import endings
from services.forms import AlertForm
from services.foundation import wording
from services.foundation.errors import Denied
from services.rules.policy import knows_household, readable
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.cases import noted
from services.web.pages.visitor import SignedIn

router = APIRouter(include_in_schema=False)
TOGETHER: Final = {"civility", "first_name", "surname", "street", "complement", "postcode", "commune_code"}
KINDS: Final[dict[type[StrEnum], str]] = {
    BestTime: "best_time",
    Energy: "energy",
    Motive: "motive",
    Tenure: "tenure",
    Urgency: "urgency",
}


@router.get("/situations/{case_id}/fiche-a-remettre")
def liaison(request: Request, visitor: SignedIn, case_id: UUID) -> Response:
    """What is passed on, in the words of the request form; for those who know the household."""
    with visitor.runtime.database.read() as unit:
        case = readable(unit, visitor.actor, case_id)
        if not knows_household(unit, visitor.actor, case):
            raise Denied("L’opérateur, qui connaît ce ménage, imprime cette fiche.")
        known, dwelling = endings.passed_on(unit, case), case.dwelling
        street = [dwelling.street, dwelling.complement, f"{dwelling.postcode} {dwelling.commune.name}"]
        context: dict[str, Any] = {
            "reference": case.number,
            "href": f"/situations/{case_id}",
            "to": case.transferred_to,
            "to_phone": case.transferred_phone,
            "programme": case.programme,
            "facts": [
                ("Ménage", case.household.name),
                ("Adresse", ", ".join(part for part in street if part)),
                *(
                    (field.description, _words(name, known[name]))
                    for name, field in AlertForm.model_fields.items()
                    if name in known and name not in TOGETHER
                ),
            ],
        }
    response = answers.page(request, "liaison.html", shell=visitor.shell("/situations"), **context)
    noted(visitor, "sheet", case_id)
    return response


def _words(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(name, each) for each in value)
    if isinstance(value, StrEnum):
        return label(KINDS[type(value)], value)
    if isinstance(value, date):
        return wording.day(value)
    if value is True:
        return "Oui"
    return wording.phone(value) if name.endswith("phone") else value
