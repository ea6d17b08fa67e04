"""What a household holds of us, worked out from the installation's key and never stored.

The *code* of its letters opens, with the last digits of its telephone, the page that says where its case stands. The
*word* of its visit is said by whoever rings at the door: the letter and the SMS give it, and our page knows it.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final
from uuid import UUID

from models.cases import Case
from services.foundation.tokens import Secrets

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowel, so that no word appears; nothing that is read as a figure."""
LETTERS_OF_A_CODE: Final = 4
_CODE: Final = re.compile(rf"([0-9]{{2}})([0-9]{{1,6}})([{LETTERS}]{{{LETTERS_OF_A_CODE}}})")


def code_of(secrets: Secrets, case: Case) -> str:
    """`26-34-KTRM`, for the case 2026-00034."""
    year, _, serial = case.number.partition("-")
    return f"{year[2:]}-{int(serial)}-{_letters(secrets, case.id)}"


def number_in(code: str) -> str | None:
    """The case that a code names, however it was typed: dashes, spaces and small letters do not matter."""
    found = _CODE.fullmatch(_bare(code))
    return f"20{found[1]}-{int(found[2]):05d}" if found else None


def opens(secrets: Secrets, code: str, case: Case) -> bool:
    """Whether this is the code of that case; compared in constant time."""
    return hmac.compare_digest(_bare(code).encode(), _bare(code_of(secrets, case)).encode())


def visit_word(secrets: Secrets, visit_id: UUID) -> str:
    """`tilleul`: the same for one visit, whenever it is moved to."""
    words = visit_words()
    return words[_drawn(secrets.sign("visit-word", str(visit_id))) % len(words)]


@cache
def visit_words() -> Sequence[str]:
    """Plain nouns that everybody can say at a door and nobody mishears."""
    return tuple(resources.files("services.rules.texts").joinpath("visit_words.txt").read_text("utf-8").split())


def _bare(code: str) -> str:
    return re.sub(r"[\s.\-\u2010-\u2015]", "", code).upper()


def _letters(secrets: Secrets, case_id: UUID) -> str:
    drawn, letters = _drawn(secrets.sign("household-code", str(case_id))), ""
    for _ in range(LETTERS_OF_A_CODE):
        drawn, rest = divmod(drawn, len(LETTERS))
        letters += LETTERS[rest]
    return letters


def _drawn(signature: str) -> int:
    return int(hashlib.sha256(signature.encode()).hexdigest(), 16)
