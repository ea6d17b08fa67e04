"""The first day on which the law lets a supply be cut, and why; the dated rules are data, with their sources. Pure."""

from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from models.vocabulary import Energy
from services.foundation import yaml_files
from services.foundation.calendar import months_later


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Truce(_Strict):
    """A part of the year without cuts, both days included; it runs over the new year."""

    energies: frozenset[Energy]
    first_month: int
    first_day: int
    last_month: int
    last_day: int
    source: str

    def end(self, day: date) -> date | None:
        """The first day after the truce that covers this one, if any."""
        for year in (day.year - 1, day.year):
            last = date(year + 1, self.last_month, self.last_day)
            if date(year, self.first_month, self.first_day) <= day <= last:
                return last + timedelta(days=1)
        return None


class Aid(_Strict):
    """How long a request for aid keeps the supply, and the notice that follows."""

    months: int
    notice_days: int
    source: str


class ReducedPower(_Strict):
    """Before a cut, a time at reduced power for households with the energy cheque or aid and a smart meter."""

    energies: frozenset[Energy]
    days: int
    kva: int
    from_on: date
    source: str


class Law(_Strict):
    """All of it."""

    truce: Truce
    aid: Aid
    reduced_power: ReducedPower


class Reason(NamedTuple):
    """Why a cut may not happen on the day that was announced: `truce` or `aid`, and until when."""

    code: str
    until: date
    source: str


@cache
def law() -> Law:
    """The rules that ship with this version."""
    source = resources.files(__package__).joinpath("supply_cuts.yaml").read_text(encoding="utf-8")
    return Law.model_validate(yaml_files.read(source))


def truce_end(today: date) -> date | None:
    """The first day after the winter truce in which this day falls, if it does: cuts announced before come then."""
    return law().truce.end(today)


def reduced_power(energy: Energy, cut_on: date) -> ReducedPower | None:
    """What comes before a cut of this energy for those whom the rule names; the supplier says whether it does."""
    rule = law().reduced_power
    return rule if energy in rule.energies and cut_on >= rule.from_on else None


def first_lawful_day(energy: Energy, cut_on: date, aid_filed_on: date | None) -> tuple[date, list[Reason]]:
    """When the supply may be cut at the earliest, and what puts the announced day off.

    Of a request for aid the longest wait is counted: two months and the notice. When it is decided sooner, whoever
    hears of it gives the new day.
    """
    rules, day, reasons = law(), cut_on, []
    if aid_filed_on is not None and aid_filed_on <= cut_on:
        kept = months_later(aid_filed_on, rules.aid.months) + timedelta(days=rules.aid.notice_days)
        if kept > day:
            day = kept
            reasons.append(Reason("aid", kept, rules.aid.source))
    after = rules.truce.end(day) if energy in rules.truce.energies else None
    if after is not None:
        day = after
        reasons.append(Reason("truce", after, rules.truce.source))
    return day, reasons
