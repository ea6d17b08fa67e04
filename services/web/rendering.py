"""The template environment: strict, escaped, French in its spaces and dates, its static files named by content."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from services.cases.documents import AT_MOST, LARGEST, TOO_HEAVY
from services.foundation import wording
from services.foundation.tokens import new_token

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
FINGERPRINT_LENGTH: Final = 10
HTMX: Final = "vendor/htmx/htmx.min.js"

NBSP: Final = "\N{NO-BREAK SPACE}"
UNBREAKABLE: Final = re.compile(rf"(?<=«) | (?=[;:?!»%€])|(?<=\d) (?=h\b)|(?<=\d[ {NBSP}]h) (?=\d)")
"""Spaces that French does not break: inside guillemets, before double signs and units, in `17 h 40`."""

MARKUP: Final = re.compile(r"[&<>\"']")


@dataclass(frozen=True)
class Link:
    """One entry of the desk's navigation or of a row of tabs."""

    label: str
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Flash:
    """What the last act did, told once at the top of the next page. `tone` is ok, info, soon or late."""

    text: str
    tone: str = "ok"


@dataclass(frozen=True)
class HeldLine:
    """Something just sent that waits: what it is, of which case, and for how many seconds it may be taken back."""

    id: str
    what: str
    reference: str
    seconds: int


@dataclass(frozen=True)
class Shell:
    """What surrounds every page: whose desk it is, where one can go, what was just done."""

    dispositif: str
    person: str = ""
    links: Sequence[Link] = ()
    more: Sequence[Link] = ()
    flash: Flash | None = None
    searches: bool = False
    query: str = ""
    today: date | None = None
    held: Sequence[HeldLine] = ()


@dataclass(frozen=True)
class Form:
    """What was typed, what is wrong with it, the key that lets one sending count once, the last event that was `seen`.

    `errors` maps a field's name to a sentence; the key `""` is for what concerns no field in particular.
    """

    entered: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seen: int | None = None
    once: str = field(default_factory=new_token)
    labels: dict[str, str] = field(default_factory=dict, compare=False)

    def named(self, name: str, label: str) -> str:
        """Remember what a field is called, as it is drawn, for the summary of errors; prints nothing."""
        self.labels.setdefault(name, label)
        return ""

    def summary(self) -> list[tuple[str, str, str]]:
        """What is wrong, in the order of the page: the field's name, what it is called, the sentence."""
        places = {name: place for place, name in enumerate(self.labels)}
        wrong = sorted(self.errors.items(), key=lambda each: places.get(each[0], len(places)))
        return [(name, self.labels.get(name, ""), sentence) for name, sentence in wrong]


class FrenchSpacing(Extension):
    """Put the non-breaking spaces of French in the text of a template, once, when it is compiled.

    Authors type ordinary spaces. Values are left alone, so that what a person typed comes back as typed: pass
    sentences built in Python through the `nbsp` filter. Give this extension to Babel too, so that keys agree.
    """

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.type in {"data", "string"}:
                yield Token(token.lineno, token.type, nbsp(token.value))
            else:
                yield token


class SaidOnce(Extension):
    """Put a sentence without values in its place when its template is compiled, rather than at each rendering.

    An environment speaks one language; a second one looks its sentences up here. A page of fifty lines says some three
    hundred. Babel does without this extension: it must see the calls.
    """

    priority = FrenchSpacing.priority + 1

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        for token in stream:
            if token.test("name:_") and stream.current.type == "lparen":
                yield from self._said(token, next(stream), next(stream), stream.current, stream=stream)
            else:
                yield token

    def _said(self, *call: Token, stream: TokenStream) -> Iterable[Token]:
        name, opening, words, closing = call
        if words.type == "string" and closing.type == "rparen" and not MARKUP.search(words.value):
            next(stream)
            yield words
        else:
            yield from (name, opening, words)


class Pages(Environment):
    """What pages are given are plain dictionaries: their keys are looked at first."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As the base, for a dictionary the other way round."""
        return obj[attribute] if type(obj) is dict and attribute in obj else super().getattr(obj, attribute)


@cache
def environment() -> Environment:
    """The environment every page, and nothing but pages, is rendered with."""
    pages = Pages(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", FrenchSpacing, SaidOnce],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.policies["ext.i18n.trimmed"] = True
    # The source language is French: null translations print the source, a second language plugs in here.
    pages.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    pages.filters.update(FILTERS)
    pages.globals["static"] = static
    pages.globals.update(largest_file=LARGEST, at_most=AT_MOST, too_heavy=TOO_HEAVY)
    pages.globals["htmx"] = static(HTMX) if (STATIC / HTMX).exists() else ""  # every page works without it
    return pages


@cache
def static(name: str) -> str:
    """Address of a static file with a mark of its content, so that it may be cached for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:FINGERPRINT_LENGTH]}"


def nbsp(text: str) -> str:
    """The same text, its French spaces non-breaking; text marked as safe stays so."""
    spaced = UNBREAKABLE.sub(NBSP, text)
    return Markup(spaced) if isinstance(text, Markup) else spaced  # noqa: S704 - no character of markup is added


def moment(local: datetime, zone: ZoneInfo | None = None) -> str:
    """`mardi 2 décembre à 14 h 30` in `zone`, by default the one the datetime carries; a bare offset will not do."""
    clocks = zone or local.tzinfo
    if not isinstance(clocks, ZoneInfo):
        raise TypeError("convert to the dispositif's time zone before showing a moment")
    return wording.moment(local, clocks)


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "day": wording.day,
    "short_day": wording.shortest,
    "moment": moment,
    "euros": wording.euros,
    "phone": wording.phone,
    "nbsp": nbsp,
}
