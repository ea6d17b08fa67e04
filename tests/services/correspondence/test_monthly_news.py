"""The alert giver's three messages a case, and his letter of the month: what he is told, once, and never more."""

import asyncio
import re
from datetime import date

import pytest
from sqlalchemy import select, update

from flows.monthly_news import write_letters
from models.cases import Alert, Case
from models.engine import Message
from models.programmes import Programme, Service
from models.vocabulary import SuspensionReason, Theme
from services.cases import alerts, recalling, referrals, suspension
from services.correspondence import monthly_news
from services.forms import Suspension
from services.foundation.database import UnitOfWork
from services.foundation.errors import LinkExpired
from services.foundation.runtime import Runtime
from services.rules import news
from services.rules.casework import Hand
from services.rules.links import open_requests_link, requests_url
from services.rules.policy import Actor
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.services.rules.situations import (
    ADA,
    BO,
    CARRIER,
    OTHER_PARTNER,
    PROGRAMME,
    Office,
    alert_form,
    paris,
    referral_form,
)

TO = "karim@example.org"
LINKED = Hand(Actor("link", None, PROGRAMME))


def letters(office: Office) -> list[Message]:
    with office.database.read() as unit:
        found = list(unit.session.scalars(select(Message).where(Message.text == news.MONTHLY).order_by(Message.id)))
        unit.session.expunge_all()
        return found


def write(office: Office, when: str) -> int:
    office.at(when)
    return asyncio.run(write_letters())


@pytest.fixture(autouse=True)
def started(office: Office, runtime: Runtime) -> None:
    """Rounds are made from the month of October on; the first only says so."""
    assert runtime.database is office.database
    assert asyncio.run(write_letters()) == 0


def body(office: Office, letter: Message) -> str:
    with office.database.read() as unit:
        return render_message(unit, unit.session.get_one(Message, letter.id)).body.replace("\N{NO-BREAK SPACE}", " ")


# --- Three messages a case


def test_what_was_asked_within_the_hour_is_one_message_and_no_other_comes_before_the_end(office: Office) -> None:
    case_id = office.qualified()
    with office.database.write("test") as unit:
        unit.session.execute(update(Service).values(themes=["landlord_mediation", "fsl", "emergency"]))
    office.refer(case_id, theme=Theme.EMERGENCY, urgent=True)  # safety does not wait for a visit, and tells of none
    office.drain()
    office.plan(case_id, "2025-10-08T10:00")
    office.at("2025-10-08T12:00")
    office.hold(case_id)
    office.report(case_id)
    office.drain()
    assert {message.text for message in office.sent(case_id) if message.party == "alert_giver"} == {"alert_receipt"}

    office.refer(case_id)
    office.at("2025-10-08T12:40")
    second = office.refer(case_id, theme=Theme.FSL)
    office.drain()

    (told,) = office.sent(case_id, "milestone_proposed")
    assert told.due_at == paris("2025-10-08T13:00")
    words = body(office, told)
    assert "Médiation avec le bailleur" in words
    assert "Aide du FSL" in words
    office.deliver("milestone_proposed")
    office.answer(second, "decline")
    office.refer(case_id, OTHER_PARTNER, theme=Theme.FSL, replaces_id=second)
    office.drain()
    assert len(office.sent(case_id, "milestone_proposed")) == 1


def test_what_was_taken_back_was_not_told_and_a_follow_up_without_request_says_that_nothing_more_was_needed(
    office: Office,
) -> None:
    case_id = office.reported()
    page = Hand(BO.actor, holds=True)
    sent = office.do(referrals.send, page, case_id, referral_form())
    office.drain()
    with office.database.read() as unit:
        (held,) = recalling.held(unit, BO.actor)
    office.do(recalling.recall, BO, held.event_id)
    office.do(referrals.withdraw, BO, sent.id)
    office.do(referrals.drop_need, BO, case_id)
    office.drain()

    states = [(message.state, message.error) for message in office.sent(case_id, "milestone_proposed")]
    assert states == [("cancelled", "recalled"), ("queued", None)]
    assert "rien de plus à demander" in body(office, office.sent(case_id, "milestone_proposed")[1])


