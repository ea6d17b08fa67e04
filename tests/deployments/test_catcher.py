"""The local mailbox loses nothing, sends nothing on, and shows untrusted mail safely."""

import re
import smtplib
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from html import unescape
from pathlib import Path

import httpx2
import pytest

from deployments.catcher.pages import linked, moment
from deployments.catcher.reading import links_of, read
from deployments.catcher.store import FILE_NAME, Mailbox
from services.channels.evidence import CatcherEvidence, NoEvidence
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    folder: Path
    smtp_port: int
    url: str

    def send(self, **fields: str) -> str:
        message = make_mail(**fields)
        with smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="test", timeout=5) as client:
            client.send_message(message)
        return str(message["Message-ID"])

    def get(self, path: str, **query: str | int) -> httpx2.Response:
        return httpx2.get(self.url + path, params=query or None, timeout=5, trust_env=False)

    def post(self, path: str, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.post(self.url + path, headers=named, timeout=5, trust_env=False)

    def latest(self) -> int:
        return int(self.get("/api/messages").json()[0]["id"])


def make_mail(
    subject: str = "Visite à planifier", text: str = "Bonjour", html: str = "", to: str = "bo@relais.test"
) -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = f"<{time.monotonic_ns()}@relais.test>"
    message["From"], message["To"], message["Subject"] = "Ada <ada@relais.test>", to, subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def command(folder: Path, smtp_port: int, http_port: int) -> list[str]:
    ports = ["--smtp-port", str(smtp_port), "--http-port", str(http_port)]
    return [sys.executable, "-m", "deployments.catcher", "--folder", str(folder), *ports]


def start_in_vain(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    smtp_port, http_port = free_port(), free_port()
    with subprocess.Popen(command(folder, smtp_port, http_port), cwd=ROOT) as process:
        mailbox = Running(process, folder, smtp_port, f"http://127.0.0.1:{http_port}")
        try:
            wait_until_ready(mailbox)
            yield mailbox
        finally:
            process.kill()


def wait_until_ready(mailbox: Running) -> None:
    for _ in range(200):
        try:
            if mailbox.get("/healthz").is_success:
                return
        except httpx2.TransportError:
            assert mailbox.process.poll() is None, "the mailbox stopped"
        time.sleep(0.1)
    pytest.fail("the mailbox was not ready after 20 s")


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("mailbox")) as started:
        yield started


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path) as opened:
        yield opened


def keep(mailbox: Mailbox, raw: bytes, *recipients: str) -> None:
    mailbox.keep(raw, sender="ada@relais.test", recipients=recipients or ("bo@relais.test",), received_at=NOON)


# Nothing is lost


def test_a_mail_answered_250_survives_kill_9(tmp_path: Path) -> None:
    with running(tmp_path) as before:
        sent = [before.send(subject=f"Message {number}") for number in range(5)]
        before.process.kill()
        before.process.wait()

    with running(tmp_path) as after:
        assert [mail["message_id"] for mail in after.get("/api/messages").json()] == sent[::-1]
        assert CatcherEvidence(after.url).accepted(sent[0]) == "yes"


def test_a_mail_that_cannot_be_stored_is_answered_with_a_temporary_refusal(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("DROP TABLE proof")
        other.close()

        with pytest.raises(smtplib.SMTPDataError, match="451"):
            started.send()

        assert started.get("/api/messages").json() == []


def test_only_the_owner_of_the_folder_can_read_the_file(kept: Mailbox, tmp_path: Path) -> None:
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


def test_erasing_removes_the_bytes_but_not_the_proof(kept: Mailbox, tmp_path: Path) -> None:
    keep(kept, b"Message-ID: <a@relais.test>\r\n\r\nune phrase secrete")

    kept.erase()

    assert kept.entries() == []
    assert kept.has_accepted("<a@relais.test>")
    assert b"une phrase secrete" not in (tmp_path / FILE_NAME).read_bytes()


def test_the_number_of_an_erased_mail_is_not_given_again(kept: Mailbox) -> None:
    keep(kept, b"Subject: un\r\n\r\n")
    (first,) = kept.entries()
    kept.erase()

    keep(kept, b"Subject: deux\r\n\r\n")

    assert kept.find(first.id) is None


# Evidence


def test_evidence_is_yes_for_a_stored_mail_and_no_for_another(mailbox: Running) -> None:
    message_id = mailbox.send()
    evidence = CatcherEvidence(mailbox.url)

    assert evidence.accepted(message_id) == "yes"
    assert evidence.accepted("<never@relais.test>") == "no"
    assert evidence.accepted("") == "cannot_tell"


def test_evidence_cannot_tell_while_a_mail_is_on_its_way_in(mailbox: Running) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, local_hostname="test", timeout=5) as client:
        client.ehlo()
        client.mail("ada@relais.test")
        client.rcpt("bo@relais.test")
        client.docmd("DATA")
        during = CatcherEvidence(mailbox.url).accepted("<coming@relais.test>")
        client.send(b"Message-ID: <coming@relais.test>\r\n\r\nBonjour\r\n.\r\n")
        client.getreply()

    assert during == "cannot_tell"
    assert CatcherEvidence(mailbox.url).accepted("<coming@relais.test>") == "yes"


