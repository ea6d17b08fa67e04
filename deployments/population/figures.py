"""The figures of a synthetic population: dated and sourced data, and how a value is drawn from them."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from math import exp, log
from pathlib import Path
from random import Random
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.foundation import yaml_files

Size = Literal["S", "M", "L", "XL"]
Share = Annotated[float, Field(ge=0, le=1)]
Name = TypeVar("Name", str, int)
FOLDER: Final = Path(__file__).parent
NINETIETH: Final = 1.2815515655446004  # of the standard normal law


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Strict):
    """A log-normal delay, in days."""

    median: float
    p90: float

    def draw(self, chance: Random) -> timedelta:
        """One delay."""
        sigma = log(self.p90 / self.median) / NINETIETH
        return timedelta(days=self.median * exp(sigma * chance.gauss(0, 1)))


class Team(_Strict):
    """How many work in a Slime of some size."""

    operators: int
    coordinators: int
    services: int


class Giving(_Strict):
    """Who gives alerts; `many`: one service in each of several communes. Without a slug: the household itself."""

    slug: str
    name: str
    share: float
    many: bool = False


class Funnel(_Strict):
    """What share of each step comes to the next."""

    in_territory_and_new: Share
    eligible: Share
    contacted: Share
    agrees: Share
    visited: Share
    reported: Share
    oriented: Share
    accepted: Share
    done_in_a_year: Share
    visit_2: Share
    reached_at_12_months: Share

    @property
    def alert_to_visit(self) -> float:
        """The whole way from an alert to a visit."""
        return self.in_territory_and_new * self.eligible * self.contacted * self.agrees * self.visited


class Delays(_Strict):
    """How long things take."""

    alert_to_visit: Spread
    visit_to_report: Spread
    report_to_orientation: Spread
    partner_answer: Spread
    acceptance_to_outcome: Spread
    visit_to_visit_2: Spread
    loan: Spread


class Figures(_Strict):
    """All of them, as the file says."""

    dated: date
    source: str
    visits_a_year: dict[Size, int]
    team: dict[Size, Team]
    visits_an_officer: int
    funnel: Funnel
    no_show: Share
    cancelled: Share
    referrals: dict[int, float]
    seasons: Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]
    sources: tuple[Giving, ...]
    tenure: dict[str, float]
    people: dict[int, float]
    urgency: dict[str, float]
    motives: dict[str, float]
    best_time: dict[str, float]
    sms_agreed: Share
    household_email: Share
    danger_met: Share
    note_left: Share
    rejections: dict[str, float]
    wrong_number: Share
    delays: Delays
    themes: dict[str, float]
    question: Share
    declines: dict[str, float]
    silent: Share
    asked_again: Share
    failures: dict[str, float]
    failed: Share
    outcomes: dict[str, float]
    news_given: Share
    disputed: Share
    lent: Share
    follow_ups_reached: dict[int, Share]
    still_cold: Share
    still_in_arrears: Share
    closures: dict[str, float]

    def cases_a_year(self, size: Size) -> int:
        """How many alerts lead to the visits of this size."""
        return round(self.visits_a_year[size] / self.funnel.alert_to_visit)


class Names(_Strict):
    """Invented people, streets and sentences."""

    civil: dict[str, float]
    women: tuple[str, ...]
    men: tuple[str, ...]
    surnames: tuple[str, ...]
    streets: tuple[str, ...]
    complements: tuple[str, ...]
    summaries: tuple[str, ...]
    notes: tuple[str, ...]
    briefs: tuple[str, ...]
    questions: tuple[str, ...]
    loans: tuple[str, ...]


@cache
def figures() -> Figures:
    """The figures that ship."""
    return Figures.model_validate(_read("figures.yaml"))


@cache
def names() -> Names:
    """The names that ship."""
    return Names.model_validate(_read("names.yaml"))


def drawn(chance: Random, weights: Mapping[Name, float]) -> Name:
    """One of them, by weight."""
    return chance.choices(list(weights), list(weights.values()))[0]


def _read(name: str) -> object:
    return yaml_files.read((FOLDER / name).read_text(encoding="utf-8"))
