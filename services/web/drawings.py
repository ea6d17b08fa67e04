"""Drawings of figures as SVG, made on the server: no script, no colour that speaks alone, sizes that no screen shrinks.

Widths are shares of the frame and letters keep their size, so that a drawing reads on a phone as on paper. Each says
what it is (title) and what it tells (description); the table beside it holds the numbers. Pure.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

ROW: Final = 46
LABEL: Final = 16
BAR: Final = 16
HEIGHT: Final = 150
FULL: Final = 82
"""The longest bar takes so many hundredths of the frame: its number stands beside it."""


class Bar(NamedTuple):
    """One value: its name, its size (None: kept back) and its words."""

    name: str
    size: float | None
    words: str


class Span(NamedTuple):
    """A delay: half of the cases within `middle`, nine in ten within `most`; None: kept back."""

    name: str
    middle: float | None
    most: float | None
    words: str


def bars(name: str, title: str, description: str, values: Sequence[Bar]) -> Markup:
    """One bar under the other, each with its name above it."""
    longest = max((bar.size or 0 for bar in values), default=0)
    drawn = Markup().join(_bar(bar, place * ROW, longest) for place, bar in enumerate(values))
    return _frame(name, title, description, drawn, height=len(values) * ROW)


def _bar(bar: Bar, top: int, longest: float) -> Markup:
    width = _share(bar.size, longest)
    shape = (
        _rect("bar", 0, top + LABEL + 4, width, BAR)
        if bar.size is not None
        else _rect("kept", 0, top + LABEL + 4, 6, BAR)
    )
    beside = width if bar.size is not None else 6
    return _text(0, top + LABEL, bar.name) + shape + _text(beside + 1, top + LABEL + BAR, bar.words, "value")


SPAN: Final = 68
"""The longest delay leaves more room: two numbers stand beside it."""


def spans(name: str, title: str, description: str, values: Sequence[Span]) -> Markup:
    """One line a delay: thick up to the median, thin up to nine cases in ten."""
    longest = max((span.most or span.middle or 0 for span in values), default=0)
    drawn = Markup()
    for place, span in enumerate(values):
        top = place * ROW
        middle, most = (_share(days, longest) * SPAN / FULL for days in (span.middle, span.most or span.middle))
        drawn += _text(0, top + LABEL, span.name)
        if span.middle is None:
            drawn += _rect("kept", 0, top + LABEL + 4, 6, BAR)
        else:
            drawn += _rect("thin", 0, top + LABEL + 4 + BAR // 3, most, BAR // 3)
            drawn += _rect("bar", 0, top + LABEL + 4, middle, BAR)
        drawn += _text((most if span.middle is not None else 6) + 1, top + LABEL + BAR, span.words, "value")
    return _frame(name, title, description, drawn, height=len(values) * ROW)


def columns(name: str, title: str, description: str, values: Sequence[Bar]) -> Markup:
    """One column beside the other, its name under it."""
    tallest = max((bar.size or 0 for bar in values), default=0) or 1
    each = 100 / max(1, len(values))
    drawn = Markup()
    for place, bar in enumerate(values):
        height = round((HEIGHT - 20) * (bar.size or 0) / tallest) if bar.size is not None else 4
        left, kind = place * each + each * 0.12, "bar" if bar.size is not None else "kept"
        shape = _rect(kind, left, HEIGHT - height, each * 0.76, height)
        drawn += Markup("<g><title>{}</title>{}</g>").format(bar.words, shape)
        drawn += _text(place * each + each / 2, HEIGHT + LABEL, bar.name, "under")
    return _frame(name, title, description, drawn, height=HEIGHT + LABEL + 6)


def _frame(name: str, title: str, description: str, drawn: Markup, *, height: int) -> Markup:
    return Markup(
        '<svg class="drawing" width="100%" height="{}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(height, name, name, name, title, name, description, drawn)


def _rect(kind: str, left: float, top: float, width: float, height: float) -> Markup:
    numbers = f"{left:.2f}", f"{top:.0f}", f"{width:.2f}", f"{height:.0f}"
    return Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>').format(kind, *numbers)


def _text(left: float, top: float, words: str, kind: str = "name") -> Markup:
    return Markup('<text class="{}" x="{}%" y="{}">{}</text>').format(kind, f"{left:.2f}", f"{top:.0f}", words)


def _share(size: float | None, longest: float) -> float:
    return FULL * (size or 0) / longest if longest else 0.0


def fall(values: Sequence[Bar]) -> tuple[str, str] | None:
    """Between which two neighbours the most is lost; None while one is kept back."""
    if any(bar.size is None for bar in values) or len(values) < 2:  # noqa: PLR2004
        return None
    before, after = max(pairwise(values), key=lambda pair: (pair[0].size or 0) - (pair[1].size or 0))
    return before.name, after.name
