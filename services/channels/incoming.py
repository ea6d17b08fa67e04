"""Reads a mail that came to us, whatever its shape: who wrote what, to which of our mails, or which machine did."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as Mail
from email.utils import parseaddr
from typing import Final

from models.vocabulary import IncomingKind, Suggestion
from services.channels.bounces import Bounce, ids_in, is_receipt, read_bounce
from services.channels.quoting import clean, shortened, text_of_html, typed

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a mail that are read; what comes after is told to be missing."""
LONGEST_READ: Final = 200_000
"""Characters in which the words that were typed are looked for, quotes included."""

DEEPEST: Final = 20
MOST_IDS: Final = 50
MOST_FILES: Final = 10
LONGEST_LINE: Final = 200
SIGNATURES: Final = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
REPORTS: Final = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})
WESTERN: Final = frozenset({"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"})
"""What Windows programs say for cp1252, whose apostrophes these sets do not have."""

# Source: RFC 3834 §2 and §5; the others are what Exchange, Gmail, Lotus and vacation programs add.
AUTOMATIC_FIELDS: Final = (
    "X-Autoreply",
    "X-Autorespond",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "X-FC-MachineGenerated",
)
BULK: Final = frozenset({"bulk", "junk", "auto_reply", "auto-reply"})  # not `list`: a shared mailbox may be one
AUTOMATIC_SUBJECT: Final = re.compile(
    r"^(?:re ?: ?)?(?:reponse automatique|reponse d.absence|reponse auto\b|message automatique|message d.absence|"
    r"notification d.absence|avis d.absence|absence du bureau|absente? du bureau|en dehors du bureau|automatic reply|"
    r"auto-?reply|auto ?:|out of (?:the )?office)"
)
GREETING: Final = re.compile(r"^(?:bonjour|bonsoir|madame|monsieur|mesdames|messieurs|chere?s?)\b.{0,60}$")
NO: Final = r"(?:refusee?|refus|je refuse|nous refusons)"
YES: Final = "(?:oui[ ,;:.!]+)?"
SUGGESTED: Final[tuple[tuple[re.Pattern[str], Suggestion], ...]] = (
    (re.compile(rf"^{NO}\b.{{0,20}}\bcomplete?s?\b|^complete?s?\b"), Suggestion.FULL),
    (re.compile(rf"^{NO}\b"), Suggestion.DECLINE),
    (re.compile(rf"^{YES}(?:acceptee?|j.accepte|nous acceptons|c.est d.accord|d.accord)\b"), Suggestion.ACCEPT),
    (re.compile(r"^oui[ .!]*$"), Suggestion.ACCEPT),
    (re.compile(r"^(?:rdv|rendez-vous)\b.{0,20}\d"), Suggestion.APPOINTMENT),
    (re.compile(r"^(?:fait|terminee?|dossier (?:clos|termine))\b"), Suggestion.DONE),
)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One mail as it was read. `answers` are the Message-IDs that it refers to, the nearest first.

    `sender` is what it claims, no proof. `refused` are the names of files that are not taken.
    """

    message_id: str
    kind: IncomingKind
    answers: tuple[str, ...] = ()
    sender: str = ""
    subject: str = ""
    text: str = ""
    refused: tuple[str, ...] = ()
    is_cut: bool = False
    bounce: Bounce | None = None
    suggestion: Suggestion | None = None


@dataclass
class _Parts:
    texts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read_incoming(content: bytes, *, size: int, own: Collection[str]) -> Incoming:
    """Read a mail from its first bytes (`size`: of how many). `own` are our addresses, in lower case. Never raises."""
    try:
        return _read(content, is_cut=size > len(content), own=own)
    except Exception:  # noqa: BLE001 - a mail that breaks the parser must not keep the others from being read
        return Incoming(message_id=_hash(content), kind=IncomingKind.UNREADABLE)


def _read(content: bytes, *, is_cut: bool, own: Collection[str]) -> Incoming:
    mail = message_from_bytes(content)
    parts = _Parts()
    _gather(mail, parts, depth=0)
    whole = "\n\n".join(parts.texts)
    sender = _line(parseaddr(_header(mail, "From"))[1].lower())
    bounce = read_bounce(mail, sender=sender, prose=whole)
    subject = _line(_header(mail, "Subject"))
    kind = _kind(mail, sender=sender, subject=subject, bounce=bounce, own=own)
    text, shorter = shortened("" if bounce else typed(whole[:LONGEST_READ]))
    own_ids = ids_in(_header(mail, "Message-ID"))
    return Incoming(
        message_id=own_ids[0] if own_ids else _hash(content),
        kind=kind,
        answers=tuple(_answers(mail, bounce))[:MOST_IDS],
        sender=sender,
        subject=subject,
        text=text,
        refused=() if bounce else tuple(parts.files[:MOST_FILES]),
        is_cut=is_cut or shorter,
        bounce=bounce,
        suggestion=suggested(text) if kind is IncomingKind.REPLY else None,
    )


def _kind(mail: Mail, *, sender: str, subject: str, bounce: Bounce | None, own: Collection[str]) -> IncomingKind:
    if bounce is not None:
        kinds = {"failed": IncomingKind.BOUNCE, "delayed": IncomingKind.DELAY, "delivered": IncomingKind.NOTICE}
        return kinds[bounce.verdict]
    if is_receipt(mail):
        return IncomingKind.NOTICE
    if sender in own:
        return IncomingKind.LOOP
    return IncomingKind.AUTOMATIC if _is_automatic(mail, subject) else IncomingKind.REPLY


def _is_automatic(mail: Mail, subject: str) -> bool:
    submitted = _header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or any(mail.get(name) is not None for name in AUTOMATIC_FIELDS)
        or _header(mail, "Precedence").strip().lower() in BULK
        or _header(mail, "Return-Path").strip() == "<>"
        or AUTOMATIC_SUBJECT.match(_plain(subject)) is not None
    )


def suggested(text: str) -> Suggestion | None:
    """What the first words seem to say, once the greeting is passed over; None for anything less than plain."""
    lines = [_plain(line) for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if not GREETING.match(line)), "")
    return next((meaning for pattern, meaning in SUGGESTED if pattern.search(first)), None)


def _plain(text: str) -> str:
    """Lower case, without accents, with straight apostrophes."""
    flat = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return flat.lower().replace("’", "'").strip(" *_\t\xa0")


def _answers(mail: Mail, bounce: Bounce | None) -> Iterator[str]:
    if bounce is not None:
        yield from bounce.originals
    yield from ids_in(_header(mail, "In-Reply-To"))
    yield from reversed(ids_in(_header(mail, "References")))


def _gather(part: Mail, parts: _Parts, *, depth: int) -> None:
    """The texts of a mail in their order, and the names of its files."""
    kind = part.get_content_type()
    if depth > DEEPEST or kind in SIGNATURES or kind in REPORTS:
        return
    payload = part.get_payload()
    if kind == "multipart/alternative" and isinstance(payload, list):
        _gather_best(payload, parts, depth=depth)
    elif part.is_multipart() and not kind.startswith("message/") and isinstance(payload, list):
        for inner in payload:
            if isinstance(inner, Mail):
                _gather(inner, parts, depth=depth + 1)
    elif _is_text(part):
        parts.texts.append(_text(part))
    elif not _is_decoration(part):
        parts.files.append(_name(part))


def _gather_best(payload: Sequence[object], parts: _Parts, *, depth: int) -> None:
    """The same words in several forms: the first that says something, plain text before HTML; the files of all."""
    forms = []
    for inner in payload:
        if isinstance(inner, Mail):
            found = _Parts()
            _gather(inner, found, depth=depth + 1)
            forms.append(found)
    best = next((each.texts for each in forms if any(text.strip() for text in each.texts)), [])
    parts.texts += best
    parts.files += [name for each in forms for name in each.files]


def _is_text(part: Mail) -> bool:
    is_file = part.get_content_disposition() == "attachment" or part.get_filename() is not None
    return part.get_content_type() in {"text/plain", "text/html"} and not is_file


def _is_decoration(part: Mail) -> bool:
    """A picture that the text shows: the logo of a signature."""
    is_shown = part.get("Content-ID") is not None and part.get_content_disposition() != "attachment"
    return is_shown and part.get_content_maintype() == "image"


def _text(part: Mail) -> str:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    text = _decoded(raw, part.get_content_charset() or "utf-8")
    return text_of_html(text) if part.get_content_type() == "text/html" else text


def _decoded(raw: bytes, charset: str) -> str:
    named = "cp1252" if charset.lower() in WESTERN - {"us-ascii", "ascii"} else charset
    for each in (named, "utf-8"):
        try:
            return raw.decode(each)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("cp1252", "replace")


def _name(part: Mail) -> str:
    if part.get_content_maintype() == "message":
        return "message joint"
    return _line(_unfolded(part.get_filename() or "")) or "fichier sans nom"


def _header(mail: Mail, name: str) -> str:
    """The first field of this name, decoded; bytes that no rule allows are read as UTF-8."""
    raw = next((str(value) for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    return _unfolded(raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _unfolded(raw: str) -> str:
    flat = re.sub(r"\r?\n[ \t]?", " ", raw)
    try:
        pieces = decode_header(flat)
    except (HeaderParseError, ValueError):
        return flat
    words = (piece if isinstance(piece, str) else _decoded(piece, charset or "utf-8") for piece, charset in pieces)
    return "".join(words)


def _line(text: str) -> str:
    return " ".join(clean(text).split())[:LONGEST_LINE]


def _hash(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
