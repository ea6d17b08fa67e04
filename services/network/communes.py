"""Communes as people write them: a name, a postcode, or both."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import String, cast, select

from models.programmes import Commune
from services.foundation.database import UnitOfWork
from services.rules.finding import search_key

MOST: Final = 12
_POSTCODE: Final = re.compile(r"\b\d{5}\b")
_SAINT: Final = re.compile(r"\b(ste?)\b[ .-]*", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A commune with one of its postcodes."""

    code: str
    name: str
    postcode: str


def places(unit: UnitOfWork, text: str) -> list[Place]:
    """The communes that this text may mean, at most `MOST`; an exact name leaves the longer ones out."""
    postcode = next(iter(_POSTCODE.findall(text)), "")
    name = search_key(_SAINT.sub(_whole, _POSTCODE.sub(" ", text)))
    query = select(Commune)
    if name:
        query = query.where(Commune.search_key.startswith(name, autoescape=True))
    if postcode:
        query = query.where(cast(Commune.postcodes, String).contains(f'"{postcode}"'))
    if not name and not postcode:
        return []
    found = unit.session.scalars(query.order_by(Commune.search_key, Commune.code).limit(MOST)).all()
    exact = [commune for commune in found if commune.search_key == name]
    return list(_spread(exact or found, postcode))[:MOST]


def _whole(short: re.Match[str]) -> str:
    return "saint " if short.group(1).lower() == "st" else "sainte "


def _spread(communes: Iterable[Commune], postcode: str) -> Iterable[Place]:
    for commune in communes:
        for known in [postcode] if postcode else commune.postcodes:
            yield Place(commune.code, commune.name, known)
