"""Reads what a mail server says of a mail that it could not deliver: RFC 3464 reports, and servers that write prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Mail
from typing import Final, Literal

Verdict = Literal["failed", "delayed", "delivered"]

IDS: Final = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
STATUS: Final = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
OUR_ID: Final = re.compile(r"[0-9a-f-]{36}\.[0-9a-f]{8}@[a-z0-9.-]+")
OLD_CODE: Final = re.compile(r"\b([45])\d\d[ -]")
MACHINES: Final = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "maildaemon"})
LONGEST_PROSE: Final = 100_000
FINAL: Final[dict[str, Verdict]] = {
    "failed": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "delivered",
    "expanded": "delivered",
}
BY_CLASS: Final[dict[str, Verdict]] = {"5": "failed", "4": "delayed", "2": "delivered"}


@dataclass(frozen=True)
class Bounce:
    """What became of one of our mails. `recipients` are those it speaks of; empty when it names none."""

    verdict: Verdict
    status: str
    recipients: frozenset[str]
    originals: tuple[str, ...]


def read_bounce(mail: Mail, *, sender: str, prose: str) -> Bounce | None:
    """The bounce that a mail is; None if it is none. `prose` is its text, read when no report is there."""
    return _report(mail) or _prose(sender, prose)


def is_receipt(mail: Mail) -> bool:
    """Whether a reader's program says that the mail was opened, or deleted. Source: RFC 8098."""
    return mail.get_content_type() == "multipart/report" and any(
        part.get_content_type() == "message/disposition-notification" for part in mail.walk()
    )


def ids_in(text: str) -> tuple[str, ...]:
    """The Message-IDs of a header, as written."""
    return tuple(IDS.findall(text))


def _report(mail: Mail) -> Bounce | None:
    # An action is the server's own word: a mail given up after days is `failed` with a status of class 4.
    # Source: RFC 3464 §2.3.3
    blocks = [block for part in mail.walk() for block in _blocks(part)]
    found = [(_verdict(block), block) for block in blocks]
    told = [(verdict, block) for verdict, block in found if verdict is not None]
    if not told:
        return None
    worst = min(told, key=lambda each: ("failed", "delayed", "delivered").index(each[0]))
    recipients = {_recipient(block, name) for _, block in told for name in ("Final-Recipient", "Original-Recipient")}
    status = STATUS.search(str(worst[1].get("Status", "")))
    return Bounce(worst[0], status[0] if status else "", frozenset(recipients - {""}), tuple(_originals(mail)))


def _blocks(part: Mail) -> list[Mail]:
    if part.get_content_type() != "message/delivery-status":
        return []
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Mail)] if isinstance(payload, list) else []


def _verdict(block: Mail) -> Verdict | None:
    """None for the block that speaks of the message as a whole."""
    action = str(block.get("Action", "")).strip().lower()
    status = STATUS.search(str(block.get("Status", "")))
    return FINAL.get(action) or (BY_CLASS[status[1]] if status else None)


def _recipient(block: Mail, name: str) -> str:
    return str(block.get(name, "")).rpartition(";")[2].strip().strip("<>").lower()


def _originals(mail: Mail) -> Iterator[str]:
    """The Message-ID of what came back, whole or its head alone."""
    for part in mail.walk():
        payload = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list):
            yield from (ident for inner in payload if isinstance(inner, Mail) for ident in _id_of(inner))
        elif part.get_content_type() in {"text/rfc822-headers", "message/rfc822-headers"}:
            yield from _head_ids(part)


def _id_of(mail: Mail) -> tuple[str, ...]:
    return ids_in(str(mail.get("Message-ID", "")))


def _head_ids(part: Mail) -> Iterator[str]:
    content = part.get_payload(decode=True)
    text = content.decode("ascii", "replace") if isinstance(content, bytes) else ""
    for line in re.findall(r"^message-id:[ \t]*(?:\r?\n[ \t]+)?(.*)$", text, re.IGNORECASE | re.MULTILINE):
        yield from ids_in(line)


def _prose(sender: str, prose: str) -> Bounce | None:
    """Servers older than reports quote our mail's head below a sentence and a code."""
    if sender.partition("@")[0].lower() not in MACHINES:
        return None
    text = prose[:LONGEST_PROSE]
    originals = tuple(f"<{ident}>" for ident in OUR_ID.findall(text))
    enhanced, old = STATUS.search(text), OLD_CODE.search(text)
    family = enhanced[1] if enhanced else old[1] if old else None
    if not originals or family is None:
        return None
    return Bounce(BY_CLASS[family], enhanced[0] if enhanced else "", frozenset(), originals)
