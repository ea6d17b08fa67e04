"""Social-security numbers (NIR): found and masked, because Relais must never store one."""

import re
from collections.abc import Callable, Iterable
from typing import Final

MASK: Final = "[numéro de sécurité sociale masqué]"
COLUMN_SHARE: Final = 0.2
"""Share of filled cells that makes a column suspect: half-filled and mistyped columns are common."""

GROUPED: Final = 5
MODULUS: Final = 97

# Source: Insee, décret 82-103 — sex, year, month (20-42 and 50-99 when the register does not know it), department
# (2A and 2B for Corsica), commune, order, key. One space, dot or hyphen may part the groups.
_GAP: Final = r"[ \xa0\u202f.\-]?"
_BODY: Final = _GAP.join(
    (
        "[1-478]",
        "[0-9]{2}",
        "(?P<month>0[1-9]|1[0-2]|[23][0-9]|4[0-2]|[5-9][0-9])",
        "(?:0[1-9]|[1-9][0-9]|2[AaBb])",
        "[0-9]{3}",
        "[0-9]{3}",
    )
)
_KEYED: Final = re.compile(f"(?<![0-9A-Za-z]){_BODY}[ /\xa0\u202f.\\-]?(?P<key>[0-9]{{2}})(?![0-9A-Za-z])")
_BARE: Final = re.compile(f"(?<![0-9A-Za-z]){_BODY}(?![0-9A-Za-z])")
_SEPARATORS: Final = re.compile(r"[ \xa0\u202f.\-/]")


def mask_nir(text: str) -> tuple[str, int]:
    """The text with every NIR replaced by `MASK`, and how many there were.

    A run of 15 digits is masked only if its key is right, one of 13 only if it begins like a birth date: gas and
    electricity delivery points, SIRET and telephone numbers stay. A number parted the way it is printed on the card
    is masked even with a wrong key: someone mistyped it.
    """
    text, keyed = _substituted(_KEYED, _has_right_key, text)
    text, bare = _substituted(_BARE, _begins_like_a_birth_date, text)
    return text, keyed + bare


def looks_like_nir_column(values: Iterable[str]) -> bool:
    """Whether a column of an import holds NIR: a fifth of its filled cells are one, and nothing else."""
    filled = [value.strip() for value in values if value.strip()]
    found = sum(mask_nir(value)[0] == MASK for value in filled)
    return bool(filled) and found / len(filled) >= COLUMN_SHARE


def _substituted(pattern: re.Pattern[str], is_nir: Callable[[re.Match[str]], bool], text: str) -> tuple[str, int]:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if not (_is_grouped(match) or is_nir(match)):
            return match[0]
        count += 1
        return MASK

    return pattern.sub(replace, text), count


def _is_grouped(match: re.Match[str]) -> bool:
    return len(_SEPARATORS.findall(match[0])) >= GROUPED


def _begins_like_a_birth_date(match: re.Match[str]) -> bool:
    return match[0][0] in "12" and match["month"] <= "12"


def _has_right_key(match: re.Match[str]) -> bool:
    return _key(_SEPARATORS.sub("", match[0])[:13]) == int(match["key"])


def _key(body: str) -> int:
    """97 minus the remainder by 97; Corsica counts as 19 (2A) and 18 (2B)."""
    digits = body.upper().replace("2A", "19").replace("2B", "18")
    return MODULUS - int(digits) % MODULUS
