"""The Anah's ceilings: the tables as they are written, and the class that follows."""

from datetime import date
from itertools import pairwise

import pytest

from models.vocabulary import IncomeClass
from services.rules.income import Table, Zone, in_force, income_class, tables

LATEST = tables()[-1]


@pytest.mark.parametrize(
    ("income", "people", "department", "found"),
    [
        (17363, 1, "69", IncomeClass.VERY_MODEST),
        (17364, 1, "69", IncomeClass.MODEST),
        (24000, 1, "69", IncomeClass.INTERMEDIATE),
        (24000, 1, "93", IncomeClass.VERY_MODEST),
        (31185, 1, "69", IncomeClass.INTERMEDIATE),
        (31186, 1, "974", IncomeClass.HIGHER),
        (40835 + 2 * 5151, 7, "69", IncomeClass.VERY_MODEST),
        (40836 + 2 * 5151, 7, "69", IncomeClass.MODEST),
        (0, 1, "75", IncomeClass.VERY_MODEST),
    ],
)
def test_a_ceiling_belongs_to_its_class(income: int, people: int, department: str, found: IncomeClass) -> None:
    table = in_force(date(2026, 6, 1))
    assert table is not None
    assert income_class(income, people, department=department, table=table) is found


def test_the_table_of_a_day_is_the_newest_that_had_begun() -> None:
    found = {day: in_force(day) for day in (date(2023, 12, 31), date(2025, 12, 31), date(2026, 1, 1), date(2030, 1, 1))}

    assert [table and table.from_on.year for table in found.values()] == [None, 2025, 2026, LATEST.from_on.year]


def cells(table: Table) -> list[int]:
    zones: tuple[Zone, ...] = (table.ile_de_france, table.elsewhere)
    return [cell for zone in zones for row in (zone.very_modest, zone.modest, zone.intermediate) for cell in row]


def test_ceilings_rise_with_people_and_with_classes() -> None:
    for table in tables():
        for zone in (table.ile_de_france, table.elsewhere):
            rows = [zone.very_modest, zone.modest, zone.intermediate]
            assert all(a < b for row in rows for a, b in pairwise(row[:5]))
            assert all(
                low < high for poorer, richer in pairwise(rows) for low, high in zip(poorer, richer, strict=True)
            )


def test_every_cell_of_a_year_grows_by_one_rate() -> None:
    """A stale or mistyped cell stands out: the Anah raises all its ceilings by the same inflation."""
    for before, after in pairwise(tables()):
        rates = [new / old for old, new in zip(cells(before), cells(after), strict=True)]
        middle = sorted(rates)[len(rates) // 2]
        assert all(abs(new - old * middle) <= 2 for old, new in zip(cells(before), cells(after), strict=True))
