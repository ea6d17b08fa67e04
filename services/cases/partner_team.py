"""A partner's own people and habits: full until a day, who follows a request, who is away, when mails are wanted.

He says them from the page behind any of his links, without an account; or the coordination notes them for him. A
colleague's address that he gives himself is of his own organisation's domain: any other is the coordination's to write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from pydantic import EmailStr, Field
from sqlalchemy import select

from models import events as e
from models.cases import PartnerCharge, Referral
from models.engine import Task
from models.programmes import Organisation, PartnerAbsence, PartnerColleague, PartnerPreference, Service
from models.vocabulary import OrganisationKind, TaskState
from services.cases import referrals as r
from services.forms import Form, PassOn, RequiredLine
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, note_access, require
from services.rules.presence import forget
from services.rules.published import today_of

LONGEST_FULL: Final = timedelta(days=366)
SHARED_DOMAINS: Final = frozenset(
    {
        "free.fr", "gmail.com", "hotmail.com", "hotmail.fr", "icloud.com", "laposte.net", "live.fr", "msn.com",
        "orange.fr", "outlook.com", "outlook.fr", "proton.me", "protonmail.com", "sfr.fr", "wanadoo.fr", "yahoo.com",
        "yahoo.fr",
    }
)  # fmt: skip
"""Whoever writes from there is of no organisation that its address would prove."""


class FullForm(Form):
    """No room until a day, or room again."""

    service_id: UUID | None = Field(None, description="Le service ; vide : tous ceux du partenaire")
    until: date | None = Field(None, description="Complet jusqu’au, ce jour compris ; vide : de nouveau de la place")


class PreferenceForm(Form):
    """How our mails are wanted."""

    gathered: bool = Field(False, description="Un seul envoi à dix heures, plutôt que le premier du jour aussitôt")
    weekdays: frozenset[int] = Field(frozenset(), description="Ses jours, 0 pour lundi ; vide : tous les jours ouverts")


class ColleagueForm(Form):
    """Somebody who may follow requests."""

    name: RequiredLine = Field(description="Nom du collègue")
    email: EmailStr = Field(description="Adresse électronique du collègue")


class GoneForm(Form):
    """Days on which nobody reads at an address."""

    colleague_id: UUID | None = Field(None, description="Qui est absent ; vide : la personne de votre adresse commune")
    first_on: date = Field(description="Premier jour d’absence")
    last_on: date = Field(description="Dernier jour d’absence")
    delegate_id: UUID | None = Field(None, description="Qui lit pendant ce temps ; vide : votre adresse commune")


@dataclass(frozen=True)
class Team:
    """What is known of a partner's people and habits."""

    services: Sequence[Service]
    colleagues: Sequence[PartnerColleague]
    absences: Sequence[PartnerAbsence]
    gathered: bool
    weekdays: frozenset[int]


def team(unit: UnitOfWork, actor: Actor, partner_id: UUID) -> Team:
    """Today and later; for the partner himself, and whoever reads the directory. Raises `NotFound`."""
    partner = _partner(unit, actor, partner_id, Right.READ)
    session, day = unit.session, today_of(unit, partner.programme_id)
    colleagues = select(PartnerColleague).filter_by(organisation_id=partner.id, ended_on=None)
    absences = select(PartnerAbsence).where(PartnerAbsence.organisation_id == partner.id, PartnerAbsence.last_on >= day)
    services = select(Service).filter_by(organisation_id=partner.id, ended_on=None)
    liked = session.get(PartnerPreference, partner.id)
    return Team(
        session.scalars(services.order_by(Service.name, Service.id)).all(),
        session.scalars(colleagues.order_by(PartnerColleague.name, PartnerColleague.id)).all(),
        session.scalars(absences.order_by(PartnerAbsence.first_on, PartnerAbsence.id)).all(),
        bool(liked and liked.gathered),
        frozenset(liked.weekdays) if liked else frozenset(),
    )


def say_full(unit: UnitOfWork, hand: Hand, partner_id: UUID, form: FullForm) -> None:
    """What he offers is full until a day, or no longer, at once: capacity is what the partner says it is."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    day = today_of(unit, partner.programme_id)
    if form.until is not None and not day <= form.until <= day + LONGEST_FULL:
        raise InvalidInput("until", "Choisissez un jour à venir, dans l’année.")
    services = unit.session.scalars(select(Service).filter_by(organisation_id=partner.id, ended_on=None)).all()
    chosen = [each for each in services if form.service_id in {None, each.id}]
    if not chosen:
        raise NotFound
    for service in chosen:
        service.full_until, service.capacity_on = form.until, day
        if form.until is None and service.places == 0:
            service.places = None
    note_access(unit, hand.actor, "service.filled", case_id=None)


def prefer(unit: UnitOfWork, hand: Hand, partner_id: UUID, form: PreferenceForm) -> PartnerPreference:
    """How he wants our mails; one a day at most, whatever he says, and what is urgent at once."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    if not form.weekdays <= set(range(7)):
        raise InvalidInput("weekdays", "Un jour de la semaine se note de 0 (lundi) à 6 (dimanche).")
    liked = unit.session.get(PartnerPreference, partner.id)
    if liked is None:
        liked = PartnerPreference(organisation_id=partner.id)
        unit.session.add(liked)
    liked.gathered, liked.weekdays = form.gathered, sorted(form.weekdays)
    forget(unit, partner.programme_id)
    note_access(unit, hand.actor, "partner.preferences", case_id=None)
    return liked


