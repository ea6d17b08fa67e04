"""Nothing under five people: which numbers of a figure may be told, and which must be kept so that none can be guessed.

A number from one to four is kept; so is whatever would give it away by subtraction from the others and their sum.
Nought tells of nobody. Source: rules of the programme's national reports (cells under five are masked).
"""

from collections.abc import Sequence
from typing import Final

FEWEST: Final = 5
"""A rule, not a setting. Source: domain, reporting - aggregates only, cells under five are masked."""
FEWEST_FOR_TENTHS: Final = 10
"""One in ten is somebody; of fewer than ten people it would be one known person."""


def is_small(count: int) -> bool:
    """Whether a number tells of few enough people to know them."""
    return 0 < count < FEWEST


def parts(counts: Sequence[int]) -> list[int | None]:
    """The parts of a sum that is told: small ones are kept, never one alone, nor so few that they can be guessed."""
    kept = {place for place, count in enumerate(counts) if is_small(count)}
    others = sorted((count, place) for place, count in enumerate(counts) if count and place not in kept)
    while kept and others and (len(kept) == 1 or is_small(sum(counts[place] for place in kept))):
        kept.add(others.pop(0)[1])
    return [None if place in kept else count for place, count in enumerate(counts)]


def steps(counts: Sequence[int]) -> list[int | None]:
    """Numbers each within the one before: one is kept when it is small, or differs from the last told by few."""
    told: list[int | None] = []
    last: int | None = None
    for count in counts:
        keep = is_small(count) or (last is not None and is_small(last - count))
        told.append(None if keep else count)
        last = last if keep else count
    return told
