"""The connection to the mail server: what each way of failing means, and when nothing may be sent."""

import asyncio
import gc
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from cryptography import x509

from models.vocabulary import Channel, MessageState
from services.channels import mail
from services.channels.mail import Handover, MailConnection, MailServer, Parcel, Patience, ServerUnavailable
from services.correspondence.delivery import Postman
from services.foundation.runtime import Runtime
from services.foundation.settings import Settings
from tests.certificates import Authority
from tests.messages import Office, make_message, read_message
from tests.sink import Sink, Verb
from tests.waiting import Watch

PARCEL: Final = Parcel("relais@relais.test", "bo@relais.test", b"Message-ID: <1@relais.test>\r\n\r\nBonjour\r\n")
HURRIED: Final = Patience(connect=2, command=1, data=1)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as open_sink:
        yield open_sink


@dataclass
class Marks:
    """Stands for the ledger's mark; `act` happens while it is made."""

    answer: bool = True
    made: int = 0
    act: Callable[[], None] = field(default=lambda: None)

    async def __call__(self) -> bool:
        self.made += 1
        self.act()
        return self.answer


def within(
    sink: Sink,
    script: Callable[[MailConnection], Awaitable[None]],
    *,
    watch: Watch | None = None,
    security: Literal["starttls", "tls", "none"] = "none",
    user: str | None = None,
) -> None:
    """Run a script with a connection to the sink, closed at its end."""

    async def run() -> None:
        server = MailServer(host=sink.host, port=sink.port, security=security, user=user, local_name="localhost")
        connection = MailConnection(server, patience=HURRIED, monotonic=watch or Watch())
        try:
            await script(connection)
        finally:
            await connection.close()

    asyncio.run(run())


def send(sink: Sink, marks: Marks | None = None, *, times: int = 1) -> list[Handover]:
    """Send the parcel over one connection."""
    handovers: list[Handover] = []

    async def script(connection: MailConnection) -> None:
        for _ in range(times):
            handovers.append(await connection.send(PARCEL, before_data=marks or Marks()))

    within(sink, script)
    return handovers


def test_an_accepted_mail_gives_the_servers_number(sink: Sink) -> None:
    (handover,) = send(sink)

    assert handover == Handover("accepted", 250, "2.0.0", "1")
    assert [received.recipients for received in sink.messages] == [("bo@relais.test",)]


@pytest.mark.parametrize(
    ("verb", "reply", "result"),
    [
        ("MAIL", "421 4.3.2 Closing", "transient"),
        ("MAIL", "451 4.3.0 Later", "transient"),
        ("MAIL", "550 5.7.1 Sender refused", "permanent"),
        ("RCPT", "421 4.3.2 Closing", "transient"),
        ("RCPT", "450 4.2.0 Busy", "transient"),
        ("RCPT", "451 4.7.1 Greylisted", "transient"),
        ("RCPT", "452 4.2.2 Full", "transient"),
        ("RCPT", "550 5.1.1 <bo@relais.test> unknown", "permanent"),
        ("RCPT", "552 5.2.2 Full", "permanent"),
        ("RCPT", "554 5.7.1 No", "permanent"),
        ("DATA", "421 4.3.2 Closing", "transient"),
        ("DATA", "554 5.5.1 No valid recipients", "permanent"),
        ("BODY", "421 4.3.2 Closing", "transient"),
        ("BODY", "451 4.3.0 Not stored", "transient"),
        ("BODY", "452 4.3.1 Full", "transient"),
        ("BODY", "550 5.7.1 Content refused", "permanent"),
        ("BODY", "552 5.3.4 Too big", "permanent"),
        ("BODY", "554 5.6.0 No", "permanent"),
        ("BODY", "nonsense", "unknown"),
        ("BODY", "354 go on", "unknown"),
    ],
)
def test_a_reply_means_what_its_first_digit_says(sink: Sink, verb: Verb, reply: str, result: str) -> None:
    sink.fail_next(verb, reply)

    (handover,) = send(sink)

    assert handover.result == result
    assert sink.messages == []


def test_what_is_kept_of_a_refusal_names_nobody(sink: Sink) -> None:
    sink.fail_next("RCPT", "550 5.1.1 <bo@relais.test> unknown")

    (handover,) = send(sink)

    assert handover == Handover("permanent", 550, "5.1.1", detail="RCPT 550 5.1.1")


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_silence_before_data_is_certain_not_to_have_sent(sink: Sink, verb: Verb, fault: str) -> None:
    getattr(sink, fault)(verb)
    marks = Marks()

    (handover,) = send(sink, marks)

    assert (handover.result, marks.made) == ("transient", 0)


