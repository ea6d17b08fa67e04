"""The directory: what each partner offers, where and to whom, whether there is room, and since when nobody looked."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from pydantic import EmailStr, Field
from sqlalchemy import func, or_, select
from sqlalchemy.orm import selectinload

from models.programmes import AreaCommune, Commune, Organisation, Service, ServiceArea
from models.vocabulary import IncomeClass, OrganisationKind, Tenure, Theme
from services.forms import Form, Line, Number, PhoneNumber, RequiredLine, ShortText
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.network.territory import communes_on
from services.rules.aged_sheets import is_offered, last_verified
from services.rules.casework import Hand
from services.rules.finding import by_name, search_key
from services.rules.policy import Actor, Right, note_access, programme_of, require
from services.rules.published import today_of

ONE_DAY: Final = timedelta(days=1)
QUOTED: Final = 60
"""Letters of a line that a refusal repeats."""
_COMMUNES: Final = selectinload(ServiceArea.communes).selectinload(AreaCommune.commune)


class ServiceForm(Form):
    """What a partner offers. Nothing said of a condition: there is none."""

    name: RequiredLine = Field(description="Nom du service")
    themes: list[Theme] = Field(min_length=1, description="Types de solution")
    area: Line = Field("", description="Zone, par son nom ; vide : tout le territoire du dispositif")
    income_classes: list[IncomeClass] = Field([], description="Niveaux de revenus acceptés ; vide : tous")
    tenures: list[Tenure] = Field([], description="Statuts d’occupation acceptés ; vide : tous")
    conditions: ShortText = Field("", description="Autres conditions, en clair")
    places: Number = Field(None, ge=0, le=999, description="Places disponibles ; vide : non dit")
    full_until: date | None = Field(None, description="Complet jusqu’au, ce jour compris")
    professional_contact: Line = Field("", description="Interlocuteur des professionnels")
    professional_email: EmailStr | None = Field(None, description="Son adresse électronique")
    professional_phone: PhoneNumber | None = Field(None, description="Son téléphone")
    household_contact: Line = Field("", description="Où et quand les ménages sont reçus")
    household_email: EmailStr | None = Field(None, description="Adresse électronique pour les ménages")
    household_phone: PhoneNumber | None = Field(None, description="Téléphone pour les ménages")


class AreaForm(Form):
    """A zone with a name; its communes as of a day."""

    name: RequiredLine = Field(description="Nom de la zone")
    communes: list[str] = Field(min_length=1, description="Codes INSEE des communes")
    from_on: date | None = Field(None, description="À partir du ; vide : aujourd’hui")


def add_service(unit: UnitOfWork, hand: Hand, organisation_id: UUID, form: ServiceForm) -> Service:
    """Write in the directory what a partner offers. Raises `NotFound` for anybody but a partner of this programme."""
    require(hand.actor, Right.DIRECTORY)
    partner = _partner(unit, hand.actor, organisation_id)
    service = offer(unit, partner, form)
    service.verified_on = today_of(unit, partner.programme_id)
    note_access(unit, hand.actor, "service.added", case_id=None)
    return service


def offer(unit: UnitOfWork, partner: Organisation, form: ServiceForm) -> Service:
    """The same without a question of rights: setting a programme up. Nobody has verified it yet."""
    service = Service(organisation_id=partner.id, organisation=partner, name=form.name)
    unit.session.add(service)
    write(unit, service, form)
    return service


def change_service(unit: UnitOfWork, hand: Hand, service_id: UUID, form: ServiceForm) -> Service:
    """Write the sheet anew, which says that it is right today."""
    require(hand.actor, Right.DIRECTORY)
    service = service_of(unit, hand.actor, service_id)
    write(unit, service, form)
    service.verified_on = today_of(unit, service.organisation.programme_id)
    note_access(unit, hand.actor, "service.changed", case_id=None)
    return service


def verify_service(unit: UnitOfWork, hand: Hand, service_id: UUID) -> Service:
    """Somebody looked: the sheet is right as it stands."""
    require(hand.actor, Right.DIRECTORY)
    service = service_of(unit, hand.actor, service_id)
    service.verified_on = today_of(unit, service.organisation.programme_id)
    note_access(unit, hand.actor, "service.verified", case_id=None)
    return service


def end_service(unit: UnitOfWork, hand: Hand, service_id: UUID) -> Service:
    """The partner offers it no more; what was asked of him stays as it is."""
    require(hand.actor, Right.DIRECTORY)
    service = service_of(unit, hand.actor, service_id)
    service.ended_on = today_of(unit, service.organisation.programme_id)
    note_access(unit, hand.actor, "service.ended", case_id=None)
    return service


def write(unit: UnitOfWork, service: Service, form: ServiceForm) -> None:
    """What a form says of a service; capacity is dated when it is said otherwise than before."""
    area = _area(unit, service.organisation.programme_id, form.area)
    was = (service.places, service.full_until)
    for name, value in form.model_dump(mode="json", exclude={"area", "full_until"}).items():
        setattr(service, name, value)
    service.full_until = form.full_until
    service.area_id, service.area = (area.id, area) if area else (None, None)
    if (service.places, service.full_until) != was:
        service.capacity_on = today_of(unit, service.organisation.programme_id)
    unit.session.flush()


def set_area(unit: UnitOfWork, hand: Hand, form: AreaForm) -> ServiceArea:
    """Draw a zone, or draw it anew from a day: what it was before stays written."""
    require(hand.actor, Right.DIRECTORY)
    if hand.actor.programme_id is None:
        raise NotFound
    day = form.from_on or today_of(unit, hand.actor.programme_id)
    area = draw_area(unit, hand.actor.programme_id, form.name, form.communes, from_on=day)
    note_access(unit, hand.actor, "area.drawn", case_id=None)
    return area


def draw_area(
    unit: UnitOfWork, programme_id: UUID, name: str, codes: Collection[str], *, from_on: date
) -> ServiceArea:  # fmt: skip
    """The same without a question of rights. Raises `InvalidInput` for a commune that nobody knows."""
    known = set(unit.session.scalars(select(Commune.code).where(Commune.code.in_(codes))))
    if unknown := sorted(set(codes) - known):
        raise InvalidInput("communes", f"Commune inconnue : {', '.join(unknown)}.")
    area = unit.session.scalars(select(ServiceArea).filter_by(programme_id=programme_id, name=name)).first()
    if area is None:
        area = ServiceArea(programme_id=programme_id, name=name)
        unit.session.add(area)
        unit.session.flush()
    _redraw(unit, area, set(codes), from_on)
    return area


def _redraw(unit: UnitOfWork, area: ServiceArea, codes: set[str], from_on: date) -> None:
    for each in list(area.communes):
        if each.from_on >= from_on:  # it was to begin later than what is said now
            unit.session.delete(each)
        elif each.to_on is None or each.to_on >= from_on:
            if each.commune_code in codes:
                each.to_on = None
                codes.discard(each.commune_code)
            else:
                each.to_on = from_on - ONE_DAY
    unit.session.flush()
    unit.session.add_all(AreaCommune(area_id=area.id, commune_code=code, from_on=from_on) for code in sorted(codes))
    unit.session.flush()
    unit.session.expire(area, ["communes"])


def living(unit: UnitOfWork, programme_id: UUID) -> Sequence[Service]:
    """Every service that a programme's partners still offer, with its zone, by partner and name."""
    query = (
        select(Service)
        .join(Organisation, Organisation.id == Service.organisation_id)
        .where(is_offered(programme_id))
        .options(selectinload(Service.organisation), selectinload(Service.area).options(_COMMUNES))
    )
    return unit.session.scalars(query.order_by(Organisation.name, Service.name, Service.id)).all()


