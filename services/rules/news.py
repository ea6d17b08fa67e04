"""What an alert giver is told of his requests beside his three messages: a stage, the last news, one letter a month.

Codes, dates and communes; never a name, income, health or a note. Source: domain, what each may see.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from models.cases import Alert, Case, Dwelling, Referral
from models.engine import Event, Message
from models.programmes import NewsStop
from models.vocabulary import ReferralState, Source, Stage
from services.foundation.calendar import WorkingCalendar
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.rules.links import has_alert_link, poster_url, requests_url
from services.rules.published import calendar_of
from services.rules.texts.labels import choices

MONTHLY: Final = "monthly_news"
"""The text of the letter of the month."""
FIRST_OF_TERM: Final = (1, 4, 7, 10)
"""The months whose letter comes once a term has ended."""
LISTED: Final = 7
"""How many requests a letter tells one by one; the others are counted, and read on the page."""
TOLD: Final = frozenset(ReferralState) - {
    ReferralState.DRAFT,
    ReferralState.SUPERSEDED,
    ReferralState.ENTERED_IN_ERROR,
    ReferralState.WITHDRAWN,
}


class News(NamedTuple):
    """The last thing that happened of which an alert giver may hear: its event's type, and when it was known."""

    code: str
    at: datetime


class Line(NamedTuple):
    """One request in a letter, by codes."""

    reference: str
    commune: str
    stage: str
    news: str


class Group(NamedTuple):
    """The requests that one service sent, and where all of them are read; after a term, the sheet for its wall."""

    organisation: str
    lines: tuple[Line, ...]
    link: str
    poster: str = ""


@dataclass(frozen=True)
class Letter:
    """What one address reads this month. `others`: its requests that are open, or have news, and are not listed."""

    groups: tuple[Group, ...]
    others: int
    alert_id: UUID
    organisation_id: UUID | None


# --- What is told


def latest(unit: UnitOfWork, case_ids: Collection[UUID], *, since: datetime | None = None) -> dict[UUID, News]:
    """The last news of each case that has any. With `since`, what was not known then; what a file told late is old."""
    query = select(Event.case_id, Event.type, Event.recorded_at).where(
        Event.case_id.in_(case_ids), Event.type.in_([code for code, _ in choices("giver_event")])
    )
    if since is not None:
        told_late = Event.source.in_([Source.IMPORT, Source.ENGINE]) & (Event.occurred_at < Event.recorded_at)
        query = query.where(Event.recorded_at >= since, ~told_late)
    rows = unit.session.execute(query.order_by(Event.case_id, Event.seq))
    return {row.case_id: News(row.type, row.recorded_at) for row in rows}


def asked(unit: UnitOfWork, case_id: UUID) -> Sequence[Referral]:
    """The requests to partners that an alert giver may know of, in the order in which they were made."""
    query = select(Referral).where(Referral.case_id == case_id, Referral.state.in_(TOLD)).order_by(Referral.id)
    return unit.session.scalars(query.options(joinedload(Referral.need))).all()


def solutions(unit: UnitOfWork, case_id: UUID) -> tuple[str, ...] | None:
    """The types of solution that were asked, each once; None when none was."""
    return tuple(dict.fromkeys(referral.need.theme for referral in asked(unit, case_id))) or None


# --- The letter of the month


def last_round(calendar: WorkingCalendar, now: datetime) -> datetime:
    """Nine o'clock of the month's first working day: of this month if it has come, else of the month before."""
    day = calendar.local_day(now)
    at = _round_of(calendar, day)
    return at if at <= now else _round_of(calendar, day.replace(day=1) - timedelta(days=1))


def next_round(calendar: WorkingCalendar, after: datetime) -> datetime:
    """The first one later than an instant."""
    day = calendar.local_day(after)
    at = _round_of(calendar, day)
    return at if at > after else _round_of(calendar, day.replace(day=1) + timedelta(days=32))


def _round_of(calendar: WorkingCalendar, day: date) -> datetime:
    return calendar.step_time(calendar.next_open(day.replace(day=1)))


def key(programme_id: UUID, calendar: WorkingCalendar, at: datetime, address: str) -> str:
    """One letter a month for one address of one programme, whatever happens."""
    return f"{MONTHLY}:{programme_id}:{calendar.local_day(at):%Y-%m}:{mark(address)}"


