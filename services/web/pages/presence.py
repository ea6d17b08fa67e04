"""The calendar: who is there, when reminders leave for each, who is on duty, which days are closed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Organisation
from models.vocabulary import Role
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.programme import closures, presence
from services.programme.presence import Colleague, Planning
from services.rules.policy import Right, rights
from services.rules.presence import Reading
from services.rules.published import calendar_of
from services.web.pages import answers
from services.web.pages.visitor import Entered, SignedIn, Visitor

router = APIRouter(include_in_schema=False)
HERE: Final = "/calendrier"
AHEAD: Final = timedelta(days=365)
WEEK: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
SHOWN: Final = 6
"""How many public holidays and ponts are shown ahead."""


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Oneself, and for the coordination the team, the duty and every closed day."""
    with visitor.runtime.database.read() as unit:
        known = presence.planning(unit, visitor.actor)
        team = presence.team(unit, visitor.actor, known)
        names = presence.people(unit, visitor.actor)
        coordinates = Right.PRESENCE in rights(visitor.actor)
        readers = presence.readers_now(unit, visitor.actor) if coordinates else None
        context: dict[str, Any] = {
            "me": _person(visitor, team[0], names),
            "others": [_person(visitor, each, names) for each in team[1:]],
            "readers": readers,
            "duties": [_duty(visitor, each, names) for each in known.duties],
            "days_off": _days_off(unit, visitor, known),
            "closed": _closed(unit, visitor, known),
        }
    return answers.page(
        request,
        "calendar.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        coordinates=coordinates,
        once=new_token(),
        **context,
    )


REMOVALS: Final = {
    "absences": (presence.cancel_absence, "absence-annulee"),
    "astreintes": (presence.end_duty, "astreinte-annulee"),
    "fermetures": (closures.reopen, "fermeture-annulee"),
}


@router.post(HERE + "/{kind}/{row_id}/annuler")
def remove(visitor: SignedIn, kind: str, row_id: UUID, data: Entered) -> Response:
    """What was said is not so after all."""
    if kind not in REMOVALS:
        return answers.see(HERE)
    act, done = REMOVALS[kind]
    visitor.once(data, f"calendrier/{kind}/{row_id}", lambda unit: act(unit, visitor.hand, row_id))
    return answers.see(HERE, done)


def _person(visitor: Visitor, colleague: Colleague, names: Mapping[UUID, str]) -> dict[str, Any]:
    person_id = colleague.reader.person_id
    return {
        "name": colleague.name,
        "organisation": colleague.organisation,
        "days": days_words(colleague.weekdays),
        "says": [*_away_words(visitor, colleague, names), reading_words(visitor, colleague.reading)],
        "absences": [
            {
                "days": span_words(each.first_on, each.last_on, visitor.today),
                "stand_in": names.get(each.delegate_id, "") if each.delegate_id else "",
                "cancel": f"{HERE}/absences/{each.id}/annuler",
            }
            for each in colleague.absences
        ],
        "acts": [
            {"label": "Noter une absence", "href": f"{HERE}/absence?person_id={person_id}"},
            {"label": "Changer les jours", "href": f"{HERE}/jours?person_id={person_id}"},
        ],
    }


def reading_words(visitor: Visitor, reading: Reading) -> str:
    """`Les prochains rappels partiront lundi 12 mai à 8 h.`"""
    local = reading.at.astimezone(visitor.zone)
    if local.date() == visitor.today and reading.at <= visitor.now:
        return "Les rappels partent dès aujourd’hui."
    when = wording.moment(reading.at, visitor.zone, today=visitor.today)
    return f"Les prochains rappels partiront {when}."


def _away_words(visitor: Visitor, colleague: Colleague, names: Mapping[UUID, str]) -> Sequence[str]:
    """Who reads instead, for somebody who is away today."""
    away, stand_in = colleague.reading.away, colleague.reading.stand_in
    if away is None:
        return ()
    until = f"Absence jusqu’au {wording.day(away.last_on, today=visitor.today)}"
    if stand_in is not None:
        return (f"{until} : {names.get(stand_in.person_id, '')} reçoit les messages.",)
    if colleague.reader.role is Role.COORDINATOR:
        return (
            f"{until}, sans remplaçant : les messages vont à qui est présent à la coordination, sinon à l’astreinte.",
        )
    return (f"{until}, sans remplaçant : les messages de ses visites vont à l’adresse de l’équipe.",)


def days_words(weekdays: frozenset[int] | None) -> str:
    """`Travaille le lundi et le jeudi`."""
    if weekdays is None:
        return "Tous les jours ouverts"
    *first, last = [f"le {WEEK[day]}" for day in sorted(weekdays)]
    return f"Travaille {', '.join(first)} et {last}" if first else f"Travaille {last}"


def span_words(first: date, last: date, today: date) -> str:
    """`du lundi 6 au vendredi 10 octobre`."""
    if first == last:
        return f"le {wording.day(first, today=today)}"
    return f"du {wording.day(first, today=today)} au {wording.day(last, today=today)}"


def _duty(visitor: Visitor, duty: Any, names: Mapping[UUID, str]) -> dict[str, Any]:
    start, end = (wording.moment(at, visitor.zone, today=visitor.today) for at in (duty.from_at, duty.to_at))
    return {
        "name": names.get(duty.person_id, ""),
        "when": f"de {start} à {end}",
        "now": duty.from_at <= visitor.now,
        "cancel": f"{HERE}/astreintes/{duty.id}/annuler",
    }


def _days_off(unit: UnitOfWork, visitor: Visitor, known: Planning) -> dict[str, Any]:
    calendar, today = calendar_of(unit, visitor.programme_id), visitor.today
    return {
        "closures": [
            {
                "days": span_words(each.first_on, each.last_on, today),
                "label": each.label,
                "cancel": f"{HERE}/fermetures/{each.id}/annuler",
            }
            for each in known.days_off
        ],
        "holidays": [wording.day(day, today=today) for day in calendar.holidays(today, today + AHEAD)[:SHOWN]],
        "ponts": [
            {"day": wording.day(day, today=today), "iso": day.isoformat()}
            for day in calendar.ponts(today, today + AHEAD)[:SHOWN]
        ],
    }


def _closed(unit: UnitOfWork, visitor: Visitor, known: Planning) -> list[dict[str, Any]]:
    return [
        {
            "name": unit.session.get_one(Organisation, each.organisation_id).name,
            "days": span_words(each.first_on, each.last_on, visitor.today),
            "cancel": f"{HERE}/fermetures/{each.id}/annuler",
        }
        for each in known.closures
    ]
