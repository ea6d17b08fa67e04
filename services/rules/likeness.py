"""Which requests may come from one household: the same number, or a like name and street in the same commune."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq
from sqlalchemy import bindparam, select

from models.cases import Case, Dwelling, Household, Phone
from services.foundation.database import UnitOfWork
from services.foundation.lists import among

ALIKE: Final = 82
"""Score (0-100) of name and street from which two households are shown as possibly the same: one measure for all who
ask (alerts, files taken in, the past that is generated).

Measured on invented households (`python -m tests.benchmarks.alike`), of which each is told twice: with slips, an
initial, no first name, a second surname, "av." for "avenue". From 82 on 84 % of them are found, and next to no stranger
of the commune. From 80 on 93 %, but 0.01 % of the strangers too: of a file of two thousand alerts in one town, one row
in five would be held back. From 90 on 59 %.
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Likeness:
    """What tells whether two requests may come from one household: numbers (E.164), search keys, commune."""

    numbers: frozenset[str]
    name: str
    street: str
    commune_code: str

    def shares_number(self, other: "Likeness") -> bool:
        """Whether one number rings at both."""
        return not self.numbers.isdisjoint(other.numbers)

    def has_like_name(self, other: "Likeness") -> bool:
        """Whether the names are the same but for spelling, or one holds the other."""
        return bool(_alike(self.name, {0: other.name}, fuzz.ratio, fuzz.partial_ratio))


