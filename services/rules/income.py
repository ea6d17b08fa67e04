"""Where a household stands against the Anah's ceilings, on the dated and sourced tables of `anah.yaml`. Pure.

Source: Anah, plafonds de ressources; reference income (RFR) of the year before, else of the year before that.
"""

from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from models.vocabulary import IncomeClass
from services.foundation import yaml_files

ILE_DE_FRANCE: Final = frozenset({"75", "77", "78", "91", "92", "93", "94", "95"})
ALONE_TO_FIVE: Final = 5
Row = Annotated[list[int], Field(min_length=ALONE_TO_FIVE + 1, max_length=ALONE_TO_FIVE + 1)]


class Zone(BaseModel):
    """The ceilings of a part of the country: five sizes of household, then each further person."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    very_modest: Row
    modest: Row
    intermediate: Row

    def ceiling(self, row: list[int], people: int) -> int:
        """The highest income of a class for so many people."""
        further = max(0, people - ALONE_TO_FIVE)
        return row[min(people, ALONE_TO_FIVE) - 1] + further * row[ALONE_TO_FIVE]


class Table(BaseModel):
    """What applies from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    from_on: date
    source: str
    checked: str
    ile_de_france: Zone
    elsewhere: Zone


class _Tables(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int
    tables: list[Table]


def income_class(income: int, people: int, *, department: str, table: Table) -> IncomeClass:
    """The class of a reference income, in whole euros, for a household of `people` in a department.

    A ceiling belongs to its class. Source: Anah, as `table.source` says.
    """
    zone = table.ile_de_france if department in ILE_DE_FRANCE else table.elsewhere
    rows = {
        IncomeClass.VERY_MODEST: zone.very_modest,
        IncomeClass.MODEST: zone.modest,
        IncomeClass.INTERMEDIATE: zone.intermediate,
    }
    within = (found for found, row in rows.items() if income <= zone.ceiling(row, people))
    return next(within, IncomeClass.HIGHER)


def in_force(on: date) -> Table | None:
    """The table that applied that day: the newest that had begun; None before the first one that is known."""
    return max((table for table in tables() if table.from_on <= on), key=lambda table: table.from_on, default=None)


@cache
def tables() -> tuple[Table, ...]:
    """Every table, the oldest first."""
    source = resources.files(__package__).joinpath("anah.yaml").read_text(encoding="utf-8")
    found = _Tables.model_validate(yaml_files.read(source)).tables
    return tuple(sorted(found, key=lambda table: table.from_on))
