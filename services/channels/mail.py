"""Hands one mail at a time to a mail server over a kept connection, and says for certain what became of it."""

import re
import socket
import time
from asyncio import WriteTransport
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, Literal, Self

from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPResponseException
from pydantic import SecretStr

from services.foundation.crashpoints import crashpoint
from services.foundation.errors import CaseworkError
from services.foundation.settings import Settings

LARGEST_BATCH: Final = 100
LONGEST_IDLE_S: Final = 30
FENCE_S: Final = 10
"""Beyond this, somebody may believe that we died between the mark and DATA: we no longer send."""

HandoverResult = Literal["accepted", "transient", "permanent", "unknown", "fenced"]
BeforeData = Callable[[], Awaitable[bool]]

ENHANCED: Final = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
QUEUE_ID: Final = re.compile(r"\b(?:queued as|id=)\s*<?([\w.+-]+)", re.IGNORECASE)
# Source: RFC 4954 — our account is at fault, not the mail: it waits, whatever the class of the code.
ASKS_FOR_SIGN_IN: Final = frozenset({454, 530, 534, 535, 538})
HUNG_UP: Final = frozenset({None, 421})
"""Codes of a server that is gone before DATA; one in use answers otherwise."""


class ServerUnavailable(CaseworkError):
    """No dialogue with the server: nothing left, and no other mail would. `detail` names the failure, no person."""

    status_code = 503
    retryable = True
    code = "mail-server-unavailable"

    def __init__(self, detail: str) -> None:
        """`detail` is a class of error or a reply code."""
        super().__init__("Le serveur de messagerie ne répond pas : les messages attendent.")
        self.detail = detail