# --- One letter a month


def test_one_letter_a_month_tells_an_address_what_is_new_in_all_its_requests(office: Office, runtime: Runtime) -> None:
    first = office.qualified()
    elsewhere = Hand(Actor("form", CARRIER, PROGRAMME, organisation_id=CARRIER))
    office.do(alerts.submit, elsewhere, alert_form(giver_email="Karim@Example.org", phone="06 39 98 77 77"))
    office.triaged(phone="06 39 98 66 66")
    office.drain()
    second = office.accepted(giver_email="odile@example.org", phone="06 39 98 88 88")
    ended = office.accepted(phone="06 39 98 99 99")
    office.call(ended, "refused")
    office.do(
        suspension.suspend, ADA, second, Suspension(reason=SuspensionReason.HOUSEHOLD_ASKS, until=date(2025, 12, 1))
    )

    assert write(office, "2025-11-03T08:59") == 0
    assert write(office, "2025-11-03T09:00") == 2
    with office.database.write("test") as unit:
        unit.session.execute(update(Programme).values(news_at=paris("2025-10-01T09:00")))
    assert write(office, "2025-11-05T10:00") == 0  # asked again, it is the same month and the same address
    assert [letter.address for letter in letters(office)] == [TO, "odile@example.org"]
    words = body(office, letters(office)[0])
    for told in (office.case(first).number, "Visite à venir", "Le ménage a répondu", "pas souhaité de visite"):
        assert told in words
    assert "2 autres de vos demandes" in words  # nothing new in them
    assert not re.search("Martin|06 39|rue du Pont|humid|facture", words, re.IGNORECASE)
    assert "La situation est en pause" in body(office, letters(office)[1])
    links = re.findall(r"/demandes/(\S+)", words)
    with office.database.read() as unit:
        assert open_requests_link(unit, runtime, links[0]).giver_email == TO

    assert write(office, "2025-12-01T09:00") == 0  # nothing has happened since


def test_a_late_letter_is_one_letter_and_the_next_does_not_repeat_it(office: Office) -> None:
    case_id = office.accepted()
    office.run_to(paris("2025-11-10T10:00"))
    office.call(case_id)

    assert write(office, "2025-11-20T11:00") == 1
    assert write(office, "2025-12-01T09:00") == 0


def test_whoever_stops_it_gets_none_until_he_takes_it_up_again(office: Office) -> None:
    office.accepted()
    assert write(office, "2025-11-03T09:00") == 1
    (letter,) = letters(office)

    office.do(stop, LINKED)
    with office.database.read() as unit, pytest.raises(Suppressed, match="news_stopped"):
        render_message(unit, unit.session.get_one(Message, letter.id))
    office.call(office.accepted(phone="06 39 98 77 77"))
    assert write(office, "2025-12-01T09:00") == 0

    office.do(stop, LINKED, wanted=True)
    office.qualified(phone="06 39 98 66 66")
    assert write(office, "2026-01-02T09:00") == 1


def stop(unit: UnitOfWork, hand: Hand, *, wanted: bool = False) -> None:
    monthly_news.choose(unit, hand.actor, "KARIM@example.org", wanted=wanted)


def test_the_link_of_his_page_lives_as_long_as_his_request(office: Office, runtime: Runtime) -> None:
    case_id = office.accepted()
    with office.database.read() as unit:
        alert = unit.session.scalars(select(Alert).where(Alert.case_id == case_id)).one()
        token = requests_url(runtime, alert).rpartition("/")[2]
    office.sleep_to("2027-06-01T10:00")

    with office.database.read() as unit:
        assert open_requests_link(unit, runtime, token).case_id == case_id
    with office.database.write("test") as unit:
        unit.session.get_one(Case, case_id).closed_at = unit.now
    office.sleep_to("2027-09-01T10:00")
    with office.database.read() as unit, pytest.raises(LinkExpired):
        open_requests_link(unit, runtime, token)
