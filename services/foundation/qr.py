"""QR codes as SVG: no style, no script, so that they stand in a page or on paper as they are."""

import segno


def drawn(text: str, *, title: str, scale: int = 5) -> str:
    """The SVG element of a text; `title` says to those who do not see it what it is."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=scale, border=3, title=title, light="#fff")
