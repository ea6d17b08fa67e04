"""Who a planned message is for, one by one: looked up for a whole batch at once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select

from models.cases import Loan, Permission, Referral, Visit
from models.engine import Task
from models.programmes import Organisation
from models.vocabulary import Channel, Party, PermissionKind
from services.foundation.database import UnitOfWork
from services.foundation.lists import among
from services.foundation.phones import is_mobile
from services.rules import presence
from services.rules.partner_readers import readers
from services.rules.plan import PlanMessage
from services.rules.presence import Reader
from services.rules.published import calendar_of
from services.rules.view import CaseView, Number

RELIEVED: Final = "visit_taken_over"
"""What tells an officer that somebody else makes his visit."""
INVITED: Final = "visit_invitation"
WANTED: Final = "visitor_wanted"
"""What an operator is told of a visit: to come; to choose who comes."""


@dataclass(frozen=True)
class Recipient:
    """One place a message can go. An empty address with a reason is kept in the ledger as not sent."""

    address: str = ""
    organisation_id: UUID | None = None
    person_id: UUID | None = None
    alert_id: UUID | None = None
    lacking: str | None = None


def _told(message: PlanMessage) -> tuple[UUID, str, Channel]:
    return message.event_id, message.text, message.channel


class AddressBook:
    """The partners, officers and operators that a batch of messages may be for; the households that agreed to SMS."""

    def __init__(self, unit: UnitOfWork, messages: Iterable[PlanMessage]) -> None:
        """Read them, with one query for each sort that is needed."""
        self._unit = unit
        by_party: dict[Party, list[PlanMessage]] = {party: [] for party in Party}
        for message in messages:
            by_party[message.party].append(message)
        asked = {message.about.referral_id for message in by_party[Party.PARTNER]}
        seen = {message.about.visit_id for message in by_party[Party.OPERATOR]}
        operators = {message.case.operator_id for message in by_party[Party.OPERATOR]}
        tasks = {each.about.task_id for party in _TEAM for each in by_party[party]}
        self._wanted = {message.event_id for message in by_party[Party.OPERATOR] if message.text == WANTED}
        self._of_coordination = {_told(message) for message in by_party[Party.COORDINATOR]}
        texted = {each.case.case_id for each in by_party[Party.HOUSEHOLD] if each.channel is Channel.SMS}
        self._partners = self._by_id(_PARTNERS, asked)
        self._officers = self._by_id(_OFFICERS, seen)
        self._operators = self._by_id(_OPERATORS, operators)
        self._holders = self._by_id(_HOLDERS, tasks)
        self._readers = readers(unit, {each.organisation_id for each in self._partners.values()}, filter(None, asked))
        self._said_of_sms = said_of_sms(unit, texted)

    def recipients(self, message: PlanMessage) -> Sequence[Recipient]:
        """Never empty: nobody to write to is written down with its reason."""
        match message.party:
            case Party.HOUSEHOLD:
                return [self._household(message.case, message.channel)]
            case Party.COORDINATOR:
                found = ([] if message.urgent else self._holder(message)) or self._staff(message)
            case Party.ALERT_GIVER:
                found = _alert_givers(message.case, joined=message.about.joined_id)
            case Party.OPERATOR if message.text == RELIEVED:
                found = self._relieved(message)
            case Party.OPERATOR:
                found = self._holder(message) or self._operator(message)
            case Party.PARTNER:
                found = self._partner(message)
        return found or [Recipient(lacking="no_address")]

    def _household(self, case: CaseView, channel: Channel) -> Recipient:
        if channel is Channel.LETTER:
            return Recipient()
        if channel is Channel.EMAIL:
            lacking = "address_refused" if case.email_refuses else "no_address"
            return Recipient(case.email) if case.email else Recipient(lacking=lacking)
        number = sms_number(case.numbers, agreed=self._said_of_sms.get(case.case_id))
        return Recipient(number) if number else Recipient(lacking="sms_not_allowed")

    def _holder(self, message: PlanMessage) -> list[Recipient]:
        """Who took the task, had it handed over or lent the device, while he is of the team; or his delegate."""
        _, party, person_id = self._holders.get(message.about.task_id) or (None, None, None)
        if person_id is None or party != message.party:
            return []
        case = message.case
        operator_id = case.operator_id if message.party is Party.OPERATOR else None
        team = presence.team(self._unit, case.programme_id)
        if not any(each.person_id == person_id and each.organisation_id == operator_id for each in team):
            return []
        reader = presence.officer(self._unit, person_id, case.programme_id, daily=message.is_daily)
        return [_recipient(reader, operator_id)] if reader is not None else []

    def _staff(self, message: PlanMessage) -> list[Recipient]:
        programme_id = message.case.programme_id
        readers = presence.coordination(self._unit, programme_id, urgent=message.urgent, daily=message.is_daily)
        return [_recipient(reader) for reader in readers]

    def _operator(self, message: PlanMessage) -> list[Recipient]:
        """The officers of the visit or their delegates; else the operator's own address; else the coordination, unless
        it is told the same."""
        case, visit = message.case, self._officers.get(message.about.visit_id)
        officers = [each for each in visit[1:] if each is not None] if visit is not None else []
        there = (presence.officer(self._unit, each, case.programme_id, daily=message.is_daily) for each in officers)
        found = {reader.email: _recipient(reader, case.operator_id) for reader in there if reader is not None}
        if found:
            return list(found.values())
        if message.text == INVITED and message.event_id in self._wanted:
            return [Recipient(lacking="nobody_comes")]
        operator = self._operators.get(case.operator_id)
        if operator is None or not operator.email:
            told = _told(message) in self._of_coordination
            return [Recipient(lacking="same_reader")] if told else self._staff(message)
        return [Recipient(operator.email, operator.id)]

    def _relieved(self, message: PlanMessage) -> list[Recipient]:
        """Of whichever operator, while they have an account here."""
        team = presence.team(self._unit, message.case.programme_id)
        found = {each.person_id: _recipient(each) for each in team if each.person_id in message.about.relieved}
        return list(found.values())

    def _partner(self, message: PlanMessage) -> list[Recipient]:
        """His one address, or whoever of his follows the request, or reads meanwhile."""
        partner = self._partners.get(message.about.referral_id)
        if partner is None or not partner.email:
            return []
        calendar = calendar_of(self._unit, message.case.programme_id)
        day = calendar.local_day(calendar.next_sending_time(self._unit.now))
        referral_id = message.about.referral_id
        address = self._readers.address(partner.organisation_id, partner.email, referral_id=referral_id, day=day)
        return [Recipient(address, partner.organisation_id)]

    def _by_id(self, query: Select[*tuple[Any, ...]], ids: Iterable[UUID | None]) -> dict[UUID | None, Any]:
        """One row for each identifier, the first column of the row."""
        wanted = set(ids) - {None}
        return {row[0]: row for row in self._unit.rows(query, ids=wanted)} if wanted else {}


_TEAM: Final = (Party.COORDINATOR, Party.OPERATOR)
_HOLDERS: Final = (
    select(Task.id, Task.party, func.coalesce(Task.person_id, Loan.lent_by_id))
    .outerjoin(Loan, Loan.id == Task.loan_id)
    .where(among(Task.id, "ids"))
)
_PARTNERS: Final = (
    select(Referral.id, Referral.partner_id.label("organisation_id"), Organisation.email)
    .join(Referral.partner)
    .where(among(Referral.id, "ids"))
)
_OFFICERS: Final = select(Visit.id, Visit.officer_id, Visit.second_officer_id).where(among(Visit.id, "ids"))
_OPERATORS: Final = select(Organisation.id, Organisation.email).where(among(Organisation.id, "ids"))
_SAID: Final = select(Permission.case_id, Permission.revoked_at).where(
    among(Permission.case_id, "ids"), Permission.kind == PermissionKind.SMS
)


def said_of_sms(unit: UnitOfWork, case_ids: Collection[UUID]) -> dict[UUID, bool]:
    """Whether the households of these cases agree to SMS; one that took it back does not. Absent: none was asked."""
    said: dict[UUID, bool] = {}
    for row in unit.rows(_SAID, ids=case_ids) if case_ids else ():
        said[row.case_id] = said.get(row.case_id, False) or row.revoked_at is None
    return said


def sms_number(numbers: Iterable[Number], *, agreed: bool | None) -> str | None:
    """The number that may get an SMS: a mobile that somebody has reached, or any if the household agreed to SMS; none
    once it took that back (`agreed` False; None: it was never asked).

    Source: detection rules of the field: no SMS to a number that nobody has reached, unless agreed at the alert.
    """
    if agreed is False:
        return None
    return next((each.number for each in numbers if takes_sms(each) and (each.is_reached or agreed)), None)


def takes_sms(number: Number) -> bool:
    """Whether an SMS may go there at all: a mobile that did not answer STOP."""
    return number.wants_sms and is_mobile(number.number)


def _recipient(reader: Reader, organisation_id: UUID | None = None) -> Recipient:
    return Recipient(reader.email, organisation_id, person_id=reader.person_id)


def _alert_givers(case: CaseView, *, joined: UUID | None) -> list[Recipient]:
    """Each address once, for its first alert; what is told of a double, to those who had asked on it."""
    meant = [giver for giver in case.givers if joined is None or giver.received_on_id == joined]
    first = {giver.email: giver for giver in reversed(meant)}
    each = sorted(first.values(), key=meant.index)
    return [Recipient(giver.email, giver.organisation_id, alert_id=giver.alert_id) for giver in each]
