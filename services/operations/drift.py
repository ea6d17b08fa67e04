"""Whether cases are what their events say: looked up again each night for those that something happened to lately.

Nothing is put right here. A drift is a bug, and whoever reads of it must find it as it was.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, select

from models.base import earliest_id
from models.cases import Case, Referral, Visit
from models.engine import IS_OPEN, Event, Task, Work
from models.lifecycles import FINAL_REFERRALS
from models.vocabulary import STAGE_OF, CaseState, ReferralState, Stage, VisitState
from services.cases import referrals
from services.foundation.database import UnitOfWork
from services.foundation.lists import among
from services.rules.history import History

LATELY: Final = timedelta(hours=36)
"""A night that was missed by an hour loses nothing."""
MOST_EVENTS: Final = 20_000
"""Only the cases of so many of the latest events are looked at: a night after a large import costs no more."""
AT_ONCE: Final = 200
"""So many cases are read in one transaction."""


class Drift(NamedTuple):
    """How a case differs from what happened to it; `what` holds codes only."""

    case_id: UUID
    what: str


_Stored = Row[UUID, str, str | None, str, datetime | None, int]


def changed_lately(unit: UnitOfWork) -> list[UUID]:
    """The cases to which something happened since the last nights, the latest first; by the instant of recording."""
    since = earliest_id(unit.lease_time() - LATELY)
    latest = select(Event.case_id).where(Event.id >= since).order_by(Event.id.desc()).limit(MOST_EVENTS)
    return list(dict.fromkeys(row.case_id for row in unit.rows(latest)))


def of_cases(unit: UnitOfWork, case_ids: Collection[UUID]) -> list[Drift]:
    """All that differs; a case that moves while it is looked at is left for the next night."""
    before = {case.id: case for case in unit.rows(_CASES, ids=case_ids)}
    histories, numbers = _told(unit, before)
    states = _states(unit, _REFERRALS, before), _states(unit, _VISITS, before)
    stages = _states(unit, _TASKS, before)
    stuck = referrals.unsettled(unit, before) - {row.case_id for row in unit.rows(_IN_HANDS, ids=before)}
    still = {case.id for case in unit.rows(_CASES, ids=before) if case.last_seq == before[case.id].last_seq}
    return [
        Drift(id_, what)
        for id_ in before
        if id_ in still
        for what in (
            *_of_case(before[id_], histories[id_], numbers[id_]),
            *_of_referrals(states[0][id_], histories[id_]),
            *_of_visits(states[1][id_], histories[id_]),
            *_of_tasks(before[id_], stages[id_]),
            *(["orienting, and nothing is awaited or to be decided"] if id_ in stuck else []),
        )
    ]


_CASES: Final = select(Case.id, Case.state, Case.resumes_in, Case.stage, Case.closed_at, Case.last_seq).where(
    among(Case.id, "ids")
)
_EVENTS: Final = (
    select(Event.case_id, Event.seq, Event.type, Event.payload)
    .where(among(Event.case_id, "ids"))
    .order_by(Event.case_id, Event.seq)
)
_REFERRALS: Final = select(Referral.case_id, Referral.id, Referral.state, Referral.ended_at).where(
    among(Referral.case_id, "ids")
)
_VISITS: Final = select(Visit.case_id, Visit.id, Visit.state).where(among(Visit.case_id, "ids"))
_TASKS: Final = select(Task.case_id, Task.kind, Task.stage).where(among(Task.case_id, "ids"), IS_OPEN)
_IN_HANDS: Final = select(Work.case_id).where(among(Work.case_id, "ids"))


def _told(
    unit: UnitOfWork, case_ids: Collection[UUID]
) -> tuple[defaultdict[UUID, History], defaultdict[UUID, list[int]]]:
    histories: defaultdict[UUID, History] = defaultdict(History)
    numbers: defaultdict[UUID, list[int]] = defaultdict(list)
    for case_id, seq, type_, payload in unit.rows(_EVENTS, ids=case_ids):
        histories[case_id].tell(type_, payload)
        numbers[case_id].append(seq)
    return histories, numbers


def _states(unit: UnitOfWork, query: Any, case_ids: Collection[UUID]) -> defaultdict[UUID, list[Row[Any]]]:
    found: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in unit.rows(query, ids=case_ids):
        found[row.case_id].append(row)
    return found


def _of_case(case: _Stored, told: History, numbers: Sequence[int]) -> Iterator[str]:
    yield from told.astray
    if numbers != list(range(1, case.last_seq + 1)):
        yield "its events are not numbered one after the other"
    if case.state != told.state:
        yield f"case is {case.state}, its events say {told.state}"
    if case.stage != STAGE_OF[CaseState(case.resumes_in or case.state)]:
        yield f"stage {case.stage} in state {case.state}"
    if (case.stage == Stage.CLOSED) != (case.closed_at is not None):
        yield f"closed_at disagrees with state {case.state}"


def _of_referrals(rows: Sequence[Row[Any]], told: History) -> Iterator[str]:
    for referral in rows:
        said = told.referrals.get(referral.id, ReferralState.DRAFT)
        if referral.state != said:
            yield f"referral is {referral.state}, its events say {said}"
        if (ReferralState(referral.state) in FINAL_REFERRALS) != (referral.ended_at is not None):
            yield f"referral's ended_at disagrees with state {referral.state}"


def _of_visits(rows: Sequence[Row[Any]], told: History) -> Iterator[str]:
    for visit in rows:
        said = told.visits.get(visit.id, VisitState.PLANNED)
        if visit.state != said:
            yield f"visit is {visit.state}, its events say {said}"


def _of_tasks(case: _Stored, rows: Sequence[Row[Any]]) -> Iterator[str]:
    for task in rows:
        if task.stage != case.stage:
            yield f"task {task.kind} is counted in {task.stage}, its case in {case.stage}"
