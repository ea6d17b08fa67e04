"""The form of those who ask for a visit: public behind a secret link, the same whoever the household is."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.programmes import Programme
from models.vocabulary import Source
from services import alerts, communes, forms
from services.communes import Place
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.links import open_alert_link
from services.rules.texts.labels import choices
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter()
FOLDED: Final = frozenset(
    {"civility", "first_name", "email", "complement", "birth_year", "people", "landlord", "free_text"}
)
FOLLOWS: Final = (
    "La coordination lit la demande sous trois jours ouvrés, tout de suite en cas de danger.",
    "Un professionnel appelle la personne, puis va la voir chez elle.",
    "Vous recevez un mot à chaque étape importante.",
)


@router.get("/demande/{token}")
def ask(request: Request, runtime: Here, token: str) -> Response:
    """The form, empty."""
    return _page(request, runtime, token, answers.blank())


@router.post("/demande/{token}")
def submit(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """Open a case; or the form again, nothing lost, with a choice of communes when several bear the name."""
    with runtime.database.read() as unit:
        actor, _ = open_alert_link(unit, runtime, token)
        found = communes.places(unit, str(data.get("commune", "")))
    try:
        place = _chosen(found, str(data.get("commune_choice", "")))
        form = _read(data, place, found)
        answers.act_once(
            runtime,
            data,
            actor=actor.label,
            route="demande",
            act=lambda unit: alerts.submit(unit, Hand(open_alert_link(unit, runtime, token)[0], Source.WEB), form),
        )
    except Mistakes as mistakes:
        return _again(request, runtime, token, data, found, errors=mistakes.errors)
    except InvalidInput as refused:
        return _again(request, runtime, token, data, found, errors=mistakes_of(refused))
    return answers.see(f"/demande/{token}/envoyee")


@router.get("/demande/{token}/envoyee")
def receipt(request: Request, runtime: Here, token: str) -> Response:
    """The same words for everybody: nobody learns here whether the household was known."""
    with runtime.database.read() as unit:
        _, organisation = open_alert_link(unit, runtime, token)
        programme = unit.session.get_one(Programme, organisation.programme_id).public_name
    shell = Shell(dispositif=programme)
    return answers.page(request, "alert_receipt.html", shell=shell, follows=FOLLOWS, again_href=f"/demande/{token}")


def _read(data: FormData, place: Place | None, found: list[Place]) -> forms.AlertForm:
    where = {"commune_code": place.code, "postcode": place.postcode} if place else {}
    missing = {} if place else {"commune": _which(data, found)}
    try:
        form = read(forms.AlertForm, data, **where)
    except Mistakes as mistakes:
        errors = {name: words for name, words in mistakes.errors.items() if name not in {"commune_code", "postcode"}}
        raise Mistakes(missing | errors | _agreement(data)) from None
    if not form.agreement:
        raise Mistakes(_agreement(data))
    return form


def _which(data: FormData, found: list[Place]) -> str:
    if not str(data.get("commune", "")).strip():
        return "Écrivez le nom de la commune ou son code postal."
    if not found:
        return "Cette commune n’est pas connue ici : écrivez son nom entier ou son code postal."
    return "Plusieurs communes portent ce nom ou ce code : choisissez la bonne."


def _agreement(data: FormData) -> dict[str, str]:
    return {} if "agreement" in data else {"agreement": "Sans l’accord de la personne, la demande ne peut pas partir."}


def _chosen(found: list[Place], choice: str) -> Place | None:
    if len(found) == 1:
        return found[0]
    return next((place for place in found if f"{place.code}:{place.postcode}" == choice), None)


def _again(
    request: Request, runtime: Runtime, token: str, data: FormData, found: list[Place], *, errors: dict[str, str]
) -> Response:
    form = Form(once=new_token(), entered=kept(data), errors=errors)
    return _page(request, runtime, token, form, found=found, status=422)


def _page(
    request: Request,
    runtime: Runtime,
    token: str,
    form: Form,
    *,
    found: list[Place] | None = None,
    status: int = 200,
) -> Response:
    with runtime.database.read() as unit:
        _, organisation = open_alert_link(unit, runtime, token)
        programme = unit.session.get_one(Programme, organisation.programme_id).public_name
        name = organisation.name
    several = [(f"{place.code}:{place.postcode}", f"{place.name} ({place.postcode})") for place in found or []]
    known = any(form.entered.get(each) or each in form.errors for each in FOLDED)
    return answers.page(
        request,
        "alert_form.html",
        status=status,
        shell=Shell(dispositif=programme),
        form=form,
        organisation=name,
        action=f"/demande/{token}",
        communes=several if len(several) > 1 else [],
        known=known,
        **_choices(),
    )


def _choices() -> dict[str, Any]:
    return {
        "tenures": choices("tenure"),
        "motives": choices("motive"),
        "urgencies": choices("urgency"),
        "best_times": choices("best_time"),
        "modes": choices("agreement_mode"),
    }
