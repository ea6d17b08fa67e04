"""Rows are taken in by slices; one that is refused, or that another run took, costs its neighbours nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from sqlalchemy.exc import IntegrityError

from models.refusals import CaseworkError
from services.foundation.database import Database
from services.foundation.errors import Conflict, GuardRefused
from services.imports import register
from services.imports.mapping import Mapped, Row
from services.imports.register import Outcome, Told
from services.imports.verdicts import Judged, Verdict


@dataclass
class Rows:
    """Five rows, of which the second is not to be taken in; `fails` says which one cannot be, and why."""

    fails: dict[int, Exception] = field(default_factory=dict)
    slice: int = 3
    asked: list[list[int]] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        verdicts = [Verdict.VALID, Verdict.DOUBTFUL, Verdict.VALID, Verdict.VALID, Verdict.VALID]
        judged = [Judged(Row(1, number, {}), verdict) for number, verdict in enumerate(verdicts, start=1)]
        return Outcome(judged, cast("Mapped", None), 0, is_workbook=False)

    def take(self, _database: Database, rows: Sequence[Judged]) -> list[Told]:
        numbers = [one.row.number for one in rows]
        self.asked.append(numbers)
        for number in numbers:
            if number in self.fails:
                raise self.fails[number]
        return [Told(f"2025-{number:05}") for number in numbers]

    def unread(self) -> list[Any]:
        return []


def taken(rows: Rows) -> list[tuple[int, Verdict, bool]]:
    slices = register.taking(cast("Database", None), rows)
    return [(one.row.number, one.verdict, told is not None) for part in slices for one, told in part]


def test_the_valid_rows_of_each_slice_are_taken_in_together_and_all_come_back_in_order() -> None:
    rows = Rows()

    assert taken(rows) == [
        (1, Verdict.VALID, True),
        (2, Verdict.DOUBTFUL, False),
        (3, Verdict.VALID, True),
        (4, Verdict.VALID, True),
        (5, Verdict.VALID, True),
    ]
    assert rows.asked == [[1, 3], [4, 5]]


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (GuardRefused("Non."), Verdict.REFUSED),
        (IntegrityError("", None, Exception("UNIQUE constraint failed: event.idempotency_key")), Verdict.VALID),
    ],
)
def test_a_row_that_cannot_be_taken_in_leaves_the_others_of_its_slice_in(failure: Exception, verdict: Verdict) -> None:
    rows = Rows({3: failure})

    found = taken(rows)

    assert [(number, told) for number, _, told in found] == [(1, True), (2, False), (3, False), (4, True), (5, True)]
    assert found[2][1] == verdict
    assert rows.asked == [[1, 3], [1], [3], [4, 5]]


@pytest.mark.parametrize(
    "failure", [Conflict("Réessayez."), IntegrityError("", None, Exception("NOT NULL constraint failed"))]
)
def test_what_is_no_fault_of_a_row_stops_the_run(failure: Exception) -> None:
    with pytest.raises((CaseworkError, IntegrityError)):
        taken(Rows({3: failure}))