class Neighbours(Generic[T]):
    """The things of one commune (cases, rows of a file), thousands of which are compared at once."""

    def __init__(self, things: Iterable[tuple[T, Likeness]] = ()) -> None:
        """Those that are known from the start."""
        self._things: list[tuple[T, Likeness]] = []
        self._streets: defaultdict[int, dict[int, str]] = defaultdict(dict)  # by length, then by place
        for thing, likeness in things:
            self.add(thing, likeness)

    def add(self, thing: T, likeness: Likeness) -> None:
        """One more."""
        self._streets[len(likeness.street)][len(self._things)] = likeness.street
        self._things.append((thing, likeness))

    def like(self, own: Likeness) -> list[T]:
        """Those with a like name and street, in the order in which they were added."""
        near = _alike(own.street, self._sharing_letters(own.street), fuzz.partial_ratio)
        names = {place: self._things[place][1].name for place in near}
        return [self._things[place][0] for place in sorted(_alike(own.name, names, fuzz.ratio, fuzz.partial_ratio))]

    def _sharing_letters(self, street: str) -> dict[int, str]:
        """A quick look that leaves few to be compared in earnest, and none out that would be found alike.

        `partial_ratio` gives 200 c / (n + w) where w letters of the longer text, n of the shorter at most, have c in
        common with the shorter, in their order. As c is no more than w, to reach a it must reach n a / (200 - a).
        """
        found: dict[int, str] = {}
        for length, streets in self._streets.items():
            enough = -(-min(length, len(street)) * ALIKE // (200 - ALIKE))  # rounded up
            shared = process.extract(street, streets, scorer=LCSseq.similarity, score_cutoff=enough, limit=None)
            found |= {place: text for text, _, place in shared}
        return found


def _alike(asked: str, texts: Mapping[int, str], *scorers: Callable[..., float]) -> set[int]:
    """The places of the texts that one of these finds alike."""
    found = (process.extract(asked, texts, scorer=each, score_cutoff=ALIKE, limit=None) for each in scorers)
    return {place for matches in found for _, _, place in matches}


class Double(NamedTuple):
    """A case that may be of the same household."""

    id: UUID
    number: str
    opened_at: datetime


def likeness(case: Case) -> Likeness:
    """A known case, to be compared."""
    numbers = frozenset(phone.number for phone in case.household.phones)
    return Likeness(numbers, case.household.search_key, case.dwelling.search_key, case.dwelling.commune_code)


def possible_duplicates(unit: UnitOfWork, cases: Sequence[Case]) -> dict[UUID, list[Double]]:
    """Of each, other cases of the programme with the same number, or with a like name and street in the same commune.

    Each question is answered from an index: the same name at the same address is found however old, a like one among
    the two hundred of the commune written last. The latest come first.
    """
    same_number, same_door = _same_number(unit, cases), _same_door(unit, cases)
    places = dict.fromkeys((case.programme_id, case.dwelling.commune_code) for case in cases)
    neighbours = {place: _latest_of(unit, *place) for place in places}
    found: dict[UUID, list[Double]] = {}
    for case in cases:
        there = neighbours[case.programme_id, case.dwelling.commune_code]
        alike = [other for other in there.like(likeness(case)) if other.id != case.id]
        each = dict.fromkeys([*same_number[case.id], *same_door[case.id], *alike])
        found[case.id] = sorted(each, key=attrgetter("opened_at"), reverse=True)
    return found


def _same_number(unit: UnitOfWork, cases: Sequence[Case]) -> defaultdict[UUID, list[Double]]:
    """Who has a number is asked by itself: in one question with the cases, a database may walk through them all."""
    numbers = {phone.number for case in cases for phone in case.household.phones}
    holders: defaultdict[str, set[UUID]] = defaultdict(set)
    for number, household_id in unit.rows(_HOLDERS, numbers=numbers):
        holders[number].add(household_id)
    others = {
        case.id: {each for phone in case.household.phones for each in holders[phone.number]} - {case.household_id}
        for case in cases
    }
    found: defaultdict[UUID, list[Double]] = defaultdict(list)
    if households := set().union(*others.values()):
        known = unit.rows(_KNOWN, households=households)
        for case in cases:
            theirs = (row for row in known if row.household_id in others[case.id])
            found[case.id] = [Double(*row[:3]) for row in theirs if row.programme_id == case.programme_id]
    return found


def _same_door(unit: UnitOfWork, cases: Sequence[Case]) -> dict[UUID, list[Double]]:
    """Who has the same name at the same address."""
    names = {case.household.search_key for case in cases} - {""}  # erased: nobody
    streets = {case.dwelling.search_key for case in cases}
    known: defaultdict[tuple[UUID, str, str, str], list[Double]] = defaultdict(list)
    for id_, number, opened_at, programme_id, name, street, commune in unit.rows(
        _AT_DOOR, names=names, streets=streets
    ):
        known[programme_id, name, street, commune].append(Double(id_, number, opened_at))
    found = {}
    for case in cases:
        door = case.programme_id, case.household.search_key, case.dwelling.search_key, case.dwelling.commune_code
        found[case.id] = [each for each in known[door] if each.id != case.id]
    return found


def _latest_of(unit: UnitOfWork, programme_id: UUID, commune_code: str) -> Neighbours[Double]:
    """The programme is looked at here: asked for it, SQLite walks through all its cases rather than the commune's."""
    rows = [row for row in unit.rows(_LATEST, commune=commune_code) if row.programme_id == programme_id]
    return Neighbours((Double(*row[:3]), Likeness(frozenset(), row[3], row[4], commune_code)) for row in rows)


_HOLDERS: Final = select(Phone.number, Phone.household_id).where(among(Phone.number, "numbers"))
_KNOWN: Final = select(Case.id, Case.number, Case.opened_at, Case.household_id, Case.programme_id).where(
    among(Case.household_id, "households")
)
_AT_DOOR: Final = (
    select(
        Case.id,
        Case.number,
        Case.opened_at,
        Case.programme_id,
        Household.search_key,
        Dwelling.search_key,
        Dwelling.commune_code,
    )
    .select_from(Household)
    .join(Case, Case.household_id == Household.id)
    .join(Dwelling, Dwelling.id == Case.dwelling_id)
    .where(among(Household.search_key, "names"), among(Dwelling.search_key, "streets"))
)
_OF_COMMUNE: Final = (
    select(Dwelling.id, Dwelling.search_key)
    .where(Dwelling.commune_code == bindparam("commune"))
    .order_by(Dwelling.id.desc())  # as they were written, from an index: a commune may have tens of thousands
    .limit(201)  # one of them may be the case's own
    .subquery()
)
_LATEST: Final = (
    select(Case.id, Case.number, Case.opened_at, Household.search_key, _OF_COMMUNE.c.search_key, Case.programme_id)
    .select_from(_OF_COMMUNE)
    .join(Case, Case.dwelling_id == _OF_COMMUNE.c.id)
    .join(Household, Household.id == Case.household_id)
)
