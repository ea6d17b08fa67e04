"""The state in which a story leaves its database, as text and as a hash: the same on every run and every database.

Identifiers, lease times and secrets are left out, since they differ each time and mean nothing to the office.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from models.base import Base
from models.cases import (
    Alert,
    Call,
    Case,
    ExitLine,
    Finding,
    KitItem,
    Need,
    Note,
    Permission,
    Phone,
    Referral,
    SurveyLine,
    Visit,
)
from models.engine import Event, IncomingMail, LetterBatch, Message, Obligation, Occurrence, Task, Work
from services.foundation.database import UnitOfWork

CHANCE: Final = re.compile(r"https?://\S+|(?<=asse\s:\s)[a-z]+|(?<=porte\s:\s)[a-z]+")
"""The signs of a link and the word of a visit come from the installation's key."""
TABLES: Final[Sequence[tuple[type[Base], tuple[str, ...]]]] = (
    (Case, ("number", "state", "stage", "outcome", "danger", "last_seq", "opened_at", "closed_at")),
    (Alert, ("giver_name", "origin", "motives", "received_at")),
    (Permission, ("kind", "mode", "collected_by", "given_on", "revoked_at")),
    (Phone, ("number", "rank", "reached_at", "blocked_at")),
    (Call, ("at", "result", "purpose")),
    (Finding, ("kind", "value", "method", "method_version", "at")),
    (SurveyLine, ("section", "field", "about", "value", "at", "replaced_at")),
    (KitItem, ("item", "quantity", "unit_price_cents", "state", "at", "replaced_at")),
    (ExitLine, ("criterion", "met", "method", "at")),
    (Need, ("theme", "gap_reason", "gap_at")),
    (Note, ("audience", "author", "text", "at")),
    (Visit, ("ordinal", "state", "starts_at", "ends_at", "sequence", "done_at")),
    (Referral, ("state", "reason", "outcome", "loop", "file_number", "sent_at", "delivered_at", "ended_at")),
    (Event, ("seq", "type", "payload", "source", "occurred_at", "recorded_at")),
    (Task, ("kind", "party", "ordinal", "state", "opened_at", "due_at", "provisional", "closed_at")),
    (Obligation, ("ladder", "anchor_at", "due_at", "generation", "next_step", "next_at", "ended_at")),
    (Occurrence, ("generation", "step", "recipient", "state", "reason", "due_at", "at")),
    (Message, ("text", "party", "channel", "address", "state", "created_at", "due_at", "done_at", "subject", "body")),
    (IncomingMail, ("kind", "sender", "subject", "text", "status", "suggestion", "received_at", "waits")),
    (LetterBatch, ("on", "ordinal", "posted_on")),
    (Work, ("type", "state", "error")),
)


def picture(unit: UnitOfWork) -> list[str]:
    """One line for each row that matters, in an order of its own."""
    return [line for table, columns in TABLES for line in _lines(unit, table, columns)]


def digest(unit: UnitOfWork) -> str:
    """The first sixteen digits of the SHA-256 of the picture."""
    return hashlib.sha256("\n".join(picture(unit)).encode()).hexdigest()[:16]


def _lines(unit: UnitOfWork, table: type[Base], columns: Sequence[str]) -> list[str]:
    rows = unit.session.scalars(select(table))
    found = [json.dumps([_plain(getattr(row, name)) for name in columns], ensure_ascii=False) for row in rows]
    return sorted(f"{table.__tablename__} {line}" for line in found)


def _plain(value: Any) -> Any:
    known: dict[type, Callable[[Any], Any]] = {
        datetime: lambda it: it.isoformat(),
        UUID: lambda _: "#",
        dict: lambda it: {key: _plain(inner) for key, inner in sorted(it.items())},
        list: lambda it: [_plain(inner) for inner in it],
        str: _text,
    }
    if value is None or isinstance(value, bool | int | float):
        return value
    return known.get(type(value), str)(value)


def _text(text: str) -> str:
    try:
        UUID(text)
    except ValueError:
        return CHANCE.sub("#", text)
    return "#"
