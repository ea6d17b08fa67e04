"""What the household agrees to, and what stops when it takes an agreement back."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Permission
from models.vocabulary import CaseState, PermissionKind, ReferralState
from services.cases import permissions
from services.forms import PermissionForm
from services.foundation.errors import GuardRefused, InvalidInput, InvalidInputs, NotFound
from tests.services.rules.situations import BO, CY, OTHER_OPERATOR, OTHER_PARTNER, PARTNER, Office


def standing(office: Office, case_id: UUID, kind: PermissionKind) -> list[UUID]:
    query = select(Permission.id).where(
        Permission.case_id == case_id, Permission.kind == kind, Permission.revoked_at.is_(None)
    )
    with office.database.read() as unit:
        return list(unit.session.scalars(query))


def test_a_partner_stops_at_once_when_the_household_takes_its_agreement_back(office: Office) -> None:
    case_id, referral_id = office.followed()
    (agreement,) = standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER)
    office.do(permissions.revoke, BO, agreement)
    office.drain()

    referral = office.referral(referral_id)
    assert (referral.state, referral.reason) == (ReferralState.WITHDRAWN, "permission_revoked")
    assert "report_outcome" not in office.due(case_id)
    assert [party for _, party, _ in office.told(case_id, "permission_receipt")] == ["household"]
    assert [party for _, party, _ in office.told(case_id, "permission_revoked")] == ["coordinator"]


def test_an_agreement_noted_at_each_request_is_taken_back_whole(office: Office) -> None:
    """Each request to a partner notes the household's agreement: with two of them, one stood after it was revoked."""
    case_id, first = office.referred()
    second = office.refer(case_id, theme="fsl")
    office.drain()
    agreement, other = standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER)
    office.do(permissions.revoke, BO, agreement)

    assert standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER) == []
    assert {office.referral(each).state for each in (first, second)} == {ReferralState.WITHDRAWN}
    assert office.events(case_id).count("permission.revoked") == 1
    with pytest.raises(GuardRefused):
        office.do(permissions.revoke, BO, other)


def test_an_agreement_with_one_partner_is_not_that_with_another(office: Office) -> None:
    case_id, _ = office.referred()
    office.refer(case_id, OTHER_PARTNER)
    given = standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER)
    office.do(permissions.revoke, BO, given[0])

    assert len(standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER)) == 1


def test_a_mediator_stops_when_the_landlord_may_no_more_be_spoken_to(office: Office) -> None:
    case_id, mediation = office.referred()
    aid = office.refer(case_id, theme="fsl")
    office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.LANDLORD))
    office.drain()
    (agreement,) = standing(office, case_id, PermissionKind.LANDLORD)
    office.do(permissions.revoke, BO, agreement)
    office.drain()

    stopped = office.referral(mediation)
    assert (stopped.state, stopped.reason) == (ReferralState.WITHDRAWN, "permission_revoked")
    assert [party for _, party, _ in office.told(case_id, "referral_ended")] == ["partner"]
    assert office.referral(aid).state == ReferralState.SENT


def test_a_case_that_loses_its_only_partner_goes_on_to_the_follow_up(office: Office) -> None:
    case_id, _ = office.referred()
    (agreement,) = standing(office, case_id, PermissionKind.SHARE_WITH_PARTNER)
    office.do(permissions.revoke, BO, agreement)
    office.drain()

    assert office.case(case_id).state == CaseState.IN_FOLLOW_UP
    assert "follow_up_call" in office.due(case_id)


def test_without_the_agreement_to_be_contacted_the_case_ends(office: Office) -> None:
    case_id = office.accepted()
    (agreement,) = standing(office, case_id, PermissionKind.CONTACT)
    office.do(permissions.revoke, BO, agreement)
    office.drain()

    assert office.case(case_id).state == CaseState.WITHDRAWN


def revoke_visits(office: Office, case_id: UUID) -> None:
    agreement = office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.HOME_VISIT))
    office.do(permissions.revoke, BO, agreement.id)
    office.drain()


