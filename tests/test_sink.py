"""What a test may expect of the sink: real answers, and each fault once."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.sink import Sink, Verb


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as open_sink:
        yield open_sink


def mail(message_id: str = "<1@relais.test>") -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = message_id
    message["From"], message["To"], message["Subject"] = "ada@relais.test", "bo@relais.test", "Visite à planifier"
    message.set_content("Bonjour Bo,\n.un point en tête de ligne\n")
    return message


def send(sink: Sink, message: EmailMessage | None = None, *, patience_s: float = 10) -> None:
    with smtplib.SMTP(sink.host, sink.port, local_hostname="test", timeout=patience_s) as client:
        client.send_message(message or mail())


def test_an_accepted_mail_is_kept_with_its_envelope_and_its_content(sink: Sink) -> None:
    send(sink)

    (kept,) = sink.wait_for(1)
    assert (kept.sender, kept.recipients) == ("ada@relais.test", ("bo@relais.test",))
    assert kept["Subject"] == "Visite à planifier"
    assert kept.text.splitlines() == ["Bonjour Bo,", ".un point en tête de ligne"]
    assert sink.to("BO@relais.test") == [kept]


def test_the_evidence_knows_what_was_stored_and_only_that(sink: Sink) -> None:
    send(sink)

    assert sink.accepted("<1@relais.test>") == "yes"
    assert sink.accepted("<2@relais.test>") == "no"


@pytest.mark.parametrize("code", [451, 452, 550, 552, 554])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY"])
def test_a_scripted_reply_is_given_once_and_stores_nothing(sink: Sink, verb: Verb, code: int) -> None:
    sink.fail_next(verb, f"{code} 4.0.0 scripted")

    with pytest.raises(smtplib.SMTPException, match=str(code)):
        send(sink)
    assert sink.messages == []

    send(sink)
    assert len(sink.messages) == 1


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_421_is_said_and_closes_the_connection(sink: Sink, verb: Verb) -> None:
    sink.fail_next(verb, "421 4.3.2 Closing", times=2)  # smtplib tries HELO after a refused EHLO

    with pytest.raises((smtplib.SMTPException, OSError)):
        send(sink)

    assert sink.messages == []


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_a_verb_that_hangs_outlasts_the_client(sink: Sink, verb: Verb) -> None:
    sink.hang(verb)

    with pytest.raises((TimeoutError, smtplib.SMTPException)):
        send(sink, patience_s=0.3)

    assert sink.messages == []


@pytest.mark.parametrize("stored", [True, False])
def test_a_connection_dropped_after_the_mail_may_have_stored_it_or_not(sink: Sink, *, stored: bool) -> None:
    sink.drop_after_data(stored=stored)

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)

    assert sink.accepted("<1@relais.test>") == ("yes" if stored else "no")


def test_a_reply_later_than_the_client_waits_leaves_the_mail_stored(sink: Sink) -> None:
    sink.slow("BODY", 5.0)

    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(sink, patience_s=0.3)

    assert sink.accepted("<1@relais.test>") == "yes"


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "BODY"])
def test_a_reply_that_is_slow_but_in_time_changes_nothing(sink: Sink, verb: Verb) -> None:
    sink.slow(verb, 0.05)

    send(sink)

    assert len(sink.messages) == 1


def test_refused_connections_are_accepted_again_on_the_same_port(sink: Sink) -> None:
    port = sink.port
    sink.refuse_connections()
    with pytest.raises(ConnectionRefusedError):
        send(sink)

    sink.accept_connections()
    send(sink)

    assert (sink.port, len(sink.messages), sink.connections) == (port, 1, 1)


def test_a_drop_at_quit_leaves_the_mail_accepted(sink: Sink) -> None:
    sink.drop("QUIT")

    send(sink)

    assert sink.verbs[-1] == "QUIT"
    assert sink.accepted("<1@relais.test>") == "yes"
