"""What every table shares: naming convention, identifiers, UTC instants, JSON."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, DateTime, MetaData, String, Uuid, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator
from uuid_utils.compat import uuid7

PARIS: Final = ZoneInfo("Europe/Paris")

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC. A naive value is a programming error and raises `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """SQLite stores text without a zone: naive UTC."""
        return as_text if dialect.name == "sqlite" else _utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Always aware UTC."""
        return _instant_of if dialect.name == "sqlite" else _utc


def _utc(instant: datetime | None) -> datetime | None:
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored: give it a zone")
    return instant.astimezone(UTC)


def as_text(instant: datetime | None) -> str | None:
    """In UTC, without saying so: as SQLite stores it."""
    utc = _utc(instant)
    return None if utc is None else _text(utc)


@lru_cache(maxsize=1 << 14)
def _text(utc: datetime) -> str:
    """Once for all the rows of a batch, many of which hold the same instants."""
    return utc.replace(tzinfo=None).isoformat(" ", "microseconds")


def _instant_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


class Identifier(Uuid[UUID]):
    """A UUID, made once for all the rows that hold it: a batch reads the same few again and again."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None] | None:
        """From the 32 digits that SQLite stores; PostgreSQL gives the thing itself."""
        return None if dialect.supports_native_uuid else _identifier


@lru_cache(maxsize=1 << 14)
def _identifier(digits: str | None) -> UUID | None:
    return None if digits is None else UUID(digits)


def new_id() -> UUID:
    """A UUID version 7: ordered by creation time, never used as a secret."""
    return uuid7()


def earliest_id(instant: datetime) -> UUID:
    """What comes before every identifier made from an instant on, in the order of identifiers."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


Key = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]


class Zone(TypeDecorator[ZoneInfo]):
    """A time zone, stored by its name."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: ZoneInfo | None, dialect: Dialect) -> str | None:
        """Its name."""
        return value.key if value is not None else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> ZoneInfo | None:
        """The zone of a name, which this machine knows: it was given by one that did."""
        return ZoneInfo(value) if value is not None else None


class Base(DeclarativeBase):
    """Declarative base: UUID version 7 keys, UTC instants, JSONB on PostgreSQL, enumerations as strings."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        UUID: Identifier(),
        ZoneInfo: Zone(),
        str: String(),
        dict[str, Any]: JSON().with_variant(JSONB(), "postgresql"),
        list[str]: JSON().with_variant(JSONB(), "postgresql"),
        list[int]: JSON().with_variant(JSONB(), "postgresql"),
    }


@event.listens_for(Base, "init", propagate=True)
def _name(target: Base, _args: object, given: dict[str, Any]) -> None:
    """An object has its key as soon as it is made: others may name it, and many are written in one statement."""
    column = target.__table__.columns.get("id")
    if column is not None and column.default is not None:
        given.setdefault("id", new_id())
