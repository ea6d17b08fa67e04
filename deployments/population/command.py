"""`relais generate`: makes sure that it disturbs nobody, puts the people in, writes the past and says how fast."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, update

from deployments.demonstration import ACCOUNTS
from deployments.play.setting import establish
from deployments.play.story import Setting
from deployments.population import KEY, Progress, Wanted, generate
from deployments.population.figures import Size, figures
from deployments.population.setting import SLUG, setting_for
from models.engine import Event
from models.programmes import Organisation, Person, Programme, Territory
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, Setup
from services.foundation.runtime import Runtime
from services.programme import programmes
from services.programme.programmes import KnownCommune, PersonForm

QUIET_S = 10.0


@dataclass(frozen=True)
class Options:
    """What was asked for; `cases` in all, instead of what the size says."""

    size: Size
    years: int
    seed: int
    cases: int | None = None


def main(runtime: Runtime, options: Options) -> None:
    """Write a population. Raises `Setup` on a database of somebody else, or one that has its past already."""
    if options.years < 1 or (options.cases is not None and options.cases < 1):
        raise InvalidInput("years", "Il faut au moins une année et une situation.")
    a_year = figures().cases_a_year(options.size)
    if options.cases is not None:
        a_year = round(options.cases / options.years)
    now = runtime.clock.now()
    accounts = {email: password for email, password, _ in ACCOUNTS}
    prepare(runtime, options.size, years=options.years, today=now.date(), passwords=accounts)
    _say(f"Environ {a_year * options.years} situations inventées sur {options.years} ans. Rien ne sera envoyé.")
    telling = _Telling()
    done = generate(runtime.database, SLUG, Wanted(a_year, options.years, options.seed), until=now, told=telling)
    telling.end(done)


def prepare(
    runtime: Runtime, size: Size, *, years: int, today: date, passwords: Mapping[str, str] | None = None
) -> None:
    """The programme and its people; those of a demonstration stay and get colleagues."""
    setting = setting_for(size, years=years, today=today)
    with runtime.database.write("population.setting") as unit:
        slugs = set(unit.session.scalars(select(Programme.slug)))
        if slugs - {SLUG}:
            raise Setup("Cette base contient déjà un dispositif\u00a0: une population inventée veut une base vide.")
        if unit.session.scalar(select(Event.id).where(Event.idempotency_key.startswith(KEY)).limit(1)) is not None:
            raise Setup("Cette base a déjà un passé inventé.")
        if not slugs:
            establish(unit, setting, passwords=passwords)
        else:
            complete(unit, setting)


def complete(unit: UnitOfWork, setting: Setting) -> None:
    """Put in whoever is not there yet, and let the territory begin as early as the past."""
    programme = unit.session.scalars(select(Programme).filter_by(slug=SLUG)).one()
    known = set(unit.session.scalars(select(Organisation.slug).filter_by(programme_id=programme.id)))
    for form in setting.organisations:
        if form.slug not in known:
            programmes.add_organisation(unit, programme, form)
    emails = set(unit.session.scalars(select(Person.email)))
    for person in setting.staff.values():
        if person.email not in emails:
            form_of = PersonForm(
                email=person.email, name=person.name, role=person.role, organisation=person.organisation
            )
            programmes.add_person(unit, programme, form_of)
    places = (*setting.communes, *setting.neighbours)
    programmes.add_communes(
        unit, [KnownCommune(place.code, place.name, place.postcodes, place.code[:2]) for place in places]
    )
    unit.session.execute(
        update(Territory)
        .where(Territory.programme_id == programme.id, Territory.from_on > setting.opened_on)
        .values(from_on=setting.opened_on)
    )


class _Telling:
    """Says now and then how far it is."""

    def __init__(self) -> None:
        self.begun = self.told = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """A line, if the last one is some seconds old."""
        now = time.monotonic()
        if now - self.told >= QUIET_S:
            self.told = now
            _say(f"  jusqu’au {progress.day:%d/%m/%Y}\u00a0: {progress.cases} situations terminées écrites")

    def end(self, done: Progress) -> None:
        """The last line."""
        seconds = max(time.monotonic() - self.begun, 0.001)
        _say(
            f"{done.cases} situations ({done.rows} lignes) écrites en {seconds:.0f} s, "
            f"{done.cases / seconds:.0f} par seconde."
        )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
