"""The mailbox of replies: read over a verified connection, each mail once, nothing marked before it is handled."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pydantic import SecretStr

from services.channels import inbox
from services.channels.inbox import ImapServer, InboxUnavailable, MaildirInbox, Received, imap_inbox, open_inbox
from services.foundation.settings import Settings
from tests.certificates import Authority
from tests.imap import ACCOUNT, ImapSink


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def sink(authority: Authority, tmp_path: Path) -> Iterator[ImapSink]:
    with ImapSink(authority.server(tmp_path)) as open_sink:
        yield open_sink


def server(sink: ImapSink, authority: Authority, tmp_path: Path, **given: Any) -> ImapServer:
    trusting = ssl.create_default_context(cafile=str(authority.certificate(tmp_path)))
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": sink.port,
        "user": ACCOUNT[0],
        "password": SecretStr(ACCOUNT[1]),
        "tls_context": trusting,
        "starttls": sink.starttls,
        "patience_s": 2.0,
    }
    return ImapServer(**(usual | given))


def unseen(place: ImapServer, limit: int = 50) -> list[Received]:
    with imap_inbox(place) as box:
        return list(box.unseen(limit))


def test_reading_marks_nothing_and_handling_does(sink: ImapSink, authority: Authority, tmp_path: Path) -> None:
    first, second = sink.put(b"Subject: un\r\n\r\n1"), sink.put(b"Subject: deux\r\n\r\n2")
    place = server(sink, authority, tmp_path)

    with imap_inbox(place) as box:
        found = list(box.unseen(50))
        assert not any(mail.seen for mail in sink.mails.values())
        box.handled(found[0].uid)

    assert [(each.uid, each.content) for each in found] == [
        (str(first), b"Subject: un\r\n\r\n1"),
        (str(second), b"Subject: deux\r\n\r\n2"),
    ]
    assert [each.uid for each in unseen(place)] == [str(second)]


def test_only_so_many_are_read_at_once(sink: ImapSink, authority: Authority, tmp_path: Path) -> None:
    for _ in range(3):
        sink.put(b"x")

    assert len(unseen(server(sink, authority, tmp_path), limit=2)) == 2


def test_a_large_mail_is_fetched_in_part_and_its_size_told(
    sink: ImapSink, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "LARGEST", 10)
    sink.put(b"0123456789abcdef")

    (found,) = unseen(server(sink, authority, tmp_path))

    assert (found.content, found.size) == (b"0123456789", 16)


def test_an_old_server_without_authenticate_is_signed_into_by_login(authority: Authority, tmp_path: Path) -> None:
    with ImapSink(authority.server(tmp_path), capabilities="IMAP4rev1") as sink:
        assert unseen(server(sink, authority, tmp_path, password=SecretStr("ascii"))) == []
    assert "LOGIN" in sink.verbs


def test_port_143_is_encrypted_before_anybody_signs_in(authority: Authority, tmp_path: Path) -> None:
    with ImapSink(authority.server(tmp_path), starttls=True) as sink:
        sink.put(b"x")
        assert len(unseen(server(sink, authority, tmp_path))) == 1

    assert set(sink.clear_verbs) == {"CAPABILITY", "STARTTLS"}


@pytest.mark.parametrize("starttls", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    authority: Authority, tmp_path: Path, *, starttls: bool
) -> None:
    with ImapSink(authority.server(tmp_path), starttls=starttls) as sink:
        stranger = server(sink, authority, tmp_path, tls_context=ssl.create_default_context())
        with pytest.raises(InboxUnavailable) as refused:
            unseen(stranger)

    assert refused.value.detail.startswith("CONNECT")
    assert sink.verbs == []


def test_a_certificate_of_another_name_or_out_of_date_is_refused(authority: Authority, tmp_path: Path) -> None:
    for wrong in (
        authority.server(tmp_path, name=x509.DNSName("ailleurs.example")),
        authority.server(tmp_path, expired=True),
    ):
        with ImapSink(wrong) as sink, pytest.raises(InboxUnavailable):
            unseen(server(sink, authority, tmp_path))


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({"password": SecretStr("faux")}, "LOGIN"),
        ({"folder": 'Autre "dossier"'}, "SELECT"),
        ({"port": 1}, "CONNECT"),
    ],
)
def test_what_fails_is_named_by_its_step_and_repeats_nothing(
    sink: ImapSink, authority: Authority, tmp_path: Path, given: dict[str, Any], detail: str
) -> None:
    with pytest.raises(InboxUnavailable) as refused:
        unseen(server(sink, authority, tmp_path, **given))

    assert re.fullmatch(rf"{detail} \w+", refused.value.detail)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("verb", ["AUTHENTICATE", "SELECT", "UID"])
def test_a_server_that_falls_silent_is_left(authority: Authority, tmp_path: Path, verb: str) -> None:
    with (
        ImapSink(authority.server(tmp_path), silent_at=verb) as sink,
        pytest.raises(InboxUnavailable),
    ):
        unseen(server(sink, authority, tmp_path, patience_s=0.3))


def test_a_local_folder_is_read_once_too(tmp_path: Path) -> None:
    box = MaildirInbox(tmp_path / "inbox")
    assert list(box.unseen(50)) == []
    uid = box.deliver(b"Subject: un\n\n1")

    (found,) = box.unseen(50)
    box.handled(uid)
    box.handled(uid)

    assert (found.uid, found.content, found.size) == (uid, b"Subject: un\n\n1", 14)
    assert list(box.unseen(50)) == []


def test_without_a_server_the_local_folder_is_the_mailbox(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    MaildirInbox(tmp_path / inbox.FOLDER).deliver(b"x")

    with open_inbox(settings) as box:
        assert len(list(box.unseen(50))) == 1


def test_port_143_of_the_settings_demands_starttls() -> None:
    named = Settings(imap_host="imap.example", imap_user="relais")

    assert not ImapServer.of(named).starttls
    assert ImapServer.of(named.model_copy(update={"imap_port": 143})).starttls
