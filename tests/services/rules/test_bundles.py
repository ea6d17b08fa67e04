"""One mail a day for one address: who leaves together, who waits for the morning, and that all share one end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.engine import Message
from models.vocabulary import MessageState
from services.channels.evidence import Verdict
from services.channels.mail import Handover
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.rules import ledger
from services.rules.ledger import Envelope
from services.rules.relevance import Suppressed
from services.rules.rendering import Rendered
from tests.databases import MORNING
from tests.messages import Office, change_message, make_message, read_message
from tests.services.rules.situations import shown
from tests.services.rules.test_ledger import (
    ACCEPTED,
    GREYLISTED,
    LONG_AGO,
    NO_SUCH_BOX,
    NOBODY_KNOWS,
    claim,
    lose_lease,
    mark,
    record,
    rescue,
)


class Choosy(Office):
    """Writes no text called `gone`, stumbles over `broken`."""

    def _write(self, unit: UnitOfWork, message: Message) -> Rendered:
        if message.text == "gone":
            raise Suppressed("task_closed")
        if message.text == "broken":
            raise KeyError("Madame Martin")
        return super()._write(unit, message)


@pytest.fixture
def office() -> Office:
    return Choosy()


def make_daily(database: Database, **given: Any) -> UUID:
    return make_message(database, daily=True, **given)


def three(database: Database, office: Office) -> Envelope:
    """One mail of three messages, claimed."""
    for _ in range(3):
        make_daily(database)
    (envelope,) = claim(database, office)
    return envelope


def states(database: Database, envelope: Envelope) -> list[str]:
    return [read_message(database, one).state for one in envelope.ids]


# --- Who leaves together --------------------------------------------------------------------------------------------


def test_what_is_due_at_the_same_moment_for_one_address_leaves_in_one_mail(database: Database, office: Office) -> None:
    messages = {make_daily(database) for _ in range(3)}

    (envelope,) = claim(database, office)

    assert set(envelope.ids) == messages
    assert [read_message(database, one).bundle_id for one in envelope.ids] == [None, envelope.id, envelope.id]
    assert envelope.message_id == read_message(database, envelope.id).message_id


def test_a_bundle_is_never_cut_by_the_size_of_a_batch(database: Database, office: Office) -> None:
    messages = {make_daily(database) for _ in range(5)}

    (envelope,) = claim(database, office, limit=2)

    assert set(envelope.ids) == messages


@pytest.mark.parametrize("apart", [{"address": "cy@relais.test"}, {"daily": False}], ids=["address", "not daily"])
def test_other_addresses_and_other_mails_leave_apart(database: Database, office: Office, apart: dict[str, Any]) -> None:
    make_daily(database)
    make_message(database, **{"daily": True, **apart})

    assert [envelope.carried for envelope in claim(database, office)] == [(), ()]


def test_each_message_keeps_its_own_text(database: Database, office: Office) -> None:
    envelope = three(database, office)

    assert {read_message(database, one).subject for one in envelope.ids} == {"Situation 2025-00001"}
    assert envelope.subject != "Situation 2025-00001"
    assert envelope.body.count("Une réponse est attendue.") == 3
    assert envelope.body.count("Bonjour,") == 1


@pytest.mark.parametrize(
    ("text", "state"), [("gone", MessageState.CANCELLED), ("broken", MessageState.REFUSED)], ids=["gone", "broken"]
)
def test_a_message_that_may_not_leave_is_left_out_alone(
    database: Database, office: Office, text: str, state: MessageState
) -> None:
    left_out = make_daily(database, text=text)
    leaving = make_daily(database)

    (envelope,) = claim(database, office)

    assert (envelope.ids, envelope.subject) == ((leaving,), "Situation 2025-00001")
    assert read_message(database, left_out).state == state


def test_workers_that_claim_together_make_one_mail_of_one_address(database: Database, office: Office) -> None:
    for _ in range(20):
        make_daily(database)

    with ThreadPoolExecutor(4) as workers:
        shares = list(workers.map(lambda _: claim(database, office, limit=5), range(8)))

    assert [len(envelope.ids) for share in shares for envelope in share] == [20]


# --- One a day ------------------------------------------------------------------------------------------------------


def test_what_comes_after_the_mail_of_the_day_waits_for_the_next_opening(
    database: Database, clock: SetClock, office: Office
) -> None:
    first = make_daily(database)
    (envelope,) = claim(database, office)
    record(database, office, envelope=envelope, handover=ACCEPTED)
    clock.at += timedelta(hours=4)
    later = make_daily(database)
    urgent = make_message(database, urgent=True)

    assert [envelope.id for envelope in claim(database, office)] == [urgent]

    waiting = read_message(database, later)
    assert (waiting.state, shown(waiting.due_at)) == (MessageState.QUEUED, "2025-10-07 08:00")
    clock.at = waiting.due_at
    assert [envelope.ids for envelope in claim(database, office)] == [(later,)]
    assert read_message(database, first).state == MessageState.ACCEPTED


@pytest.mark.parametrize("mark_it", [False, True], ids=["claimed", "being sent"])
def test_a_mail_under_way_counts_as_the_mail_of_the_day(database: Database, office: Office, *, mark_it: bool) -> None:
    make_daily(database)
    (envelope,) = claim(database, office)
    if mark_it:
        mark(database, envelope)
    later = make_daily(database)

    assert claim(database, office) == []

    assert shown(read_message(database, later).due_at) == "2025-10-07 08:00"


def test_a_mail_that_was_refused_is_no_mail_of_the_day(database: Database, office: Office) -> None:
    make_daily(database)
    (envelope,) = claim(database, office)
    record(database, office, envelope=envelope, handover=NO_SUCH_BOX)
    later = make_daily(database)

    assert [envelope.id for envelope in claim(database, office)] == [later]


def test_a_daily_mail_that_somebody_hastens_leaves_alone_and_at_once(database: Database, office: Office) -> None:
    hastened = make_daily(database, due_at=MORNING + timedelta(days=1))
    make_daily(database)
    (envelope,) = claim(database, office)
    record(database, office, envelope=envelope, handover=ACCEPTED)

    with database.write("test") as unit:
        assert ledger.hasten(unit, hastened)

    assert [envelope.ids for envelope in claim(database, office)] == [(hastened,)]


# --- One end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handover", "state"),
    [
        (ACCEPTED, MessageState.ACCEPTED),
        (NO_SUCH_BOX, MessageState.REFUSED),
        (GREYLISTED, MessageState.QUEUED),
        (NOBODY_KNOWS, MessageState.UNKNOWN),
    ],
    ids=lambda given: getattr(given, "result", None),
)
def test_all_messages_of_a_mail_share_its_end_and_each_has_its_consequences(
    database: Database, office: Office, handover: Handover, state: MessageState
) -> None:
    envelope = three(database, office)
    mark(database, envelope)

    assert record(database, office, envelope=envelope, handover=handover)

    assert states(database, envelope) == [state] * 3
    heard = [*office.accepted, *(one for one, _ in office.failed)]
    assert sorted(heard) == ([] if state is MessageState.QUEUED else sorted(envelope.ids))


def test_a_postponed_mail_leaves_again_whole_with_what_has_come_since(
    database: Database, clock: SetClock, office: Office
) -> None:
    envelope = three(database, office)
    record(database, office, envelope=envelope, handover=GREYLISTED)
    newcomer = make_daily(database, due_at=read_message(database, envelope.id).due_at)
    assert claim(database, office) == []

    clock.at += timedelta(minutes=1)

    (again,) = claim(database, office)
    assert (again.message_id, set(again.ids)) == (envelope.message_id, {*envelope.ids, newcomer})


def test_each_message_of_a_postponed_mail_gives_up_after_its_own_four_days(database: Database, office: Office) -> None:
    envelope = three(database, office)
    change_message(database, envelope.id, first_tried_at=MORNING - timedelta(days=4), attempts=90)

    record(database, office, envelope=envelope, handover=GREYLISTED)

    assert states(database, envelope) == [MessageState.REFUSED, MessageState.QUEUED, MessageState.QUEUED]
    assert office.failed == [(envelope.id, False)]


def test_a_mail_of_which_a_part_is_claimed_by_another_is_not_sent(database: Database, office: Office) -> None:
    late = three(database, office)
    change_message(database, late.carried[0], token="another")

    assert not mark(database, late)

    assert MessageState.DATA_STARTED not in states(database, late)


def test_a_mail_marked_by_a_dead_worker_is_one_doubt(database: Database, office: Office) -> None:
    envelope = three(database, office)
    mark(database, envelope)
    for one in envelope.ids:
        lose_lease(database, one)

    assert rescue(database, office) == 1

    assert states(database, envelope) == [MessageState.UNKNOWN] * 3
    assert sorted(office.failed) == sorted((one, True) for one in envelope.ids)


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("yes", MessageState.ACCEPTED), ("no", MessageState.QUEUED), ("cannot_tell", MessageState.UNKNOWN)],
)
def test_proof_about_a_mail_ends_the_doubt_of_all_its_messages(
    database: Database, office: Office, verdict: Verdict, state: MessageState
) -> None:
    envelope = three(database, office)
    mark(database, envelope)
    record(database, office, envelope=envelope, handover=NOBODY_KNOWS)
    with database.write("test") as unit:
        for message in unit.session.scalars(select(Message)):
            message.leased_until = LONG_AGO
    with database.read() as unit:
        (doubt,) = ledger.doubts(unit)
    assert doubt.message_id == envelope.message_id

    with database.write("settle") as unit:
        ledger.settle(unit, office.aftermath, doubt=doubt, verdict=verdict)

    assert states(database, envelope) == [state] * 3
    assert sorted(office.accepted) == (sorted(envelope.ids) if verdict == "yes" else [])


def test_a_late_acceptance_of_what_was_put_back_keeps_it_from_leaving_again(database: Database, office: Office) -> None:
    envelope = three(database, office)
    mark(database, envelope)
    with database.write("test") as unit:
        ledger.release(unit, [envelope])

    record(database, office, envelope=envelope, handover=ACCEPTED)

    assert states(database, envelope) == [MessageState.ACCEPTED] * 3
    assert claim(database, office) == []


def test_a_late_acceptance_stops_all_its_messages_from_leaving_again(database: Database, office: Office) -> None:
    envelope = three(database, office)
    mark(database, envelope)
    with database.write("test") as unit:
        ledger.release(unit, [envelope])
    change_message(database, envelope.id, text="gone")
    claim(database, office)  # the first is left out, the others are somebody else's mail

    record(database, office, envelope=envelope, handover=ACCEPTED)

    assert states(database, envelope) == [MessageState.CANCELLED, MessageState.ACCEPTED, MessageState.ACCEPTED]
    assert claim(database, office) == []
