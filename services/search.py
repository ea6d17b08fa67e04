"""Finding a case by the name, the street, the telephone or the reference of its household, within what one may read."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Select, intersect, or_, select, union

from models.cases import Case, Phone, SearchWord
from models.refusals import CaseworkError
from services import listing
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.phones import normalise
from services.listing import Question
from services.rules.finding import LAST, ways
from services.rules.policy import Actor, is_known, is_visible, note_access, visible

SEARCHED: Final = "search"
IN_VAIN: Final = "aucun résultat"
YEARS_BACK: Final = 10
"""How far back a reference is looked for by its end alone."""
MOST: Final = 1000
"""Of the cases that answer so many at most are given, those that came into Relais last: who finds more says more."""


def search(unit: UnitOfWork, actor: Actor, words: str) -> Question[Case]:
    """The cases that these words may mean, `MOST` at most, of those that the actor may read; by the reference alone, or
    its end, those whose household he may not know.

    Each is the beginning of a word that the case is kept under: an index answers, however many cases there are, if each
    way is looked for by itself. An "or" of all of them would make PostgreSQL look at every case.
    """
    is_named = Case.number.in_(_references(unit.now.year, words.strip()))
    found = [select(Case.id).where(is_named), *(_kept_under(actor, way) for way in ways(words))]
    try:
        number = normalise(words)
    except CaseworkError:
        number = ""
    if number:
        reached = select(Phone.household_id).where(Phone.number == number)
        found.append(select(Case.id).where(Case.household_id.in_(reached)))
    of_any = union(*(each.correlate(None) for each in found))
    narrowed = visible(actor).where(Case.id.in_(of_any), or_(is_named, is_known(actor)))
    latest = narrowed.with_only_columns(Case.id).order_by(Case.id.desc()).limit(MOST)
    return listing.cases(unit, actor).where(Case.id.in_(latest))


def note(unit: UnitOfWork, actor: Actor, found: int) -> None:
    """Write down that somebody searched, never what; and whether in vain: an operator who looks for a name that is not
    his own to see finds nothing.
    """
    note_access(unit, actor, SEARCHED, case_id=None, reason=None if found else IN_VAIN)


def by_reference(unit: UnitOfWork, actor: Actor, typed: str) -> UUID | None:
    """The one case, of those that the actor may read, whose reference is typed, or ends so; None where several do."""
    numbers = _references(unit.now.year, typed.strip())
    query = select(Case.number, Case.id).where(is_visible(actor), Case.number.in_(numbers)).limit(2)
    found = {row.number: row.id for row in unit.session.execute(query)}
    return found.popitem()[1] if len(found) == 1 else None


def another(unit: UnitOfWork, actor: Actor, case_id: UUID, typed: str, *, field: str) -> UUID:
    """The same, of another case than this one. Raises `InvalidInput`."""
    found = by_reference(unit, actor, typed)
    if found is None or found == case_id:
        raise InvalidInput(field, "Cette référence n’est pas celle d’une autre situation : écrivez-la en entier.")
    return found


def _references(year: int, typed: str) -> list[str]:
    """What is typed, and the references that end so: `187` is the 2026-00187, or that of a year before."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= len("00000")):
        return [typed]
    return [typed, *(f"{each}-{int(typed):05d}" for each in range(year - YEARS_BACK, year + 1))]


def ends_of(reference: str) -> tuple[str, str]:
    """The ways to say a reference without its year: `00187`, `187`."""
    serial = reference.partition("-")[2]
    return serial, serial.lstrip("0")


def _kept_under(actor: Actor, beginnings: Sequence[str]) -> Select[tuple[UUID]]:
    """The cases that are kept under words which begin so: under each of them."""
    found = intersect(
        *(
            select(SearchWord.case_id).where(
                SearchWord.programme_id == actor.programme_id,
                SearchWord.word >= beginning,
                SearchWord.word < beginning + LAST,
            )
            for beginning in beginnings
        )
    )
    return select(found.subquery().c.case_id)
