"""Brings the database of an installation to where pages may open it, or says in one sentence why it cannot."""

from sqlalchemy import inspect, select

from deployments import migrating
from deployments.publishing import publish_default
from models.engine import StoryProgress
from services.foundation.database import Database
from services.foundation.errors import Setup


def prepare(database: Database) -> None:
    """Migrate what is behind and publish the shipped pathway. Safe to repeat.

    Raises `Setup` for a database that does not answer, is newer than this code, or belongs to a story.
    """
    state = migrating.state(database)
    if state == "newer":
        migrating.require_current(database)
    _refuse_a_story(database)
    if state != "current":
        migrating.upgrade(database)
    publish_default(database)


def _refuse_a_story(database: Database) -> None:
    with database.read() as unit:
        if not inspect(unit.session.connection()).has_table(StoryProgress.__tablename__):
            return
        if unit.session.scalar(select(StoryProgress.id).limit(1)) is not None:
            raise Setup(
                "Cette base est celle d’une histoire jouée par «\u00a0relais play\u00a0»\u00a0: son horloge "
                "n’est pas la vraie. Choisissez un autre dossier avec RELAIS_DATA_FOLDER."
            )