@dataclass(frozen=True)
class Filter:
    """What of the directory is wanted; None is all. `only_stale`: what nobody has verified for too long."""

    theme: Theme | None = None
    commune_code: str | None = None
    words: str = ""
    only_stale: bool = False


def entries(unit: UnitOfWork, actor: Actor, wanted: Filter) -> list[Service]:
    """What the partners of the actor's programme offer, by partner and name."""
    programme_id = programme_of(actor, Right.READ)
    day = today_of(unit, programme_id)
    return [each for each in living(unit, programme_id) if _is_wanted(unit, each, wanted, day)]


def _is_wanted(unit: UnitOfWork, service: Service, wanted: Filter, day: date) -> bool:
    return (
        (wanted.theme is None or wanted.theme in service.themes)
        and (wanted.commune_code is None or service.area is None or wanted.commune_code in service.area.codes(day))
        and search_key(wanted.words) in search_key(service.organisation.name, service.name)
        and (not wanted.only_stale or is_stale(unit, service))
    )


def sheet(unit: UnitOfWork, actor: Actor, service_id: UUID) -> Service:
    """One sheet, for whoever reads the directory; ended ones too. Raises `NotFound`."""
    require(actor, Right.READ)
    return service_of(unit, actor, service_id)


def partners(unit: UnitOfWork, actor: Actor) -> Sequence[Organisation]:
    """The programme's partners of today by name, whether they offer something or not."""
    query = select(Organisation).filter_by(
        programme_id=actor.programme_id, kind=OrganisationKind.PARTNER.value, ended_on=None
    )
    return sorted(unit.session.scalars(query), key=by_name)


