"""Reads the pathway that ships with Relais, publishes it, and says what this code lacks to run the stored ones."""

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from sqlalchemy import select

from deployments import pathway_files
from models.pathway import Pathway
from models.programmes import PathwayVersion
from services.foundation.database import Database
from services.foundation.errors import Setup

DEFAULT: Final = Path(__file__).parent / "pathways" / "slime.yaml"


@cache
def read_pathway(file: Path = DEFAULT) -> Pathway:
    """The definition in this file, read once a process. Raises `Setup` if it is not one."""
    return pathway_files.read(file).pathway


def publish_default(database: Database) -> str:
    """Store the shipped pathway, once; returns its hash."""
    pathway = read_pathway()
    with database.read() as unit:
        if unit.session.get(PathwayVersion, pathway.hash) is not None:
            return pathway.hash
    from services.rules.published import publish

    with database.write("publish_default") as unit:
        return publish(unit, pathway)


def stored_problems(database: Database) -> list[str]:
    """What this code lacks to run the stored pathways: guards, texts, acts. Imports the flows, and so Prefect."""
    from flows.reminders import ACTS

    with database.read() as unit:
        return [
            f"parcours {row.name}, version {row.version}\u00a0: {problem}"
            for row in unit.session.scalars(select(PathwayVersion).order_by(PathwayVersion.published_at))
            for problem in _problems(row, frozenset(ACTS))
        ]


def check_stored(database: Database) -> None:
    """Raise `Setup` if a stored pathway cannot be run."""
    if lacking := stored_problems(database):
        raise Setup(f"Relais ne peut pas suivre tous les parcours de la base ({', '.join(lacking)}).")


def _problems(row: PathwayVersion, acts: frozenset[str]) -> list[str]:
    from services.rules.published import problems

    try:
        return problems(Pathway.model_validate(row.body), acts=acts)
    except ValidationError as error:
        return [f"{error.error_count()} erreurs de forme"]
