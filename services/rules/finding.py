"""The words by which a case is found: plain words of a name and of a street, looked up by their beginnings. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

EVERYWHERE: Final = frozenset(
    {
        "allee", "appartement", "avenue", "boulevard", "chemin", "cours", "de", "des", "du", "et", "impasse", "la",
        "le", "les", "place", "quai", "residence", "route", "rue", "square", "sur", "un", "une",
    }
)  # fmt: skip
"""Words of so many streets that they tell none apart."""
LAST: Final = "~"
"""After every letter and digit, so that a word and this one bound all that begins with it."""


def plain(text: str) -> list[str]:
    """Its words in lower case and without accent, letters and digits only: the same on both databases."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", bare)


def search_key(*parts: str) -> str:
    """Lower case, no accent, words only: the same on both databases. "BEN ALI" and "Benali" meet."""
    return "".join(plain(" ".join(parts)))


def by_name(each: Any) -> list[str]:
    """The order of a list of names, the same on both databases: Écully stands after Dardilly, not after Vindry."""
    return plain(each.name)


def words_of(surname: str, first_name: str, street: str) -> frozenset[str]:
    """The words under which a household is kept. "Ben Ali" is kept as one word too, so that "Benali" finds it."""
    own = {*plain(surname), *plain(first_name), "".join(plain(surname)), "".join(plain(surname + " " + first_name))}
    return frozenset(word for word in own | set(plain(street)) - EVERYWHERE if word)


def ways(asked: str) -> Iterator[list[str]]:
    """The ways to look for what was typed, each a list of beginnings that must all be there."""
    typed = plain(asked)
    telling = [word for word in typed if word not in EVERYWHERE]
    if telling:
        yield telling
    if len(typed) > 1:
        yield ["".join(typed)]
