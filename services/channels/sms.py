"""SMS: the port, a provider reached through apprise, and a folder that stands in for one on a single machine."""

import fcntl
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from uuid import NAMESPACE_URL, uuid5

from apprise import Apprise, NotifyFormat
from apprise.plugins import NotifyBase
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from services.channels.evidence import Verdict

LONGEST: Final = 4
"""Segments beyond which a text is refused: it is a letter, and each segment is paid."""


class SmsResult(StrEnum):
    """What became of an SMS; only `transient` may be sent again without a person."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SmsReceipt:
    """The provider's answer. `detail` is for the ledger: a code, never the number or the text."""

    result: SmsResult
    provider_id: str | None = None
    detail: str = ""


class SmsSender(Protocol):
    """Whoever carries SMS."""

    def send(self, number: str, text: str, *, reference: str) -> SmsReceipt:
        """Hand one SMS over. `number` is E.164; `reference` is the message's own, the same at every attempt."""
        ...


# --- Length ---------------------------------------------------------------------------------------------------------

# Source: 3GPP TS 23.038 — the default alphabet, and the characters that cost two.
GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
GSM_SIZES: Final = (160, 153)
UNICODE_SIZES: Final = (70, 67)

TYPOGRAPHY: Final = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "œ": "oe",
        "Œ": "OE",
    }
)


def plain(text: str) -> str:
    """The text without fine typography, which alone would double its price. Letters keep their accents."""
    return re.sub(r'" (.*?) "', r'"\1"', text.translate(TYPOGRAPHY))