@pytest.mark.parametrize("verb", ["DATA", "BODY"])
@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_silence_after_data_is_unknown(sink: Sink, verb: Verb, fault: str) -> None:
    getattr(sink, fault)(verb)

    (handover,) = send(sink)

    assert handover.result == "unknown"


@pytest.mark.parametrize("stored", [True, False])
def test_a_connection_lost_after_the_mail_is_unknown_whether_it_was_stored_or_not(sink: Sink, *, stored: bool) -> None:
    sink.drop_after_data(stored=stored)

    (handover,) = send(sink)

    assert handover.result == "unknown"
    assert sink.accepted("<1@relais.test>") == ("yes" if stored else "no")


def test_a_reply_later_than_we_wait_is_unknown(sink: Sink) -> None:
    sink.slow("BODY", 3.0)

    (handover,) = send(sink)

    assert (handover.result, len(sink.messages)) == ("unknown", 1)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO"])
@pytest.mark.parametrize("fault", ["hang", "drop", "421 4.3.2 Closing", "554 5.7.1 Not you"])
def test_without_a_dialogue_the_server_is_unavailable(sink: Sink, verb: Verb, fault: str) -> None:
    if fault in {"hang", "drop"}:
        getattr(sink, fault)(verb)
    else:
        sink.fail_next(verb, fault)

    with pytest.raises(ServerUnavailable):
        send(sink)


def test_a_refused_connection_is_an_unavailable_server(sink: Sink) -> None:
    sink.refuse_connections()

    with pytest.raises(ServerUnavailable):
        send(sink)


def test_a_server_that_wants_our_password_refuses_us_and_not_the_mail(sink: Sink) -> None:
    sink.fail_next("MAIL", "530 5.7.0 Authentication required")

    with pytest.raises(ServerUnavailable):
        send(sink)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_and_password_never_leave_in_clear_when_encryption_fails(
    sink: Sink, security: Literal["starttls", "tls"]
) -> None:
    async def script(connection: MailConnection) -> None:
        with pytest.raises(ServerUnavailable):
            await connection.send(PARCEL, before_data=Marks())

    within(sink, script, security=security, user="relais")

    assert {"MAIL", "AUTH"}.isdisjoint(sink.verbs)


# --- A server that must prove its name ------------------------------------------------------------------------------

Security = Literal["starttls", "tls"]
WITHOUT_PROOF: Final[dict[str, dict[str, Any]]] = {
    "nobody vouches for it": {},
    "vouched for under another name": {"name": x509.DNSName("ailleurs.test")},
    "vouched for until yesterday": {"expired": True},
}


@dataclass
class Post:
    """Makes servers that speak TLS, and the settings of who writes to them; this machine trusts `authority`."""

    authority: Authority
    folder: Path

    def sink(self, security: Security, proof: str | None = None) -> Sink:
        """A server; without its `proof`, for this reason."""
        authority = Authority() if proof == "nobody vouches for it" else self.authority
        tls = authority.server(self.folder, **WITHOUT_PROOF[proof] if proof else {})
        return Sink(tls=tls, encrypted=security == "tls")

    def settings(self, sink: Sink, security: Security, settings: Settings | None = None) -> Settings:
        """As an administrator writes them."""
        given = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": security}
        signed_in = {"smtp_user": "relais", "smtp_password": "mot de passe"}
        return Settings.model_validate((settings or Settings()).model_dump() | given | signed_in)


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    authority = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate(tmp_path)))
    return Post(authority, tmp_path)


async def send_once(settings: Settings) -> Handover:
    connection = MailConnection(replace(MailServer.of(settings), local_name="localhost"), patience=HURRIED)
    try:
        return await connection.send(PARCEL, before_data=Marks())
    finally:
        await connection.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_proves_its_name_gets_password_and_mail(post: Post, security: Security) -> None:
    with post.sink(security) as sink:
        handover = asyncio.run(send_once(post.settings(sink, security)))

    gc.collect()  # a connection left open would be found here, and fail the test
    assert (handover.result, "AUTH" in sink.verbs, len(sink.messages)) == ("accepted", True, 1)


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("proof", WITHOUT_PROOF)
def test_a_server_that_cannot_prove_its_name_gets_neither(post: Post, security: Security, proof: str) -> None:
    with post.sink(security, proof) as sink, pytest.raises(ServerUnavailable, match="ne répond pas"):
        asyncio.run(send_once(post.settings(sink, security)))

    assert {"AUTH", "MAIL"}.isdisjoint(sink.verbs)
    assert sink.connections == 1


