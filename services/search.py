"""Finding a case by the name, the street, the telephone or the reference of its household, within what one may read."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, select, union

from models.cases import Case, Phone, SearchWord
from models.refusals import CaseworkError
from services import listing
from services.foundation.database import UnitOfWork
from services.foundation.phones import normalise
from services.listing import Question
from services.rules.finding import LAST, ways
from services.rules.policy import Actor, is_known, is_visible


def search(unit: UnitOfWork, actor: Actor, words: str) -> Question[Case]:
    """The cases that these words may mean, of those that the actor may read; by the reference alone those whose
    household he may not know.

    Each is the beginning of a word that the case is kept under: an index answers, however many cases there are, if each
    way is looked for by itself. An "or" of all of them would make PostgreSQL look at every case.
    """
    of_household = [_kept_under(actor, way) for way in ways(words)]
    try:
        number = normalise(words)
    except CaseworkError:
        number = ""
    if number:
        of_household.append(Case.household_id.in_(select(Phone.household_id).where(Phone.number == number)))
    matches = [Case.number == words.strip(), *(and_(each, is_known(actor)) for each in of_household)]
    found = union(*(select(Case.id).where(is_visible(actor), match).correlate(None) for match in matches))
    return listing.cases(unit, actor).where(Case.id.in_(found))


def _kept_under(actor: Actor, beginnings: Sequence[str]) -> ColumnElement[bool]:
    found = (
        select(SearchWord.case_id).where(
            SearchWord.programme_id == actor.programme_id,
            SearchWord.word >= beginning,
            SearchWord.word < beginning + LAST,
        )
        for beginning in beginnings
    )
    return and_(*(Case.id.in_(each) for each in found))
