"""The form that asks for a visit: behind an alert giver's secret link, on the public page, before who answers a call.

Whoever asks, it is the same form and it says the same: nobody learns here whether the household was known.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.programmes import Programme
from models.vocabulary import Source
from services import forms
from services.cases import alerts
from services.cases.household_page import programme_of
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime
from services.network import communes
from services.network.communes import Place
from services.rules.casework import Hand
from services.rules.links import open_alert_link
from services.rules.policy import Actor, Right, require
from services.rules.texts.labels import choices
from services.web.browsers import Limited
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, Here, SignedIn, Visitor
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)
FOLDED: Final = frozenset(
    {"civility", "first_name", "email", "complement", "birth_year", "people", "landlord", "free_text"}
    | {"reference_income", "other_phone", "children", "language", "companion", "guardian", "guardian_phone"}
    | {"vulnerabilities", "health_agreed", "heating", "income_class", "followed_by", "safety", "derogation"}
)
CUT: Final = frozenset({"cut_energy", "cut_on"})
FOLLOWS: Final = (
    "La coordination lit la demande sous trois jours ouvrés, tout de suite en cas de danger.",
    "Un professionnel appelle la personne, puis va la voir chez elle.",
    "Vous recevez trois messages : demande reçue, visite faite, accompagnement terminé.",
)
FOLLOWS_FOR_YOU: Final = (
    "Nous lisons votre demande sous trois jours ouvrés, tout de suite en cas de danger.",
    "Quelqu’un vous appelle, puis vient vous voir avec votre accord.",
    "Une lettre vous dit ce que nous gardons et vos droits.",
)


class Asker(StrEnum):
    """Who fills the form: the words change with him, and the origin that the alert keeps."""

    GIVER = "form"
    HOUSEHOLD = "self"
    TEAM = "phone"


@dataclass(frozen=True)
class Door:
    """One way to the form. `phone` is where somebody from outside may call (E.164), or empty; `listener` is who writes
    what a household says on the telephone."""

    asker: Asker
    actor: Actor
    address: str
    programme: str
    organisation: str = ""
    phone: str = ""
    listener: str = ""


class Opened(Protocol):
    """Who stands at a door; `held`, in the transaction of what he sends: whoever closes it to him waits."""

    def __call__(self, unit: UnitOfWork, *, held: bool = False) -> Door:
        """Raises what keeps him out."""


def link_door(runtime: Runtime, token: str) -> Opened:
    """The door of an alert giver's link. Opening it raises `LinkExpired`."""

    def opened(unit: UnitOfWork, *, held: bool = False) -> Door:
        actor, organisation = open_alert_link(unit, runtime, token, held=held)
        programme = unit.session.get_one(Programme, organisation.programme_id)
        return Door(
            Asker.GIVER, actor, f"/demande/{token}", programme.public_name, organisation.name, phone=programme.phone
        )

    return opened


def household_door(slug: str) -> Opened:
    """The door of the public page. Opening it raises `NotFound`."""

    def opened(unit: UnitOfWork, *, held: bool = False) -> Door:  # noqa: ARG001 - nobody closes this one
        programme = programme_of(unit, slug)
        actor = Actor("form", None, programme.id)
        return Door(Asker.HOUSEHOLD, actor, f"/d/{slug}/demande", programme.public_name, phone=programme.phone)

    return opened


def team_door(visitor: Visitor) -> Opened:
    """The door of whoever answers the telephone. Opening it raises `Denied`."""

    def opened(unit: UnitOfWork, *, held: bool = False) -> Door:
        if held:
            visitor.hold(unit)
        require(visitor.actor, Right.TRIAGE)
        return Door(Asker.TEAM, visitor.actor, "/situations/nouvelle", visitor.programme, listener=visitor.actor.name)

    return opened


@router.get("/demande/{token}")
def ask(request: Request, runtime: Here, token: str) -> Response:
    """The form, empty."""
    return _page(request, runtime, link_door(runtime, token), answers.blank())