def areas(unit: UnitOfWork, actor: Actor) -> Sequence[ServiceArea]:
    """The programme's zones by name, with their communes."""
    require(actor, Right.READ)
    query = select(ServiceArea).where(ServiceArea.programme_id == actor.programme_id)
    return sorted(unit.session.scalars(query.options(_COMMUNES)), key=by_name)


def communes(unit: UnitOfWork, actor: Actor) -> Sequence[Commune]:
    """The communes in which the programme works today, by name."""
    programme_id = programme_of(actor)
    own = communes_on(programme_id, today_of(unit, programme_id))
    return unit.session.scalars(select(Commune).where(Commune.code.in_(own)).order_by(Commune.search_key)).all()


def codes_of(unit: UnitOfWork, text: str) -> list[str]:
    """The INSEE codes of communes written a line each, by name or by code. Raises `InvalidInput`, naming the line."""
    found: list[str] = []
    for line in filter(None, (part.strip() for part in re.split(r"[\n;,]", text))):
        key = search_key(line)
        known = unit.session.scalars(
            select(Commune.code).where(or_(Commune.code == line.upper(), Commune.search_key == key)).limit(2)
        ).all()
        if len(known) != 1:
            why = "plusieurs communes portent ce nom, donnez le code INSEE" if known else "commune inconnue"
            raise InvalidInput("communes", f"« {line[:QUOTED]} » : {why}.")
        found += known
    return found


def is_stale(unit: UnitOfWork, service: Service) -> bool:
    """Whether nobody has looked at the sheet for as long as the pathway says."""
    aged_on = last_verified(unit, service.organisation.programme_id)
    return service.verified_on is None or service.verified_on <= aged_on


def count_stale(unit: UnitOfWork, actor: Actor) -> int:
    """How many sheets of the programme nobody has verified for as long."""
    programme_id = programme_of(actor)
    aged = or_(Service.verified_on.is_(None), Service.verified_on <= last_verified(unit, programme_id))
    query = (
        select(func.count(Service.id))
        .join(Organisation, Organisation.id == Service.organisation_id)
        .where(is_offered(actor.programme_id), aged)
    )
    return unit.session.scalar(query) or 0


def fill(unit: UnitOfWork, partner: Organisation, theme: Theme, until: date) -> None:
    """The partner said "no more room": what he offers of this type is full until a day."""
    for service in unit.session.scalars(select(Service).filter_by(organisation_id=partner.id, ended_on=None)):
        if theme in service.themes:
            service.full_until, service.capacity_on = until, today_of(unit, partner.programme_id)


def service_of(unit: UnitOfWork, actor: Actor, service_id: UUID) -> Service:
    """A service of a partner of the actor's programme. Raises `NotFound`."""
    service = unit.session.get(Service, service_id)
    if service is None or service.organisation.programme_id != actor.programme_id:
        raise NotFound
    return service


def _partner(unit: UnitOfWork, actor: Actor, organisation_id: UUID) -> Organisation:
    partner = unit.session.get(Organisation, organisation_id)
    if partner is None or partner.programme_id != actor.programme_id or partner.kind != OrganisationKind.PARTNER:
        raise NotFound
    return partner


def _area(unit: UnitOfWork, programme_id: UUID, name: str) -> ServiceArea | None:
    if not name:
        return None
    found = unit.session.scalars(select(ServiceArea).filter_by(programme_id=programme_id, name=name)).first()
    if found is None:
        raise InvalidInput("area", f"Aucune zone ne s’appelle « {name} ».")
    return found
