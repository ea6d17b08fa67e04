"""Workers in processes of their own, forked from one that has imported all, to be killed or stopped at any moment."""

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from flows import relay
from flows.delivery import deliver_due
from services.channels import mail
from services.foundation import crashpoints
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import build, use
from services.foundation.settings import Settings
from tests.faults.children import die_with_parent


def forked(work: Callable[..., None], *given: Any) -> BaseProcess:
    """A process that does this; it dies with its parent, and its parent with us."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "tests.delivery_worker"])
    process = context.Process(target=work, args=given, daemon=True)
    process.start()
    return process


def pipe() -> tuple[Connection, Connection]:
    """Where to hear what a worker says, and where he says it."""
    heard, say = get_context("forkserver").Pipe(duplex=False)
    return heard, say


def count_up(url: str, say: Connection) -> None:
    """Count as fast as one can, a transaction each time, and say so after each."""
    die_with_parent()
    database = Database(url)
    while True:
        with database.write("test") as unit:
            n = unit.session.scalar(text("select n from tally")) or 0
            unit.session.execute(text("update tally set n = :n"), {"n": n + 1})
        say.send_bytes(b".")


def be_relay(settings: Settings, now: datetime) -> None:
    """A relay like any other, whose office lives at this instant."""
    die_with_parent()
    os.environ.pop("PREFECT_API_URL", None)
    with use(build(settings, clock=SetClock(now))):
        asyncio.run(relay.run(asyncio.Event()))


def deliver_stopping_at(settings: Settings, now: datetime, point: str, fence_s: float) -> None:
    """Deliver what is due, stopped by a signal at this crash point until another sets it going again."""
    die_with_parent()
    os.environ[crashpoints.VARIABLE] = f"{point}:1"
    stopping = patch.object(signal, "SIGKILL", signal.SIGSTOP)
    with stopping, patch.object(mail, "FENCE_S", fence_s), use(build(settings, clock=SetClock(now))):
        asyncio.run(deliver_due())


def is_stopped(process: BaseProcess) -> bool:
    """Whether a signal has stopped it."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
