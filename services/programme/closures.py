"""Days without work: those of the programme (a pont, a local holiday, a week of August) and of its organisations."""

from datetime import date
from typing import Final
from uuid import UUID

from pydantic import Field

from models.programmes import Closure, Organisation, OrganisationClosure
from models.vocabulary import OrganisationKind
from services.forms import Form, Line
from services.foundation.calendar import ONE_DAY, WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.programme.programmes import close_office
from services.rules.casework import Hand
from services.rules.obligations import leave_closed_days
from services.rules.policy import Right, note_access, programme_of, require
from services.rules.presence import forget, reading_calendar
from services.rules.published import calendar_of, forget_calendar

ENDLESS: Final = "Il ne resterait aucun jour ouvert pendant un an."
CLOSED_ALIKE: Final = (OrganisationKind.PARTNER, OrganisationKind.OPERATOR)
"""An alert giver owes nothing by a date, and the carrier's days are the programme's."""


class ClosingForm(Form):
    """Days without work, of the programme or of one organisation."""

    organisation_id: UUID | None = Field(None, description="Structure fermée ; vide : le dispositif")
    first_on: date = Field(description="Premier jour de fermeture")
    last_on: date = Field(description="Dernier jour de fermeture")
    label: Line = Field("", description="Ce que l’équipe lit : pont, congés d’été… ; pour le dispositif seulement")


def close(unit: UnitOfWork, hand: Hand, form: ClosingForm) -> Closure | OrganisationClosure:
    """Days without work; of the programme, what fell on them goes to the next open day."""
    require(hand.actor, Right.PRESENCE)
    if form.last_on < form.first_on:
        raise InvalidInput("last_on", "La fin vient avant le début.")
    return _close_programme(unit, hand, form) if form.organisation_id is None else _close_organisation(unit, hand, form)


def _close_programme(unit: UnitOfWork, hand: Hand, form: ClosingForm) -> Closure:
    programme_id = programme_of(hand.actor)
    closure = close_office(
        unit, programme_id, first_on=form.first_on, last_on=form.last_on, label=form.label or "Fermeture"
    )
    calendar = calendar_of(unit, programme_id)
    _check_opens(calendar, form.first_on)
    start, end = calendar.start_of(form.first_on), calendar.start_of(form.last_on + ONE_DAY)
    leave_closed_days(unit, programme_id, start=max(start, unit.now), end=end)
    note_access(unit, hand.actor, "programme.closed", case_id=None)
    return closure


def _close_organisation(unit: UnitOfWork, hand: Hand, form: ClosingForm) -> OrganisationClosure:
    """A closed partner is not proposed and gets no reminder, an operator no mail of the day; no date moves."""
    organisation = unit.session.get(Organisation, form.organisation_id)
    if organisation is None or organisation.programme_id != hand.actor.programme_id:
        raise NotFound
    if organisation.kind not in CLOSED_ALIKE or organisation.ended_on is not None:
        raise InvalidInput("organisation_id", "Seul un partenaire ou un opérateur se ferme ainsi.")
    closure = OrganisationClosure(organisation_id=organisation.id, first_on=form.first_on, last_on=form.last_on)
    unit.session.add(closure)
    forget(unit, organisation.programme_id)
    _check_opens(reading_calendar(unit, organisation.programme_id, None, organisation.id), form.first_on)
    note_access(unit, hand.actor, "organisation.closed", case_id=None)
    return closure


def reopen(unit: UnitOfWork, hand: Hand, closure_id: UUID) -> None:
    """These days are worked after all; dates that had moved stay where they went."""
    require(hand.actor, Right.PRESENCE)
    programme_id = programme_of(hand.actor)
    own = unit.session.get(Closure, closure_id)
    theirs = unit.session.get(OrganisationClosure, closure_id)
    if own is not None and own.programme_id == programme_id:
        unit.session.delete(own)
        forget_calendar(unit, programme_id)
        note_access(unit, hand.actor, "programme.reopened", case_id=None)
        return
    organisation = unit.session.get(Organisation, theirs.organisation_id) if theirs else None
    if organisation is None or organisation.programme_id != programme_id:
        raise NotFound
    unit.session.delete(theirs)
    forget(unit, programme_id)
    note_access(unit, hand.actor, "organisation.reopened", case_id=None)


def _check_opens(calendar: WorkingCalendar, day: date) -> None:
    try:
        calendar.next_open(day)
    except ValueError:
        raise InvalidInput("last_on", ENDLESS) from None
