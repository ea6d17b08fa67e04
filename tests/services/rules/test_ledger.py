"""The ledger: one claim a message, a mark before DATA, and an end that is certain or said to be unknown."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from models.vocabulary import Channel, MessageState
from services.channels.evidence import Verdict
from services.channels.mail import Handover
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.rules import ledger
from services.rules.ledger import Doubt, Envelope
from tests.databases import MORNING
from tests.messages import Office, change_message, make_message, read_message

ACCEPTED = Handover("accepted", 250, "2.0.0", "4bXq")
GREYLISTED = Handover("transient", 451, "4.7.1", detail="RCPT 451 4.7.1")
NO_SUCH_BOX = Handover("permanent", 550, "5.1.1", detail="RCPT 550 5.1.1")
NOBODY_KNOWS = Handover("unknown", detail="DATA SMTPReadTimeoutError")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def office() -> Office:
    return Office()


def claim(database: Database, office: Office, *, limit: int = 10, channel: Channel | None = None) -> list[Envelope]:
    with database.write("claim") as unit:
        return ledger.claim(unit, office.aftermath, limit=limit, lease_s=60, channel=channel)


def mark(database: Database, envelope: Envelope) -> bool:
    with database.write("mark") as unit:
        return bool(ledger.mark_data(unit, [envelope]))


def record(database: Database, office: Office, *, envelope: Envelope, handover: Handover) -> bool:
    with database.write("record") as unit:
        return ledger.record(unit, office.aftermath, envelope=envelope, handover=handover)


def rescue(database: Database, office: Office) -> int:
    with database.write("rescue") as unit:
        return ledger.rescue(unit, office.aftermath)


def lose_lease(database: Database, message_id: UUID) -> None:
    change_message(database, message_id, leased_until=LONG_AGO)


def marked(database: Database, office: Office) -> Envelope:
    """A message whose DATA started."""
    make_message(database)
    (envelope,) = claim(database, office)
    assert mark(database, envelope)
    return envelope


# --- Claiming -------------------------------------------------------------------------------------------------------


def test_a_claimed_message_is_written_and_held(database: Database, office: Office) -> None:
    message_id = make_message(database)

    (envelope,) = claim(database, office)

    message = read_message(database, message_id)
    assert (message.state, message.token) == (MessageState.LEASED, envelope.token)
    assert message.subject == envelope.subject == "Situation 2025-00001"
    assert (envelope.thread, envelope.reply_to) == ("brest.2025-00001", "coordination@relais.test")


def test_a_message_is_claimed_once(database: Database, office: Office) -> None:
    make_message(database)

    assert (len(claim(database, office)), len(claim(database, office))) == (1, 0)


def test_workers_that_claim_together_share_the_messages_and_none_twice(database: Database, office: Office) -> None:
    messages = {make_message(database) for _ in range(40)}

    with ThreadPoolExecutor(4) as workers:
        shares = list(workers.map(lambda _: claim(database, office, limit=10), range(8)))

    claimed = [envelope.id for share in shares for envelope in share]
    assert (len(claimed), set(claimed)) == (40, messages)


def test_a_message_waits_for_its_hour(database: Database, clock: SetClock, office: Office) -> None:
    make_message(database, due_at=MORNING + timedelta(hours=1))
    assert claim(database, office) == []

    clock.at += timedelta(hours=1)

    assert len(claim(database, office)) == 1


def test_letters_are_never_claimed(database: Database, office: Office) -> None:
    make_message(database, channel="letter", address="")

    assert claim(database, office) == []


def test_a_channel_can_be_claimed_alone(database: Database, office: Office) -> None:
    make_message(database)
    sms = make_message(database, channel="sms", address="+33639981234")

    assert [envelope.id for envelope in claim(database, office, channel=Channel.SMS)] == [sms]


def test_an_abandoned_claim_is_taken_over(database: Database, office: Office) -> None:
    message_id = make_message(database)
    (first,) = claim(database, office)
    lose_lease(database, message_id)

    (second,) = claim(database, office)

    assert second.id == first.id
    assert (mark(database, first), mark(database, second)) == (False, True)


def test_a_message_whose_reason_is_gone_is_cancelled(database: Database, office: Office) -> None:
    message_id = make_message(database)
    office.suppressed = "task_closed"

    assert claim(database, office) == []

    message = read_message(database, message_id)
    assert (message.state, message.error) == (MessageState.CANCELLED, "task_closed")
    assert office.failed == []


def test_a_message_that_cannot_be_written_is_refused_and_holds_back_no_other(database: Database) -> None:
    class Stumbling(Office):
        def _write(self, unit, message):  # type: ignore[no-untyped-def]
            if message.text == "broken":
                raise KeyError("Madame Martin")
            return super()._write(unit, message)

    office, broken = Stumbling(), make_message(database, text="broken")
    make_message(database)

    assert len(claim(database, office)) == 1

    assert read_message(database, broken).error == "cannot be written: KeyError"
    assert office.failed == [(broken, False)]


def test_a_released_message_is_as_if_never_claimed(database: Database, office: Office) -> None:
    envelope = marked(database, office)

    with database.write("release") as unit:
        ledger.release(unit, [envelope])

    message = read_message(database, envelope.id)
    assert (message.state, message.attempts, message.first_tried_at) == (MessageState.QUEUED, 0, None)
    assert (message.token, message.data_started_at) == (None, None)


# --- Recording ------------------------------------------------------------------------------------------------------


def test_an_acceptance_is_recorded_with_the_servers_number(database: Database, office: Office) -> None:
    envelope = marked(database, office)

    assert record(database, office, envelope=envelope, handover=ACCEPTED)

    message = read_message(database, envelope.id)
    assert (message.state, message.provider_id, message.done_at) == (MessageState.ACCEPTED, "4bXq", MORNING)
    assert (message.attempts, office.accepted) == (1, [envelope.id])


def test_an_acceptance_counts_even_after_the_claim_was_lost(database: Database, office: Office) -> None:
    envelope = marked(database, office)
    lose_lease(database, envelope.id)
    assert rescue(database, office) == 1

    assert record(database, office, envelope=envelope, handover=ACCEPTED)

    assert read_message(database, envelope.id).state == MessageState.ACCEPTED


def test_an_acceptance_is_heard_once(database: Database, office: Office) -> None:
    envelope = marked(database, office)

    for _ in range(3):
        record(database, office, envelope=envelope, handover=ACCEPTED)

    assert office.accepted == [envelope.id]


@pytest.mark.parametrize("handover", [GREYLISTED, NO_SUCH_BOX, NOBODY_KNOWS])
def test_a_late_worker_cannot_record_a_failure(database: Database, office: Office, handover: Handover) -> None:
    message_id = make_message(database)
    (late,) = claim(database, office)
    lose_lease(database, message_id)
    claim(database, office)

    assert not record(database, office, envelope=late, handover=handover)

    assert read_message(database, message_id).state == MessageState.LEASED
    assert office.failed == []


def test_a_refused_message_ends_and_somebody_hears(database: Database, office: Office) -> None:
    make_message(database)
    (envelope,) = claim(database, office)

    record(database, office, envelope=envelope, handover=NO_SUCH_BOX)

    message = read_message(database, envelope.id)
    assert (message.state, message.reply_code, message.error) == (MessageState.REFUSED, 550, "RCPT 550 5.1.1")
    assert office.failed == [(envelope.id, False)]


def test_a_postponed_message_is_tried_after_1_5_15_30_minutes_then_hourly_for_four_days(
    database: Database, clock: SetClock, office: Office
) -> None:
    message_id, waits = make_message(database), []
    while claimed := claim(database, office):
        record(database, office, envelope=claimed[0], handover=GREYLISTED)
        due_at = read_message(database, message_id).due_at
        waits.append((due_at - clock.at) // timedelta(minutes=1))
        clock.at = max(clock.at, due_at)

    assert waits[:6] == [1, 5, 15, 30, 60, 60]
    message = read_message(database, message_id)
    assert (message.state, message.error) == (MessageState.REFUSED, "gave_up")
    assert timedelta(days=3, hours=23) < clock.at - MORNING <= timedelta(days=4)
    assert office.failed == [(message_id, False)]


# --- Doubts ---------------------------------------------------------------------------------------------------------


def doubtful(database: Database, office: Office) -> Doubt:
    """A message that nobody can tell about, at rest for long."""
    envelope = marked(database, office)
    record(database, office, envelope=envelope, handover=NOBODY_KNOWS)
    lose_lease(database, envelope.id)
    with database.read() as unit:
        (doubt,) = ledger.doubts(unit)
    return doubt


def test_a_message_marked_by_a_dead_worker_is_unknown_and_never_claimed(database: Database, office: Office) -> None:
    envelope = marked(database, office)
    assert rescue(database, office) == 0
    lose_lease(database, envelope.id)
    assert claim(database, office) == []

    assert rescue(database, office) == 1

    assert claim(database, office) == []
    assert read_message(database, envelope.id).state == MessageState.UNKNOWN
    assert office.failed == [(envelope.id, True)]


def test_proof_is_asked_after_two_minutes(database: Database, office: Office) -> None:
    envelope = marked(database, office)

    record(database, office, envelope=envelope, handover=NOBODY_KNOWS)

    rests_until = read_message(database, envelope.id).leased_until
    assert rests_until is not None
    assert timedelta(seconds=100) < rests_until - datetime.now(UTC) <= timedelta(seconds=121)
    with database.read() as unit:
        assert ledger.doubts(unit) == []


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("yes", MessageState.ACCEPTED), ("no", MessageState.QUEUED), ("cannot_tell", MessageState.UNKNOWN)],
)
def test_only_a_certain_no_sends_an_unknown_message_again(
    database: Database, office: Office, verdict: Verdict, state: MessageState
) -> None:
    doubt = doubtful(database, office)

    with database.write("settle") as unit:
        ledger.settle(unit, office.aftermath, doubt=doubt, verdict=verdict)

    assert read_message(database, doubt.id).state == state
    assert len(claim(database, office)) == (verdict == "no")
    assert office.accepted == ([doubt.id] if verdict == "yes" else [])


def test_a_doubt_that_lasts_is_left_alone_for_a_while(database: Database, office: Office) -> None:
    doubt = doubtful(database, office)

    with database.write("settle") as unit:
        ledger.settle(unit, office.aftermath, doubt=doubt, verdict="cannot_tell")

    with database.read() as unit:
        assert ledger.doubts(unit) == []
