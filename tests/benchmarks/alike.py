"""How many doubles a threshold of likeness finds, and how many strangers it shows: `python -m tests.benchmarks.alike`.

Invented households of `deployments/population/names.yaml`, told once more as people tell them: with a slip, an initial,
a first name left out, a second surname, "av." for "avenue", a street without its kind. Strangers are of one commune.
"""

import random
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import product
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from services.foundation import yaml_files
from services.rules.finding import search_key

KNOWN: Final = yaml_files.read(resources.files("deployments.population").joinpath("names.yaml").read_text("utf-8"))
FIRST_NAMES, SURNAMES, STREETS = [*KNOWN["women"], *KNOWN["men"]], KNOWN["surnames"], KNOWN["streets"]
SHORT: Final = {"avenue": "av.", "boulevard": "bd", "place": "pl.", "allée": "all.", "impasse": "imp.", "chemin": "ch."}
CHANCE: Final = random.Random(1)  # noqa: S311 - people, no secret
TRIES: Final = 400
STRANGERS: Final = 100_000


class Told(NamedTuple):
    """A household as somebody tells it."""

    surname: str
    first_name: str
    number: int
    street: str


def slip(text: str) -> str:
    """One letter left out, doubled, turned about or another."""
    at = CHANCE.randrange(1, len(text) - 1)
    head, letter, tail = text[:at], text[at], text[at + 1 :]
    return CHANCE.choice([head + tail, head + letter * 2 + tail, head + tail[0] + letter + tail[1:], head + "e" + tail])


def shortened(street: str) -> str:
    """Its kind abbreviated, where people do."""
    kind, rest = street.split(" ", 1)
    return f"{SHORT.get(kind, kind)} {rest}"


NAMES: Final[dict[str, Callable[[Told], Told]]] = {
    "same name": lambda told: told,
    "a slip": lambda told: told._replace(surname=slip(told.surname)),
    "two slips": lambda told: told._replace(surname=slip(told.surname), first_name=slip(told.first_name)),
    "an initial": lambda told: told._replace(first_name=told.first_name[0]),
    "no first name": lambda told: told._replace(first_name=""),
    "a second surname": lambda told: told._replace(surname=f"{told.surname}-{CHANCE.choice(SURNAMES)}"),
}
PLACES: Final[dict[str, Callable[[Told], Told]]] = {
    "same street": lambda told: told,
    "av.": lambda told: told._replace(street=shortened(told.street)),
    "no kind": lambda told: told._replace(street=told.street.split(" ", 1)[1]),
    "a slip in it": lambda told: told._replace(street=slip(told.street)),
}


def anybody() -> Told:
    """A household of the commune."""
    return Told(CHANCE.choice(SURNAMES), CHANCE.choice(FIRST_NAMES), CHANCE.randrange(1, 60), CHANCE.choice(STREETS))


def score(one: Told, other: Told) -> float:
    """The highest threshold at which `services.rules.likeness` shows one beside the other."""
    names = search_key(one.surname, one.first_name), search_key(other.surname, other.first_name)
    streets = (search_key(f"{each.number} {each.street}") for each in (one, other))
    return min(max(fuzz.ratio(*names), fuzz.partial_ratio(*names)), fuzz.partial_ratio(*streets))


def found() -> Iterator[tuple[str, list[float]]]:
    """The scores of one household told twice, by what differs; then of two households."""
    scores: dict[str, list[float]] = {}
    for (name, other_name), (place, other_place) in product(NAMES.items(), PLACES.items()):
        for _ in range(TRIES):
            known = anybody()
            for kind in ("one household", name, place):
                scores.setdefault(kind, []).append(score(known, other_place(other_name(known))))
    yield from scores.items()
    doors = [(one, anybody()._replace(number=one.number, street=one.street)) for one in _many()]
    yield "another at the same door", [score(*both) for both in doors if both[0].surname != both[1].surname]
    both = [(one, anybody()) for one in _many()]
    yield "two of one commune", [score(one, other) for one, other in both if one.surname != other.surname]


def _many() -> Iterator[Told]:
    return (anybody() for _ in range(STRANGERS))


if __name__ == "__main__":
    thresholds = range(74, 91, 2)
    print(f"{'shown from':26}", *(f"{each:7}" for each in thresholds))  # noqa: T201 - the result
    for kind, scores in found():
        shares = (100 * sum(each >= threshold for each in scores) / len(scores) for threshold in thresholds)
        print(f"{kind:26}", *(f"{share:6.2f}%" for share in shares))  # noqa: T201
