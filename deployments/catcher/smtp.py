"""Receives mail by SMTP and stores it; nothing here can send a mail on."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from deployments.catcher.store import Mailbox

IDLE_TIMEOUT_S: Final = 60


def now() -> datetime:
    """Return the time of this machine, aware UTC."""
    return datetime.now(UTC)


class Reception:
    """What every SMTP connection shares: the mailbox, and how many mails are on their way into it."""

    def __init__(self, mailbox: Mailbox, clock: Callable[[], datetime] = now) -> None:
        self.mailbox = mailbox
        self.clock = clock
        self.under_way = 0

    def connection(self) -> SMTP:
        """Build the protocol of one connection."""
        return _Connection(self, hostname="localhost", ident="Relais", enable_SMTPUTF8=True, timeout=IDLE_TIMEOUT_S)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Store the mail, then answer 250; when it could not be stored, answer so that the sender tries again."""
        try:
            self.mailbox.keep(
                envelope.original_content or b"",
                sender=envelope.mail_from or "",
                recipients=envelope.rcpt_tos,
                received_at=self.clock(),
            )
        except sqlite3.Error:
            return "451 4.3.0 Mail not stored, try again later"
        return "250 2.0.0 Stored"


class _Connection(SMTP):
    event_handler: Reception

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd
        self.event_handler.under_way += 1
        try:
            await super().smtp_DATA(arg)
        finally:
            self.event_handler.under_way -= 1
