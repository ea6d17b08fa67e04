"""A partner is asked to look at his sheet six months after somebody last did."""

from datetime import date

import pytest
from sqlalchemy import select, update

from models.engine import Message
from models.programmes import PartnerPreference, Programme, Service
from services.foundation.runtime import Runtime
from services.operations import upkeep
from services.programme.programmes import follow_pathway
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.services.rules.situations import PARTNER, PROGRAMME, Office, default_pathway, shown


def verified(office: Office, day: date | None) -> None:
    with office.database.write("test") as unit:
        unit.session.execute(update(Service).where(Service.organisation_id == PARTNER).values(verified_on=day))
        unit.session.execute(update(Service).where(Service.organisation_id != PARTNER).values(verified_on=None))


def asked(office: Office, when: str) -> list[Message]:
    office.sleep_to(when)
    with office.database.write("test") as unit:
        assert upkeep.ask_to_verify(unit) == []
    with office.database.read() as unit:
        found = list(unit.session.scalars(select(Message).where(Message.text == "verify_sheet").order_by(Message.id)))
        unit.session.expunge_all()
        return found


@pytest.fixture(autouse=True)
def running(office: Office, runtime: Runtime) -> None:
    assert runtime.database is office.database


@pytest.mark.parametrize(("day", "mails"), [(date(2025, 4, 6), 1), (date(2025, 4, 7), 0), (None, 0)])
def test_a_sheet_verified_six_months_ago_is_asked_for_and_one_never_verified_is_not(
    office: Office, day: date | None, mails: int
) -> None:
    verified(office, day)

    assert len(asked(office, "2025-10-06 03:00")) == mails


def test_the_pathway_says_after_how_many_months_a_sheet_is_verified_again(office: Office) -> None:
    verified(office, date(2025, 4, 1))
    later = default_pathway().model_copy(update={"version": 99, "sheet_months": 12})
    with office.database.write("test") as unit:
        follow_pathway(unit, unit.session.get_one(Programme, PROGRAMME), later)

    assert asked(office, "2025-10-06 03:00") == []
    assert len(asked(office, "2026-04-02 03:00")) == 1


def test_it_is_asked_once_a_month_with_the_link_of_each_sheet(office: Office) -> None:
    verified(office, date(2025, 4, 1))
    first = asked(office, "2025-10-06 03:00")
    assert len(asked(office, "2025-10-31 03:00")) == len(first) == 1
    assert len(asked(office, "2025-11-01 03:00")) == 2

    with office.database.read() as unit:
        subject, body, *_ = render_message(unit, unit.session.get_one(Message, first[0].id))

    assert "fiche" in subject
    assert "/fiche/" in body
    assert first[0].daily


def test_the_mail_waits_for_the_day_on_which_the_partner_reads(office: Office) -> None:
    verified(office, date(2025, 4, 1))
    with office.database.write("test") as unit:
        unit.session.add(PartnerPreference(organisation_id=PARTNER, gathered=True, weekdays=[3]))

    (mail,) = asked(office, "2025-10-06 03:00")

    assert shown(mail.due_at) == "2025-10-09 10:00"


def test_once_it_is_verified_nothing_leaves_any_more(office: Office) -> None:
    verified(office, date(2025, 4, 1))
    (mail,) = asked(office, "2025-10-06 03:00")
    verified(office, date(2025, 10, 6))

    with office.database.read() as unit, pytest.raises(Suppressed):
        render_message(unit, unit.session.get_one(Message, mail.id))
