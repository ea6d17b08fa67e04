"""The texts that a programme says in its own words: which of its versions are in force."""

from uuid import UUID

from sqlalchemy import and_, func, select

from models.programmes import ProgrammeText
from models.vocabulary import Channel, Party
from services.foundation.database import UnitOfWork
from services.rules.outline import TextKey
from services.rules.texts.own import Words

__all__ = ["TextKey", "forget", "in_force", "key_of", "own_words"]


def own_words(unit: UnitOfWork, programme_id: UUID) -> dict[TextKey, Words]:
    """What replaces the texts that ship."""
    return unit.once(_read, programme_id)


def _read(unit: UnitOfWork, programme_id: UUID) -> dict[TextKey, Words]:
    found = in_force(unit, programme_id)
    return {key_of(row): Words(row.subject or "", row.body) for row in found if row.body is not None}


def forget(unit: UnitOfWork, programme_id: UUID) -> None:
    """One has changed in this transaction."""
    unit.forget(_read, programme_id)


def in_force(unit: UnitOfWork, programme_id: UUID) -> list[ProgrammeText]:
    """The newest version of each text that was ever changed; without words it is what ships again."""
    own = ProgrammeText
    newest = (
        select(own.text, own.party, own.channel, func.max(own.version).label("version"))
        .where(own.programme_id == programme_id)
        .group_by(own.text, own.party, own.channel)
        .subquery()
    )
    same = and_(
        own.text == newest.c.text,
        own.party == newest.c.party,
        own.channel == newest.c.channel,
        own.version == newest.c.version,
    )
    return list(unit.session.scalars(select(own).join(newest, same).where(own.programme_id == programme_id)))


def key_of(row: ProgrammeText) -> TextKey:
    """Which text a version is of."""
    return TextKey(row.text, Party(row.party), Channel(row.channel))