@pytest.mark.parametrize("proof", WITHOUT_PROOF)
def test_a_mail_waits_untouched_for_the_server_to_prove_its_name(runtime: Runtime, post: Post, proof: str) -> None:
    async def deliver(sink: Sink) -> int:
        settings = post.settings(sink, "starttls", runtime.settings)
        async with Postman.of(replace(runtime, settings=settings), Office().aftermath) as postman:
            return await postman.deliver(Channel.EMAIL, until=math.inf)

    message_id = make_message(runtime.database)
    with post.sink("starttls", proof) as impostor:
        assert asyncio.run(deliver(impostor)) == 0
    waiting = read_message(runtime.database, message_id)
    with post.sink("starttls") as server:
        assert asyncio.run(deliver(server)) == 1

    assert (waiting.state, waiting.attempts, waiting.data_started_at) == (MessageState.QUEUED, 0, None)
    assert (len(impostor.messages), len(server.messages)) == (0, 1)


# --- The mark and the fence -----------------------------------------------------------------------------------------


def test_nothing_is_sent_when_the_mark_is_refused(sink: Sink) -> None:
    (handover,) = send(sink, Marks(answer=False))

    assert handover.result == "fenced"
    assert "DATA" not in sink.verbs


def test_a_worker_that_was_paused_between_the_mark_and_data_does_not_send(sink: Sink) -> None:
    watch, handovers = Watch(), list[Handover]()

    def pause() -> None:
        watch.at += mail.FENCE_S + 1

    async def script(connection: MailConnection) -> None:
        handovers.append(await connection.send(PARCEL, before_data=Marks(act=pause)))

    within(sink, script, watch=watch)

    assert handovers[0].result == "fenced"
    assert "DATA" not in sink.verbs


def test_a_mark_that_fails_is_heard_by_the_caller_and_nothing_is_sent(sink: Sink) -> None:
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        send(sink, Marks(act=fail))

    assert "DATA" not in sink.verbs


# --- The kept connection --------------------------------------------------------------------------------------------


def test_a_connection_is_kept_from_one_mail_to_the_next(sink: Sink) -> None:
    send(sink, times=10)

    assert (len(sink.messages), sink.connections) == (10, 1)


def test_a_connection_is_renewed_after_a_hundred_mails(sink: Sink) -> None:
    send(sink, times=101)

    assert (len(sink.messages), sink.connections) == (101, 2)


def test_a_connection_is_renewed_after_an_error(sink: Sink) -> None:
    sink.fail_next("RCPT", "550 5.1.1 Unknown")

    results = [handover.result for handover in send(sink, times=2)]

    assert (results, sink.connections) == (["permanent", "accepted"], 2)


def test_a_connection_is_renewed_after_thirty_idle_seconds(sink: Sink) -> None:
    watch = Watch()

    async def script(connection: MailConnection) -> None:
        await connection.send(PARCEL, before_data=Marks())
        watch.at += mail.LONGEST_IDLE_S + 1
        await connection.send(PARCEL, before_data=Marks())

    within(sink, script, watch=watch)

    assert (len(sink.messages), sink.connections) == (2, 2)


def test_a_server_that_hung_up_meanwhile_costs_the_mail_nothing(sink: Sink) -> None:
    async def script(connection: MailConnection) -> None:
        await connection.send(PARCEL, before_data=Marks())
        sink.refuse_connections()
        sink.accept_connections()
        assert (await connection.send(PARCEL, before_data=Marks())).result == "accepted"

    within(sink, script)

    assert len(sink.messages) == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_server_that_takes_no_more_on_one_connection_gets_the_next_mail_on_another(sink: Sink, verb: Verb) -> None:
    marks = Marks()

    async def script(connection: MailConnection) -> None:
        await connection.send(PARCEL, before_data=marks)
        sink.fail_next(verb, "421 4.7.0 Enough")
        assert (await connection.send(PARCEL, before_data=marks)).result == "accepted"

    within(sink, script)

    assert (len(sink.messages), sink.connections, marks.made) == (2, 2, 2)


def test_a_server_that_hangs_up_on_a_new_connection_too_is_not_asked_again(sink: Sink) -> None:
    async def script(connection: MailConnection) -> None:
        await connection.send(PARCEL, before_data=Marks())
        sink.drop("MAIL", times=2)
        assert (await connection.send(PARCEL, before_data=Marks())).result == "transient"

    within(sink, script)

    assert (len(sink.messages), sink.connections) == (1, 2)


def test_a_drop_at_quit_leaves_the_mail_accepted(sink: Sink) -> None:
    sink.drop("QUIT")

    assert [handover.result for handover in send(sink)] == ["accepted"]
