"""The day's letters as one PDF, ready to print, fold and slip into window envelopes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Final

import typst

from services.foundation import wording

ADDRESS_LINES: Final = 6
ADDRESS_WIDTH: Final = 38
"""Source: NF Z 10-011 — a postal address has at most six lines of 38 characters."""


@dataclass(frozen=True)
class Sender:
    """Who writes: the local public name of the service, its address, and what the foot of the page says."""

    name: str
    address: tuple[str, ...]
    place: str
    phone: str
    foot: str


@dataclass(frozen=True)
class Letter:
    """One letter, all data: nothing in it is read as markup. `code` opens the reader's page; `phone` is E.164."""

    address: tuple[str, ...]
    reference: str
    subject: str
    paragraphs: tuple[str, ...]
    signed_by: str
    phone: str
    role: str = ""
    code: str = ""

    def __post_init__(self) -> None:
        """Refuse an address that would not show in the window."""
        if not 1 < len(self.address) <= ADDRESS_LINES:
            raise ValueError(f"an address has from two to {ADDRESS_LINES} lines")
        if any(len(line) > ADDRESS_WIDTH for line in self.address):
            raise ValueError(f"a line of an address has at most {ADDRESS_WIDTH} characters")


def render_batch(letters: Sequence[Letter], *, sender: Sender, day: date) -> bytes:
    """One tagged PDF (PDF/UA-1), each letter on a page of its own, in the order given. Print on one side only.

    The same input gives the same bytes, on any machine: only the typefaces that typst carries are used.
    """
    if not letters:
        raise ValueError("a batch holds at least one letter")
    content: dict[str, object] = {
        "title": f"Courriers du {wording.day(day)}{wording.NBSP}{day.year}",
        "place_and_day": f"{sender.place}, le {wording.day(day)}{wording.NBSP}{day.year}",
        "sender": asdict(sender) | {"phone": wording.phone(sender.phone)},
        "letters": [asdict(letter) | {"phone": wording.phone(letter.phone)} for letter in letters],
    }
    return _compiled(content, printed_at=datetime.combine(day, time(), tzinfo=UTC))


def _compiled(content: dict[str, object], *, printed_at: datetime) -> bytes:
    template = files("services.channels").joinpath("letters.typ").read_bytes()
    compiler = typst.Compiler(template, ignore_system_fonts=True, sys_inputs={"content": json.dumps(content)})
    pdf = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=printed_at)
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave no PDF")
    return pdf
