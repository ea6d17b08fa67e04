"""Organisations: the coordinator alone reads the secret links of alert givers, and a renewed one ends the old."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.programmes import AccessEntry, Organisation
from models.vocabulary import OrganisationKind
from services import organisations
from services.foundation.errors import Denied, LinkExpired, NotFound
from services.foundation.runtime import Runtime
from services.rules.links import alert_url, open_alert_link
from tests.services.rules.situations import ADA, BO, DI, GIVER, PARTNER, Office


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