def test_a_mailbox_that_does_not_answer_cannot_tell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        verdict = CatcherEvidence(f"http://127.0.0.1:{silent.getsockname()[1]}").accepted("<a@relais.test>")

    assert verdict == "cannot_tell"
    assert time.monotonic() - started < 4


def test_a_closed_port_or_a_bad_address_cannot_tell() -> None:
    assert CatcherEvidence(f"http://127.0.0.1:{free_port()}").accepted("<a@relais.test>") == "cannot_tell"
    assert CatcherEvidence("http://[").accepted("<a@relais.test>") == "cannot_tell"
    assert NoEvidence().accepted("<a@relais.test>") == "cannot_tell"


def test_an_answer_that_is_not_a_verdict_cannot_tell(mailbox: Running) -> None:
    assert CatcherEvidence(mailbox.url + "/nowhere").accepted("<a@relais.test>") == "cannot_tell"


@pytest.mark.parametrize("subject", ["x", "y" * 200])
def test_a_message_id_folded_by_the_sender_is_still_recognised(mailbox: Running, subject: str) -> None:
    long_id = f"<{subject * 2}-{time.monotonic_ns()}@relais.test>"
    message = make_mail()
    del message["Message-ID"]
    message["Message-ID"] = long_id
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, local_hostname="test", timeout=5) as client:
        client.send_message(message)

    assert CatcherEvidence(mailbox.url).accepted(long_id) == "yes"


# Pages and JSON


def test_the_list_is_newest_first_and_filters_by_recipient(kept: Mailbox) -> None:
    keep(kept, b"Subject: un\r\n\r\n", "bo@relais.test")
    keep(kept, b"Subject: deux\r\n\r\n", "lobo@relais.test", "cy@relais.test")

    assert [entry.subject for entry in kept.entries()] == ["deux", "un"]
    assert [entry.subject for entry in kept.entries(to="BO@relais.test")] == ["un"]
    assert [entry.subject for entry in kept.entries(containing="Bo@")] == ["deux", "un"]
    assert kept.count(containing="cy@") == 1


def test_json_gives_the_parsed_mail_with_its_envelope(mailbox: Running) -> None:
    message_id = mailbox.send(subject="Orientation", text="Le texte", html="<p>Le HTML</p>", to="json@relais.test")

    (line,) = mailbox.get("/api/messages", to="json@relais.test").json()
    mail = mailbox.get(f"/api/messages/{line['id']}").json()

    assert (line["message_id"], line["subject"], line["to"]) == (message_id, "Orientation", ["json@relais.test"])
    assert datetime.fromisoformat(line["received_at"]).tzinfo is not None
    assert (mail["text"].strip(), mail["html"].strip(), mail["attachments"]) == ("Le texte", "<p>Le HTML</p>", [])
    assert ["Subject", "Orientation"] in mail["headers"]


def test_everything_a_mail_brings_is_escaped_on_every_page(mailbox: Running) -> None:
    attack = "<script>alert(1)</script>"
    mailbox.send(subject=attack, text=attack, html=f"<b>{attack}</b>")
    number = mailbox.latest()

    pages = [mailbox.get("/").text]
    pages += [mailbox.get(f"/messages/{number}", vue=view).text for view in ("texte", "html", "entetes", "source")]

    assert all("<script" not in page for page in pages)
    assert attack in unescape(pages[1])


def test_the_html_part_is_shown_in_a_sandbox_without_script_or_network(mailbox: Running) -> None:
    mailbox.send(html='<p>Bonjour</p><a href="https://relais.test/lien">Répondre</a>')
    number = mailbox.latest()

    page = mailbox.get(f"/messages/{number}", vue="html").text
    part = mailbox.get(f"/messages/{number}/html")

    assert 'sandbox=""' in page
    assert 'href="https://relais.test/lien" target="_blank" rel="noopener noreferrer"' in page
    assert part.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/style.css", "/api/messages", "/healthz", "/nowhere", "/messages/99999999"])
def test_every_answer_carries_the_security_headers(mailbox: Running, path: str) -> None:
    headers = mailbox.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_an_attachment_is_downloaded_as_a_file_and_never_shown(mailbox: Running) -> None:
    message = make_mail()
    message.add_attachment(b"<script>", maintype="text", subtype="html", filename='../évil".html')
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, local_hostname="test", timeout=5) as client:
        client.send_message(message)

    answer = mailbox.get(f"/messages/{mailbox.latest()}/pieces/1")

    assert answer.content == b"<script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A9vil%22.html"
    assert mailbox.get(f"/messages/{mailbox.latest()}/pieces/2").status_code == 404


