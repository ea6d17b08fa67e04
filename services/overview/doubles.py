"""Which case another one may double: what the engine saw, what the coordination noted, what is looked for by name."""

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from models.cases import Case, Visit
from models.lifecycles import CaseAction, case_actions
from models.vocabulary import CaseState, VisitState
from services import search
from services.cases import findings
from services.foundation import wording
from services.foundation.calendar import months_later
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.overview import desk
from services.rules.policy import Actor, Right, case_for
from services.rules.published import pathway_of

SHOWN: Final = 8
"""How many of those that words find are proposed: more is a question to ask better."""


class Likeness(NamedTuple):
    """A case that looks like another, and how much, of a hundred, where somebody noted it.

    `visited_on`: the local day of its last visit, if so recent that another one is hardly due.
    """

    case: Case
    score: int | None
    visited_on: date | None = None


def alike(unit: UnitOfWork, actor: Actor, case: Case) -> list[Likeness]:
    """Those that the engine or a person found and that are merged into none; for the coordination alone."""
    numbers = [] if case.state == CaseState.MERGED else (case.checks or {}).get("possible_duplicates", [])
    scores = findings.matches(unit, case)
    found = [each for number in numbers if (each := desk.double_of(unit, actor, number))]
    seen = {each.id for each in found}
    found += [each for id_ in scores if id_ not in seen and (each := unit.session.get(Case, id_))]
    still = (each for each in found if each.merged_into_id is None)
    return [Likeness(each, scores.get(each.id), _visited_on(unit, case, each)) for each in still]


def _visited_on(unit: UnitOfWork, case: Case, other: Case) -> date | None:
    """Within the months that the pathway says, counted to the day of the request."""
    held = select(func.max(Visit.starts_at)).where(Visit.case_id == other.id, Visit.state == VisitState.HELD)
    last = unit.session.scalar(held)
    if last is None:
        return None
    day, asked_on = (each.astimezone(case.programme.zone).date() for each in (last, case.opened_at))
    recent = asked_on < months_later(day, pathway_of(unit, case.pathway_hash).revisit_months)
    return day if recent else None


def may_go_on(case: Case, other: Case) -> bool:
    """Whether the first may be merged into the other."""
    return other.id != case.id and not other.is_closed and CaseAction.MERGE in case_actions(CaseState(case.state))


def proposed(unit: UnitOfWork, actor: Actor, case: Case, typed: Mapping[str, str]) -> list[Likeness]:
    """What a case may be merged into: those alike, what `words` find, what is chosen already (`into_number`)."""
    chosen = desk.double_of(unit, actor, typed.get("into_number", ""))
    found = [*_found(unit, actor, case, typed.get("words", ""))[:SHOWN], *([chosen] if chosen else [])]
    every = [*alike(unit, actor, case), *(Likeness(each, None) for each in found)]
    return list({each.case.id: each for each in reversed(every) if may_go_on(case, each.case)}.values())[::-1]


def meant(unit: UnitOfWork, actor: Actor, case_id: UUID, *, chosen: str, words: str) -> str:
    """The reference of the case that goes on: the one chosen, else the one whose reference is typed, or its end.

    A name finds and never decides: raises `InvalidInput`, and what it found is to be proposed.
    """
    case = case_for(unit, actor, case_id, Right.MERGE)
    found = [each.number for each in _found(unit, actor, case, words)]
    if words and chosen and chosen not in found:
        raise InvalidInput("words", f"Ces mots ne trouvent pas {chosen}, choisie plus haut : gardez l’un ou l’autre.")
    if chosen:
        return chosen
    if not words:
        raise InvalidInput("words", "Dites quelle situation continue.")
    named = [number for number in found if words in {number, *search.ends_of(number)}]
    if len(named) == 1:
        return named[0]
    raise _refusal(unit, actor, words, len(found))


def _found(unit: UnitOfWork, actor: Actor, case: Case, words: str) -> list[Case]:
    every = search.search(unit, actor, words).rows(unit) if words else []
    return [each for each in every if may_go_on(case, each)]


def _refusal(unit: UnitOfWork, actor: Actor, words: str, count: int) -> InvalidInput:
    said = f"«{wording.NBSP}{words}{wording.NBSP}»"
    if count > SHOWN:
        return InvalidInput("words", f"Trop de situations répondent à {said} : ajoutez un prénom ou une rue.")
    if count:
        return InvalidInput("into_number", f"Voici ce qui répond à {said} : choisissez.")
    ended = desk.double_of(unit, actor, words)
    if ended is not None and ended.is_closed:
        return InvalidInput("words", "Cette situation est terminée : rouvrez-la, ou choisissez l’autre sens.")
    return InvalidInput("words", f"Aucune autre situation ouverte ne répond à {said}.")
