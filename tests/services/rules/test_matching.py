"""Whom the directory proposes: the rule alone, without a database."""

from datetime import date
from typing import Any
from uuid import UUID, uuid5

import pytest

from models.vocabulary import IncomeClass, Obstacle, Tenure, Theme
from services.rules.matching import Choice, Offer, Wanted, choose, obstacles

TODAY = date(2026, 3, 24)
WANTED = Wanted(Theme.BUDGET, "69264", Tenure.SOCIAL_TENANT, IncomeClass.MODEST, TODAY)


def offer(partner: str, service: str = "", **said: Any) -> Offer:
    ids = {"service_id": uuid5(UUID(int=0), partner + service), "partner_id": uuid5(UUID(int=1), partner)}
    return Offer(**{**ids, "partner": partner, "service": service, "themes": frozenset({"budget"}), **said})


def names(choice: Choice) -> tuple[list[str], list[str]]:
    return [pick.offer.partner for pick in choice.proposed], [pick.offer.partner for pick in choice.set_aside]


@pytest.mark.parametrize(
    ("said", "met"),
    [
        ({}, ()),
        ({"communes": frozenset({"69264"}), "tenures": frozenset({"social_tenant"})}, ()),
        ({"communes": frozenset({"69243"})}, (Obstacle.AREA,)),
        ({"communes": frozenset()}, (Obstacle.AREA,)),  # a zone of which nothing is left
        ({"tenures": frozenset({"owner"})}, (Obstacle.TENURE,)),
        ({"income_classes": frozenset({"very_modest", "modest"})}, ()),
        ({"income_classes": frozenset({"very_modest"})}, (Obstacle.INCOME,)),
        ({"places": 0}, (Obstacle.FULL,)),
        ({"places": 1}, ()),
        ({"full_until": TODAY}, (Obstacle.FULL,)),
        ({"full_until": date(2026, 3, 23)}, ()),
        ({"closed_until": date(2026, 4, 15)}, (Obstacle.CLOSED,)),
        ({"closed_until": TODAY, "places": 0, "tenures": frozenset({"owner"})},
         (Obstacle.TENURE, Obstacle.FULL, Obstacle.CLOSED)),
    ],
)  # fmt: skip
def test_a_service_suits_or_says_why_not(said: dict[str, Any], met: tuple[Obstacle, ...]) -> None:
    assert obstacles(offer("CCAS", **said), WANTED) == met


def test_an_income_that_nobody_knows_sets_nobody_aside_but_comes_after() -> None:
    unknown = Wanted(Theme.BUDGET, "69264", Tenure.OWNER, None, TODAY)
    found = choose([offer("A", income_classes=frozenset({"modest"})), offer("B")], unknown)

    assert names(found) == (["B", "A"], [])
    assert [pick.income_unknown for pick in found.proposed] == [False, True]


def test_places_said_come_first_then_the_least_busy_then_the_name() -> None:
    offers = [offer("D", load=2), offer("C"), offer("B", load=9, places=3), offer("A", load=2)]

    assert names(choose(offers, WANTED))[0] == ["B", "C", "A", "D"]


def test_a_partner_stands_once_by_the_service_that_suits_best() -> None:
    north = offer("Maison", "nord", communes=frozenset({"69243"}))
    south = offer("Maison", "sud", communes=frozenset({"69264"}))

    found = choose([north, south], WANTED)

    assert names(found) == (["Maison"], [])
    assert found.proposed[0].offer.service == "sud"


def test_those_set_aside_come_by_the_fewest_obstacles_and_another_type_is_no_candidate() -> None:
    offers = [
        offer("A", places=0, tenures=frozenset({"owner"})),
        offer("B", places=0),
        offer("C", themes=frozenset({"legal"})),
    ]

    assert names(choose(offers, WANTED)) == ([], ["B", "A"])