def test_the_source_is_downloaded_exactly_as_received(mailbox: Running) -> None:
    raw = b"Subject: brut\r\n\r\ncaf\xe9\r\n"
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, local_hostname="test", timeout=5) as client:
        client.sendmail("ada@relais.test", ["bo@relais.test"], raw)

    assert mailbox.get(f"/messages/{mailbox.latest()}/message.eml").content == raw


def test_a_page_rebound_to_another_name_is_refused(mailbox: Running) -> None:
    answer = httpx2.get(mailbox.url + "/api/messages", headers={"Host": "evil.test"}, timeout=5, trust_env=False)

    assert answer.status_code == 400


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"origin": "http://evil.test"}])
def test_another_site_cannot_erase(mailbox: Running, headers: dict[str, str]) -> None:
    mailbox.send()

    assert mailbox.post("/effacer", **headers).status_code == 403
    assert mailbox.get("/effacer").status_code == 405
    assert mailbox.get("/api/messages").json()


def test_the_button_erases_everything(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        message_id = started.send()

        assert started.post("/effacer", sec_fetch_site="same-origin").status_code == 303

        assert "Aucun message reçu" in started.get("/").text
        assert CatcherEvidence(started.url).accepted(message_id) == "yes"


def test_a_long_list_is_read_page_by_page(tmp_path: Path) -> None:
    with Mailbox(tmp_path) as filled:
        for number in range(101):
            keep(filled, f"Subject: Message {number}\r\n\r\n".encode())

    with running(tmp_path) as started:
        first = started.get("/", a="bo@").text
        link = re.search(r'href="([^"]+avant=\d+)"', first)
        assert link is not None
        second = started.get(unescape(link[1])).text

    assert "Message 100<" in first
    assert "Message 0<" not in first
    assert second.count("<li>") == 1
    assert "Message 0<" in second


# Starting and stopping


def test_a_taken_port_is_one_french_sentence_and_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = start_in_vain(command(tmp_path, port, free_port()))

    assert refused.returncode == 1
    assert refused.stderr == (
        f"La messagerie locale ne peut pas ouvrir le port {port} sur 127.0.0.1\u00a0: "
        "il est déjà pris. Arrêtez l’autre programme ou choisissez un autre port.\n"
    )


def test_a_folder_that_cannot_be_written_is_one_french_sentence_and_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused = start_in_vain(command(tmp_path / "file", free_port(), free_port()))

    assert refused.returncode == 1
    assert refused.stderr.startswith("La messagerie locale ne peut pas écrire dans ")
    assert refused.stderr.count("\n") == 1


def test_a_stop_signal_ends_it_with_code_0(tmp_path: Path) -> None:
    with running(tmp_path) as started:
        started.process.terminate()

        assert started.process.wait(10) == 0


# Reading


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\n",
        b"Subject: =?nowhere?q?caf=E9?=\r\n\r\n",
        b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\ud800",
        b"Content-Type: text/plain; charset=hex\r\n\r\nzz",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; name*=nowhere''%FF\r\nContent-Disposition: attachment\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n%%%",
        b"From: \xe9\r\nTo: <\r\nMessage-ID:\r\n\r\n",
    ],
)
def test_a_malformed_mail_is_kept_and_can_be_shown(kept: Mailbox, raw: bytes) -> None:
    keep(kept, raw)

    (entry,) = kept.entries()
    mail = read(raw)
    "".join([entry.subject, entry.sender, mail.text or "", *(value for _, value in mail.headers)]).encode()


def test_a_header_is_unfolded_and_decoded() -> None:
    mail = read("Subject: =?utf-8?q?Visite_=C3=A0?=\r\n planifier\r\nX-Brut: caf\u00e9\r\n\r\n".encode())

    assert mail.header("subject") == "Visite à planifier"
    assert mail.header("X-Brut") == "café"


def test_an_invitation_is_an_attachment_and_not_the_body() -> None:
    message = make_mail(text="Le rendez-vous")
    message.add_alternative("BEGIN:VCALENDAR", subtype="calendar", params={"method": "REQUEST"})

    mail = read(message.as_bytes())

    assert (mail.text or "").strip() == "Le rendez-vous"
    assert [(file.name, file.content_type) for file in mail.attachments] == [("piece-jointe-1", "text/calendar")]


def test_an_address_is_clickable_without_the_punctuation_around_it() -> None:
    shown = linked('Voir (https://relais.test/a?b=1&c="2), merci <i>')

    assert shown == (
        'Voir (<a href="https://relais.test/a?b=1&amp;c=" target="_blank" rel="noopener noreferrer">'
        "https://relais.test/a?b=1&amp;c=</a>&#34;2), merci &lt;i&gt;"
    )


def test_only_web_addresses_become_links() -> None:
    assert "<a " not in linked("javascript:alert(1) data:text/html,x")
    assert links_of('<a href="javascript:x">a</a><a href="https://b.test">b</a><a href="https://b.test">c</a>') == [
        "https://b.test"
    ]


def test_times_are_shown_as_read_in_france() -> None:
    assert moment(NOON) == "23 nov. 2026, 13 h 00"
