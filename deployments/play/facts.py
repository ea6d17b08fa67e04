"""What may be expected of the things of a case: what was asked, visits, calls, reports, requests to partners, loans…"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from deployments.play.mistakes import closest
from deployments.play.story import Setting
from models.cases import Call, Case, Document, Loan, Permission, Phone, Referral, Report, SupplyCut, Visit
from models.engine import Obligation, Occurrence, Task
from models.programmes import Organisation, Person
from models.vocabulary import Motive, OccurrenceState
from services.cases import supply_cuts
from services.foundation.database import UnitOfWork
from services.rules.attempts import slot

NONE: Final = "none"
Word = str | int | float | bool | None
"""A code, a number, a day or a local hour; `none` for what is not there."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedAlert(_Strict):
    """A request for a visit; `origin`: form, self, import, transfer, or how it reached the team."""

    giver: Word = None
    organisation: Word = None
    origin: Word = None
    motives: list[Motive] | None = None
    received: Word = None
    income_class: Word = None
    followed_by: Word = None
    notice_said: Word = None
    cut_energy: Word = None
    cut_on: Word = None


class ExpectedPhone(_Strict):
    """A number of the household; `blocked` for every channel, or for SMS alone."""

    number: Word = None
    reached: Word = None
    blocked: Word = None
    no_sms: Word = None


class ExpectedReport(_Strict):
    """A report given to the household; `visit` is the ordinal of its visit."""

    visit: Word = None
    delivered: Word = None
    summary: Word = None


class ExpectedDocument(_Strict):
    """A file of the case."""

    name: Word = None
    added: Word = None


class ExpectedReferral(_Strict):
    """A request to a partner; `amount` in euros."""

    partner: Word = None
    theme: Word = None
    state: Word = None
    reason: Word = None
    outcome: Word = None
    loop: Word = None
    kind: Word = None
    urgent: Word = None
    file_number: Word = None
    amount: Word = None
    sent: Word = None
    check_on: Word = None
    meets_at: Word = None
    answered: Word = None
    ended: Word = None


class ExpectedVisit(_Strict):
    """A visit; `reason` says why it did not take place."""

    ordinal: Word = None
    state: Word = None
    reason: Word = None
    starts: Word = None
    officer: Word = None
    second_officer: Word = None
    with_whom: Word = None


class ExpectedCall(_Strict):
    """A call to the household; `slot` is the time of the day (morning, noon, afternoon, evening)."""

    result: Word = None
    at: Word = None
    slot: Word = None
    phone: Word = None
    purpose: Word = None


class ExpectedLoan(_Strict):
    """A device lent."""

    item: Word = None
    lent_on: Word = None
    due_on: Word = None
    returned_on: Word = None
    lost_on: Word = None


class ExpectedAgreement(_Strict):
    """Something that the household agreed to, or took back."""

    kind: Word = None
    partner: Word = None
    mode: Word = None
    collected_by: Word = None
    given_on: Word = None
    revoked: Word = None


class ExpectedCut(_Strict):
    """A cut of supply; `allowed_on` is the first day on which the law lets it happen."""

    energy: Word = None
    cut_on: Word = None
    allowed_on: Word = None
    outcome: Word = None
    supplier_called_on: Word = None
    aid_filed_on: Word = None
    restored_on: Word = None


class ExpectedHeldBack(_Strict):
    """A reminder that did not leave, and why; `step` counts from 1."""

    task: Word = None
    step: Word = None
    reason: Word = None
    on: Word = None


class ExpectedFacts(_Strict):
    """Each of these is there, once for each time that it is expected; there may be others."""

    requested: list[ExpectedAlert] = []
    phones: list[ExpectedPhone] = []
    reports: list[ExpectedReport] = []
    documents: list[ExpectedDocument] = []
    referrals: list[ExpectedReferral] = []
    visits: list[ExpectedVisit] = []
    calls: list[ExpectedCall] = []
    loans: list[ExpectedLoan] = []
    agreements: list[ExpectedAgreement] = []
    cuts: list[ExpectedCut] = []
    held_back: list[ExpectedHeldBack] = []
    counts: dict[str, int] = {}


OFFICERS: Final = ("officer", "second_officer")
_PEOPLE: Final = frozenset({*OFFICERS, "giver", "collected_by"})
"""Facts that name somebody: by his whole name, or as steps do."""


def missing(unit: UnitOfWork, case: Case, setting: Setting, expected: ExpectedFacts) -> Iterator[str]:
    """A line for each thing that is expected and is not there."""
    zone = setting.zone
    for name, count in expected.counts.items():
        if name not in _READ:
            yield f"rien ne se compte sous {name}{closest(name, _READ)}"
        elif (found := len(list(_READ[name](unit, case, zone)))) != count:
            yield f"{name}\u00a0: {count} attendus, {found} trouvés"
    for name, read in _READ.items():
        if wanted := getattr(expected, name):
            told = [_told(each, setting.people) for each in wanted]
            yield from _unmatched(name, told, [_plain(each, zone) for each in read(unit, case, zone)])


def _told(wanted: BaseModel, people: Mapping[str, str]) -> dict[str, str]:
    said = {field: _said(value) for field, value in wanted.model_dump(exclude_unset=True).items()}
    return {field: people.get(value, value) if field in _PEOPLE else value for field, value in said.items()}


