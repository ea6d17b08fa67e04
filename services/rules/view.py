"""What the plan needs to know of a case, read for a whole batch at once; pure data, no session behind it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, and_, select

from models.cases import Alert, Call, Case, Household, Phone, Referral, Visit
from models.engine import Event, Task
from models.events import CaseReopened, FollowUpAnswered, FollowUpCalled
from models.vocabulary import (
    STAGE_OF,
    CallResult,
    CaseState,
    ContactBy,
    ReferralState,
    Stage,
    TaskState,
    VisitState,
)
from services.foundation.database import UnitOfWork
from services.foundation.lists import among

CONTACT = "contact"
MISSED = frozenset({CallResult.NO_ANSWER.value, CallResult.VOICEMAIL.value})
CALLED_OFF = frozenset({VisitState.CANCELLED_BY_HOUSEHOLD.value, VisitState.CANCELLED_BY_SERVICE.value})


class Number(NamedTuple):
    """A telephone number of the household; `is_reached`: somebody of it once answered there."""

    number: str
    is_reached: bool
    wants_sms: bool = True  # False: it answered STOP


class Giver(NamedTuple):
    """Somebody who gave an alert and can be written to."""

    email: str
    alert_id: UUID
    organisation_id: UUID | None
    received_on_id: UUID | None = None  # the double on which it came


class Asked(NamedTuple):
    """What an open task asks, and by when."""

    due_at: datetime
    task_id: UUID
    kind: str
    referral_id: UUID | None
    loan_id: UUID | None
    cut_id: UUID | None
    awaits_contact: bool = False  # its partner said yes, and has told neither a start nor a day


@dataclass(frozen=True)
class CaseView:
    """One case as its rules see it."""

    case_id: UUID
    programme_id: UUID
    pathway_hash: str
    state: str
    urgency: str
    last_seq: int
    operator_id: UUID | None
    email: str | None  # of the household; None as well while it refuses our mails
    numbers: tuple[Number, ...]  # of the household, in their order, blocked ones left out
    givers: tuple[Giver, ...]  # in the order of their alerts
    attempts: tuple[datetime, ...]  # calls that reached nobody since the last contact or reopening
    reached_at: datetime | None  # the last call that reached somebody
    visit_id: UUID | None
    visit_starts_at: datetime | None
    last_held_at: datetime | None
    absences: int  # of the household, since the last visit held
    visits_held: int
    cancellations: int  # visits called off since the last one held
    follow_ups_done: int
    asked: tuple[Asked, ...]
    contact_by: str = ContactBy.CALL.value
    email_refuses: bool = False
    resumes_in: str | None = None

    @property
    def stands(self) -> str:
        """Where it is on its way, also while it is suspended."""
        return self.resumes_in or self.state

    @property
    def stage(self) -> Stage:
        """The stage it is in; a suspended case keeps the one it was in."""
        return STAGE_OF[CaseState(self.stands)]

    @property
    def open_tasks(self) -> frozenset[str]:
        """The kinds of what is asked."""
        return frozenset(each.kind for each in self.asked)

    @property
    def numbers_left(self) -> int:
        """How many numbers may still be called."""
        return len(self.numbers)

    @property
    def giver(self) -> Giver | None:
        """The first who can be written to."""
        return next(iter(self.givers), None)


def views(unit: UnitOfWork, case_ids: Iterable[UUID]) -> dict[UUID, CaseView]:
    """Read the cases of a batch with a fixed number of queries, and columns only: a batch needs no objects."""
    ids = sorted(set(case_ids))
    around, marks = [_grouped(unit, query, ids) for query in _AROUND], _marks(unit, ids)
    return {case.id: _view(case, [rows[case.id] for rows in around], marks) for case in unit.rows(_CASES, cases=ids)}


def _view(case: Any, around: Sequence[Sequence[Any]], marks: "_Marks") -> CaseView:
    phones, alerts, calls, visits, tasks = around
    held = [visit.starts_at for visit in visits if visit.state == VisitState.HELD]
    return CaseView(
        case_id=case.id,
        programme_id=case.programme_id,
        pathway_hash=case.pathway_hash,
        state=case.state,
        urgency=case.urgency,
        last_seq=case.last_seq,
        operator_id=case.operator_id,
        email=None if case.email_refused_at else case.email,
        numbers=numbers_of(phones),
        givers=tuple(Giver(*alert[1:]) for alert in alerts),
        attempts=_attempts(calls, marks.reopened.get(case.id)),
        reached_at=_reached_at(calls),
        visit_id=visits[-1].id if visits else None,
        visit_starts_at=visits[-1].starts_at if visits else None,
        last_held_at=max(held, default=None),
        absences=absences([visit.state for visit in visits]),
        visits_held=len(held),
        cancellations=cancellations([visit.state for visit in visits]),
        follow_ups_done=marks.follow_ups[case.id],
        asked=tuple(Asked(*task[1:]) for task in tasks),
        contact_by=case.contact_by,
        email_refuses=case.email_refused_at is not None,
        resumes_in=case.resumes_in,
    )


def numbers_of(phones: Iterable[Any]) -> tuple[Number, ...]:
    """The numbers of a household's phones, or of rows of that table; blocked ones left out."""
    return tuple(
        Number(phone.number, phone.reached_at is not None, phone.no_sms_at is None)
        for phone in phones
        if phone.blocked_at is None
    )


