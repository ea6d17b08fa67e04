"""How a pathway writes a delay: an amount and its unit, such as `5wd` or `1mo`."""

from enum import StrEnum
from functools import cache
from typing import Annotated, Self

from pydantic import ConfigDict, Field, RootModel


class DelayUnit(StrEnum):
    """Hours are real hours, day and night; days are calendar days; working days follow the programme's calendar."""

    HOURS = "h"
    DAYS = "d"
    WORKING_DAYS = "wd"
    MONTHS = "mo"


class Delay(RootModel[Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,2})(h|d|wd|mo)$", examples=["5wd", "15d"])]]):
    """`4h`, `15d`, `5wd`, `1mo`; written and stored as it is read. Never negative, at most 999."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `5wd`; anything else raises pydantic's `ValidationError`, a `ValueError`."""
        return cls.model_validate(text)

    @property
    def unit(self) -> DelayUnit:
        """What is counted."""
        return _read(self.root)[1]

    @property
    def amount(self) -> int:
        """How many of them."""
        return _read(self.root)[0]

    def __str__(self) -> str:
        """As the pathway writes it."""
        return self.root


@cache
def _read(text: str) -> tuple[int, DelayUnit]:
    """The few delays of a pathway are looked at for every task that opens."""
    unit = DelayUnit(text.lstrip("0123456789"))
    return int(text.removesuffix(unit)), unit
