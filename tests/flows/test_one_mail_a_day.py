"""The mail of the day, by real SMTP: one hand-over for all its messages, whatever fails, and every text in it whole."""

import asyncio
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import select

from flows.delivery import deliver_due, postman
from models.engine import Message
from models.vocabulary import MessageState
from services.cases import referrals
from services.correspondence import messages
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime, use
from tests.delivery_worker import run_until_killed
from tests.flows.test_delivery import POINTS, deliver, new_postman
from tests.messages import Office as Ledger
from tests.messages import make_message, read_message
from tests.services.rules.situations import ADA, Office, found_office, paris, shown
from tests.sink import Sink
from tests.waiting import Watch

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
LINK: Final = re.compile(r"^https?://\S+$", re.MULTILINE)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as open_sink:
        yield open_sink


@pytest.fixture
def mailing(runtime: Runtime, sink: Sink) -> Iterator[Runtime]:
    """The same installation, its mail going to the sink."""
    to_sink = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
    settings = runtime.settings.model_copy(update=to_sink)
    with use(Runtime(settings, runtime.database, runtime.clock, runtime.secrets)) as mailing:
        yield mailing


@pytest.fixture
def office(mailing: Runtime, clock: SetClock) -> Office:
    return found_office(mailing.database, clock)


def send(office: Office) -> None:
    """The engine works and the mail leaves until nothing is due."""
    while office.handle() or asyncio.run(_deliver()):
        pass


async def _deliver() -> int:
    async with postman() as carrier:
        return await deliver_due(carrier=carrier)


def three_requests(office: Office) -> list[tuple[UUID, UUID]]:
    """Three households, and one partner asked for all of them on the same morning; all other mail has left."""
    cases = [
        office.reported(surname=name, phone=phone)
        for name, phone in (("Martin", "0639980161"), ("Benali", "0639980162"), ("Perrin", "0639980163"))
    ]
    office.at("2025-10-20T10:00")
    send(office)
    return [(case_id, office.refer(case_id)) for case_id in cases]


def test_three_requests_of_one_moment_leave_in_one_mail(office: Office, sink: Sink) -> None:
    requests = three_requests(office)
    before = len(sink.to("adil@relais.test"))

    send(office)

    (mail,) = sink.to("adil@relais.test")[before:]
    assert mail["Subject"] == "3 demandes vous attendent"
    body = mail.text.replace("\r\n", "\n")
    assert len(set(LINK.findall(body))) == 3
    numbers = [office.case(case_id).number for case_id, _ in requests]
    assert all(f"situation {number}" in body for number in numbers)
    assert not any(name in body for name in ("Martin", "Benali", "Perrin"))
    assert (body.count("Bonjour"), body.count("Ce n’est pas pour vous")) == (1, 1)
    html = mail.message.get_body(("html",))
    assert html is not None
    assert html.get_content().count("<h2") == 3
    assert {office.due(case_id)["answer_referral"] for case_id, _ in requests} == {"2025-11-10 18:00"}


def test_the_requests_after_the_first_leave_together_the_next_morning_and_their_clocks_start_then(
    office: Office, sink: Sink
) -> None:
    (first, _), *others = three_requests_one_by_one(office)
    assert len(sink.to("adil@relais.test")) == 1

    office.clock.at = paris("2025-10-21T08:00")
    send(office)

    assert [mail["Subject"] for mail in sink.to("adil@relais.test")][1:] == ["2 demandes vous attendent"]
    assert office.due(first)["answer_referral"] == "2025-11-10 18:00"
    assert {office.due(case_id)["answer_referral"] for case_id, _ in others} == {"2025-11-12 18:00"}


def three_requests_one_by_one(office: Office) -> list[tuple[UUID, UUID]]:
    cases = [
        office.reported(surname=name, phone=phone)
        for name, phone in (("Martin", "0639980161"), ("Benali", "0639980162"), ("Perrin", "0639980163"))
    ]
    office.at("2025-10-20T10:00")
    send(office)
    found = []
    for hour, case_id in zip((10, 11, 15), cases, strict=True):
        office.clock.at = paris(f"2025-10-20T{hour}:00")
        found.append((case_id, office.refer(case_id)))
        send(office)
    return found


def test_a_request_taken_back_is_left_out_of_the_mail_of_the_morning(office: Office, sink: Sink) -> None:
    _, _, (case_id, referral_id) = three_requests_one_by_one(office)
    office.do(referrals.withdraw, ADA, referral_id)
    office.handle()

    office.clock.at = paris("2025-10-21T08:00")
    send(office)

    assert [message.error for message in office.sent(case_id, "referral_request")] == ["task_closed"]
    assert sink.to("adil@relais.test")[-1]["Subject"] == "1 demande vous attend, 1 autre a pris fin"


def test_a_refused_mail_hands_each_of_its_requests_to_somebody(office: Office, sink: Sink) -> None:
    requests = three_requests(office)
    sink.fail_next("RCPT", "550 5.1.1 unknown")

    send(office)

    assert all("mend_address" in office.due(case_id) for case_id, _ in requests)


def test_what_a_person_says_of_one_doubtful_message_is_said_of_all_in_its_mail(office: Office, sink: Sink) -> None:
    requests = three_requests(office)
    sink.drop_after_data(stored=True)
    send(office)
    doubtful = [office.sent(case_id, "referral_request")[0] for case_id, _ in requests]
    assert {message.state for message in doubtful} == {MessageState.UNKNOWN}
    assert all("check_message" in office.due(case_id) for case_id, _ in requests)

    office.do(messages.settle, ADA, requests[2][0], doubtful[2].id, delivered=True)
    office.drain()

    for case_id, _ in requests:
        assert office.sent(case_id, "referral_request")[0].state == MessageState.ACCEPTED
        assert office.due(case_id) == {"answer_referral": "2025-11-10 18:00"}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_anywhere_neither_loses_a_message_of_a_mail_nor_sends_it_twice(
    runtime: Runtime, sink: Sink, point: str
) -> None:
    bundle = [make_message(runtime.database, daily=True) for _ in range(3)]
    assert run_until_killed(runtime, smtp_port=sink.port, point=point) == -signal.SIGKILL

    carrier = new_postman(runtime, sink, office=Ledger(), watch=Watch())
    for _ in range(3):  # taken over or called unknown, then proved, then sent if it must be
        _let_rest(runtime)
        deliver(carrier)

    assert {read_message(runtime.database, one).state for one in bundle} == {MessageState.ACCEPTED}
    assert [mail["Subject"] for mail in sink.messages] == ["3 demandes ont pris fin"]


def _let_rest(runtime: Runtime) -> None:
    """As if lease time had passed."""
    with runtime.database.write("test") as unit:
        for message in unit.session.scalars(select(Message).where(Message.leased_until.is_not(None))):
            message.leased_until = LONG_AGO


def test_the_story_shows_when_a_message_of_the_morning_will_leave(office: Office) -> None:
    _, (case_id, _), _ = three_requests_one_by_one(office)

    (waiting,) = office.sent(case_id, "referral_request")

    assert (waiting.state, shown(waiting.due_at)) == ("queued", "2025-10-21 08:00")
