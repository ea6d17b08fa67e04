"""Who may be one household, by name and street; the quick look leaves nobody out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from services.rules.likeness import ALIKE, Likeness, Neighbours

KEYS = st.text(alphabet="ab1", min_size=3, max_size=12)


def _home(name: str, street: str) -> Likeness:
    return Likeness(frozenset(), name, street, "61001")


@given(street=KEYS, others=st.lists(KEYS, min_size=20, max_size=40))
def test_neighbours_are_all_those_whose_street_is_alike(street: str, others: list[str]) -> None:
    known = Neighbours((other, _home("duboislea", other)) for other in others)
    alike = [other for other in others if fuzz.partial_ratio(street, other) >= ALIKE]
    assert known.like(_home("duboisleo", street)) == alike


def test_another_name_in_the_same_street_is_another_household() -> None:
    homes = [_home("duboislea", "12ruehaute"), _home("martinpaul", "12ruehaute")]
    assert Neighbours(enumerate(homes)).like(_home("duboisleo", "12bruehaute")) == [0]


@pytest.mark.parametrize(
    ("name", "street"),
    [
        ("dubois", "12avenuedelagare"), ("dubosilea", "12delagare"), ("duboisl", "12bisavenuedelagare"),
    ],
)  # fmt: skip
def test_a_household_is_known_however_people_write_it(name: str, street: str) -> None:
    homes = [_home("duboislea", "12avenuedelagare")]

    assert Neighbours(enumerate(homes)).like(_home(name, street)) == [0]
