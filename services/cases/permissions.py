"""What the household agrees to: given, dated, attributed; taken back, and whoever relied on it stops at once."""

from datetime import date
from uuid import UUID

from models import events as e
from models.cases import Case, Permission, Referral
from models.programmes import Organisation
from models.vocabulary import (
    OF_HEALTH,
    CaseState,
    Channel,
    OrganisationKind,
    Party,
    PermissionKind,
    Theme,
    VisitState,
    WithdrawReason,
)
from services.cases import agreements, calls, referrals, surveys, visits
from services.cases.endings import keep_back, withdraw
from services.forms import PermissionForm, Withdrawal
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInputs, NotFound
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.published import today_of

_WITH_PARTNER = frozenset({PermissionKind.SHARE_WITH_PARTNER, PermissionKind.REPORT_TO_PARTNER})
_UNVISITED = frozenset({CaseState.TO_CONTACT, CaseState.CONTACTING, CaseState.QUALIFIED})


def give(unit: UnitOfWork, hand: Hand, case_id: UUID, form: PermissionForm) -> Permission:
    """Write down an agreement; one that stands already is not written twice."""
    case = case_for(unit, hand.actor, case_id, Right.PERMISSIONS)
    casework.check_open(case)
    wrong = mistakes(unit, case, form.kind, partner_id=form.organisation_id, given_on=form.given_on)
    if wrong:
        raise InvalidInputs(wrong)
    return agreements.note(
        unit, hand, case, form.kind, organisation_id=form.organisation_id, mode=form.mode, given_on=form.given_on
    )


def mistakes(
    unit: UnitOfWork, case: Case, kind: PermissionKind | None, *, partner_id: UUID | None, given_on: date | None
) -> dict[str, str]:
    """All that an agreement lacks, by its field."""
    wrong: dict[str, str] = {}
    if kind in _WITH_PARTNER and not is_partner(unit, case, partner_id):
        wrong["organisation_id"] = "Dites avec quel partenaire."
    if said := agreements.wrong_day(given_on, today_of(unit, case.programme_id)):
        wrong["given_on"] = said
    return wrong


def is_partner(unit: UnitOfWork, case: Case, partner_id: UUID | None) -> bool:
    """Whether it is a partner of the case's programme that works with it still."""
    partner = unit.session.get(Organisation, partner_id) if partner_id else None
    ours = partner is not None and partner.programme_id == case.programme_id and partner.ended_on is None
    return partner is not None and ours and partner.kind == OrganisationKind.PARTNER


def revoke(unit: UnitOfWork, hand: Hand, permission_id: UUID) -> Case:
    """Take an agreement back, however often it was noted. Without that to be contacted the case itself ends."""
    permission = unit.session.get(Permission, permission_id)
    if permission is None:
        raise NotFound
    case = case_for(unit, hand.actor, permission.case_id, Right.PERMISSIONS)
    kind = PermissionKind(permission.kind)
    standing = agreements.standing(unit, case, kind, permission.organisation_id)
    if permission not in standing:
        raise GuardRefused("Cet accord est déjà retiré.")
    if kind is PermissionKind.CONTACT and not case.is_closed:
        return withdraw(unit, hand, case.id, Withdrawal(said_by=hand.actor.name or "Le ménage"))
    for each in standing:
        each.revoked_at = unit.now
    unit.session.flush()
    _cut(unit, hand, case, permission)
    fact = e.PermissionRevoked(permission_id=permission.id, kind=kind, organisation_id=permission.organisation_id)
    casework.record(unit, case, fact, hand=hand)
    is_over = kind is PermissionKind.HOME_VISIT and case.state in _UNVISITED
    if is_over and not casework.live_requests(unit, case):  # unless a partner is at work for its safety
        calls.refuse(unit, hand, case, e.HouseholdRefused())
    return case


def _cut(unit: UnitOfWork, hand: Hand, case: Case, permission: Permission) -> None:
    if permission.kind == PermissionKind.SMS:
        keep_back(unit, case.id, (Party.HOUSEHOLD,), channels=(Channel.SMS,))
    if permission.kind == PermissionKind.HEALTH:
        household = case.household
        household.breathing = None
        surveys.forget_health(unit, case)
        household.vulnerabilities = [each for each in household.vulnerabilities if each not in OF_HEALTH]
    if permission.kind == PermissionKind.HOME_VISIT:
        visits.call_off(unit, hand, case, VisitState.CANCELLED_BY_HOUSEHOLD)
    for referral in casework.live_requests(unit, case):
        if _rests_on(referral, permission):
            referrals.take_back(unit, hand, referral, WithdrawReason.PERMISSION_REVOKED)


def _rests_on(referral: Referral, permission: Permission) -> bool:
    """A partner may no more know the household, or a mediator no more speak with its landlord: he is told to stop."""
    if permission.kind == PermissionKind.LANDLORD:
        return referral.need.theme == Theme.LANDLORD_MEDIATION
    return permission.kind == PermissionKind.SHARE_WITH_PARTNER and referral.partner_id == permission.organisation_id
