"""The years being told: alerts come with the seasons, every case takes its course, and what is over is handed on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID

from deployments.population import acts, households
from deployments.population.courses import Course
from deployments.population.figures import figures
from deployments.population.households import Household, Register
from deployments.population.life import Life
from deployments.population.office import Office
from deployments.population.post import Post
from deployments.population.world import World

KEY = "generated:"
"""How the key of a generated case's first event begins."""
SAME: float = 0.5  # A: as many doubles as households from next door


@dataclass(frozen=True)
class Wanted:
    """A population. `beside_people`: somebody works on this database meanwhile."""

    cases_a_year: int
    years: int
    seed: int
    beside_people: bool = False


class Month(NamedTuple):
    """A month that was told: its last day, the cases that are over by then."""

    day: date
    over: list[Life]


class Past:
    """All cases in one time. `full` is until when partners said that they are full."""

    def __init__(self, office: Office, wanted: Wanted, *, until: datetime, register: Register, number: int) -> None:
        """`number` is the last one that a case of the programme has."""
        self.office, self.wanted, self.until, self.register, self.number = office, wanted, until, register, number
        self.start = _years_before(until, wanted.years)
        self.world = World(self.start)
        self.mail = Post(self.world, office, until=until)
        self.full: dict[tuple[UUID, str], date] = {}
        self.open: list[Life] = []
        self._inside = frozenset(place.code for place in office.inside)

    def months(self) -> Iterator[Month]:
        """Month after month until today; `open` holds what is not over."""
        for end, alerts in self._alerts():
            for at in alerts:
                self.world.at(at, self._alert)
            self.world.reach(end)
            over = [life for life in self.open if life.is_over]
            self.open = [life for life in self.open if not life.is_over]
            yield Month(self.office.calendar.local_day(end), over)

    def _alerts(self) -> Iterator[tuple[datetime, list[datetime]]]:
        """Each month's end, and the instants of its alerts."""
        calendar, seasons = self.office.calendar, figures().seasons
        chance = Random(f"{self.wanted.seed}:alerts")  # noqa: S311 - the same draw each time is what is wanted
        owed = 0.0
        for start, end in _months(calendar.local_day(self.start), calendar.local_day(self.until)):
            days = [start + timedelta(days=n) for n in range((end - start).days)]
            share = seasons[start.month - 1] / sum(seasons) * len(days) / _days_of_month(start)
            owed += self.wanted.cases_a_year * share
            count, owed = int(owed), owed % 1
            open_days = [day for day in days if calendar.is_open(day)]
            found = sorted(self.office.minute_of(chance.choice(open_days), chance) for _ in range(count) if open_days)
            yield min(calendar.start_of(end), self.until), [at for at in found if self.start < at < self.until]

    def _alert(self) -> None:
        """A case begins."""
        self.number += 1
        chance = Random(f"{self.wanted.seed}:{self.number}")  # noqa: S311
        life = Life(self.world, self.office, self.mail, chance)
        is_new = chance.random() < figures().funnel.in_territory_and_new
        asked = households.ask(self.office, self._household(chance, is_new=is_new), chance)
        year = self.world.now.astimezone(self.office.calendar.zone).year
        hand = households.write(life, asked, f"{year}-{self.number:05d}")
        households.examine(life, self.register, asked.household, self._inside)
        self.open.append(life)
        acts.submit(life, hand, asked.urgency, key=f"{KEY}{self.office.programme_id.hex}:{self.number}")
        life.begin(Course(life, self.full.__setitem__, self.register.next_number).detection(is_new=is_new))

    def _household(self, chance: Random, *, is_new: bool) -> Household:
        known = not is_new and chance.random() < SAME
        double = self.register.somebody_of(chance.choice(self.office.inside), chance) if known else None
        return double or households.invent(self.office, self.register, chance, inside=is_new or known)


def _years_before(instant: datetime, years: int) -> datetime:
    day = instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return day.replace(year=day.year - years)


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    start = first
    while start <= last:
        end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield start, min(end, last + timedelta(days=1))
        start = end


def _days_of_month(day: date) -> int:
    first = day.replace(day=1)
    return ((first + timedelta(days=32)).replace(day=1) - first).days
