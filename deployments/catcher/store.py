"""Keeps every mail received in one SQLite file, on the disk before the sender is told so."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from deployments.catcher.reading import clean, read

# `proof` outlives "erase everything": a mail that was accepted stays accepted, or it would be sent again.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS proof (message_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
COLUMNS: Final = "id, received_at, message_id, sender, recipients, subject"
FILE_NAME: Final = "mailbox.sqlite3"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the mailbox; `recipients` are those of the envelope, in lower case, hidden copies included."""

    id: int
    received_at: datetime
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str


class Mailbox:
    """One file, one process, one thread."""

    def __init__(self, folder: Path) -> None:
        """Open the mailbox of this folder, made for its owner only. Raises OSError or sqlite3.Error."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE_NAME
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=5)
        # A rollback journal, not WAL: the SQLite that Python brings may have the WAL-reset bug (fixed in 3.51.3).
        self._database.execute("PRAGMA journal_mode = TRUNCATE")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def keep(self, raw: bytes, *, sender: str, recipients: Sequence[str], received_at: datetime) -> None:
        """Store a mail and its proof; once this returns, a crash of the process or the machine loses neither."""
        mail = read(raw)
        row = (
            received_at.isoformat(),
            mail.message_id,
            mail.header("From") or clean(sender),
            "\n" + "".join(f"{clean(address).lower()}\n" for address in recipients),
            mail.header("Subject"),
            raw,
        )
        with self._transaction():
            self._database.execute(
                "INSERT INTO mail (received_at, message_id, sender, recipients, subject, raw)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            if mail.message_id:
                self._database.execute("INSERT OR IGNORE INTO proof VALUES (?)", (mail.message_id,))

    def entries(
        self, *, to: str = "", containing: str = "", before: int | None = None, limit: int = 1000
    ) -> list[Entry]:
        """List newest first: `to` is one whole address, `containing` a fragment of one, `before` an id to page from."""
        found = self._database.execute(
            f"SELECT {COLUMNS} FROM mail"  # noqa: S608 - constant column names
            " WHERE (:to = '' OR instr(recipients, char(10) || :to || char(10)))"
            " AND (:part = '' OR instr(recipients, :part)) AND (:before IS NULL OR id < :before)"
            " ORDER BY id DESC LIMIT :limit",
            {"to": _key(to), "part": _key(containing), "before": before, "limit": limit},
        )
        return [_entry(row) for row in found]

    def count(self, *, containing: str = "") -> int:
        """Count the mails, or those sent to an address that contains the fragment."""
        question = "SELECT count(*) FROM mail WHERE ? = '' OR instr(recipients, ?)"
        (number,) = self._database.execute(question, (_key(containing), _key(containing))).fetchone()
        return int(number)

    def recipients(self, *, limit: int = 200) -> list[str]:
        """List the addresses that the latest mails went to, in alphabetical order."""
        latest = self._database.execute(
            "SELECT DISTINCT recipients FROM (SELECT recipients FROM mail ORDER BY id DESC LIMIT ?)", (limit,)
        )
        return sorted({address for (lines,) in latest for address in lines.split()})

    def find(self, mail_id: int) -> tuple[Entry, bytes] | None:
        """Return the line of a mail and its source exactly as received, or None once it is erased."""
        found = self._database.execute(
            f"SELECT {COLUMNS}, raw FROM mail WHERE id = ?",  # noqa: S608 - constant column names
            (mail_id,),
        ).fetchone()
        return (_entry(found[:-1]), found[-1]) if found else None

    def has_accepted(self, message_id: str) -> bool:
        """Say whether a mail with this Message-ID was ever stored, erased since or not."""
        question = "SELECT 1 FROM proof WHERE message_id = ?"
        return self._database.execute(question, (message_id,)).fetchone() is not None

    def erase(self) -> None:
        """Erase every mail, its bytes on the disk included; the Message-IDs stay as proof."""
        with self._transaction():
            self._database.execute("DELETE FROM mail")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


def _key(address: str) -> str:
    return clean(address).strip().lower()


def _entry(row: Sequence[Any]) -> Entry:
    mail_id, received_at, message_id, sender, recipients, subject = row
    when = datetime.fromisoformat(received_at)
    return Entry(mail_id, when, message_id, sender, tuple(recipients.split("\n")[1:-1]), subject)
