"""French spacing for what people read, and the narrow alphabet of an SMS."""

import re
import unicodedata
from typing import Final

NBSP: Final = "\N{NO-BREAK SPACE}"
BEFORE: Final = re.compile(r"[ \u00a0\u202f]+(?=[;:?!»](?:\s|$|[).,]))")
AFTER: Final = re.compile(r"«[ \u00a0\u202f]*")
NUMBER: Final = re.compile(r"(?<=\bn°) (?=\d)")

# Source: 3GPP TS 23.038, default alphabet. The extension's characters cost two septets: none is needed here but €.
GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
PLAIN: Final = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE", "€": "EUR"}
    | {"\u00a0": " ", "\u202f": " ", "«": '"', "»": '"'}
)


def french(text: str) -> str:
    """The same text with non-breaking spaces before ; : ? ! and inside « »; addresses of the web are left alone."""
    spaced = BEFORE.sub(NBSP, text)
    spaced = AFTER.sub(f"«{NBSP}", spaced)
    return NUMBER.sub(NBSP, spaced)


def gsm_7(text: str) -> str:
    """The same text in the alphabet that lets an SMS hold 160 characters; what has no equivalent becomes `?`."""
    return "".join(_septet(letter) for letter in text.translate(PLAIN))


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut between words where possible."""
    if len(text) <= length:
        return text
    cut = text[: length + 1].rsplit(" ", 1)[0]
    return cut if len(cut) <= length else text[:length]


def _septet(letter: str) -> str:
    if letter in GSM_7:
        return letter
    bare = "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c))
    return bare if bare and set(bare) <= GSM_7 else "?"
