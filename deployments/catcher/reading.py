"""Reads a raw mail, however malformed, into what a page can show."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser
from typing import Final, cast

SHOWN_AS_BODY: Final = {"text/plain", "text/html"}
LINK: Final = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
AFTER_A_LINK: Final = ".,;:!?)]}»\u00a0"


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str:
        """Return the first header of that name, decoded, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets; a folded or encoded one is put back together."""
        return "".join(self.header("Message-ID").split())


def read(raw: bytes) -> Mail:
    """Parse a mail; never raises for bad MIME, charsets or headers: a wrong character is shown as �."""
    message = message_from_bytes(raw)
    bodies: dict[str, str] = {}
    attachments: list[Attachment] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if kind in SHOWN_AS_BODY and kind not in bodies and not _is_attached(part):
            bodies[kind] = _text(part)
        else:
            name = _file_name(part) or f"piece-jointe-{len(attachments) + 1}"
            attachments.append(Attachment(name, kind, _content(part)))
    headers = tuple((clean(name), _decoded(value)) for name, value in message.raw_items())
    return Mail(headers, bodies.get("text/plain"), bodies.get("text/html"), tuple(attachments))


def clean(value: str) -> str:
    """Return the text as UTF-8 can carry it: raw bytes that the parser smuggled through are decoded or replaced."""
    try:
        octets = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = value.encode("utf-8", "replace")
    return octets.decode("utf-8", "replace")


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Cut a text into (piece, is it a web address), leaving the punctuation of the sentence out of the address."""
    end = 0
    for found in LINK.finditer(text):
        address = found.group().rstrip(AFTER_A_LINK)
        yield text[end : found.start()], False
        yield address, True
        end = found.start() + len(address)
    yield text[end:], False


def links_of(html: str) -> list[str]:
    """List the web addresses that the HTML part links to, once each; other schemes are left out."""
    collector = _Links()
    collector.feed(html)
    return list(dict.fromkeys(collector.found))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") or ""
        if tag == "a" and LINK.match(address):
            self.found.append(address)


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def _content(part: Message) -> bytes:
    return cast("bytes | None", part.get_payload(decode=True)) or b""


def _text(part: Message) -> str:
    charset = part.get_content_charset() or "utf-8"
    try:
        return clean(_content(part).decode(charset, "replace"))
    except (LookupError, ValueError):
        return _content(part).decode("utf-8", "replace")


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename()
    except (LookupError, ValueError):
        return ""
    return _decoded(name).replace("\\", "/").rsplit("/", 1)[-1].strip() if name else ""


def _decoded(value: str) -> str:
    """Unfold and decode one header; one that cannot be decoded is shown as it came."""
    unfolded = re.sub(r"[\r\n]+[ \t]?", " ", clean(value)).strip()
    try:
        return clean(str(make_header(decode_header(unfolded))))
    except (HeaderParseError, LookupError, ValueError):
        return unfolded
