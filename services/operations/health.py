"""Whether this installation can do its work now: what a load balancer and an administrator ask, line by line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final

from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

import models.migrations
from models.engine import Message
from models.vocabulary import Channel, MessageState
from services.correspondence import webhooks
from services.foundation.database import Database, UnitOfWork
from services.rules import obligations, routines, work

OLDEST_WORK_S: Final = 60
"""A case is in the engine's hands for so long at most. Source: design, "alarm at 60 s"."""
TICK_S: Final = 180
"""The tick runs every fifteen seconds; a relay that died is replaced once its lease of two minutes ran out."""


@dataclass(frozen=True)
class Line:
    """One check: its name, whether it holds, and what was found (numbers and versions only)."""

    name: str
    ok: bool
    found: str


@cache
def newest_migration() -> str:
    """The number of the last migration that this code ships, from the names of its files."""
    files = resources.files(models.migrations).joinpath("versions").iterdir()
    return max(file.name.partition("_")[0] for file in files if file.name[:4].isdigit())


def readiness(database: Database, *, head: str | None = None) -> list[Line]:
    """Every check in order; a database that does not answer, or of another version, ends the list."""
    try:
        with database.read() as unit:
            unit.session.execute(text("select 1"))
            lines = [Line("database", ok=True, found="answers"), _migrations(unit, head or newest_migration())]
            if lines[-1].ok:
                lines += [check(unit) for check in CHECKS]
            return lines
    except SQLAlchemyError as error:
        return [Line("database", ok=False, found=type(error).__name__)]


def _migrations(unit: UnitOfWork, head: str) -> Line:
    if not inspect(unit.session.connection()).has_table("relais_version"):
        return Line("migrations", ok=False, found="none")
    version = unit.session.scalar(text("select version_num from relais_version"))
    return Line("migrations", ok=version == head, found=str(version or "none"))


def _oldest_work(unit: UnitOfWork) -> Line:
    age = _age(unit, work.oldest(unit))
    return Line("oldest_work", ok=age is None or age <= OLDEST_WORK_S, found="none" if age is None else f"{age} s")


def _parked_work(unit: UnitOfWork) -> Line:
    # Told, never a reason to stop serving: a parked event holds back its own case only.
    return Line("parked_work", ok=True, found=str(len(work.parked(unit))))


def _failing_clocks(unit: UnitOfWork) -> Line:
    # Told only, for the same reason.
    return Line("failing_clocks", ok=True, found=str(obligations.failing(unit)))


def messages_in_doubt(unit: UnitOfWork) -> int:
    """How many messages may have left or not, whatever became of their case: nobody sends them again by itself."""
    doubts = select(func.count()).select_from(Message).where(Message.state == MessageState.UNKNOWN)
    return unit.session.scalar(doubts) or 0


@dataclass(frozen=True)
class MailState:
    """What the ledger knows of the mail server, without asking it."""

    last_accepted: datetime | None
    waiting: int
    oldest_due: datetime | None


def mail(unit: UnitOfWork) -> MailState:
    """The last mail that was taken, how many are due by now, and since when the oldest is."""
    mails = Message.channel == Channel.EMAIL
    due = select(func.count(), func.min(Message.due_at)).where(
        mails, Message.state == MessageState.QUEUED, Message.due_at <= unit.now
    )
    waiting, oldest = unit.session.execute(due).one()
    accepted = select(func.max(Message.done_at)).where(mails, Message.state == MessageState.ACCEPTED)
    return MailState(unit.session.scalar(accepted), waiting, oldest)


def _messages_in_doubt(unit: UnitOfWork) -> Line:
    return Line("messages_in_doubt", ok=True, found=str(messages_in_doubt(unit)))


def _webhooks(unit: UnitOfWork) -> Line:
    return Line("webhooks_given_up", ok=True, found=str(webhooks.abandoned(unit)))


def _tick(unit: UnitOfWork) -> Line:
    age = _age(unit, routines.last_at(unit, "tick"))
    return Line("tick", ok=age is not None and age <= TICK_S, found="never" if age is None else f"{age} s ago")


def _age(unit: UnitOfWork, since: datetime | None) -> int | None:
    return None if since is None else int((unit.lease_time() - since).total_seconds())


CHECKS: Final[tuple[Callable[[UnitOfWork], Line], ...]] = (
    _oldest_work,
    _parked_work,
    _failing_clocks,
    _messages_in_doubt,
    _webhooks,
    _tick,
)
