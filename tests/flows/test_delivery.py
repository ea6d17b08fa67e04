"""Delivery from the ledger to a real mail server: once each, whatever fails, and never blindly twice."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from flows.delivery import deliver_due
from models.vocabulary import Channel, MessageState
from services.channels.evidence import Verdict
from services.channels.mail import BeforeData, Handover, MailConnection, MailServer, Parcel, Patience
from services.channels.sms import FolderSms, SmsReceipt, SmsResult
from services.correspondence.delivery import LONGEST_REST_S, SHORTEST_REST_S, Breaker, Postman
from services.foundation.clock import SetClock
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime, use
from services.rules import ledger
from services.rules.ledger import Envelope
from tests.delivery_worker import run_until_killed
from tests.messages import Office, change_message, make_message, read_message
from tests.sink import Sink
from tests.waiting import Watch

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
HURRIED: Final = Patience(connect=2, command=1, data=1)


@dataclass
class Provider:
    """An SMS provider that always answers the same."""

    receipt: SmsReceipt
    calls: int = 0

    def send(self, number: str, text: str, *, reference: str) -> SmsReceipt:
        self.calls += 1
        return self.receipt


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as open_sink:
        yield open_sink


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def postman(runtime: Runtime, sink: Sink, office: Office, watch: Watch) -> Postman:
    return new_postman(runtime, sink, office=office, watch=watch)


def new_postman(runtime: Runtime, sink: Sink, *, office: Office, watch: Watch, connections: int = 1) -> Postman:
    server = MailServer(host=sink.host, port=sink.port, local_name="localhost")
    folder = FolderSms(runtime.settings.data_folder, now=runtime.clock.now)
    return Postman(
        runtime=runtime,
        aftermath=office.aftermath,
        mail=[MailConnection(server, patience=HURRIED, monotonic=watch) for _ in range(connections)],
        sms=folder,
        evidence={Channel.EMAIL: sink, Channel.SMS: folder},
        monotonic=watch,
    )


def deliver(postman: Postman, *, times: int = 1) -> int:
    """Call `deliver_due` in a row, as the relay does with the postman that it keeps."""

    async def run() -> int:
        async with postman:
            return sum([await deliver_due(carrier=postman) for _ in range(times)])

    return asyncio.run(run())


def state(runtime: Runtime, message_id: UUID) -> str:
    return read_message(runtime.database, message_id).state


def let_rest(runtime: Runtime, message_id: UUID) -> None:
    """As if lease time had passed."""
    change_message(runtime.database, message_id, leased_until=LONG_AGO)


def test_answers_come_to_the_mailbox_that_is_read(runtime: Runtime, sink: Sink, office: Office, watch: Watch) -> None:
    settings = runtime.settings.model_copy(update={"imap_host": "imap.relais.test"})
    make_message(runtime.database)

    deliver(new_postman(replace(runtime, settings=settings), sink, office=office, watch=watch))

    assert sink.to("bo@relais.test")[0]["Reply-To"] == settings.mail_sender


def test_a_due_message_reaches_its_reader(runtime: Runtime, sink: Sink, postman: Postman, office: Office) -> None:
    message_id = make_message(runtime.database)

    assert deliver(postman) == 1

    (mail,) = sink.to("bo@relais.test")
    assert (mail["Subject"], mail["Reply-To"]) == ("Situation 2025-00001", "coordination@relais.test")
    assert mail["Message-ID"] == read_message(runtime.database, message_id).message_id
    assert mail["References"] == "<brest.2025-00001.thread@relais.test>"
    assert (state(runtime, message_id), office.accepted) == (MessageState.ACCEPTED, [message_id])


def test_fifty_calls_send_one_mail(runtime: Runtime, sink: Sink, postman: Postman) -> None:
    make_message(runtime.database)

    assert deliver(postman, times=50) == 1

    assert (len(sink.messages), sink.connections) == (1, 1)


def test_workers_side_by_side_send_each_mail_once(runtime: Runtime, sink: Sink, office: Office, watch: Watch) -> None:
    for _ in range(30):
        make_message(runtime.database)

    async def run() -> list[int]:
        postmen = [new_postman(runtime, sink, office=office, watch=watch) for _ in range(3)]
        tried = await asyncio.gather(*(deliver_due(carrier=one) for one in postmen))
        for one in postmen:
            await one.mail[0].close()
        return tried

    assert sum(asyncio.run(run())) == 30

    assert len({mail["Message-ID"] for mail in sink.messages}) == len(sink.messages) == 30


def test_with_nothing_due_no_server_is_called(runtime: Runtime) -> None:
    assert asyncio.run(deliver_due()) == 0


def test_nothing_leaves_while_mail_is_off(runtime: Runtime, sink: Sink, postman: Postman) -> None:
    message_id = make_message(runtime.database)
    off = runtime.settings.model_copy(update={"mail_enabled": False})

    with use(Runtime(off, runtime.database, runtime.clock, runtime.secrets)):
        assert deliver(postman) == 0

    assert (sink.connections, state(runtime, message_id)) == (0, MessageState.QUEUED)


def test_an_address_that_is_none_is_refused_and_holds_back_no_other(
    runtime: Runtime, sink: Sink, postman: Postman
) -> None:
    bad = make_message(runtime.database, address="a@relais.test,b@relais.test")
    make_message(runtime.database)

    deliver(postman)

    assert (state(runtime, bad), len(sink.messages)) == (MessageState.REFUSED, 1)
    assert read_message(runtime.database, bad).error == "cannot be written: bad-header"


# --- Refusals -------------------------------------------------------------------------------------------------------


def test_a_greylisted_mail_leaves_at_its_second_attempt(
    runtime: Runtime, clock: SetClock, sink: Sink, postman: Postman
) -> None:
    message_id = make_message(runtime.database)
    sink.fail_next("RCPT", "451 4.7.1 Greylisted")
    deliver(postman, times=3)
    assert sink.messages == []

    clock.at += timedelta(minutes=1)
    deliver(postman)

    message = read_message(runtime.database, message_id)
    assert (len(sink.messages), message.state, message.attempts) == (1, MessageState.ACCEPTED, 2)


@pytest.mark.parametrize("reply", ["451 4.7.1 Greylisted", "550 5.1.1 <bo@relais.test> unknown"])
def test_a_refusal_leaves_the_mail_before_it_accepted(
    runtime: Runtime, sink: Sink, postman: Postman, office: Office, reply: str
) -> None:
    accepted = make_message(runtime.database)
    make_message(runtime.database)
    asyncio.run(_after_one(postman, lambda: sink.fail_next("RCPT", reply)))

    assert (state(runtime, accepted), office.accepted) == (MessageState.ACCEPTED, [accepted])


def test_a_server_that_goes_away_after_a_mail_leaves_it_accepted_and_the_next_untouched(
    runtime: Runtime, sink: Sink, postman: Postman
) -> None:
    accepted, waiting = make_message(runtime.database), make_message(runtime.database)

    asyncio.run(_after_one(postman, sink.refuse_connections))

    assert (state(runtime, accepted), state(runtime, waiting)) == (MessageState.ACCEPTED, MessageState.QUEUED)
    assert read_message(runtime.database, waiting).attempts == 0


async def _after_one(postman: Postman, accident: Callable[[], None]) -> None:
    """Deliver one batch, with an accident as soon as its first mail has left."""
    send = postman.mail[0].send

    async def once(parcel: Parcel, *, before_data: BeforeData) -> Handover:
        postman.mail[0].send = send  # type: ignore[method-assign]
        handover = await send(parcel, before_data=before_data)
        accident()
        return handover

    postman.mail[0].send = once  # type: ignore[method-assign]
    await _one_batch(postman)


def test_an_unknown_recipient_is_told_at_once_and_not_tried_again(
    runtime: Runtime, clock: SetClock, sink: Sink, postman: Postman, office: Office
) -> None:
    message_id = make_message(runtime.database)
    sink.fail_next("RCPT", "550 5.1.1 <bo@relais.test> unknown")
    deliver(postman)

    clock.at += timedelta(days=5)
    deliver(postman)

    assert (state(runtime, message_id), sink.verbs.count("RCPT")) == (MessageState.REFUSED, 1)
    assert office.failed == [(message_id, False)]


# --- Doubts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_a_mail_whose_answer_was_lost_is_in_the_end_sent_exactly_once(
    runtime: Runtime, sink: Sink, postman: Postman, *, stored: bool
) -> None:
    message_id = make_message(runtime.database)
    sink.drop_after_data(stored=stored)
    deliver(postman, times=5)
    assert state(runtime, message_id) == MessageState.UNKNOWN

    let_rest(runtime, message_id)
    deliver(postman)

    assert (state(runtime, message_id), len(sink.messages)) == (MessageState.ACCEPTED, 1)


def test_without_proof_an_unknown_mail_is_never_sent_again(
    runtime: Runtime, clock: SetClock, sink: Sink, postman: Postman
) -> None:
    class Silent:
        def accepted(self, message_id: str) -> Verdict:
            return "cannot_tell"

    postman.evidence = {Channel.EMAIL: Silent()}
    message_id = make_message(runtime.database)
    sink.hang("BODY")
    deliver(postman)

    for _ in range(3):
        let_rest(runtime, message_id)
        clock.at += timedelta(days=2)
        deliver(postman)

    assert (state(runtime, message_id), sink.verbs.count("DATA")) == (MessageState.UNKNOWN, 1)


def test_a_worker_paused_between_the_mark_and_data_does_not_send_then_the_mail_leaves_once(
    runtime: Runtime, sink: Sink, postman: Postman, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id, pauses = make_message(runtime.database), iter([60.0])
    mark = ledger.mark_data

    def paused(*given: Any) -> set[UUID]:
        watch.at += next(pauses, 0.0)
        return mark(*given)

    monkeypatch.setattr(ledger, "mark_data", paused)
    asyncio.run(_one_batch(postman))
    assert (sink.messages, state(runtime, message_id)) == ([], MessageState.QUEUED)
    assert read_message(runtime.database, message_id).data_started_at is None

    deliver(postman)

    assert (len(sink.messages), state(runtime, message_id)) == (1, MessageState.ACCEPTED)


async def _one_batch(postman: Postman) -> int:
    async with postman:
        return await postman.deliver(Channel.EMAIL, until=postman.monotonic() + 3600)


# --- Several connections --------------------------------------------------------------------------------------------


@pytest.fixture
def side_by_side(runtime: Runtime, sink: Sink, office: Office, watch: Watch) -> Postman:
    return new_postman(runtime, sink, office=office, watch=watch, connections=3)


def test_mails_leave_side_by_side_once_each(
    runtime: Runtime, sink: Sink, office: Office, side_by_side: Postman
) -> None:
    messages = {make_message(runtime.database) for _ in range(30)}

    assert deliver(side_by_side) == 30

    assert (len({mail["Message-ID"] for mail in sink.messages}), len(sink.messages)) == (30, 30)
    assert (sink.most_at_once, set(office.accepted)) == (3, messages)


def test_marks_asked_while_one_is_written_share_the_next_transaction(
    runtime: Runtime, side_by_side: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        make_message(runtime.database)
    mark, together = ledger.mark_data, list[int]()

    def counted(unit: UnitOfWork, envelopes: Collection[Envelope]) -> set[UUID]:
        together.append(len(envelopes))
        time.sleep(0.05)  # a slow disk: the others come meanwhile, however busy the machine
        return mark(unit, envelopes)

    monkeypatch.setattr(ledger, "mark_data", counted)
    deliver(side_by_side)

    assert (sum(together), max(together)) == (12, 2)  # one writes, the two others wait for their turn together


def test_a_slow_answer_holds_up_its_own_connection_only(runtime: Runtime, sink: Sink, side_by_side: Postman) -> None:
    messages = [make_message(runtime.database) for _ in range(9)]
    sink.hang("BODY")

    deliver(side_by_side)

    assert Counter(state(runtime, one) for one in messages) == {MessageState.ACCEPTED: 8, MessageState.UNKNOWN: 1}


def test_a_server_that_takes_one_connection_alone_gets_all_mails_by_it(
    runtime: Runtime, sink: Sink, side_by_side: Postman
) -> None:
    messages = [make_message(runtime.database) for _ in range(9)]
    sink.fail_next("CONNECT", "421 4.7.0 Too many connections", times=2)

    deliver(side_by_side)

    assert len(sink.messages) == 9
    assert {read_message(runtime.database, one).attempts for one in messages} == {1}


def test_a_server_that_was_away_is_tried_by_one_connection_and_rests_once(
    runtime: Runtime, sink: Sink, watch: Watch, side_by_side: Postman
) -> None:
    for _ in range(9):
        make_message(runtime.database)
    sink.refuse_connections()
    deliver(side_by_side)
    assert side_by_side.breakers[Channel.EMAIL].rest_s == SHORTEST_REST_S

    sink.accept_connections()
    watch.at += SHORTEST_REST_S
    deliver(side_by_side)

    assert (len(sink.messages), sink.most_at_once) == (9, 1)


def test_who_could_not_mark_sends_nothing_and_nobody_marks_it_for_him(
    runtime: Runtime, sink: Sink, side_by_side: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [make_message(runtime.database) for _ in range(9)]
    mark, troubles = ledger.mark_data, iter([ZeroDivisionError()])

    def fails_once(*given: Any) -> set[UUID]:
        for trouble in troubles:
            raise trouble
        return mark(*given)

    monkeypatch.setattr(ledger, "mark_data", fails_once)
    with pytest.raises(ZeroDivisionError):
        deliver(side_by_side)

    assert Counter(state(runtime, one) for one in messages) == {MessageState.ACCEPTED: 8, MessageState.LEASED: 1}
    assert len(sink.messages) == 8


# --- Outages --------------------------------------------------------------------------------------------------------


def test_an_outage_costs_no_attempt_and_everything_leaves_afterwards(
    runtime: Runtime, sink: Sink, postman: Postman, watch: Watch
) -> None:
    messages = [make_message(runtime.database) for _ in range(25)]
    sink.refuse_connections()
    deliver(postman, times=10)
    assert {state(runtime, one) for one in messages} == {MessageState.QUEUED}
    assert {read_message(runtime.database, one).first_tried_at for one in messages} == {None}

    sink.accept_connections()
    assert deliver(postman) == 0  # the server still rests
    watch.at += SHORTEST_REST_S
    deliver(postman)

    assert len(sink.messages) == 25
    assert {read_message(runtime.database, one).attempts for one in messages} == {1}


def test_a_server_that_stays_down_rests_longer_each_time_up_to_a_minute() -> None:
    watch = Watch()
    breaker, rests = Breaker(watch), []
    for _ in range(6):
        breaker.trip()
        rests.append(breaker.until - watch.at)
        watch.at = breaker.until

    assert rests == [5, 10, 20, 40, LONGEST_REST_S, LONGEST_REST_S]
    assert not breaker.is_open


def test_time_that_runs_out_puts_the_rest_back_untouched(runtime: Runtime, sink: Sink, postman: Postman) -> None:
    messages = [make_message(runtime.database) for _ in range(5)]

    async def run() -> int:
        async with postman:
            return await postman.deliver(Channel.EMAIL, until=postman.monotonic())

    assert asyncio.run(run()) == 0
    assert {state(runtime, one) for one in messages} == {MessageState.QUEUED}


# --- SMS ------------------------------------------------------------------------------------------------------------


def make_sms(runtime: Runtime) -> UUID:
    return make_message(runtime.database, channel="sms", address="+33639981234")


def test_an_sms_is_kept_in_the_folder_once(runtime: Runtime, postman: Postman) -> None:
    message_id = make_sms(runtime)

    deliver(postman, times=5)

    stored = FolderSms(runtime.settings.data_folder, now=runtime.clock.now).stored()
    assert [(sms.number, sms.reference) for sms in stored] == [
        ("+33639981234", read_message(runtime.database, message_id).message_id)
    ]
    assert state(runtime, message_id) == MessageState.ACCEPTED


@pytest.mark.parametrize(
    ("receipt", "expected", "attempts"),
    [
        (SmsReceipt(SmsResult.ACCEPTED), MessageState.ACCEPTED, 1),
        (SmsReceipt(SmsResult.REFUSED, detail="http 400"), MessageState.REFUSED, 1),
        (SmsReceipt(SmsResult.TRANSIENT, detail="http 503"), MessageState.QUEUED, 1),
        (SmsReceipt(SmsResult.TRANSIENT, detail="ConnectionError"), MessageState.QUEUED, 0),
        (SmsReceipt(SmsResult.UNKNOWN), MessageState.UNKNOWN, 1),
    ],
)
def test_an_sms_ends_as_its_provider_says_and_is_called_for_once(
    runtime: Runtime, postman: Postman, receipt: SmsReceipt, expected: MessageState, attempts: int
) -> None:
    provider = Provider(receipt)
    postman.sms = provider
    message_id = make_sms(runtime)

    deliver(postman, times=5)

    message = read_message(runtime.database, message_id)
    assert (message.state, message.attempts, provider.calls) == (expected, attempts, 1)


def test_sms_leave_while_the_mail_server_is_down(runtime: Runtime, sink: Sink, postman: Postman) -> None:
    make_message(runtime.database)
    message_id = make_sms(runtime)
    sink.refuse_connections()

    deliver(postman)

    assert state(runtime, message_id) == MessageState.ACCEPTED


# --- Death ----------------------------------------------------------------------------------------------------------

POINTS: Final = [
    "delivery.claim.before_commit",
    "delivery.claim.after_commit",
    "mail.before_connect",
    "mail.before_mail",
    "mail.before_rcpt",
    "delivery.mark.before_commit",
    "delivery.mark.after_commit",
    "mail.before_data",
    "mail.after_reply",
    "delivery.record.before_commit",
    "delivery.record.after_commit",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_anywhere_neither_loses_a_mail_nor_sends_it_twice(
    runtime: Runtime, sink: Sink, postman: Postman, point: str
) -> None:
    message_id = make_message(runtime.database)
    assert run_until_killed(runtime, smtp_port=sink.port, point=point) == -signal.SIGKILL

    for _ in range(3):  # taken over or called unknown, then proved, then sent if it must be
        change_message(runtime.database, message_id, **_no_lease(runtime, message_id))
        deliver(postman)

    assert (state(runtime, message_id), len(sink.messages)) == (MessageState.ACCEPTED, 1)


@pytest.mark.parametrize(
    ("point", "first"),
    [
        ("mail.before_mail", MessageState.DATA_STARTED),
        ("delivery.mark.before_commit", MessageState.DATA_STARTED),
        ("delivery.mark.after_commit", MessageState.ACCEPTED),
        ("mail.after_reply", MessageState.ACCEPTED),
    ],
)
def test_a_worker_killed_at_the_second_mail_leaves_the_first_accepted_or_to_be_proved(
    runtime: Runtime, sink: Sink, postman: Postman, point: str, first: MessageState
) -> None:
    messages = [make_message(runtime.database) for _ in range(2)]
    assert run_until_killed(runtime, smtp_port=sink.port, point=point, nth=2) == -signal.SIGKILL
    assert state(runtime, messages[0]) == first

    for _ in range(3):
        for one in messages:
            change_message(runtime.database, one, **_no_lease(runtime, one))
        deliver(postman)

    assert {state(runtime, one) for one in messages} == {MessageState.ACCEPTED}
    assert len({mail["Message-ID"] for mail in sink.messages}) == len(sink.messages) == 2


def _no_lease(runtime: Runtime, message_id: UUID) -> dict[str, Any]:
    return {"leased_until": LONG_AGO} if read_message(runtime.database, message_id).leased_until else {}