@dataclass(frozen=True)
class Handover:
    """What became of one mail. `detail` is for the ledger: the step and the class of the failure, never an address.

    `transient`, `permanent` and `fenced` are certain: the server does not have the mail. `unknown` is not.
    """

    result: HandoverResult
    code: int | None = None
    enhanced: str | None = None
    queue_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail goes and what encryption is demanded. `local_name` None: this machine's full name."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"] = "none"
    user: str | None = None
    password: SecretStr | None = None
    local_name: str | None = None
    tls_context: SSLContext | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The server of the settings, or the local mailbox, to which mail goes in clear without leaving the machine."""
        if settings.smtp_host is None:
            return cls(host="127.0.0.1", port=settings.catcher_smtp_port, local_name="localhost")
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password=settings.smtp_password,
        )


@dataclass(frozen=True)
class Patience:
    """How long each step may take, in seconds. Source: RFC 5321 §4.5.3.2.6 — ten minutes for the last reply."""

    connect: float = 10
    command: float = 30
    data: float = 600


@dataclass(frozen=True)
class Parcel:
    """One mail in its envelope: bare ASCII addresses, one recipient, the bytes of a whole message."""

    sender: str
    recipient: str
    content: bytes


class _Client(SMTP):
    """Hangs up at once: the goodbye of TLS, which nobody awaits, would outlive the loop that runs it."""

    def close(self) -> None:
        transport = self.transport
        super().close()
        if isinstance(transport, WriteTransport):
            transport.abort()


class MailConnection:
    """One connection, renewed after 100 mails, 30 s without any, or any error. Never shared between tasks."""

    def __init__(
        self,
        server: MailServer,
        *,
        patience: Patience = Patience(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is opened yet."""
        self._server, self._patience, self._monotonic = server, patience, monotonic
        self._client: SMTP | None = None
        self._handed_over = 0
        self._used_at = 0.0

    async def send(self, parcel: Parcel, *, before_data: BeforeData) -> Handover:
        """Hand one mail over. `before_data` durably notes that DATA starts; False stops there, as does a long pause.

        Raises `ServerUnavailable` when there is no dialogue at all, and what `before_data` raises. Never tries twice,
        but for what a server that has hung up on a kept connection did not hear: that costs the mail no attempt.
        """
        client = await self._ready()
        try:
            handover = await self._announce(client, parcel)
            if handover is not None and self._handed_over and handover.code in HUNG_UP:
                self._drop()
                client = await self._connect()
                handover = await self._announce(client, parcel)
            if handover is None:
                handover = await self._hand_over(client, parcel, before_data)
        except BaseException:
            self._drop()  # cancelled or failed in mid-dialogue: what the server thinks is anybody's guess
            raise
        self._handed_over, self._used_at = self._handed_over + 1, self._monotonic()
        if handover.result != "accepted":
            self._drop()
        if handover.code in ASKS_FOR_SIGN_IN and handover.detail.startswith("MAIL"):
            raise ServerUnavailable(handover.detail)
        return handover

    async def close(self) -> None:
        """Say goodbye; the connection opens again at the next mail."""
        if self._client is not None:
            with suppress(SMTPException, OSError):
                await self._client.quit(timeout=1)
        self._drop()

    async def _announce(self, client: SMTP, parcel: Parcel) -> Handover | None:
        """MAIL and RCPT: any failure here is certain not to have sent anything."""
        step = "MAIL"
        try:
            crashpoint("mail.before_mail")
            await client.mail(parcel.sender, timeout=self._patience.command)
            step = "RCPT"
            crashpoint("mail.before_rcpt")
            await client.rcpt(parcel.recipient, timeout=self._patience.command)
        except (SMTPException, OSError) as error:
            return _failure(error, step=step, without_reply="transient")
        return None

    async def _hand_over(self, client: SMTP, parcel: Parcel, before_data: BeforeData) -> Handover:
        asked_at = self._monotonic()
        if not await before_data():
            return Handover("fenced", detail="claimed by another")
        crashpoint("mail.before_data")
        if self._monotonic() - asked_at > FENCE_S:
            return Handover("fenced", detail="paused before DATA")
        try:
            reply = await client.data(parcel.content, timeout=self._patience.data)
        except (SMTPException, OSError) as error:
            crashpoint("mail.after_data")
            return _failure(error, step="DATA", without_reply="unknown")
        crashpoint("mail.after_reply")
        found = QUEUE_ID.search(reply.message)
        queue_id = found[1] if found else reply.message[:100]
        return Handover("accepted", reply.code, _enhanced(reply.message), queue_id)

    async def _ready(self) -> SMTP:
        """The kept connection unless it was kept too long, else a new one."""
        idle = self._monotonic() - self._used_at > LONGEST_IDLE_S
        if self._client is not None and (idle or self._handed_over >= LARGEST_BATCH):
            await self.close()
        return self._client or await self._connect()

    async def _connect(self) -> SMTP:
        """Connect, encrypt as demanded, sign in. Never goes on in clear when encryption fails."""
        server = self._server
        client = _Client(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password.get_secret_value() if server.password else None,
            local_hostname=server.local_name or socket.getfqdn(),
            timeout=self._patience.connect,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=server.tls_context,
        )
        try:
            crashpoint("mail.before_connect")
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise ServerUnavailable(_failure(error, step="CONNECT", without_reply="transient").detail) from error
        self._client, self._handed_over = client, 0
        self._used_at = self._monotonic()
        return client

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


def _failure(error: Exception, *, step: str, without_reply: HandoverResult) -> Handover:
    """Read the class of a reply from its first digit. No reply, or no sense in it: `without_reply`."""
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]  # the group carries no code: a greylisted address would pass for a refusal
    if not isinstance(error, SMTPResponseException):
        return Handover(without_reply, detail=f"{step} {type(error).__name__}")
    results: dict[int, HandoverResult] = {4: "transient", 5: "permanent"}
    result = results.get(error.code // 100, without_reply)
    enhanced = _enhanced(error.message)
    return Handover(result, error.code, enhanced, detail=" ".join(filter(None, (step, str(error.code), enhanced))))


def _enhanced(text: str) -> str | None:
    found = ENHANCED.search(text)
    return found[0] if found else None
