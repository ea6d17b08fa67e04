"""Nothing under five people is told, nor what would give it away. Pure."""

from itertools import product

import pytest

from services.rules.disclosure import FEWEST, parts, steps


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([12, 30, 8], [12, 30, 8]),
        ([12, 3, 2], [12, None, None]),
        ([12, 3, 30], [None, None, 30]),  # alone, it would be the sum less the others
        ([12, 1, 1, 30], [None, None, None, 30]),  # two ones: their sum tells them
        ([0, 7, 0], [0, 7, 0]),
        ([0, 3, 0], [0, None, 0]),
    ],
)
def test_a_small_part_of_a_sum_is_kept_and_never_alone(counts: list[int], told: list[int | None]) -> None:
    assert parts(counts) == told


def test_what_is_kept_of_a_sum_is_about_five_people_or_more_whenever_there_are_others() -> None:
    for counts in product(range(0, 13, 2), repeat=3):
        told = parts(counts)
        kept = [count for count, shown in zip(counts, told, strict=True) if shown is None]
        assert all(shown is None or shown == 0 or shown >= FEWEST for shown in told)
        assert not kept or sum(kept) >= FEWEST or all(shown in {None, 0} for shown in told)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([100, 56, 40, 12], [100, 56, 40, 12]),
        ([100, 98, 40, 3], [100, None, 40, None]),  # two did not get so far: they are few
        ([100, 98, 96, 94], [100, None, None, 94]),  # six did not get so far, from the last that is told
        ([3, 3, 0], [None, None, 0]),
        ([20, 20, 20], [20, 20, 20]),
    ],
)
def test_a_step_is_told_when_neither_those_who_made_it_nor_those_who_did_not_are_few(
    counts: list[int], told: list[int | None]
) -> None:
    assert steps(counts) == told
