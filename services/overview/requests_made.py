"""What became of the requests of one alert giver: a stage, a line of news, the families of what was asked; no name.

Never income, health or notes. Source: domain, what each may see.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select

from models.cases import Alert, Case, Permission, Referral, Report, Visit
from models.lifecycles import TAKEN_UP
from models.programmes import Organisation
from models.vocabulary import PermissionKind, VisitState
from services.foundation.calendar import ONE_DAY, months_later
from services.foundation.database import UnitOfWork
from services.rules import news
from services.rules.disclosure import FEWEST
from services.rules.news import News
from services.rules.published import calendar_of

LOOKED_BACK: Final = timedelta(days=730)
MOST: Final = 200


@dataclass(frozen=True)
class Request:
    """One request: codes, dates, a commune. `news`: what happened last, since the request itself."""

    reference: str
    commune: str
    received_at: datetime
    state: str
    stage: str
    closed: bool
    news: News | None
    asked: Sequence[tuple[str, str]]  # (theme, state of the request to a partner)
    is_helped: bool  # one of them took it up
    may_read_report: bool  # the household agrees; whoever has the report gives it to him


class Term(NamedTuple):
    """Three months, first and last day included."""

    first: date
    last: date


@dataclass(frozen=True)
class Figures:
    """What happened in a term for the requests of one service; None where fewer than five people stand behind one."""

    requests: int | None
    visited: int | None
    helped: int | None


def of_giver(unit: UnitOfWork, alert: Alert) -> Sequence[Request]:
    """Every request that the sender of this alert made, from the same organisation, the newest first."""
    found: Sequence[Alert] = [alert]
    if alert.giver_email:
        same = (
            select(Alert)
            .join(Case, Case.id == Alert.case_id)
            .where(
                Alert.giver_email == alert.giver_email,
                Alert.organisation_id == alert.organisation_id,
                Case.programme_id == alert.case.programme_id,
                Alert.received_at >= unit.now - LOOKED_BACK,
            )
            .order_by(Alert.received_at.desc(), Alert.id)
            .limit(MOST)
        )
        found = unit.session.scalars(same).all()
    told = news.latest(unit, {each.case_id for each in found})
    shared = _shared(unit, {each.case_id for each in found})
    return [_request(unit, each, told.get(each.case_id), may_read_report=each.case_id in shared) for each in found]


def _shared(unit: UnitOfWork, case_ids: Collection[UUID]) -> set[UUID]:
    """The cases whose report its alert givers may read, as its household said."""
    agreed = select(Permission.case_id).where(
        Permission.kind == PermissionKind.REPORT_TO_ALERT_GIVER, Permission.revoked_at.is_(None)
    )
    return set(
        unit.session.scalars(select(Report.case_id).where(Report.case_id.in_(case_ids), Report.case_id.in_(agreed)))
    )


def last_term(today: date) -> Term:
    """The quarter of the calendar that ended last."""
    first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    return Term(months_later(first, -3), first - timedelta(days=1))


def of_organisation(unit: UnitOfWork, organisation: Organisation, term: Term) -> Figures:
    """Requests received in the term; households of its requests that were visited, or helped by a partner, in it."""
    calendar = calendar_of(unit, organisation.programme_id)
    start, end = calendar.start_of(term.first), calendar.start_of(term.last + ONE_DAY)
    its = select(Alert.case_id).where(Alert.organisation_id == organisation.id)
    sent = its.where(Alert.received_at >= start, Alert.received_at < end)
    visited = select(Visit.case_id).where(
        Visit.state == VisitState.HELD, Visit.starts_at >= start, Visit.starts_at < end, Visit.case_id.in_(its)
    )
    helped = select(Referral.case_id).where(
        Referral.state.in_(TAKEN_UP),
        Referral.answered_at >= start,
        Referral.answered_at < end,
        Referral.case_id.in_(its),
    )
    return Figures(*(_counted(unit, each) for each in (sent, visited, helped)))


def _counted(unit: UnitOfWork, cases: Select[Any]) -> int | None:
    found = unit.session.scalar(select(func.count()).select_from(cases.distinct().subquery())) or 0
    return found if found >= FEWEST else None


def _request(unit: UnitOfWork, alert: Alert, told: News | None, *, may_read_report: bool) -> Request:
    case, asked = alert.case, news.asked(unit, alert.case_id)
    return Request(
        reference=(alert.received_on or case).number,
        commune=case.dwelling.commune.name,
        received_at=alert.received_at,
        state=case.state,
        stage=case.stage,
        closed=case.is_closed,
        news=told,
        asked=[(each.need.theme, each.state) for each in asked],
        is_helped=any(each.is_helping for each in asked),
        may_read_report=may_read_report,
    )
