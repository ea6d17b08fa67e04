"""How a partner who took a request reads whom to call: a sign-in link to his own address, then one referral's details.

The link lasts ten minutes, serves once, and only in the browser that asked for it. The right ends with the referral.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select

from models.cases import Document, Referral, Report, Visit
from models.engine import Event, Task
from models.events import AccessAsked, LinkAsked
from models.programmes import PartnerSession, Programme, SignInLink
from models.refusals import CaseworkError
from models.vocabulary import Source, Theme, VisitState
from services.accounts import sign_in_links
from services.accounts.sign_in_links import SignInLinkRefused
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, LinkExpired, NotFound
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token, token_hash
from services.rules import casework
from services.rules.casework import Hand
from services.rules.links import may_renew, sign_in_link_of
from services.rules.policy import (
    Actor,
    agreement_with_partner,
    locked_case,
    may_know_household,
    may_read_report,
    note_access,
)

SESSION_LASTS: Final = timedelta(hours=8)
NEW_LINK_EVERY: Final = timedelta(hours=1)
LIVING_LINKS: Final = 3
"""So many links may be on their way for one request: nobody fills a partner's mailbox from a forwarded mail."""

NOT_SHARED: Final = "Les coordonnées du ménage ne se lisent pas, ou plus, pour cette demande : appelez la coordination."


class AccessEnded(CaseworkError):
    """Nobody reads a household through this browser any more."""

    status_code = 410
    code = "access-ended"

    def __init__(self) -> None:
        """The same for a session that ran out, a referral that ended, and a permission that was taken back."""
        super().__init__("Cet accès est fermé. Rouvrez le lien de votre message pour en demander un autre.")


class ReportClosed(CaseworkError):
    """The household is known to him, and did not agree, or no longer does, that he reads the report."""

    status_code = 410
    code = "report-closed"

    def __init__(self) -> None:
        """The same for an agreement that was taken back and one that was never given."""
        super().__init__("Le rapport ne se lit pas, ou plus, pour cette demande : appelez la coordination.")


@dataclass(frozen=True)
class Request:
    """What a request says without naming anybody: when it was made, what the household agreed to, what was done."""

    asked_on: date | None
    agreed_on: date | None
    visited_on: date | None
    reported_on: date | None


def request_of(unit: UnitOfWork, referral: Referral) -> Request:
    """The part of a request that its link shows to whoever holds it."""
    zone = referral.case.programme.zone
    agreement = agreement_with_partner(unit, referral)
    visited = unit.session.scalar(
        select(func.max(Visit.starts_at)).where(Visit.case_id == referral.case_id, Visit.state == VisitState.HELD)
    )
    reported = unit.session.scalar(select(func.max(Report.delivered_at)).where(Report.case_id == referral.case_id))
    return Request(
        asked_on=_day(referral.sent_at, zone),
        agreed_on=agreement.given_on if agreement else None,
        visited_on=_day(visited, zone),
        reported_on=_day(reported, zone),
    )


def _day(instant: datetime | None, zone: ZoneInfo) -> date | None:
    return instant.astimezone(zone).date() if instant else None


def partner_of(referral: Referral) -> Actor:
    """The partner of a referral as an actor: it alone is open to him."""
    return Actor(
        "link",
        referral.id,
        programme_id=referral.case.programme_id,
        organisation_id=referral.partner_id,
        name=referral.partner.name,
    )


def ask_link(unit: UnitOfWork, referral: Referral, *, browser: str, source: Source = Source.LINK) -> SignInLink:
    """Send a sign-in link to the address that we know of the partner, whoever asks; `browser` is the asker's mark."""
    case = locked_case(unit, referral.case_id)
    unit.session.refresh(referral)
    if not may_know_household(unit, referral):
        raise GuardRefused(NOT_SHARED)
    if _living(unit, referral) >= LIVING_LINKS:
        raise GuardRefused("Plusieurs liens viennent de partir : ouvrez le dernier, ou attendez dix minutes.")
    link = sign_in_links.make(unit, browser=browser, referral=referral)
    referral.opened_at = referral.opened_at or unit.now
    fact = AccessAsked(
        referral_id=referral.id, partner_id=referral.partner_id, theme=Theme(referral.need.theme), link_id=link.id
    )
    casework.record(unit, case, fact, hand=Hand(partner_of(referral), source))
    return link


def renew_link(unit: UnitOfWork, task: Task, *, source: Source = Source.LINK) -> None:
    """Send the partner a new link to what he is asked, to the address that we know; those before it open no more.

    Raises `LinkExpired` for what nobody asks of him any more.
    """
    case = locked_case(unit, task.case_id)
    unit.session.refresh(task)
    if task.referral is None or not may_renew(task):
        raise LinkExpired
    if _has_just_asked(unit, task):
        raise GuardRefused("Un nouveau lien vient de partir : ouvrez le dernier message reçu, ou attendez une heure.")
    task.link_version += 1
    referral = task.referral
    fact = LinkAsked(
        referral_id=referral.id, partner_id=referral.partner_id, theme=Theme(referral.need.theme), task_id=task.id
    )
    casework.record(unit, case, fact, hand=Hand(partner_of(referral), source))


