"""What a person typed in a mail: HTML made text, the quoted mail cut away, the signature kept, nothing secret left."""

import re
import unicodedata
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final

from services.foundation.nir import mask_nir

LONGEST_TEXT: Final = 10_000
LONGEST_HTML: Final = 300_000  # what was typed comes first; a whole thread of ten years may follow
MASKED_LINK: Final = "[lien masqué]"
CUT: Final = "-----Message d’origine-----"

# The links of our own mails open something: quoted in an answer, they would open it to whoever reads the note.
OUR_LINK: Final = re.compile(r"https?://[^\s<>\"]+/(?:l|acces|demande)/[^\s<>\"]+")
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
SEPARATOR: Final = re.compile(
    r"^[\s*_-]*(?:message d.origine|message original|message transféré|original message|forwarded message|"
    r"début du message (?:transféré|réexpédié)|begin forwarded message)[\s:*_-]*$",
    re.IGNORECASE,
)
RULE: Final = re.compile(r"^\s*_{10,}\s*$")
ATTRIBUTION: Final = re.compile(
    r"^(?:(?:le|on)\b.{4,300}?|.{1,200}<[^<>\s]+@[^<>\s]+>\s*)(?:a écrit|wrote)\s*:?$", re.IGNORECASE
)
DATED: Final = re.compile(r"^(?:le|on)\b", re.IGNORECASE)
FIELD: Final = re.compile(
    r"^[\s>*]*(?:de|from|envoyé|sent|date|à|to|cc|objet|subject|répondre à|reply-to)[\s*]*:", re.IGNORECASE
)
FIRST_FIELD: Final = re.compile(r"^[\s*]*(?:de|from)[\s*]*:", re.IGNORECASE)
FIELDS: Final = 3
"""How many lines in a row make the head of a quoted mail (De, Envoyé, Objet)."""
ATTRIBUTION_LINES: Final = 3


def typed(text: str) -> str:
    """What the writer of a mail typed himself, without the mail that he answers.

    An answer below or between the quoted lines is kept. "" when nothing but quotes is there.
    """
    lines = clean(text).splitlines()
    kept: list[str] = []
    at = 0
    while at < len(lines):
        quoted = _quoted_head(lines, at)
        if quoted and any(line.strip() for line in kept):
            break
        skipped = quoted or _attribution(lines, at) or int(lines[at].lstrip().startswith(">"))
        if not skipped:
            kept.append(lines[at].rstrip())
        at += skipped or 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def clean(text: str) -> str:
    """Without control characters, invisible directions, our own links and social-security numbers."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    plain = CONTROL.sub("", lines)
    return mask_nir(OUR_LINK.sub(MASKED_LINK, plain))[0]


def shortened(text: str) -> tuple[str, bool]:
    """As much as is kept, and whether something is missing."""
    return (text, False) if len(text) <= LONGEST_TEXT else (text[:LONGEST_TEXT].rstrip(), True)


def text_of_html(html: str) -> str:
    """The words of a page of HTML, a line for each block, quoted blocks marked with `>`."""
    reader = _Reader()
    reader.feed(html[:LONGEST_HTML])
    reader.close()
    return reader.text()


def _quoted_head(lines: Sequence[str], at: int) -> int:
    """How many lines announce that all below is the answered mail; 0 if none do."""
    announced = SEPARATOR.match(lines[at]) is not None
    if not announced and not RULE.match(lines[at]):
        return _fields(lines, at)
    following = next((below for below in range(at + 1, len(lines)) if lines[below].strip()), at + 1)
    head = _fields(lines, following)
    return following + head - at if head else int(announced)


def _fields(lines: Sequence[str], at: int) -> int:
    if at >= len(lines) or not FIRST_FIELD.match(lines[at]):
        return 0
    count = 0
    while at + count < len(lines) and FIELD.match(lines[at + count]):
        count += 1
    return count if count >= FIELDS else 0


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines say "Le …, … a écrit :" before a quote; mail programs break it over two or three.

    They leave no line empty in it; a line above it that begins with the same word ("Le bailleur accepte.") was typed.
    """
    for count in range(1, ATTRIBUTION_LINES + 1):
        part = [line.strip() for line in lines[at : at + count]]
        if not all(part):
            return 0
        if not ATTRIBUTION.match(" ".join(part)):
            continue
        if any(_begins_one(part[later:]) for later in range(1, count)):
            return 0
        following = next((line for line in lines[at + count :] if line.strip()), "")
        if following.lstrip().startswith(">") or "@" in " ".join(part):
            return count
    return 0


def _begins_one(part: Sequence[str]) -> bool:
    return DATED.match(part[0]) is not None and ATTRIBUTION.match(" ".join(part)) is not None


class _Reader(HTMLParser):
    """Collects the words of a page, with what is said of them by its blocks."""

    SILENT: Final = frozenset({"script", "style", "head", "title", "template"})
    BLOCKS: Final = frozenset({"p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "pre", "hr"})
    QUOTED_IDS: Final = frozenset({"divrplyfwdmsg", "appendonsend"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.silent, self.quoted = 0, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.SILENT:
            self.silent += 1
        elif tag == "blockquote":
            self._line()
            self.quoted += 1
        elif tag == "br":
            self.lines.append("")
        elif tag in self.BLOCKS:
            self._line()
            if str(dict(attrs).get("id") or "").lower() in self.QUOTED_IDS:
                self.lines += [CUT, ""]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "blockquote":
            self._line()
            self.quoted = max(0, self.quoted - 1)
        elif tag == "p":
            self.lines += ["", ""]
        elif tag in self.BLOCKS:
            self._line()

    def handle_data(self, data: str) -> None:
        if self.silent:
            return
        words = re.sub(r"[ \t\r\n]+", " ", data)
        if not self.lines[-1]:
            words = words.lstrip(" ")
            if self.quoted and words:
                words = f"> {words}"
        self.lines[-1] += words

    def text(self) -> str:
        return "\n".join(line.rstrip(" ") for line in self.lines)

    def _line(self) -> None:
        if self.lines[-1]:
            self.lines.append("")
