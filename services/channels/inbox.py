"""The mailbox where answers to our mails arrive: read over IMAP, or from a folder of this machine."""

import imaplib
import mailbox
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from pydantic import SecretStr

from services.channels.incoming import LARGEST
from services.foundation.errors import CaseworkError
from services.foundation.settings import Settings

PATIENCE_S: Final = 10.0
"""How long each answer of the server may take."""

STARTTLS_PORT: Final = 143
FOLDER: Final = "inbox"
"""The local mailbox, a Maildir inside the data folder."""

SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")


class InboxUnavailable(CaseworkError):
    """The mailbox cannot be read now; what is in it stays there. `detail` names the failure, no person."""

    status_code = 503
    retryable = True
    code = "inbox-unavailable"

    def __init__(self, detail: str) -> None:
        """`detail` is a step and a class of error."""
        super().__init__("La boîte des réponses ne répond pas : elle sera relue plus tard.")
        self.detail = detail


@dataclass(frozen=True)
class Received:
    """One mail that nobody has read: its name in the mailbox, its first bytes (`LARGEST` at most), its whole size."""

    uid: str
    content: bytes
    size: int


class Inbox(Protocol):
    """A mailbox. A mail stays unseen until it is marked as handled, so that a crash costs a second reading only."""

    def unseen(self, limit: int) -> Iterator[Received]: ...

    def handled(self, uid: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ImapServer:
    """Where the mailbox is. The certificate is always verified; port 143 is encrypted by STARTTLS before anything."""

    host: str
    port: int = 993
    user: str
    password: SecretStr
    folder: str = "INBOX"
    tls_context: ssl.SSLContext | None = None
    starttls: bool = False
    patience_s: float = PATIENCE_S

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The server of the settings, which name one."""
        return cls(
            host=settings.imap_host or "",
            port=settings.imap_port,
            user=settings.imap_user or "",
            password=settings.imap_password or SecretStr(""),
            folder=settings.imap_folder,
            starttls=settings.imap_port == STARTTLS_PORT,
        )


class ImapInbox:
    """An open folder of an IMAP server. Seen is what was handled; reading does not set it."""

    def __init__(self, client: imaplib.IMAP4) -> None:
        """`client` has selected the folder."""
        self._client = client

    def unseen(self, limit: int) -> Iterator[Received]:
        """The oldest unseen mails, each fetched when it is asked for."""
        with _told("SEARCH"):
            _, found = self._client.uid("SEARCH", "UNSEEN")
        for uid in (found[0] or b"").split()[:limit]:
            received = self._fetch(uid.decode())
            if received is not None:
                yield received

    def _fetch(self, uid: str) -> Received | None:
        """None for a mail that somebody moved away meanwhile."""
        with _told("FETCH"):
            _, found = self._client.uid("FETCH", uid, f"(RFC822.SIZE BODY.PEEK[]<0.{LARGEST}>)")
        content = next((each[1] for each in found if isinstance(each, tuple)), None)
        if content is None:
            return None
        said = b" ".join(each[0] if isinstance(each, tuple) else each for each in found if each)
        size = SIZE.search(said)
        return Received(uid, content, int(size[1]) if size else len(content))

    def handled(self, uid: str) -> None:
        """Mark it as seen."""
        with _told("STORE"):
            self._client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")


class MaildirInbox:
    """A folder of this machine, for tests and the demonstration; absent, it is empty."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made yet."""
        self._folder, self._new = folder, folder / "new"

    def unseen(self, limit: int) -> Iterator[Received]:
        """What was put there and not handled, the oldest first."""
        if not self._new.is_dir():
            return
        for path in sorted(self._new.iterdir())[:limit]:
            with path.open("rb") as file:
                yield Received(path.name, file.read(LARGEST), path.stat().st_size)

    def handled(self, uid: str) -> None:
        """Mark it as seen."""
        with suppress(FileNotFoundError):
            (self._new / uid).rename(self._folder / "cur" / f"{uid}:2,S")

    def deliver(self, content: bytes) -> str:
        """Put a mail there, as a mail server would; its name."""
        return mailbox.Maildir(self._folder, create=True).add(content)


@contextmanager
def open_inbox(settings: Settings) -> Iterator[Inbox]:
    """The mailbox that the settings describe. Raises `InboxUnavailable`, inside the block too."""
    if not settings.reads_replies:
        yield MaildirInbox(settings.data_folder / FOLDER)
        return
    with imap_inbox(ImapServer.of(settings)) as inbox:
        yield inbox


@contextmanager
def imap_inbox(server: ImapServer) -> Iterator[ImapInbox]:
    """Sign in and open the folder; say goodbye at the end. Never signs in over a clear connection."""
    client = _connected(server)
    try:
        _sign_in(client, server)
        with _told("SELECT"):
            answer, _ = client.select(_quoted(server.folder))
        if answer != "OK":
            raise InboxUnavailable("SELECT NO")
        yield ImapInbox(client)
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            client.logout()
        with suppress(OSError):
            client.shutdown()  # a server that does not say goodbye would keep the connection open


def _connected(server: ImapServer) -> imaplib.IMAP4:
    context = server.tls_context or ssl.create_default_context()
    with _told("CONNECT"):
        if not server.starttls:
            return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=server.patience_s)
        client = imaplib.IMAP4(server.host, server.port, timeout=server.patience_s)
        try:
            client.starttls(context)
        except BaseException:
            client.shutdown()
            raise
        return client


def _sign_in(client: imaplib.IMAP4, server: ImapServer) -> None:
    """By AUTHENTICATE PLAIN where it is offered: LOGIN takes no accent in a password."""
    password = server.password.get_secret_value()
    with _told("LOGIN"):
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{server.user}\0{password}".encode())
        else:
            client.login(_quoted(server.user), password)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@contextmanager
def _told(step: str) -> Iterator[None]:
    """Say which step failed, never what the server answered: it may repeat the account's name."""
    try:
        yield
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        raise InboxUnavailable(f"{step} {type(error).__name__}") from None