def segments(text: str) -> int:
    """How many SMS the text is sent as: one letter outside the GSM alphabet (ê, ô, ç) shortens them all to 70."""
    if set(text) <= GSM_BASIC | GSM_EXTENDED:
        return _packed([2 if character in GSM_EXTENDED else 1 for character in text], GSM_SIZES)
    return _packed([len(character.encode("utf-16-le")) // 2 for character in text], UNICODE_SIZES)


def _packed(widths: Iterable[int], sizes: tuple[int, int]) -> int:
    """A character never straddles two segments, so a long text is filled segment by segment."""
    widths = list(widths)
    alone, joined = sizes
    if sum(widths) <= alone:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > joined:
            count, used = count + 1, 0
        used += width
    return count


# --- A provider -----------------------------------------------------------------------------------------------------


class HttpSms:
    """A provider or a modem that apprise knows, named by one URL such as `octopush://login/key/{number}`.

    `{number}` receives the digits of the number without its `+`. Apprise answers yes or no; why it said no is read
    from what it logs while it handles the failure. Without such evidence the result is *unknown*: a doubt never
    sends an SMS twice. Apprise names no provider id.
    """

    def __init__(self, url: str) -> None:
        """Refuse a URL that apprise cannot read, without repeating it: it holds the key."""
        if "{number}" not in url:
            raise ValueError("the SMS URL must say where the number goes: {number}")
        self._url = url
        LOGGER.setLevel(logging.WARNING)  # the evidence below must exist whatever the level of the root logger
        with _overheard():
            self._provider("+33639980000")

    def send(self, number: str, text: str, *, reference: str) -> SmsReceipt:
        """One request, no retry: retries belong to the ledger."""
        body = plain(text)
        if segments(body) > LONGEST:
            return SmsReceipt(SmsResult.REFUSED, detail="too long")
        with _overheard() as evidence:
            sent = self._provider(number).notify(body=body, body_format=NotifyFormat.TEXT)
        return SmsReceipt(SmsResult.ACCEPTED) if sent else evidence.receipt()

    def _provider(self, number: str) -> NotifyBase:
        provider = Apprise.instantiate(self._url.replace("{number}", number.removeprefix("+")))
        if not isinstance(provider, NotifyBase):
            raise ValueError("the SMS URL is not one that apprise understands")  # noqa: TRY004 - a wrong setting
        return provider


LOGGER: Final = logging.getLogger("apprise")
HTTP_ERROR: Final = re.compile(r"error=(\d{3})\b")
TRY_AGAIN: Final = frozenset({429, 503})
BAD_REQUEST, REQUEST_TIMEOUT, SERVER_ERROR = 400, 408, 500


class _Evidence(logging.Filter):
    """What apprise says on this thread: the HTTP code it met, the exception it was handling.

    Facts are kept and records dropped: they name the recipient, and in detail the text.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._code: int | None = None
        self._error: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Let other threads' records pass: each has its own evidence."""
        if record.thread != self._thread:
            return True
        self._error = sys.exc_info()[1] or self._error
        if found := HTTP_ERROR.search(record.getMessage()):
            self._code = int(found[1])
        return False

    def receipt(self) -> SmsReceipt:
        """Refused and transient need proof; everything else is unknown."""
        if self._error is not None:
            result = SmsResult.TRANSIENT if _never_left(self._error) else SmsResult.UNKNOWN
            return SmsReceipt(result, detail=type(self._error).__name__)
        if self._code is None:
            return SmsReceipt(SmsResult.UNKNOWN)
        return SmsReceipt(_meaning(self._code), detail=f"http {self._code}")


def _meaning(code: int) -> SmsResult:
    if code in TRY_AGAIN:
        return SmsResult.TRANSIENT
    if BAD_REQUEST <= code < SERVER_ERROR and code != REQUEST_TIMEOUT:
        return SmsResult.REFUSED
    return SmsResult.UNKNOWN


def _never_left(error: BaseException) -> bool:
    """Whether the connection itself failed, so that the provider cannot have read the request."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, MaxRetryError):
            return isinstance(link.reason, NewConnectionError | ConnectTimeoutError)
        link = link.__cause__ or link.__context__
    return False


@contextmanager
def _overheard() -> Iterator[_Evidence]:
    evidence = _Evidence()
    LOGGER.addFilter(evidence)
    try:
        yield evidence
    finally:
        LOGGER.removeFilter(evidence)


# --- A folder -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredSms:
    """One line of the folder's file, as the mailbox page shows it. `at` is ISO 8601, UTC."""

    id: str
    at: str
    number: str
    text: str
    reference: str
    segments: int


class FolderSms:
    """Keeps SMS in `sms.jsonl` (mode 0600) instead of sending them; a reference handed over twice is kept once."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime]) -> None:
        """`now` gives aware UTC."""
        self._file = folder / "sms.jsonl"
        self._now = now

    def send(self, number: str, text: str, *, reference: str) -> SmsReceipt:
        """Accept every SMS that is not too long."""
        body = plain(text)
        if segments(body) > LONGEST:
            return SmsReceipt(SmsResult.REFUSED, detail="too long")
        kept_as = str(uuid5(NAMESPACE_URL, reference))
        sms = StoredSms(kept_as, self._now().isoformat(), number, body, reference, segments(body))
        self._keep(sms)
        return SmsReceipt(SmsResult.ACCEPTED, provider_id=kept_as)

    def accepted(self, reference: str) -> Verdict:
        """Proof for a send whose answer was lost."""
        return "yes" if any(sms.reference == reference for sms in self.stored()) else "no"

    def stored(self) -> list[StoredSms]:
        """Every SMS, oldest first. A last line cut by a crash was never acknowledged: it is left out."""
        if not self._file.exists():
            return []
        return _whole_lines(self._file.read_bytes())

    def _keep(self, sms: StoredSms) -> None:
        """Write under a lock, over what a crash left unfinished."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600), "rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = file.read()
            if any(kept.reference == sms.reference for kept in _whole_lines(content)):
                return
            file.seek(content.rfind(b"\n") + 1)
            file.truncate()
            file.write(json.dumps(asdict(sms), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(content: bytes) -> list[StoredSms]:
    return [StoredSms(**json.loads(line)) for line in content.split(b"\n")[:-1]]
