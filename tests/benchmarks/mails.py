"""Mails that leave, each with its durable mark before DATA and its acceptance recorded; beside bare SMTP.

The reference hands as many mails over on one connection and remembers nothing. The server is a process of its own:
`python -m tests.benchmarks.mails` prints its port and goes when its input ends.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aiosmtplib import SMTP
from sqlalchemy import select, update

from flows.delivery import deliver_due
from models.engine import Message
from models.vocabulary import Channel, MessageState
from services.foundation.database import Database
from tests.benchmarks import events
from tests.benchmarks.ground import ground, tell
from tests.sink import Sink

NEVER_S: Final = 3600
USUAL: Final = b"Subject: essai\r\n\r\n" + b"Une ligne de soixante-dix signes, comme en ont les lettres.\r\n" * 50


def main() -> None:
    """Be the server."""
    with Sink() as sink:
        sys.stdout.write(f"{sink.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


def measure(kind: str, folder: Path, *, mails: int) -> None:
    """Let the engine plan a backlog of mails, then hand them over."""
    with ground(kind, folder) as place:
        events.prepare(place, mails * 2)
        events.drain(place)
        with _server() as port, place.opened(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none") as runtime:
            _keep(runtime.database, mails)
            begun = time.perf_counter()
            tried = asyncio.run(deliver_due(budget_s=NEVER_S))
            a_second = tried / (time.perf_counter() - begun)
            bare = asyncio.run(_barely(port, tried))
    what = f"{kind}: mails from a backlog of {tried:,}"
    tell(
        what,
        f"{a_second:,.0f}/s",
        bar=">= 100/s",
        reference=f"aiosmtplib alone {bare:,.0f}/s (x {a_second / bare:.2f})",
    )


def _keep(database: Database, mails: int) -> None:
    """So many mails and nothing else are due, none of them gathered with another."""
    due = select(Message.id).where(Message.channel == Channel.EMAIL, Message.state == MessageState.QUEUED)
    with database.write("test") as unit:
        kept = unit.session.scalars(due.order_by(Message.id).limit(mails)).all()
        others = update(Message).where(Message.state == MessageState.QUEUED, Message.id.not_in(kept))
        unit.session.execute(others.values(state=MessageState.CANCELLED.value))
        unit.session.execute(update(Message).where(Message.id.in_(kept)).values(daily=False, due_at=unit.now))


async def _barely(port: int, mails: int) -> float:
    """Mails a second on one connection, without a database."""
    async with SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        begun = time.perf_counter()
        for number in range(mails):
            await client.sendmail("relais@example.org", [f"essai{number}@example.org"], USUAL)
        return mails / (time.perf_counter() - begun)


@contextmanager
def _server() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.benchmarks.mails"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        if server.stdout is None or server.stdin is None:  # pragma: no cover - both were asked for
            raise TypeError
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


if __name__ == "__main__":
    main()