def _has_just_asked(unit: UnitOfWork, task: Task) -> bool:
    """Nobody fills a partner's mailbox from an old mail."""
    lately = select(Event.payload).where(
        Event.case_id == task.case_id, Event.type == LinkAsked.type, Event.occurred_at > unit.now - NEW_LINK_EVERY
    )
    return any(payload["task_id"] == str(task.id) for payload in unit.session.scalars(lately))


def _living(unit: UnitOfWork, referral: Referral) -> int:
    living = select(func.count()).where(
        SignInLink.referral_id == referral.id, SignInLink.used_at.is_(None), SignInLink.expires_at > unit.now
    )
    return unit.session.scalar(living) or 0


def referral_of(unit: UnitOfWork, link: SignInLink) -> Referral:
    """What a partner's sign-in link is about. Raises `LinkExpired` for somebody else's."""
    if link.referral_id is None:
        raise LinkExpired
    return unit.session.get_one(Referral, link.referral_id)


def why_not(unit: UnitOfWork, link: SignInLink, *, browser: str) -> str:
    """Why a link does not open in this browser, in one sentence; empty when it does."""
    if not may_know_household(unit, referral_of(unit, link)):
        return NOT_SHARED
    return sign_in_links.why_not(unit, link, browser=browser)


def open_session(unit: UnitOfWork, runtime: Runtime, token: str, *, browser: str) -> str:
    """Use a sign-in link; return the token of the session that it opens. Raises `LinkExpired`, `SignInLinkRefused`."""
    link = sign_in_link_of(unit, runtime, token)
    referral = referral_of(unit, link)
    if not may_know_household(unit, referral):
        raise SignInLinkRefused(NOT_SHARED)
    sign_in_links.use_up(unit, link, browser=browser)
    unit.session.execute(delete(PartnerSession).where(PartnerSession.expires_at < unit.now))
    session_token = new_token()
    unit.session.add(
        PartnerSession(
            token_hash=token_hash(session_token),
            organisation_id=referral.partner_id,
            referral_id=referral.id,
            created_at=unit.now,
            expires_at=unit.now + SESSION_LASTS,
        )
    )
    note_access(unit, partner_of(referral), "sign_in", case_id=referral.case_id)
    return session_token


def session_of(unit: UnitOfWork, token: str) -> tuple[PartnerSession, Referral]:
    """What a browser may read now. Raises `AccessEnded` once the session, the referral or the permission ended."""
    session = unit.session.get(PartnerSession, token_hash(token))
    if session is None or session.expires_at <= unit.now:
        raise AccessEnded
    referral = unit.session.get_one(Referral, session.referral_id)
    if referral.partner_id != session.organisation_id or not may_know_household(unit, referral):
        raise AccessEnded
    return session, referral


def close_session(unit: UnitOfWork, token: str) -> Programme | None:
    """The partner leaves: the browser reads nothing more. Whose household it read, unless the session had ended."""
    session = unit.session.get(PartnerSession, token_hash(token))
    if session is None:
        return None
    unit.session.delete(session)
    return unit.session.get_one(Referral, session.referral_id).case.programme


@dataclass(frozen=True)
class Details:
    """What a partner needs to reach the household that he accepted to help. Blocked numbers are left out."""

    name: str
    phones: tuple[str, ...]
    best_time: str
    address: tuple[str, ...]
    brief: str


def details(referral: Referral) -> Details:
    """The household of a referral; whoever shows it has asked `session_of` first."""
    household, dwelling = referral.case.household, referral.case.dwelling
    return Details(
        name=household.name,
        phones=tuple(phone.number for phone in household.own_phones),
        best_time=household.best_time,
        address=tuple(
            line
            for line in (dwelling.street, dwelling.complement, f"{dwelling.postcode} {dwelling.commune.name}")
            if line
        ),
        brief=referral.brief,
    )


@dataclass(frozen=True)
class ReportGiven:
    """A report as the household has it: its words, and its file where we hold it. Neither the survey, nor what is
    counted from income and bills, nor what is noted of health: the household did not agree to those.
    """

    id: UUID
    visited_on: date | None
    delivered_on: date | None
    summary: str
    document: Document | None = field(repr=False)


def reports(unit: UnitOfWork, referral: Referral) -> list[ReportGiven]:
    """What a partner reads of the visits, the latest first. Raises `ReportClosed`; whoever shows it has asked
    `session_of` first.
    """
    if not may_read_report(unit, referral):
        raise ReportClosed
    zone = referral.case.programme.zone
    query = (
        select(Report, Visit.starts_at, Document)
        .join(Visit, Visit.id == Report.visit_id)
        .outerjoin(Document, Document.id == Report.document_id)
        .where(Report.case_id == referral.case_id)
        .order_by(Report.delivered_at.desc(), Report.id.desc())
    )
    return [
        ReportGiven(report.id, _day(held_at, zone), _day(report.delivered_at, zone), report.summary, document)
        for report, held_at, document in unit.session.execute(query)
    ]


def report_file(unit: UnitOfWork, referral: Referral, report_id: UUID) -> Document:
    """The file of one of these reports. Raises `ReportClosed`, or `NotFound` for another case's or none."""
    files = {report.id: report.document for report in reports(unit, referral)}
    document = files.get(report_id)
    if document is None:
        raise NotFound
    return document
