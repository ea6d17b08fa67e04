"""Turns a written text into a mail: text first, the same in HTML, an invitation if any; same inputs, same bytes."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

import css_inline
from jinja2 import Environment, StrictUndefined, Template

from services.foundation.errors import CaseworkError
from services.rules.texts.typography import NBSP

# One address, of ASCII: an accent in it would need an extension that few mail servers speak.
ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
MESSAGE_ID: Final = re.compile(r"<?([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+)@([A-Za-z0-9.-]+)>?")
THREAD: Final = re.compile(r"[A-Za-z0-9._-]+")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
TITLE: Final = re.compile(r"\d+ sur \d+ – .+")
LINK: Final = re.compile(r"https?://\S+")
FACT: Final = re.compile(rf"([^.?!:{NBSP}][^.?!:]*){NBSP}: (.+)")
METHOD: Final = re.compile(rb"^METHOD:([A-Z]+)\r?$", re.MULTILINE)


class _Remembering(EmailPolicy):
    """Reads and folds once a header that many mails share; anew for each of them, it was two thirds of writing one."""

    def header_max_count(self, name: str) -> int | None:
        return _at_most(name)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return name, value if hasattr(value, "name") else _parsed(name, str(value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return _folded(name, value)


class BadHeader(CaseworkError):
    """A value cannot be written in a mail's header: a line break, no address, or more than one."""

    status_code = 422
    code = "bad-header"

    def __init__(self, header: str) -> None:
        """`header` is its name; the value, maybe an address, is not repeated."""
        super().__init__(f"Le message ne peut pas partir{NBSP}: son champ «{NBSP}{header}{NBSP}» n’est pas valable.")
        self.header = header


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All that a mail is made of. Addresses are bare (`a@b.fr`), one each; `programme` is shown as the sender's name.

    `message_id` is fixed by the ledger, with or without its angle brackets. `thread` names the case (its reference or
    id): every mail of a case answers one root that was never sent, so mailboxes show them together. `at` is aware.
    `ics` is a whole calendar object, its METHOD (REQUEST, CANCEL) inside. `stop_link`: a POST there stops such mails.
    """

    subject: str
    body: str
    programme: str
    sender: str
    reply_to: str
    recipient: str
    message_id: str
    thread: str
    at: datetime
    ics: bytes | None = None
    stop_link: str | None = None


class Block(NamedTuple):
    """One paragraph of a body: a link with what it does, a list of facts, the title of a part, or lines."""

    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    action: str = ""
    link: str = ""
    title: str = ""


def compose(draft: Draft) -> EmailMessage:
    """Build the mail. Raises `BadHeader`. Nothing in it calls home: no image, no tracker, no remote style."""
    mail = EmailMessage(policy=_POLICY)
    _head(mail, draft)
    mail.set_content(draft.body, cte="quoted-printable")
    mail.add_alternative(_html(draft), subtype="html", cte="quoted-printable")
    if draft.ics is not None:
        _invite(mail, draft.ics)
    for depth, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(_boundary(draft.message_id, depth))
    return mail


def blocks(body: str) -> list[Block]:
    """Cut a body into paragraphs. A link counts as one only alone on its line, which no name can forge."""
    return [_block(tuple(paragraph.splitlines())) for paragraph in body.strip().split("\n\n")]


def _head(mail: EmailMessage, draft: Draft) -> None:
    local, domain = _message_id(draft.message_id)
    if not THREAD.fullmatch(draft.thread):
        raise BadHeader("References")
    root = f"<{draft.thread}.thread@{domain}>"
    mail["From"] = _sender(_line("From", draft.programme), _address("From", draft.sender))
    mail["To"] = _address("To", draft.recipient)
    mail["Reply-To"] = _address("Reply-To", draft.reply_to)
    mail["Subject"] = _line("Subject", draft.subject)
    mail["Date"] = _date(draft.at)
    mail["Message-ID"] = f"<{local}@{domain}>"
    mail["In-Reply-To"] = root
    mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    if draft.stop_link is not None:  # Source: RFC 8058 - one click in the mailbox, a POST that no scanner makes
        mail["List-Unsubscribe"] = f"<{_line('List-Unsubscribe', draft.stop_link)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


@lru_cache(maxsize=64)
def _sender(name: str, address: str) -> Any:
    return SMTP.header_factory("From", Address(display_name=name, addr_spec=address))


@lru_cache(maxsize=64)
def _at_most(name: str) -> int | None:
    return SMTP.header_max_count(name)


@lru_cache(maxsize=512)
def _parsed(name: str, value: str) -> Any:
    return SMTP.header_store_parse(name, value)[1]


@lru_cache(maxsize=512)
def _folded(name: str, value: Any) -> bytes:
    return SMTP.fold_binary(name, value)


_POLICY: Final = _Remembering(linesep=SMTP.linesep)


def _invite(mail: EmailMessage, ics: bytes) -> None:
    """Twice, for both sorts of calendars: those that read an alternative part, those that open an attachment."""
    found = METHOD.search(ics)
    if found is None:
        raise BadHeader("Content-Type")
    method = found[1].decode()
    mail.add_alternative(ics.decode(), subtype="calendar", cte="base64", params={"method": method})
    name = "annulation.ics" if method == "CANCEL" else "invitation.ics"
    mail.add_attachment(ics, maintype="application", subtype="ics", filename=name)


def _block(lines: tuple[str, ...]) -> Block:
    if LINK.fullmatch(lines[-1]):
        action = " ".join(lines[:-1]).rstrip(f": {NBSP}")
        return Block(link=lines[-1], action=action or "Ouvrir")
    if len(lines) == 1 and TITLE.fullmatch(lines[0]):
        return Block(title=lines[0])
    facts = [FACT.fullmatch(line) for line in lines]
    if len(lines) > 1 and all(facts):
        return Block(facts=tuple((fact[1], fact[2]) for fact in facts if fact))
    return Block(lines=lines)


def _html(draft: Draft) -> str:
    return _layout().render(subject=draft.subject, programme=draft.programme, blocks=blocks(draft.body))


@cache
def _layout() -> Template:
    """The layout, its styles written on each element once for all: inlining takes ten milliseconds a mail."""
    source = resources.files(__package__).joinpath("mail.html.j2").read_text(encoding="utf-8")
    inlined = css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False).inline(source)
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(inlined)


def _line(header: str, value: str) -> str:
    if not value.strip() or CONTROL.search(value):
        raise BadHeader(header)
    return value


def _address(header: str, value: str) -> str:
    if not ADDRESS.fullmatch(value):
        raise BadHeader(header)
    return value


def _message_id(value: str) -> tuple[str, str]:
    found = MESSAGE_ID.fullmatch(value)
    if found is None:
        raise BadHeader("Message-ID")
    return found[1], found[2]


def _date(at: datetime) -> str:
    if at.utcoffset() is None:
        raise ValueError("a naive datetime cannot date a mail: give it a zone")
    return format_datetime(at.astimezone(UTC))


def _boundary(message_id: str, depth: int) -> str:
    return f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}_{depth}"
