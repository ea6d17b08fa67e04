"""What the plan needs to know of a case, read for a whole batch at once; pure data, no session behind it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select

from models.cases import Alert, Call, Case, Phone, Visit
from models.engine import Event, Task
from models.events import CaseReopened, FollowUpCalled
from models.vocabulary import CallResult, TaskState, VisitState
from services.foundation.database import UnitOfWork

T = TypeVar("T", Alert, Call, Visit)

CONTACT = "contact"
MISSED = frozenset({CallResult.NO_ANSWER.value, CallResult.VOICEMAIL.value})


@dataclass(frozen=True)
class CaseView:
    """One case as its rules see it."""

    case_id: UUID
    programme_id: UUID
    pathway_hash: str
    state: str
    urgency: str
    operator_id: UUID | None
    numbers_left: int
    alert_id: UUID | None  # the first alert whose giver can be written to
    alert_organisation_id: UUID | None
    attempts: tuple[datetime, ...]  # calls that reached nobody since the last contact or reopening
    visit_id: UUID | None
    visit_starts_at: datetime | None
    last_held_at: datetime | None
    absences: int  # of the household, since the last visit held
    visits_held: int
    follow_ups_done: int
    open_tasks: frozenset[str]


def views(unit: UnitOfWork, case_ids: Iterable[UUID]) -> dict[UUID, CaseView]:
    """Read the cases of a batch with a fixed number of queries."""
    ids = sorted(set(case_ids))
    session = unit.session
    session.flush()
    cases = session.scalars(select(Case).where(Case.id.in_(ids))).all()
    phones = _by_household(
        session.scalars(select(Phone).where(Phone.household_id.in_({case.household_id for case in cases}))).all()
    )
    alerts = _by_case(session.scalars(select(Alert).where(Alert.case_id.in_(ids)).order_by(Alert.received_at)).all())
    calls = _by_case(session.scalars(select(Call).where(Call.case_id.in_(ids)).order_by(Call.at)).all())
    visits = _by_case(session.scalars(select(Visit).where(Visit.case_id.in_(ids)).order_by(Visit.ordinal)).all())
    tasks = defaultdict(set)
    for case_id, kind in session.execute(
        select(Task.case_id, Task.kind).where(Task.case_id.in_(ids), Task.state == TaskState.OPEN)
    ):
        tasks[case_id].add(kind)
    marks = _marks(unit, ids)
    return {
        case.id: CaseView(
            case_id=case.id,
            programme_id=case.programme_id,
            pathway_hash=case.pathway_hash,
            state=case.state,
            urgency=case.urgency,
            operator_id=case.operator_id,
            numbers_left=sum(phone.blocked_at is None for phone in phones[case.household_id]),
            alert_id=next((alert.id for alert in alerts[case.id] if alert.giver_email), None),
            alert_organisation_id=next((alert.organisation_id for alert in alerts[case.id] if alert.giver_email), None),
            attempts=_attempts(calls[case.id], marks.reopened.get(case.id)),
            visit_id=visits[case.id][-1].id if visits[case.id] else None,
            visit_starts_at=visits[case.id][-1].starts_at if visits[case.id] else None,
            last_held_at=max((v.starts_at for v in visits[case.id] if v.state == VisitState.HELD), default=None),
            absences=sum(visit.state == VisitState.HOUSEHOLD_ABSENT for visit in visits[case.id]),
            visits_held=sum(visit.state == VisitState.HELD for visit in visits[case.id]),
            follow_ups_done=marks.follow_ups[case.id],
            open_tasks=frozenset(tasks[case.id]),
        )
        for case in cases
    }


def attempts_since_contact(unit: UnitOfWork, case_id: UUID) -> tuple[datetime, ...]:
    """The calls that reached nobody since the last contact or reopening, oldest first."""
    calls = unit.session.scalars(select(Call).where(Call.case_id == case_id).order_by(Call.at)).all()
    return _attempts(calls, _marks(unit, [case_id]).reopened.get(case_id))


@dataclass(frozen=True)
class _Marks:
    reopened: dict[UUID, datetime]
    follow_ups: defaultdict[UUID, int]


def _marks(unit: UnitOfWork, ids: Sequence[UUID]) -> _Marks:
    found = _Marks({}, defaultdict(int))
    types = (CaseReopened.type, FollowUpCalled.type)
    rows = unit.session.execute(
        select(Event.case_id, Event.type, Event.occurred_at)
        .where(Event.case_id.in_(ids), Event.type.in_(types))
        .order_by(Event.seq)
    )
    for case_id, event_type, at in rows:
        if event_type == CaseReopened.type:
            found.reopened[case_id] = at
        else:
            found.follow_ups[case_id] += 1
    return found


def _attempts(calls: Sequence[Call], since: datetime | None) -> tuple[datetime, ...]:
    contacts = [call for call in calls if call.purpose == CONTACT]
    reached = max((call.at for call in contacts if call.result == CallResult.REACHED), default=None)
    start = max((moment for moment in (since, reached) if moment is not None), default=None)
    return tuple(call.at for call in contacts if call.result in MISSED and (start is None or call.at > start))


def _by_case(rows: Sequence[T]) -> defaultdict[UUID, list[T]]:
    grouped: defaultdict[UUID, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row.case_id].append(row)
    return grouped


def _by_household(rows: Sequence[Phone]) -> defaultdict[UUID, list[Phone]]:
    grouped: defaultdict[UUID, list[Phone]] = defaultdict(list)
    for row in rows:
        grouped[row.household_id].append(row)
    return grouped