_CASES: Final = (
    select(
        Case.id,
        Case.programme_id,
        Case.pathway_hash,
        Case.state,
        Case.resumes_in,
        Case.urgency,
        Case.contact_by,
        Case.last_seq,
        Case.operator_id,
        Household.email,
        Household.email_refused_at,
    )
    .join(Household, Household.id == Case.household_id)
    .where(among(Case.id, "cases"))
)
_PHONES: Final = (
    select(Case.id.label("case_id"), Phone.number, Phone.reached_at, Phone.blocked_at, Phone.no_sms_at)
    .join(Phone, Phone.household_id == Case.household_id)
    .where(among(Case.id, "cases"))
    .order_by(Phone.rank)
)
_ALERTS: Final = (
    select(Alert.case_id, Alert.giver_email, Alert.id, Alert.organisation_id, Alert.received_on_id)
    .where(among(Alert.case_id, "cases"), Alert.giver_email > "")
    .order_by(Alert.received_at)
)
_CALLS: Final = (
    select(Call.case_id, Call.at, Call.result, Call.purpose).where(among(Call.case_id, "cases")).order_by(Call.at)
)
_VISITS: Final = (
    select(Visit.case_id, Visit.id, Visit.state, Visit.starts_at)
    .where(among(Visit.case_id, "cases"))
    .order_by(Visit.ordinal)
)
_TASKS: Final = (
    select(
        Task.case_id,
        Task.due_at,
        Task.id,
        Task.kind,
        Task.referral_id,
        Task.loan_id,
        Task.cut_id,
        and_(Referral.state == ReferralState.ACCEPTED, Referral.meets_at.is_(None)).label("awaits_contact"),
    )
    .outerjoin(Referral, Referral.id == Task.referral_id)
    .where(among(Task.case_id, "cases"), Task.state == TaskState.OPEN)
)
_AROUND: Final = (_PHONES, _ALERTS, _CALLS, _VISITS, _TASKS)
_MARKS: Final = (
    select(Event.case_id, Event.type, Event.occurred_at)
    .where(
        among(Event.case_id, "cases"),
        Event.type.in_((CaseReopened.type, FollowUpCalled.type, FollowUpAnswered.type)),
    )
    .order_by(Event.seq)
)


def attempts_since_contact(unit: UnitOfWork, case_id: UUID) -> tuple[datetime, ...]:
    """The calls that reached nobody since the last contact or reopening, oldest first."""
    calls = unit.rows(_CALLS, cases=[case_id])
    return _attempts(calls, _marks(unit, [case_id]).reopened.get(case_id))


@dataclass(frozen=True)
class _Marks:
    reopened: dict[UUID, datetime]
    follow_ups: defaultdict[UUID, int]


def _marks(unit: UnitOfWork, ids: Sequence[UUID]) -> _Marks:
    found = _Marks({}, defaultdict(int))
    for case_id, event_type, at in unit.rows(_MARKS, cases=ids):
        if event_type == CaseReopened.type:
            found.reopened[case_id] = at
        else:
            found.follow_ups[case_id] += 1
    return found


def _attempts(calls: Sequence[Any], since: datetime | None) -> tuple[datetime, ...]:
    start = max((moment for moment in (since, _reached_at(calls)) if moment is not None), default=None)
    contacts = (call for call in calls if call.purpose == CONTACT)
    return tuple(call.at for call in contacts if call.result in MISSED and (start is None or call.at > start))


def _reached_at(calls: Sequence[Any]) -> datetime | None:
    reached = (call.at for call in calls if call.purpose == CONTACT and call.result == CallResult.REACHED)
    return max(reached, default=None)


def cancellations(states: Sequence[str]) -> int:
    """How many visits were called off since the last one held, of their states in order."""
    return sum(state in CALLED_OFF for state in _since_held(states))


def absences(states: Sequence[str]) -> int:
    """How often nobody was there since the last visit held, of their states in order."""
    return sum(state == VisitState.HOUSEHOLD_ABSENT for state in _since_held(states))


def _since_held(states: Sequence[str]) -> Sequence[str]:
    held = max((place for place, state in enumerate(states, start=1) if state == VisitState.HELD), default=0)
    return states[held:]


def _grouped(
    unit: UnitOfWork, query: Select[*tuple[Any, ...]], ids: Sequence[UUID]
) -> defaultdict[UUID, list[Row[*tuple[Any, ...]]]]:
    """Each case's rows, in the order of the query."""
    grouped: defaultdict[UUID, list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    for row in unit.rows(query, cases=ids):
        grouped[row[0]].append(row)
    return grouped


def meeting_to_come(unit: UnitOfWork, referral: Referral | None) -> datetime | None:
    """When the partner of a request proposes to meet the household; a day that is over is told to nobody."""
    meets_at = referral.meets_at if referral else None
    return meets_at if meets_at is not None and meets_at > unit.now else None