def _unmatched(name: str, wanted: Sequence[dict[str, str]], left: list[dict[str, str]]) -> Iterator[str]:
    for told in wanted:
        match = next((found for found in left if _is(found, told)), None)
        if match is None:
            there = "; ".join(str({field: found[field] for field in told}) for found in left) or "rien"
            yield f"{name}\u00a0: attendu {told}, trouvé {there}"
        else:
            left.remove(match)


def _is(found: Mapping[str, str], told: Mapping[str, str]) -> bool:
    """A day that is expected meets any hour of it."""
    return all(found[field] == value or found[field].startswith(f"{value} ") for field, value in told.items())


def _plain(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, str]:
    return {
        name: _said(value.astimezone(zone) if isinstance(value, datetime) else value) for name, value in row.items()
    }


def _said(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(sorted(str(each) for each in value)) or NONE
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _requested(_unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in case.alerts:
        yield {
            "giver": row.giver_name, "organisation": row.organisation and row.organisation.slug, "origin": row.origin,
            "motives": sorted(row.motives), "received": row.received_at, "income_class": row.income_class,
            "followed_by": row.followed_by, "notice_said": row.notice_said, "cut_energy": row.cut_energy,
            "cut_on": row.cut_on,
        }  # fmt: skip


def _phones(_unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in case.household.phones:
        yield {
            "number": row.number, "reached": row.reached_at is not None, "blocked": row.blocked_at is not None,
            "no_sms": row.no_sms_at is not None,
        }  # fmt: skip


def _reports(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    rows = select(Report, Visit.ordinal).join(Visit, Visit.id == Report.visit_id).where(Report.case_id == case.id)
    for report, ordinal in unit.session.execute(rows.order_by(Report.delivered_at, Report.id)):
        yield {"visit": ordinal, "delivered": report.delivered_at, "summary": report.summary}


def _documents(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    rows = select(Document).where(Document.case_id == case.id).order_by(Document.added_at, Document.id)
    yield from ({"name": row.filename, "added": row.added_at} for row in unit.session.scalars(rows))


def _referrals(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in unit.session.scalars(select(Referral).where(Referral.case_id == case.id).order_by(Referral.id)):
        yield {
            "partner": row.partner.slug, "theme": row.need.theme, "state": row.state, "reason": row.reason,
            "outcome": row.outcome, "loop": row.loop, "kind": row.kind, "urgent": row.urgent,
            "file_number": row.file_number, "amount": row.amount_cents and row.amount_cents / 100,
            "sent": row.sent_at, "check_on": row.check_on, "meets_at": row.meets_at, "answered": row.answered_at,
            "ended": row.ended_at,
        }  # fmt: skip


def _visits(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in unit.session.scalars(select(Visit).where(Visit.case_id == case.id).order_by(Visit.ordinal)):
        yield {
            "ordinal": row.ordinal, "state": row.state, "reason": row.loss_reason, "starts": row.starts_at,
            "officer": _name(row.officer), "second_officer": _name(row.second_officer), "with_whom": row.with_whom,
        }  # fmt: skip


def _name(person: Person | None) -> str | None:
    return person.name if person else None


def _calls(unit: UnitOfWork, case: Case, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    rows = select(Call, Phone.number).outerjoin(Phone, Phone.id == Call.phone_id).where(Call.case_id == case.id)
    for call, number in unit.session.execute(rows.order_by(Call.at, Call.id)):
        at = call.at
        yield {"result": call.result, "at": at, "slot": slot(at.astimezone(zone)), "phone": number,
               "purpose": call.purpose}  # fmt: skip


def _loans(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in unit.session.scalars(select(Loan).where(Loan.case_id == case.id).order_by(Loan.lent_on, Loan.id)):
        yield {name: getattr(row, name) for name in ExpectedLoan.model_fields}


def _agreements(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in unit.session.scalars(select(Permission).where(Permission.case_id == case.id).order_by(Permission.id)):
        yield {
            "kind": row.kind, "partner": _slug(unit, row.organisation_id), "mode": row.mode,
            "collected_by": row.collected_by, "given_on": row.given_on, "revoked": row.revoked_at is not None,
        }  # fmt: skip


def _slug(unit: UnitOfWork, organisation_id: UUID | None) -> str | None:
    return unit.session.get_one(Organisation, organisation_id).slug if organisation_id else None


def _cuts(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for row in unit.session.scalars(select(SupplyCut).where(SupplyCut.case_id == case.id).order_by(SupplyCut.id)):
        told = {name: getattr(row, name) for name in ExpectedCut.model_fields if name != "allowed_on"}
        yield told | {"allowed_on": supply_cuts.ahead(row).day}


def _held_back(unit: UnitOfWork, case: Case, _zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    query = (
        select(Occurrence, Task.kind)
        .join(Obligation, Obligation.id == Occurrence.obligation_id)
        .join(Task, Task.id == Obligation.task_id)
        .where(Obligation.case_id == case.id, Occurrence.state == OccurrenceState.SUPPRESSED)
    )
    for row, kind in unit.session.execute(query.order_by(Occurrence.at, Occurrence.id)):
        yield {"task": kind, "step": row.step + 1, "reason": row.reason, "on": row.at}


Reading = Callable[[UnitOfWork, Case, ZoneInfo], Iterator[dict[str, Any]]]
_READ: Final[Mapping[str, Reading]] = {
    "requested": _requested, "phones": _phones, "reports": _reports, "documents": _documents,
    "referrals": _referrals, "visits": _visits, "calls": _calls, "loans": _loans, "agreements": _agreements,
    "cuts": _cuts, "held_back": _held_back,
}  # fmt: skip
