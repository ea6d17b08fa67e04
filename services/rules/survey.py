"""The catalogue of what is asked and seen of a household and its dwelling: sections, fields, codes with their words."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from services.foundation import wording, yaml_files
from services.rules.texts.labels import label
from services.rules.texts.typography import french

SEVERAL: Final = " "
"""Between the codes of one answer."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(_Strict):
    """One field: what it asks, and what may be answered."""

    label: str
    choice: dict[str, str] = {}
    several: dict[str, str] = {}
    known: bool = False
    number: str = ""
    least: int = 0
    most: int = 0
    tenths: bool = False
    date: bool = False
    text: bool = False
    digits: int = 0
    health: bool = False

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "Asked":
        kinds = (self.choice, self.several, self.known, self.number, self.date, self.text, self.digits)
        if sum(map(bool, kinds)) != 1:
            raise ValueError(f"{self.label}: one kind of answer, and one only")
        return self

    @property
    def codes(self) -> dict[str, str]:
        """The codes that answer it, with their words; none for a number, a date or a text."""
        if self.known:
            return {code: label("known", code) for code in ("yes", "no", "unknown")}
        return {code: french(words) for code, words in (self.choice or self.several).items()}

    def words(self, value: str) -> str:
        """A stored answer, as people read it."""
        if self.codes:
            return ", ".join(self.codes.get(code, code) for code in value.split(SEVERAL))
        if self.number:
            unit = f"{wording.NBSP}{self.number}" if self.number != "année" else ""
            return f"{value.replace('.', ',')}{unit}"
        return value


class Section(_Strict):
    """Fields that belong together; with `each`, said once for every thing that it names."""

    title: str
    each: dict[str, str] = {}
    fields: dict[str, Asked]


class Place(NamedTuple):
    """Where an answer stands: `about` is empty, or the thing of its section that it is of."""

    section: str
    field: str
    about: str = ""


class _Catalogue(_Strict):
    sections: dict[str, Section]


@cache
def sections() -> dict[str, Section]:
    """Every section by its code, in the order in which it is asked."""
    source = resources.files("services.rules.texts").joinpath("survey.fr.yaml").read_text(encoding="utf-8")
    return _Catalogue.model_validate(yaml_files.read(source)).sections


def places() -> Iterator[tuple[Place, Asked]]:
    """Every place at which something may be answered, in order."""
    for code, section in sections().items():
        for about in section.each or ("",):
            for name, asked in section.fields.items():
                yield Place(code, name, about), asked


def asked_at(place: Place) -> Asked | None:
    """What stands at a place; None for one that the catalogue does not know any more."""
    section = sections().get(place.section)
    return section.fields.get(place.field) if section else None