def test_a_household_that_takes_back_its_agreement_to_a_first_visit_refuses_it(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-20 14:00")
    office.drain()
    revoke_visits(office, case_id)

    assert (office.case(case_id).state, office.case(case_id).outcome) == (CaseState.REFUSED, "refused_visit")
    assert office.due(case_id) == {}
    assert len(office.told(case_id, "goodbye")) == 1


def test_a_household_that_wants_no_second_visit_is_owed_the_report_of_the_first(office: Office) -> None:
    case_id = office.visited()
    office.plan(case_id, "2025-10-20 14:00")
    office.drain()
    revoke_visits(office, case_id)

    assert (office.case(case_id).state, set(office.due(case_id))) == (CaseState.VISITED, {"deliver_report"})


def test_an_sms_that_waits_does_not_leave_after_the_agreement_is_taken_back(office: Office) -> None:
    case_id = office.qualified(sms_agreed=True)
    office.sleep_to("2025-10-06 20:00")
    office.plan(case_id, "2025-10-08 14:00")
    office.drain()
    office.at("2025-10-06 21:00")
    (agreement,) = standing(office, case_id, PermissionKind.SMS)
    office.do(permissions.revoke, BO, agreement)
    office.at("2025-10-08 13:00")

    assert {state for _, _, state in office.told(case_id, "visit_reminder")} <= {"no_address", "case_ended", "queued"}
    sms = [message for message in office.sent(case_id, "visit_reminder") if message.channel == "sms"]
    assert {message.error for message in sms} <= {"case_ended", None}


def test_no_sms_goes_to_a_number_that_answered_once_the_agreement_is_taken_back(office: Office) -> None:
    case_id = office.qualified(sms_agreed=True)
    (agreement,) = standing(office, case_id, PermissionKind.SMS)
    office.do(permissions.revoke, BO, agreement)
    office.plan(case_id, "2025-10-15 14:00")
    office.at("2025-10-15 13:00")

    sms = [message for message in office.sent(case_id, "visit_reminder") if message.channel == "sms"]
    assert [message.error for message in sms] == ["sms_not_allowed"]


def test_an_agreement_is_written_once(office: Office) -> None:
    case_id = office.accepted()
    form = PermissionForm(kind=PermissionKind.LANDLORD)
    first = office.do(permissions.give, BO, case_id, form)
    again = office.do(permissions.give, BO, case_id, form)

    assert first.id == again.id
    assert office.events(case_id).count("permission.given") == 1


def test_an_agreement_to_share_names_a_partner(office: Office) -> None:
    case_id = office.accepted()

    for organisation in (None, OTHER_OPERATOR):
        form = PermissionForm(kind=PermissionKind.SHARE_WITH_PARTNER, organisation_id=organisation)
        with pytest.raises(InvalidInput):
            office.do(permissions.give, BO, case_id, form)
    form = PermissionForm(kind=PermissionKind.SHARE_WITH_PARTNER, organisation_id=PARTNER)
    assert office.do(permissions.give, BO, case_id, form).organisation_id == PARTNER


def test_an_agreement_is_taken_back_once_and_by_the_team_of_the_case(office: Office) -> None:
    case_id = office.accepted(sms_agreed=True)
    (agreement,) = standing(office, case_id, PermissionKind.SMS)

    with pytest.raises(NotFound):
        office.do(permissions.revoke, CY, agreement)
    office.do(permissions.revoke, BO, agreement)
    with pytest.raises(GuardRefused):
        office.do(permissions.revoke, BO, agreement)


def test_the_report_goes_to_those_whom_the_household_named(office: Office) -> None:
    case_id = office.visited()
    with pytest.raises(InvalidInput, match="partenaires du dispositif"):
        office.report(case_id, to_partner_ids=[OTHER_OPERATOR])
    office.report(case_id, to_referent=True, to_committee=True, to_partner_ids=[PARTNER, PARTNER])

    with office.database.read() as unit:
        said = select(Permission.kind, Permission.organisation_id).where(Permission.case_id == case_id)
        told = sorted((kind, partner) for kind, partner in unit.session.execute(said) if kind.startswith("report_"))
    assert told == [("report_to_committee", None), ("report_to_partner", PARTNER), ("report_to_referent", None)]
    assert office.events(case_id).count("permission.given") == len(told)


@pytest.mark.parametrize("given_on", [date(1990, 1, 1), date(2023, 10, 5), date(2025, 10, 20)])
def test_an_agreement_is_neither_older_than_two_years_nor_to_come(office: Office, given_on: date) -> None:
    case_id = office.accepted()

    with pytest.raises(InvalidInputs, match="accord"):
        office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.PHOTOS, given_on=given_on))
    with pytest.raises(InvalidInput, match="accord"):
        office.submit(agreement_on=given_on)


def test_an_agreement_of_two_years_ago_to_the_day_still_holds(office: Office) -> None:
    case_id = office.accepted()
    form = PermissionForm(kind=PermissionKind.PHOTOS, given_on=date(2023, 10, 6))

    assert office.do(permissions.give, BO, case_id, form).given_on == date(2023, 10, 6)
