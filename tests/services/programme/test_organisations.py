"""Organisations: added, changed, ended by the coordinator alone, who alone reads the links of alert givers."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.programmes import AccessEntry, Membership, Organisation
from models.vocabulary import OrganisationKind
from services.cases import triage
from services.forms import Reassignment
from services.foundation.errors import Denied, GuardRefused, InvalidInput, LinkExpired, NotFound
from services.foundation.runtime import Runtime
from services.network.directory import living
from services.overview import desk
from services.programme import organisations
from services.programme.organisations import NewOrganisation, OrganisationDetails
from services.rules.links import alert_url, open_alert_link
from tests.services.rules.situations import (
    ADA,
    BO,
    DI,
    GIVER,
    OPERATOR,
    OTHER_OPERATOR,
    PARTNER,
    PROGRAMME,
    Office,
)


def token(office: Office, runtime: Runtime) -> str:
    with office.database.read() as unit:
        return alert_url(runtime, unit.session.get_one(Organisation, GIVER)).rpartition("/")[2]


def opens(office: Office, runtime: Runtime, secret: str) -> UUID:
    with office.database.read() as unit:
        return open_alert_link(unit, runtime, secret)[1].id


def test_a_renewed_link_opens_the_form_and_the_old_one_nothing(office: Office, runtime: Runtime) -> None:
    old = token(office, runtime)

    office.do(organisations.renew_link, ADA, GIVER)

    assert opens(office, runtime, token(office, runtime)) == GIVER
    with pytest.raises(LinkExpired):
        opens(office, runtime, old)


def test_a_renewal_is_written_down(office: Office) -> None:
    office.do(organisations.renew_link, ADA, GIVER)

    with office.database.read() as unit:
        (entry,) = unit.session.scalars(select(AccessEntry).where(AccessEntry.action == organisations.RENEWED))
        assert entry.actor == ADA.actor.label


def test_an_operator_neither_reads_nor_renews_secret_links(office: Office) -> None:
    with office.database.read() as unit, pytest.raises(Denied):
        organisations.directory(unit, BO.actor)
    with pytest.raises(Denied):
        office.do(organisations.renew_link, BO, GIVER)


def test_only_an_alert_giver_of_ones_own_programme_has_a_link_to_renew(office: Office) -> None:
    for hand, organisation in ((ADA, PARTNER), (DI, GIVER)):
        with pytest.raises(NotFound):
            office.do(organisations.renew_link, hand, organisation)


def test_the_directory_holds_ones_own_programme_by_kind(office: Office) -> None:
    with office.database.read() as unit:
        ours = organisations.directory(unit, ADA.actor)
        theirs = organisations.directory(unit, DI.actor)

        assert [each.id for each in ours[OrganisationKind.ALERT_GIVER]] == [GIVER]
        assert not any(theirs.values())


def test_a_revoked_link_opens_nothing_until_another_is_given(office: Office, runtime: Runtime) -> None:
    old = token(office, runtime)
    office.do(organisations.revoke_link, ADA, GIVER)

    for secret in (old, token(office, runtime)):
        with pytest.raises(LinkExpired):
            opens(office, runtime, secret)
    office.do(organisations.renew_link, ADA, GIVER)
    assert opens(office, runtime, token(office, runtime)) == GIVER


def test_an_ended_service_has_no_link_and_taking_it_up_again_gives_none(office: Office, runtime: Runtime) -> None:
    office.do(organisations.end, ADA, GIVER)
    with pytest.raises(GuardRefused, match="reprenez-le d’abord"):
        office.do(organisations.renew_link, ADA, GIVER)
    office.do(organisations.take_up, ADA, GIVER)

    with pytest.raises(LinkExpired):
        opens(office, runtime, token(office, runtime))


def test_an_operator_ends_once_its_open_cases_are_handed_over(office: Office) -> None:
    case_id = office.accepted()
    with pytest.raises(GuardRefused, match="confiez-l"):
        office.do(organisations.end, ADA, OPERATOR)
    with office.database.read() as unit:
        assert [each.id for each in organisations.open_cases(unit, ADA.actor, OPERATOR)] == [case_id]
    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))

    office.do(organisations.end, ADA, OPERATOR)

    with office.database.read() as unit:
        assert OPERATOR not in {each.id for each in desk.organisations(unit, ADA.actor, OrganisationKind.OPERATOR)}
        staff = unit.session.scalars(select(Membership).where(Membership.organisation_id == OPERATOR)).all()
        assert all(each.ended_at is not None for each in staff)
    with pytest.raises(InvalidInput):
        office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OPERATOR))


def test_an_ended_partner_is_offered_nowhere_and_may_still_answer_what_he_was_asked(office: Office) -> None:
    _, referral_id = office.referred()
    other = office.reported(phone="06 39 98 12 35", surname="Petit", street="1 rue Haute")

    office.do(organisations.end, ADA, PARTNER)

    with office.database.read() as unit:
        assert PARTNER not in {each.organisation_id for each in living(unit, PROGRAMME)}
    with pytest.raises(InvalidInput, match="ne travaille plus"):
        office.refer(other)
    office.answer(referral_id, "accept")


def test_a_partners_new_address_sends_again_what_waited_for_it(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    office.bounce("referral_request")
    office.drain()

    form = OrganisationDetails(name="ADIL", email="accueil@adil.example")
    office.do(organisations.change, ADA, PARTNER, form)
    office.drain()

    assert "referral.address_mended" in office.events(case_id)
    assert [each.address for each in office.sent(case_id, "referral_request")][-1] == "accueil@adil.example"


def test_two_organisations_of_a_kind_do_not_bear_one_name(office: Office) -> None:
    form = NewOrganisation(kind=OrganisationKind.PARTNER, name="Fonds d’aide")
    made = office.do(organisations.add, ADA, form)

    assert made.slug == "fonds-daide"
    with pytest.raises(InvalidInput, match="porte déjà ce nom"):
        office.do(organisations.add, ADA, form.model_copy(update={"name": "FONDS D'AIDE"}))
    with pytest.raises(Denied):
        office.do(organisations.add, BO, form)
