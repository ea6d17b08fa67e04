"""The API's door for alert givers."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.cases import alerts
from services.forms import AlertForm
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Right, require
from services.web.api.answers import Receipt
from services.web.api.edge import Acts, receipt

TAG: Final = "Demandes"
router = APIRouter(tags=[TAG])


@router.post("/alerts", status_code=201, response_model=Receipt, summary="Demander une visite")
def submit_alert(acts: Acts, form: AlertForm) -> JSONResponse:
    """Ouvre une situation.

    Avec un lien de demande (`Authorization: Lien …`) : au nom du donneur d’alerte. Avec une clé de la
    coordination : demande reçue par téléphone.
    """

    def submit(unit: UnitOfWork, hand: Hand) -> Receipt:
        by_link = hand.actor.kind == "form"
        if not by_link:
            require(hand.actor, Right.TRIAGE)
        case = alerts.submit(unit, hand, form, origin="form" if by_link else "phone")
        unit.session.flush()
        return receipt(case, bare=by_link)

    return acts.once(submit, form)