def add_colleague(unit: UnitOfWork, hand: Hand, partner_id: UUID, form: ColleagueForm) -> PartnerColleague:
    """Somebody who may follow requests and read for the others. Nothing is sent to him by that."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    email = form.email.lower()
    if hand.actor.kind == "link" and not _is_own_address(partner.email or "", email):
        raise InvalidInput("email", "Donnez une adresse de votre organisme ; pour une autre, appelez la coordination.")
    if email == (partner.email or "").lower():
        raise InvalidInput("email", "C’est votre adresse commune : elle est déjà connue.")
    known = select(PartnerColleague).filter_by(organisation_id=partner.id, email=email)
    colleague = unit.session.scalars(known).first()
    if colleague is None:
        colleague = PartnerColleague(organisation_id=partner.id, email=email)
        unit.session.add(colleague)
    colleague.name, colleague.ended_on = form.name, None
    note_access(unit, hand.actor, "partner.colleague_added", case_id=None)
    unit.session.flush()
    return colleague


def end_colleague(unit: UnitOfWork, hand: Hand, partner_id: UUID, colleague_id: UUID) -> None:
    """He reads no more: what he followed comes back to the partner's own address."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    _colleague(unit, partner, colleague_id).ended_on = today_of(unit, partner.programme_id)
    note_access(unit, hand.actor, "partner.colleague_ended", case_id=None)


def be_away(unit: UnitOfWork, hand: Hand, partner_id: UUID, form: GoneForm) -> PartnerAbsence:
    """Nobody reads at an address for some days; the delegate does."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    if not max(form.first_on, today_of(unit, partner.programme_id)) <= form.last_on <= form.first_on + LONGEST_FULL:
        raise InvalidInput("last_on", "Le dernier jour vient après le premier, et n’est pas passé.")
    for each in filter(None, (form.colleague_id, form.delegate_id)):
        _colleague(unit, partner, each)
    if form.delegate_id == form.colleague_id:
        raise InvalidInput("delegate_id", "On ne se remplace pas soi-même : choisissez quelqu’un d’autre.")
    absence = PartnerAbsence(organisation_id=partner.id, **form.model_dump())
    unit.session.add(absence)
    note_access(unit, hand.actor, "partner.absence", case_id=None)
    return absence


def be_back(unit: UnitOfWork, hand: Hand, partner_id: UUID, absence_id: UUID) -> None:
    """Somebody reads there after all."""
    partner = _partner(unit, hand.actor, partner_id, Right.DIRECTORY)
    absence = unit.session.get(PartnerAbsence, absence_id)
    if absence is None or absence.organisation_id != partner.id:
        raise NotFound
    unit.session.delete(absence)
    note_access(unit, hand.actor, "partner.absence_cancelled", case_id=None)


def pass_on(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: PassOn) -> Referral:
    """Somebody else of the partner follows a request from now on: he gets it by mail, and what comes next."""
    referral = r.found(unit, referral_id)
    if hand.actor.kind == "link":
        task = unit.session.get(Task, hand.actor.task_id)
        if task is None or task.referral_id != referral_id or task.state != TaskState.OPEN:
            raise NotFound
    else:
        case_for(unit, hand.actor, referral.case_id, Right.ANSWER_FOR_PARTNER)
    referral = r.lock(unit, referral)
    charge = unit.session.get(PartnerCharge, referral.id)
    if (charge.colleague_id if charge else None) == form.colleague_id:
        raise GuardRefused("Cette demande est déjà suivie à cette adresse.")
    if charge is not None:
        unit.session.delete(charge)
        unit.session.flush()
    if form.colleague_id is not None:
        _colleague(unit, referral.partner, form.colleague_id)
        unit.session.add(PartnerCharge(referral_id=referral.id, colleague_id=form.colleague_id))
    unit.session.flush()
    r.tell(unit, hand, referral, e.ReferralPassedOn(**r.ids(referral), colleague_id=form.colleague_id), form)
    return referral


def in_charge(unit: UnitOfWork, referral_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Who follows each request, by name; those of the partner's own address are left out."""
    query = (
        select(PartnerCharge.referral_id, PartnerColleague.name)
        .join(PartnerColleague, PartnerColleague.id == PartnerCharge.colleague_id)
        .where(PartnerCharge.referral_id.in_(referral_ids), PartnerColleague.ended_on.is_(None))
    )
    return {row.referral_id: row.name for row in unit.session.execute(query)}


def _partner(unit: UnitOfWork, actor: Actor, partner_id: UUID, right: Right) -> Organisation:
    """The partner himself behind one of his links, or any of the programme for whoever has this right."""
    if actor.kind != "link":
        require(actor, right)
    elif actor.organisation_id != partner_id:
        raise NotFound
    partner = unit.session.get(Organisation, partner_id)
    if partner is None or partner.programme_id != actor.programme_id or partner.kind != OrganisationKind.PARTNER:
        raise NotFound
    return partner


def _colleague(unit: UnitOfWork, partner: Organisation, colleague_id: UUID) -> PartnerColleague:
    found = unit.session.get(PartnerColleague, colleague_id)
    if found is None or found.organisation_id != partner.id or found.ended_on is not None:
        raise NotFound
    return found


def _is_own_address(own: str, given: str) -> bool:
    domain = own.lower().rpartition("@")[2]
    return given.rpartition("@")[2] == domain and domain not in SHARED_DOMAINS
