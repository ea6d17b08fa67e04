"""Which services suit a household, in which order, and why the others do not. Pure: the same answer everywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from models.vocabulary import IncomeClass, Obstacle, Tenure, Theme


@dataclass(frozen=True)
class Wanted:
    """What is looked for: a type of solution, for whom, where, on which day. No income: nobody knows it yet."""

    theme: Theme
    commune_code: str
    tenure: Tenure | None
    income: IncomeClass | None
    on: date


@dataclass(frozen=True)
class Offer:
    """A service as the directory tells it. `communes` None is everywhere; no class and no tenure set no condition.

    `load` is how many requests its partner has on hand.
    """

    service_id: UUID
    partner_id: UUID
    partner: str
    service: str
    themes: frozenset[str]
    communes: frozenset[str] | None = None
    income_classes: frozenset[str] = frozenset()
    tenures: frozenset[str] = frozenset()
    places: int | None = None
    full_until: date | None = None
    capacity_on: date | None = None
    closed_until: date | None = None
    conditions: str = ""  # in words: a person reads them
    load: int = 0


class Pick(NamedTuple):
    """One partner for one need, by the service of his that suits best; no obstacle: he is proposed."""

    offer: Offer
    obstacles: tuple[Obstacle, ...]
    income_unknown: bool


@dataclass(frozen=True)
class Choice:
    """The partners proposed, the best first; then those set aside, each with its obstacles."""

    proposed: Sequence[Pick]
    set_aside: Sequence[Pick]

    def of(self, partner_id: UUID) -> Pick | None:
        """What is said of this partner; None: he does not offer this type of solution."""
        found = (pick for pick in (*self.proposed, *self.set_aside) if pick.offer.partner_id == partner_id)
        return next(found, None)


def obstacles(offer: Offer, wanted: Wanted) -> tuple[Obstacle, ...]:
    """Why a service of the right type does not suit. What is not known of a household is no obstacle."""
    met = {
        Obstacle.AREA: offer.communes is not None and wanted.commune_code not in offer.communes,
        Obstacle.TENURE: bool(offer.tenures) and wanted.tenure is not None and wanted.tenure not in offer.tenures,
        Obstacle.INCOME: bool(offer.income_classes)
        and wanted.income is not None
        and wanted.income not in offer.income_classes,
        Obstacle.FULL: offer.places == 0 or (offer.full_until is not None and offer.full_until >= wanted.on),
        Obstacle.CLOSED: offer.closed_until is not None and offer.closed_until >= wanted.on,
    }
    return tuple(obstacle for obstacle, is_met in met.items() if is_met)


def choose(offers: Iterable[Offer], wanted: Wanted) -> Choice:
    """Each partner once, by his best service; proposed, or set aside.

    Order of those proposed: those whose conditions are all known to be met, then those who said that they have
    places, then the least busy, then by name. Those set aside: the fewest obstacles first.
    """
    best: dict[UUID, Pick] = {}
    for offer in offers:
        if wanted.theme not in offer.themes:
            continue
        pick = Pick(offer, obstacles(offer, wanted), bool(offer.income_classes) and wanted.income is None)
        known = best.get(offer.partner_id)
        if known is None or _rank(pick) < _rank(known):
            best[offer.partner_id] = pick
    ranked = sorted(best.values(), key=_rank)
    return Choice([pick for pick in ranked if not pick.obstacles], [pick for pick in ranked if pick.obstacles])


def _rank(pick: Pick) -> tuple[int, bool, bool, int, str, str]:
    offer = pick.offer
    return (len(pick.obstacles), pick.income_unknown, offer.places is None, offer.load, offer.partner, offer.service)
