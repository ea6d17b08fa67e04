"""Saying who is there and which days are closed: each act of the calendar with its page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import Response

from models.vocabulary import Role
from services.cases import visits
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.overview.desk import organisations
from services.programme import closures, presence
from services.programme.closures import CLOSED_ALIKE, ClosingForm
from services.programme.presence import AbsenceForm, DutyForm, WorkForm
from services.rules.casework import Hand
from services.rules.policy import Right, require
from services.rules.presence import roster, side, team
from services.web.pages import act_form, answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, moment, read
from services.web.pages.presence import HERE, WEEK
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
Fields = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class CalendarAct:
    """One act of the calendar. `fields` depend on whom it is about; `given` is worked out from what was typed."""

    path: str
    code: str
    heading: str
    button: str
    do: Callable[[UnitOfWork, Hand, Any], object]
    model: type[BaseModel]
    fields: Callable[[UnitOfWork, Visitor, UUID | None], Fields]
    given: Callable[[Visitor, FormData], dict[str, Any]]
    follows: tuple[str, ...]
    lead: str = ""
    right: Right | None = None  # None: for oneself; the use case says for whom else


def _span(visitor: Visitor, what: str) -> Fields:
    today = visitor.today.isoformat()
    return (
        {"kind": "date", "name": "first_on", "label": f"Premier jour {what}", "value": today},
        {"kind": "date", "name": "last_on", "label": f"Dernier jour {what}", "value": today, "earliest": today},
    )


def _of_person(unit: UnitOfWork, visitor: Visitor, person_id: UUID | None) -> UUID:
    """Whom the page is about. Raises `NotFound` for somebody whom the visitor may not speak for."""
    found = person_id or visitor.actor.id
    if found is None:
        raise NotFound
    presence.stand_ins(unit, visitor.actor, found)
    return found


def _absence(unit: UnitOfWork, visitor: Visitor, person_id: UUID | None) -> Fields:
    found = _of_person(unit, visitor, person_id)
    others = [(str(each), name) for each, name in presence.stand_ins(unit, visitor.actor, found).items()]
    delegate = {
        "kind": "select", "name": "delegate_id", "label": "Qui reçoit les messages pendant ce temps", "choices": others,
        "optional": True, "blank": "Personne en particulier",
    }  # fmt: skip
    given_up = {
        "kind": "checks", "name": "visits_given_up", "label": "Ses visites de ces jours-là", "optional": True,
        "choices": [("yes", "Quelqu’un d’autre les fera")],
    }  # fmt: skip
    has_visits = bool(visits.to_make(unit, visitor.programme_id, found))
    asked = [*([delegate] if others else []), *([given_up] if has_visits else [])]
    return (*_whom(found), *_span(visitor, "d’absence"), *asked)


def _days(unit: UnitOfWork, visitor: Visitor, person_id: UUID | None) -> Fields:
    found = _of_person(unit, visitor, person_id)
    known = roster(unit, visitor.programme_id).weekdays.get(found, frozenset())
    days = [(str(number), name.capitalize()) for number, name in enumerate(WEEK)]
    ticked = [str(day) for day in sorted(known)]
    asked = {
        "kind": "checks", "name": "weekdays", "label": "Jours travaillés pour ce dispositif", "choices": days,
        "two": True, "value": ticked, "optional": True, "hint": "Aucun jour coché : tous les jours ouverts",
    }  # fmt: skip
    return (*_whom(found), asked)


def _whom(person_id: UUID) -> Fields:
    return ({"kind": "hidden", "name": "person_id", "value": str(person_id)},)


def _duty(unit: UnitOfWork, visitor: Visitor, _person_id: UUID | None) -> Fields:
    coordinators = side(team(unit, visitor.programme_id), Role.COORDINATOR)
    names = [(str(each.person_id), each.name) for each in coordinators]
    today, tomorrow = visitor.today, visitor.today + timedelta(days=1)
    return (
        {"kind": "radios", "name": "person_id", "label": "Qui", "choices": names},
        {"kind": "date", "name": "from_at", "label": "À partir du", "value": today.isoformat()},
        {"kind": "time", "name": "from_hour", "label": "À", "value": "18:00"},
        {"kind": "date", "name": "to_at", "label": "Jusqu’au", "value": tomorrow.isoformat()},
        {"kind": "time", "name": "to_hour", "label": "À", "value": "08:00"},
    )


def _duty_given(visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {
        "from_at": moment(data, visitor.zone, day="from_at", hour="from_hour"),
        "to_at": moment(data, visitor.zone, day="to_at", hour="to_hour"),
    }


def _days_off(_unit: UnitOfWork, visitor: Visitor, _person_id: UUID | None) -> Fields:
    label = {"kind": "text", "name": "label", "label": "Ce que c’est", "hint": "Pont, fête locale, congés d’été…"}
    return (*_span(visitor, "fermé"), label)


def _closing(unit: UnitOfWork, visitor: Visitor, _person_id: UUID | None) -> Fields:
    known = [(str(each.id), each.name) for kind in CLOSED_ALIKE for each in organisations(unit, visitor.actor, kind)]
    choice = {"kind": "select", "name": "organisation_id", "label": "Structure fermée", "choices": known}
    return (choice, *_span(visitor, "de fermeture"))


def _nobody(_visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {name: data.get(name) or None for name in ("person_id", "delegate_id") if name in data}


def _weekdays(visitor: Visitor, data: FormData) -> dict[str, Any]:
    return {"weekdays": data.getlist("weekdays")} | _nobody(visitor, data)


ACTS: Final[Mapping[str, CalendarAct]] = {
    each.path: each
    for each in (
        CalendarAct(
            "absence", "absence", "Noter une absence", "Noter l’absence", presence.declare_absence, AbsenceForm,
            _absence, _nobody,
            follows=("La personne choisie reçoit les messages ; si elle est absente aussi, celle qui la remplace.",
                     "Sans remplaçant : qui est présent dans l’équipe. Rien ne se perd, aucune échéance ne bouge."),
            lead="La raison ne se dit pas."),
        CalendarAct(
            "jours", "jours", "Changer les jours travaillés", "Enregistrer", presence.set_work_days, WorkForm,
            _days, _weekdays,
            follows=("Le message du jour attend le prochain jour travaillé.",
                     "Un danger arrive tout de suite, quel que soit le jour.")),
        CalendarAct(
            "astreinte", "astreinte", "Prévoir une astreinte", "Enregistrer", presence.set_duty, DutyForm,
            _duty, _duty_given, right=Right.PRESENCE,
            follows=("Un danger signalé pendant ce temps arrive aussitôt à la personne d’astreinte, même la nuit ou un"
                     " jour fermé.",)),
        CalendarAct(
            "jours-fermes", "jours-fermes", "Fermer des jours", "Fermer ces jours", closures.close, ClosingForm,
            _days_off, lambda _visitor, _data: {"organisation_id": None}, right=Right.PRESENCE,
            follows=("Rien ne part ces jours-là, sauf un danger.",
                     "Ce qui tombait un de ces jours passe au jour ouvert suivant ; les autres dates ne bougent pas.")),
        CalendarAct(
            "fermeture", "fermeture", "Noter la fermeture d’une structure", "Noter la fermeture", closures.close,
            ClosingForm, _closing, lambda _visitor, _data: {}, right=Right.PRESENCE,
            follows=("Un partenaire fermé n’est plus proposé, ni relancé ; ses échéances ne bougent pas.",
                     "Un opérateur fermé reçoit le message du jour à sa réouverture.")),
    )
}  # fmt: skip


@router.get(HERE + "/{path}")
def ask(request: Request, visitor: SignedIn, path: str, person_id: UUID | None = None) -> Response:
    """The page of an act; what its address holds is filled in."""
    entered = {name: value for name, value in request.query_params.items() if name != "person_id"}
    return _page(request, visitor, _known(path), person_id, Form(entered=entered))


@router.post(HERE + "/{path}")
def send(request: Request, visitor: SignedIn, path: str, data: Entered) -> Response:
    """Do it and go back to the calendar; or the page again, with a sentence beside each field to correct."""
    act = _known(path)
    try:
        form = read(act.model, data, **act.given(visitor, data))
        visitor.once(data, f"calendrier/{path}", lambda unit: act.do(unit, visitor.hand, form))
    except Mistakes as mistakes:
        return _again(request, visitor, act, data, mistakes.errors)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        return _again(request, visitor, act, data, mistakes_of(refused))
    return answers.see(HERE, act.code)


def _again(request: Request, visitor: Visitor, act: CalendarAct, data: FormData, errors: dict[str, str]) -> Response:
    about = data.get("person_id")
    person_id = UUID(str(about)) if about and act.right is None else None
    return _page(request, visitor, act, person_id, Form(entered=kept(data), errors=errors), status=422)


def _known(path: str) -> CalendarAct:
    if path not in ACTS:
        raise NotFound
    return ACTS[path]


def _page(
    request: Request, visitor: Visitor, act: CalendarAct, person_id: UUID | None, form: Form, *, status: int = 200
) -> Response:
    with visitor.runtime.database.read() as unit:
        if act.right is not None:
            require(visitor.actor, act.right)
        fields = list(act.fields(unit, visitor, person_id))
        name = presence.people(unit, visitor.actor).get(person_id, "") if person_id else ""
    hidden = {spec["name"]: spec["value"] for spec in fields if spec["kind"] == "hidden"}
    entered = {**form.entered, **hidden}
    return act_form.page(
        request,
        visitor,
        HERE,
        Form(once=form.once, entered=entered, errors=form.errors),
        status=status,
        heading=act.heading,
        over=name if person_id != visitor.actor.id else "",
        lead=act.lead,
        follows=act.follows,
        fields=fields,
        action=f"{HERE}/{act.path}",
        button=act.button,
        back=HERE,
    )
