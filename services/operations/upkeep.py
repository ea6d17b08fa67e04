"""The nightly round: what is looked up from other things is looked up again, and what had drifted is said."""

from collections.abc import Callable
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Update, select, text, update

from models.cases import Case
from models.engine import IS_OPEN, Task
from models.vocabulary import STAGE_OF
from services import idempotency
from services.accounts import access_log
from services.cases import documents, erasure
from services.correspondence import messages, replies, webhooks
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.imports import files
from services.network import sheets
from services.programme import presence
from services.rules import limits


def right_stages(unit: UnitOfWork) -> list[str]:
    """Store again the stage that follows from each case's state, and that of what is asked on it; a line for each kind
    of drift, which is a bug.
    """
    drifts = []
    for state, stage in STAGE_OF.items():
        of_state = update(Case).where(Case.state == state.value, Case.stage != stage.value)
        if count := _righted(unit, of_state.values(stage=stage.value)):
            drifts.append(f"{state.value} → {stage.value}: {count}")
    own = select(Case.stage).where(Case.id == Task.case_id).scalar_subquery()
    if count := _righted(unit, update(Task).where(IS_OPEN, Task.stage != own).values(stage=own)):
        drifts.append(f"tasks: {count}")
    return drifts


def _righted(unit: UnitOfWork, values: Update) -> int:
    done = unit.session.execute(values, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount


def forget_transferred(unit: UnitOfWork) -> list[str]:
    """Keep no copy of the households that another Slime took over a month ago."""
    return erasure.forget_transferred(unit, runtime())


def sweep_documents(unit: UnitOfWork) -> list[str]:
    """Take away the files that no document names any more; nothing to report."""
    documents.sweep(unit, runtime())
    return []


def forget_answers(unit: UnitOfWork) -> list[str]:
    """Drop the answers kept for repeated requests, once their time is over; there is nothing to report."""
    idempotency.forget_old(unit)
    return []


def forget_mails(unit: UnitOfWork) -> list[str]:
    """Drop the words of mails that came to us and have no case, once their time is over; nothing to report."""
    replies.forget_old(unit)
    return []


def forget_texts(unit: UnitOfWork) -> list[str]:
    """Drop the words of messages that ended three months ago; nothing to report."""
    messages.forget_old(unit)
    return []


def forget_presence(unit: UnitOfWork) -> list[str]:
    """Drop absences and duties that have been over for a month; nothing to report."""
    presence.forget_old(unit)
    return []


def forget_accesses(unit: UnitOfWork) -> list[str]:
    """Drop what the access log has kept for twelve months; nothing to report."""
    access_log.forget_old(unit)
    return []


def forget_tries(unit: UnitOfWork) -> list[str]:
    """Drop the limits of which nothing is spent any more; nothing to report."""
    limits.forget(unit)
    return []


def count_again(unit: UnitOfWork) -> list[str]:
    """Let SQLite look at its tables, as PostgreSQL does by itself: without it lists of many cases are read whole."""
    if unit.dialect == "sqlite":
        unit.session.execute(text("pragma optimize"))
    return []


def forget_webhooks(unit: UnitOfWork) -> list[str]:
    """Drop what other software was told three months ago; nothing to report."""
    webhooks.forget_old(unit)
    return []


def forget_files(unit: UnitOfWork) -> list[str]:
    """Drop the rows of files that nobody took in, and those that somebody took away to correct; nothing to report."""
    files.forget_old(unit)
    return []


def ask_to_verify(unit: UnitOfWork) -> list[str]:
    """Ask partners to look at the sheets that have aged; nothing to report."""
    sheets.ask_to_verify(unit)
    return []


ROUNDS: Final[tuple[Callable[[UnitOfWork], list[str]], ...]] = (
    right_stages,
    forget_answers,
    forget_transferred,
    sweep_documents,
    forget_mails,
    forget_texts,
    forget_presence,
    forget_tries,
    forget_accesses,
    count_again,
    forget_webhooks,
    forget_files,
    ask_to_verify,
)
"""What the nightly round does, a transaction each; the lines say what had to be put right."""
