"""Passwords: what may be one, how it is kept, whether it is the right one. Source: OWASP ASVS 5.0, 6.2."""

import threading
from collections.abc import Iterable
from functools import cache
from typing import Final

from pwdlib import PasswordHash

from services.foundation.errors import InvalidInput
from services.foundation.tokens import new_token

SHORTEST: Final = 12
LONGEST: Final = 128
SAFE_SCORE: Final = 3
"""Of zxcvbn's 0 to 4: more than a hundred million guesses."""
OF_ONES_OWN: Final = 8
"""Characters that are left once the person's name and address are taken out."""
TOO_SHORT_TO_COUNT: Final = 3
READ_BY_ZXCVBN: Final = 72
COMMONPLACES: Final = (
    "motdepasse", "azerty", "azertyuiop", "bonjour", "soleil", "doudou", "loulou", "chouchou", "coucou", "jetaime",
    "printemps", "ete", "automne", "hiver", "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout",
    "septembre", "octobre", "novembre", "decembre", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "france",
    "bienvenue", "marseille", "nicolas", "camille", "slime", "energie", "precarite",
)  # fmt: skip
"""What French readers type first; the lists of zxcvbn are English."""

_TURNS: Final = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB and a fifth of a second: a burst of sign-ins waits its turn instead of taking the machine."""


def hashed(password: str, *, about: Iterable[str], field: str = "password") -> str:
    """The hash to keep of a new password. Raises `InvalidInput` when it is too short, too long or easily guessed.

    `about` is what a stranger would try first: the person's name, the address.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(field, f"Le mot de passe a de {SHORTEST} à {LONGEST} caractères.")
    if _is_easy(password, about):
        raise InvalidInput(
            field, "Ce mot de passe se devine trop vite. Quatre mots sans lien entre eux en font un bon : essayez."
        )
    with _TURNS:
        return _hasher().hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether this hash is the password's; None, for an unknown address, costs the same time as a wrong one."""
    with _TURNS:
        return _hasher().verify(password[: LONGEST + 1], stored or _decoy()) and stored is not None


def _is_easy(password: str, about: Iterable[str]) -> bool:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take a while to read

    words = [part for each in about for part in each.lower().replace("@", " ").replace(".", " ").split()]
    bare = password.lower()
    for word in words:
        bare = bare.replace(word, "") if len(word) > TOO_SHORT_TO_COUNT else bare
    if len(bare) < OF_ONES_OWN:
        return True
    result = zxcvbn(password[:READ_BY_ZXCVBN], user_inputs=[*words, *COMMONPLACES])
    return bool(result["score"] < SAFE_SCORE)


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _decoy() -> str:
    """The hash of nobody's password."""
    return _hasher().hash(new_token())