@router.post("/demande/{token}", dependencies=[Limited])
def submit(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """Open a case; or the form again, nothing lost, with a choice of communes when several bear the name."""
    return _take(request, runtime, link_door(runtime, token), data) or answers.see(f"/demande/{token}/envoyee")


@router.get("/demande/{token}/envoyee")
def receipt(request: Request, runtime: Here, token: str) -> Response:
    """The same words for everybody."""
    return _receipt(request, runtime, link_door(runtime, token), FOLLOWS)


@router.get("/d/{slug}/demande")
def ask_for_oneself(request: Request, runtime: Here, slug: str) -> Response:
    """The form of a household that asks by itself."""
    return _page(request, runtime, household_door(slug), answers.blank())


@router.post("/d/{slug}/demande", dependencies=[Limited])
def submit_for_oneself(request: Request, runtime: Here, slug: str, data: Entered) -> Response:
    """As an alert giver's, without an organisation."""
    return _take(request, runtime, household_door(slug), data) or answers.see(f"/d/{slug}/demande/envoyee")


@router.get("/d/{slug}/demande/envoyee")
def receipt_for_oneself(request: Request, runtime: Here, slug: str) -> Response:
    """What happens now."""
    return _receipt(request, runtime, household_door(slug), FOLLOWS_FOR_YOU)


@router.get("/situations/nouvelle")
def answer_call(request: Request, visitor: SignedIn) -> Response:
    """The form of whoever answers the telephone."""
    return _page(request, visitor.runtime, team_door(visitor), answers.blank(), visitor=visitor)


@router.post("/situations/nouvelle")
def submit_call(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Open the case, and lead to it: the doubles that the engine finds are shown there."""
    made: list[UUID] = []
    again = _take(request, visitor.runtime, team_door(visitor), data, made=made, visitor=visitor)
    if again:
        return again
    if not made:
        return answers.see("/situations")
    answers.wait_for_engine(request, made[0])
    return answers.see(f"/situations/{made[0]}", "demande")


def _take(
    request: Request, runtime: Runtime, opened: Opened, data: FormData, *,
    made: list[UUID] | None = None, visitor: Visitor | None = None,
) -> Response | None:  # fmt: skip
    """Open a case once for each form that was shown; the form again when something is wrong."""
    with runtime.database.read() as unit:
        door, found = opened(unit), communes.places(unit, str(data.get("commune", "")))

    def act(unit: UnitOfWork) -> None:
        case = alerts.submit(unit, Hand(opened(unit, held=True).actor, Source.WEB), form, origin=door.asker.value)
        if made is not None:
            made.append(case.id)

    try:
        place = _chosen(found, str(data.get("commune_choice", "")))
        form = _read(data, place, found, door)
        answers.act_once(runtime, data, actor=door.actor.label, route="demande", act=act)
    except Mistakes as mistakes:
        errors = mistakes.errors
    except InvalidInput as refused:
        errors = mistakes_of(refused)
    else:
        return None
    again = Form(entered=kept(data), errors=errors)
    return _page(request, runtime, opened, again, found=found, status=422, visitor=visitor)


def _receipt(request: Request, runtime: Runtime, opened: Opened, follows: tuple[str, ...]) -> Response:
    with runtime.database.read() as unit:
        door = opened(unit)
    shell = Shell(dispositif=door.programme)
    return answers.page(
        request, "alert_receipt.html", shell=shell, asker=door.asker, follows=follows, again_href=door.address
    )


def _read(data: FormData, place: Place | None, found: list[Place], door: Door) -> forms.AlertForm:
    where = {"commune_code": place.code, "postcode": place.postcode} if place else {}
    if door.asker is not Asker.GIVER and not str(data.get("giver_name", "")).strip():
        where["giver_name"] = " ".join(str(data.get(name, "")).strip() for name in ("first_name", "surname")).strip()
        where["agreement_by"] = door.listener
    missing = {} if place else {"commune": _which(data, found, door.phone)}
    try:
        form = read(forms.AlertForm, data, **where)
    except Mistakes as mistakes:
        errors = {name: words for name, words in mistakes.errors.items() if name not in {"commune_code", "postcode"}}
        raise Mistakes(missing | errors | _agreement(data)) from None
    if not form.agreement:
        raise Mistakes(_agreement(data))
    return form


def _which(data: FormData, found: list[Place], phone: str) -> str:
    if not str(data.get("commune", "")).strip():
        return "Écrivez le nom de la commune ou son code postal."
    if not found:
        unknown = "Cette commune n’est pas connue ici : écrivez son nom entier ou son code postal."
        return f"{unknown} Est-elle plus loin ? Appelez-nous au {wording.phone(phone)}." if phone else unknown
    return "Plusieurs communes portent ce nom ou ce code : choisissez la bonne."


def _agreement(data: FormData) -> dict[str, str]:
    return {} if "agreement" in data else {"agreement": "Sans cet accord, la demande ne peut pas partir."}


def _chosen(found: list[Place], choice: str) -> Place | None:
    if len(found) == 1:
        return found[0]
    return next((place for place in found if f"{place.code}:{place.postcode}" == choice), None)


def _page(
    request: Request, runtime: Runtime, opened: Opened, form: Form, *,
    found: list[Place] | None = None, status: int = 200, visitor: Visitor | None = None,
) -> Response:  # fmt: skip
    with runtime.database.read() as unit:
        door = opened(unit)
    several = [(f"{place.code}:{place.postcode}", f"{place.name} ({place.postcode})") for place in found or []]
    cut, known = (any(form.entered.get(each) or each in form.errors for each in names) for names in (CUT, FOLDED))
    return answers.page(
        request,
        "alert_form.html",
        status=status,
        shell=visitor.shell("/situations") if visitor else Shell(dispositif=door.programme),
        layout="base.html" if visitor else "base_public.html",
        asker=door.asker,
        form=form,
        organisation=door.organisation,
        action=door.address,
        communes=several if len(several) > 1 else [],
        cut=cut,
        known=known,
        **_choices(),
    )


def _choices() -> dict[str, Any]:
    return {
        "tenures": choices("tenure"),
        "motives": choices("motive"),
        "urgencies": choices("urgency"),
        "energies": choices("energy"),
        "best_times": choices("best_time"),
        "modes": choices("agreement_mode"),
        "heatings": choices("heating"),
        "incomes": choices("income_class"),
        "channels": choices("alert_channel"),
        "fragile": choices("vulnerability"),
    }
