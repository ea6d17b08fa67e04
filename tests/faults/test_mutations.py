"""Every guard that `tests.faults.mutations` takes away is still there to be taken, and so are the tests that notice."""

import re

import pytest

from tests.faults.mutations import MUTANTS, ROOT, Mutant, mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_a_guard_can_be_taken_away_and_its_tests_exist(mutant: Mutant) -> None:
    whole = (ROOT / mutant.file).read_text(encoding="utf-8")

    assert mutated(mutant, whole) != whole
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}" if name else "^def test_", (ROOT / file).read_text("utf-8"), re.MULTILINE)
