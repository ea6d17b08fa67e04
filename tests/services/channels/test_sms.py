"""SMS: length, a provider that answers every way it can, and the folder of a single machine."""

import json
import logging
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.channels.sms import FolderSms, HttpSms, SmsResult, plain, segments

NUMBER = "+33639981234"
NOW = datetime(2025, 11, 3, 8, tzinfo=UTC)

# The first use of apprise loads all its plugins; one imports a module that Python 3.13 drops (apprise knows).
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SENT = {"result": [{"message_id": 1, "status": "ok"}]}


class Modem(ThreadingHTTPServer):
    """A SMS modem on loopback: keeps what it receives, answers as told, or hangs until `released`."""

    def __init__(self, status: int = 200, *, hangs: bool = False, cuts: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.hangs, self.cuts = status, hangs, cuts
        self.received: list[dict[str, Any]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"smseagle://token@127.0.0.1:{self.server_port}/{{number}}?cto=1&rto=0.3"


class _Answer(BaseHTTPRequestHandler):
    server: Modem

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body)["params"])
        if self.server.hangs:
            self.server.released.wait(5)
        if self.server.hangs or self.server.cuts:
            return
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(SENT).encode())

    def log_message(self, *args: object) -> None:
        """Keep the test's output quiet."""


@contextmanager
def modem(status: int = 200, *, hangs: bool = False, cuts: bool = False) -> Iterator[Modem]:
    server = Modem(status, hangs=hangs, cuts=cuts)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


# --- Length


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("visite prévue à 14 h", 1),
        ("ê" * 70, 1),
        ("ê" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_a_text_is_counted_in_segments(text: str, count: int) -> None:
    assert segments(text) == count


def test_fine_typography_does_not_double_the_price() -> None:
    assert plain("Rendez-vous à 14\xa0h\u202f30, «\xa0chez vous\xa0» – c’est noté…") == (
        'Rendez-vous à 14 h 30, "chez vous" - c\'est noté...'
    )


def test_letters_keep_their_accents() -> None:
    assert plain("Être prêt à Besançon") == "Être prêt à Besançon"


# --- A provider


def test_a_provider_that_takes_the_sms_has_accepted_it() -> None:
    with modem() as server:
        receipt = HttpSms(server.url).send(NUMBER, "Visite demain à 14\xa0h.", reference="m1")

    assert receipt.result is SmsResult.ACCEPTED
    assert [(sms["to"], sms["message"]) for sms in server.received] == [("33639981234", "Visite demain à 14 h.")]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (400, SmsResult.REFUSED),
        (401, SmsResult.REFUSED),
        (429, SmsResult.TRANSIENT),
        (503, SmsResult.TRANSIENT),
        (408, SmsResult.UNKNOWN),
        (500, SmsResult.UNKNOWN),
        (502, SmsResult.UNKNOWN),
    ],
)
def test_a_refusal_is_read_from_its_code(status: int, result: SmsResult) -> None:
    with modem(status) as server:
        receipt = HttpSms(server.url).send(NUMBER, "Bonjour", reference="m1")

    assert (receipt.result, receipt.detail) == (result, f"http {status}")
    assert len(server.received) == 1


def test_an_answer_that_never_comes_is_unknown() -> None:
    with modem(hangs=True) as server:
        receipt = HttpSms(server.url).send(NUMBER, "Bonjour", reference="m1")

    assert receipt.result is SmsResult.UNKNOWN
    assert len(server.received) == 1


def test_a_connection_cut_after_the_request_is_unknown() -> None:
    with modem(cuts=True) as server:
        receipt = HttpSms(server.url).send(NUMBER, "Bonjour", reference="m1")

    assert receipt.result is SmsResult.UNKNOWN


def test_a_provider_that_cannot_be_reached_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"smseagle://token@127.0.0.1:{taken.getsockname()[1]}/{{number}}?cto=1&rto=1"

        receipt = HttpSms(url).send(NUMBER, "Bonjour", reference="m1")

    assert receipt.result is SmsResult.TRANSIENT


def test_two_sends_at_once_do_not_mix_their_answers() -> None:
    with modem(400) as refusing, modem() as taking, ThreadPoolExecutor(2) as threads:
        senders = [HttpSms(refusing.url), HttpSms(taking.url)] * 5

        receipts = list(threads.map(lambda sender: sender.send(NUMBER, "Bonjour", reference="m1"), senders))

    assert [receipt.result for receipt in receipts] == [SmsResult.REFUSED, SmsResult.ACCEPTED] * 5


def test_a_number_and_a_text_never_reach_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with modem(400) as server:
        receipt = HttpSms(server.url).send(NUMBER, "Bonjour Lucette", reference="m1")

    assert "639981234" not in caplog.text + repr(receipt)
    assert "Lucette" not in caplog.text


def test_a_text_of_five_segments_is_refused_before_it_is_paid() -> None:
    with modem() as server:
        receipt = HttpSms(server.url).send(NUMBER, "a" * 613, reference="m1")

    assert (receipt.result, receipt.detail) == (SmsResult.REFUSED, "too long")
    assert server.received == []


@pytest.mark.parametrize("url", ["smseagle://token@host/33639980000", "nonsense://secret/{number}", "{number}"])
def test_a_wrong_setting_is_refused_at_once_and_its_key_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="the SMS URL") as refusal:
        HttpSms(url)

    assert "secret" not in str(refusal.value)


# --- A folder


@pytest.fixture
def folder(tmp_path: Path) -> FolderSms:
    return FolderSms(tmp_path / "sms", now=lambda: NOW)


def test_a_folder_keeps_what_it_accepts(folder: FolderSms) -> None:
    receipt = folder.send(NUMBER, "Visite demain à 14\xa0h.", reference="m1")

    [sms] = folder.stored()
    assert (receipt.result, receipt.provider_id) == (SmsResult.ACCEPTED, sms.id)
    assert (sms.number, sms.text, sms.at) == (NUMBER, "Visite demain à 14 h.", "2025-11-03T08:00:00+00:00")


def test_a_reference_handed_over_twice_is_kept_once(folder: FolderSms) -> None:
    first = folder.send(NUMBER, "Bonjour", reference="m1")
    again = folder.send(NUMBER, "Bonjour", reference="m1")

    assert first == again
    assert len(folder.stored()) == 1


def test_a_folder_proves_what_it_accepted(folder: FolderSms) -> None:
    folder.send(NUMBER, "Bonjour", reference="m1")

    assert (folder.accepted("m1"), folder.accepted("m2")) == ("yes", "no")


def test_a_line_cut_by_a_crash_was_never_sent(folder: FolderSms, tmp_path: Path) -> None:
    folder.send(NUMBER, "Bonjour", reference="m1")
    with (tmp_path / "sms" / "sms.jsonl").open("a") as file:
        file.write('{"id": "cut')

    assert [sms.reference for sms in folder.stored()] == ["m1"]
    folder.send(NUMBER, "Bonsoir", reference="m2")
    assert [sms.reference for sms in folder.stored()] == ["m1", "m2"]


def test_only_the_owner_reads_the_folder(folder: FolderSms, tmp_path: Path) -> None:
    folder.send(NUMBER, "Bonjour", reference="m1")

    assert stat.S_IMODE((tmp_path / "sms" / "sms.jsonl").stat().st_mode) == 0o600