def mark(address: str) -> str:
    """An address as keys know it: they outlive what they are about, and tell nobody's name."""
    return runtime().secrets.sign("news-address", address.lower())


def stopped(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> set[str]:
    """Those that want no letter of the month."""
    marks = {mark(address): address for address in addresses}
    query = select(NewsStop.mark).where(NewsStop.programme_id == programme_id, NewsStop.mark.in_(marks))
    return {marks[found] for found in unit.session.scalars(query)}


def letters(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str], at: datetime) -> dict[str, Letter]:
    """The letters of the round that an instant belongs to, by address; none for one that has nothing new to read."""
    since = _since(unit, programme_id, addresses, at)
    alerts = _alerts(unit, programme_id, addresses, min(since.values(), default=at))
    known = latest(unit, {alert.case_id for alert in alerts}, since=min(since.values(), default=at))
    by_address: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        closed_at = alert.case.closed_at
        if closed_at is None or closed_at >= since[alert.giver_email or ""]:
            by_address[alert.giver_email or ""].append(alert)
    round_on = calendar_of(unit, programme_id).local_day(last_round(calendar_of(unit, programme_id), at))
    after_term = round_on.month in FIRST_OF_TERM
    found = {address: _letter(its, known, since[address], after_term=after_term) for address, its in by_address.items()}
    return {address: letter for address, letter in found.items() if letter is not None}


def _since(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str], at: datetime) -> Mapping[str, datetime]:
    """What each has read already: until the round before, or until its last letter if that one left late."""
    calendar = calendar_of(unit, programme_id)
    before = last_round(calendar, last_round(calendar, at) - timedelta(minutes=1))
    keys = {key(programme_id, calendar, before, address): address for address in addresses}
    query = select(Message.effect_key, Message.created_at).where(Message.effect_key.in_(keys))
    late = {keys[row.effect_key]: row.created_at for row in unit.session.execute(query)}
    return {address: max(before, late.get(address, before)) for address in addresses}


def _alerts(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str], since: datetime) -> Sequence[Alert]:
    """Their requests that are open or ended since, the newest first; once for a case that they asked for twice."""
    query = (
        select(Alert)
        .join(Case, Case.id == Alert.case_id)
        .options(
            joinedload(Alert.organisation),
            joinedload(Alert.received_on),
            joinedload(Alert.case).joinedload(Case.dwelling).joinedload(Dwelling.commune),
        )
        .where(
            Alert.giver_email.in_(addresses),
            Case.programme_id == programme_id,
            Case.erased_at.is_(None),
            or_(Case.closed_at.is_(None), Case.closed_at >= since),
        )
        .order_by(Alert.received_at.desc(), Alert.id)
    )
    found = {(alert.giver_email, alert.case_id): alert for alert in reversed(unit.session.scalars(query).all())}
    return list(reversed(found.values()))


def _letter(alerts: Sequence[Alert], known: Mapping[UUID, News], since: datetime, *, after_term: bool) -> Letter | None:
    told = [alert for alert in alerts if alert.case_id in known and known[alert.case_id].at >= since]
    if not told:
        return None
    listed = told[:LISTED]
    services = dict.fromkeys(alert.organisation_id for alert in listed)
    groups = [[alert for alert in listed if alert.organisation_id == service] for service in services]
    return Letter(
        groups=tuple(
            Group(
                organisation=_sender(alerts[0]),
                lines=tuple(_line(alert, known[alert.case_id].code) for alert in alerts),
                link=requests_url(runtime(), alerts[0]),
                poster=_poster(alerts[0]) if after_term else "",
            )
            for alerts in groups
        ),
        others=len(alerts) - len(listed),
        alert_id=listed[0].id,
        organisation_id=listed[0].organisation_id,
    )


def _poster(alert: Alert) -> str:
    service = alert.organisation
    return poster_url(runtime(), service) if service is not None and has_alert_link(service) else ""


def _sender(alert: Alert) -> str:
    """On one line, whoever wrote it: a letter's lines are ours."""
    return " ".join((alert.organisation.name if alert.organisation else alert.giver_name).split())


def _line(alert: Alert, code: str) -> Line:
    case = alert.case
    return Line((alert.received_on or case).number, case.dwelling.commune.name, Stage(case.stage).value, code)
