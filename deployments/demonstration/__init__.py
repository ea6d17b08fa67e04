"""Fills an empty database with the programme Vald’Orne: three stories and fifty cases spread over the stages.

Everything is done by the use cases of the real thing with a clock that is set; nothing of it reaches a mail server.
"""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.foundation.database import UnitOfWork
    from services.foundation.runtime import Runtime

PASSWORD: Final = "relais-demonstration"  # noqa: S105 - shown on purpose: nothing real is behind it
ACCOUNTS: Final = (
    ("claire.morvan@vald-orne.example", PASSWORD, "Claire Morvan, coordination"),
    ("nadia.ferrand@energie-proche.example", PASSWORD, "Nadia Ferrand, Énergie Proche"),
    ("thomas.girard@energie-proche.example", PASSWORD, "Thomas Girard, Énergie Proche"),
    ("bruno.salvi@toit-solidaire.example", PASSWORD, "Bruno Salvi, Toit Solidaire"),
    ("admin@vald-orne.example", PASSWORD, "Alex Renaud, administration"),
)
"""E-mail address, password, who it is. `relais up` shows them: what this module needs beyond is imported when used."""

FOLDER: Final = Path(__file__).parent
STORIES: Final = ("s1_lucette", "s3_wrong_number", "s3_no_answer")
GENERATED: Final = 50
MARK: Final = "demonstration:"
SLUG: Final = "vald-orne"


def wanted(unit: "UnitOfWork") -> bool:
    """Whether this database is empty, or holds a demonstration whose loading was interrupted."""
    from sqlalchemy import func, select

    from models.engine import Event
    from models.programmes import Programme

    programmes = set(unit.session.scalars(select(Programme.slug)))
    marks = select(func.count()).where(Event.idempotency_key.startswith(MARK))
    return not programmes or (programmes == {SLUG} and 0 <= (unit.session.scalar(marks) or 0) < _total())


def load(runtime: "Runtime") -> None:
    """Load what is missing, a transaction a case, and say where visitors may send an alert. Safe to repeat.

    Raises `Setup` on a database that holds a programme of somebody else.
    """
    from sqlalchemy import select

    from deployments.demonstration.lives import Life, generated, told
    from deployments.demonstration.rehearsal import rehearse
    from deployments.play.setting import establish
    from deployments.play.story import Place, read_setting
    from models.programmes import Programme
    from services.foundation.errors import Setup
    from services.foundation.runtime import use

    setting = read_setting(FOLDER / "stories" / "vald_orne.yaml")
    setting = setting.model_copy(update={"communes": [Place.model_validate(row) for row in communes()]})
    with use(runtime):
        with runtime.database.write("demonstration.setting") as unit:
            slugs = set(unit.session.scalars(select(Programme.slug)))
            if slugs - {setting.programme.slug}:
                raise Setup("Cette base contient déjà un dispositif\u00a0: la démonstration veut une base vide.")
            if not slugs:
                establish(unit, setting, passwords={email: password for email, password, _ in ACCOUNTS})
            now = unit.now
        lives: list[Life] = [told(FOLDER / "stories" / f"{name}.yaml", key=f"{MARK}{name}") for name in STORIES]
        lives += [generated(number, setting, now=now, key=f"{MARK}{number}") for number in range(GENERATED)]
        for life in sorted(lives, key=lambda life: life.steps[0].at):
            if life.steps[0].at <= now:
                rehearse(runtime, setting, life, until=now)
        _say(runtime)


def _total() -> int:
    return len(STORIES) + GENERATED


def communes() -> list[dict[str, object]]:
    """The communes of the department, as its file gives them."""
    with (FOLDER / "communes.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "postcodes": row["postcodes"].split()} for row in csv.DictReader(file)]


def remind(runtime: "Runtime") -> None:
    """Say again where visitors may send an alert; nothing of a database that is not the demonstration's."""
    from sqlalchemy import select

    from models.programmes import Programme

    with runtime.database.read() as unit:
        ours = set(unit.session.scalars(select(Programme.slug))) == {SLUG}
    if ours:
        _say(runtime)


def _say(runtime: "Runtime") -> None:
    from sqlalchemy import select

    from models.programmes import Organisation
    from models.vocabulary import OrganisationKind
    from services.rules.links import alert_url

    with runtime.database.read() as unit:
        givers = unit.session.scalars(
            select(Organisation).filter_by(kind=OrganisationKind.ALERT_GIVER.value).order_by(Organisation.name)
        )
        lines = [f"  {giver.name:<28} {alert_url(runtime, giver)}" for giver in givers]
    public = f"  {'pour tous, page publique':<28} {runtime.settings.public_url}/d/{SLUG}"
    told = ["La démonstration est chargée. Adresses pour signaler un ménage\u00a0:", *lines, public, ""]
    sys.stdout.write("\n".join(told))
    sys.stdout.flush()
