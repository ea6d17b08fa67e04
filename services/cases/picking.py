"""Whom to ask for a household: the partners that suit it, the best first, then the others, each with why not.

The page, the API, the stories and the check at the send all ask here.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from models.cases import Case, Referral
from models.lifecycles import UNANSWERED, UNDER_WAY
from models.programmes import Organisation
from models.vocabulary import Obstacle, Tenure, Theme
from services.cases.circumstances import means_of
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.network.directory import living
from services.rules.matching import Choice, Offer, Pick, Wanted, choose
from services.rules.policy import Actor, Right, knows_household, readable, require
from services.rules.presence import closed_today
from services.rules.published import today_of
from services.rules.texts.labels import choices, inside


def picks(
    unit: UnitOfWork, actor: Actor, case_id: UUID, themes: Iterable[Theme] | None = None
) -> dict[Theme, Choice]:  # fmt: skip
    """Whom to ask for each type of solution, or for all those that somebody offers, in the order of the catalogue.

    Tenure and income count for those alone who may know the household.
    """
    require(actor, Right.REFER)
    case = readable(unit, actor, case_id)
    offers = _offers(unit, case)
    offered = {theme for each in offers for theme in each.themes}
    wanted = [theme for theme in Theme if theme in offered] if themes is None else themes
    is_known = knows_household(unit, actor, case)
    return {theme: choose(offers, _wanted(unit, case, theme, is_known=is_known)) for theme in wanted}


def choice(unit: UnitOfWork, case: Case, theme: Theme, *, is_known: bool = True) -> Choice:
    """The same for one type, without a question of rights."""
    return choose(_offers(unit, case), _wanted(unit, case, theme, is_known=is_known))


def pick_of(unit: UnitOfWork, actor: Actor, case: Case, theme: Theme, partner_id: UUID) -> Pick | None:
    """What the directory says to this actor of one partner for this need; None when he does not offer it."""
    return choice(unit, case, theme, is_known=knows_household(unit, actor, case)).of(partner_id)


def _wanted(unit: UnitOfWork, case: Case, theme: Theme, *, is_known: bool) -> Wanted:
    day = today_of(unit, case.programme_id)
    if not is_known:
        return Wanted(theme, case.dwelling.commune_code, None, None, day)
    means = means_of(unit, case)
    income = means.income_class if means else None
    return Wanted(theme, case.dwelling.commune_code, Tenure(case.dwelling.tenure), income, day)


def _offers(unit: UnitOfWork, case: Case) -> list[Offer]:
    day = today_of(unit, case.programme_id)
    services = living(unit, case.programme_id)
    closed, loads = closed_today(unit, case.programme_id), _loads(unit, case.programme_id)
    return [
        Offer(
            service_id=each.id,
            partner_id=each.organisation_id,
            partner=each.organisation.name,
            service=each.name,
            themes=frozenset(each.themes),
            communes=each.area.codes(day) if each.area else None,
            income_classes=frozenset(each.income_classes),
            tenures=frozenset(each.tenures),
            places=each.places,
            full_until=each.full_until,
            capacity_on=each.capacity_on,
            closed_until=closed.get(each.organisation_id),
            conditions=each.conditions,
            load=loads.get(each.organisation_id, 0),
        )
        for each in services
    ]


def _loads(unit: UnitOfWork, programme_id: UUID) -> dict[UUID, int]:
    """How many requests each partner has on hand."""
    rows = unit.session.execute(
        select(Referral.partner_id, func.count())
        .join(Organisation, Organisation.id == Referral.partner_id)
        .where(Organisation.programme_id == programme_id, Referral.state.in_(UNANSWERED | UNDER_WAY))
        .group_by(Referral.partner_id)
    )
    return {row[0]: row[1] for row in rows}


def reasons(pick: Pick, *, commune: str, today: date) -> list[str]:
    """Why a partner is set aside, each in a few words that go on from his name."""
    return [_reason(obstacle, pick.offer, commune, today) for obstacle in pick.obstacles]


def _reason(obstacle: Obstacle, offer: Offer, commune: str, today: date) -> str:
    match obstacle:
        case Obstacle.AREA:
            return f"n’intervient pas dans la commune ({commune})"
        case Obstacle.TENURE:
            return f"s’adresse à un autre statut d’occupation ({listed('tenure', offer.tenures)})"
        case Obstacle.INCOME:
            return f"s’adresse à d’autres revenus ({listed('income_class', offer.income_classes)})"
        case Obstacle.CLOSED if offer.closed_until is not None:
            return f"fermé jusqu’au {wording.day(offer.closed_until, today=today)}"
        case Obstacle.FULL if offer.full_until is not None and offer.full_until >= today:
            return f"complet jusqu’au {wording.day(offer.full_until, today=today)}"
        case _:
            return "plus de place"


def listed(kind: str, codes: frozenset[str]) -> str:
    """In the order of the labels' file."""
    return ", ".join(inside(words) for code, words in choices(kind) if code in codes)
