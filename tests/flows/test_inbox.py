"""The mailbox is read by the relay: each mail in its own transaction, a server that is down costs nothing else."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from flows import relay, timetable
from flows.inbox import read_inbox
from models.engine import IncomingMail, Routine
from services.channels.inbox import FOLDER, InboxUnavailable, MaildirInbox, Received
from services.correspondence import replies
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime, use
from tests.mails import reply


@pytest.fixture
def box(runtime: Runtime) -> MaildirInbox:
    return MaildirInbox(runtime.settings.data_folder / FOLDER)


def filed(runtime: Runtime) -> list[str]:
    with runtime.database.read() as unit:
        return list(unit.session.scalars(select(IncomingMail.message_id).order_by(IncomingMail.message_id)))


def test_what_arrived_is_filed_once(runtime: Runtime, box: MaildirInbox) -> None:
    box.deliver(reply(Message_ID="<1@adil.example>"))
    box.deliver(reply(Message_ID="<2@adil.example>"))
    box.deliver(reply(Message_ID="<2@adil.example>"))

    assert [asyncio.run(read_inbox()), asyncio.run(read_inbox())] == [2, 0]
    assert filed(runtime) == ["<1@adil.example>", "<2@adil.example>"]
    assert list(box.unseen(50)) == []


def test_a_mail_that_cannot_be_filed_stays_unseen_and_holds_back_no_other(
    runtime: Runtime, box: MaildirInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = replies.receive

    def failing(unit: UnitOfWork, received: Received, *, own: str) -> IncomingMail | None:
        if b"<1@" in received.content:
            raise RuntimeError("secret")
        return usual(unit, received, own=own)

    monkeypatch.setattr(replies, "receive", failing)
    for number in (1, 2):
        box.deliver(reply(Message_ID=f"<{number}@adil.example>"))

    assert asyncio.run(read_inbox()) == 1
    assert filed(runtime) == ["<2@adil.example>"]
    assert [b"<1@" in each.content for each in box.unseen(50)] == [True]


def test_a_crash_between_filing_and_marking_reads_it_again_and_changes_nothing(
    runtime: Runtime, box: MaildirInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.deliver(reply())

    def dying(_: MaildirInbox, _uid: str) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(MaildirInbox, "handled", dying)
        with pytest.raises(ZeroDivisionError):
            asyncio.run(read_inbox())

    assert asyncio.run(read_inbox()) == 0
    assert len(filed(runtime)) == 1


def test_a_mail_server_that_is_down_says_so_and_the_routine_stays_due(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "INBOX_REST_S", 0.01)
    away = replace(
        runtime,
        settings=runtime.settings.model_copy(update={"imap_host": "127.0.0.1", "imap_port": 1, "imap_user": "x"}),
    )

    with use(away), pytest.raises(InboxUnavailable):
        asyncio.run(relay._read_inbox_when_due(asyncio.Event()))

    with runtime.database.read() as unit:
        routine = unit.session.get_one(Routine, "inbox")
        assert (routine.last_at, routine.token) == (None, None)


def test_the_relay_files_a_mail_within_a_minute(
    runtime: Runtime, box: MaildirInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timetable.INBOX_S + relay.INBOX_REST_S < 60
    monkeypatch.setattr(relay, "INBOX_REST_S", 0.01)
    box.deliver(reply(Message_ID="<1@adil.example>"))
    asyncio.run(relay._read_inbox_when_due(asyncio.Event()))
    box.deliver(reply(Message_ID="<2@adil.example>"))
    asyncio.run(relay._read_inbox_when_due(asyncio.Event()))

    assert filed(runtime) == ["<1@adil.example>"]
