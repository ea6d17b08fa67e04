"""What may be a password: long enough, not easily guessed, whatever signs it is made of."""

import pytest
from pwdlib import PasswordHash

from services.accounts import passwords
from services.accounts.passwords import hashed, is_right
from services.foundation.errors import InvalidInput
from tests.spared import recommended

ABOUT = ("claire.morvan@brest.test", "Claire Morvan")


@pytest.mark.parametrize(
    "password", ["court", "x" * 129, "motdepasse123", "azertyuiop12", "Printemps2026!", "clairemorvan1", "a" * 40]
)
def test_a_password_that_is_short_or_soon_guessed_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hashed(password, about=ABOUT)

    assert refused.value.field == "password"


@pytest.mark.parametrize(
    "password", ["quatre mots sans lien", "chouettecactusverre", "7Kq wz!mD0-r", "été" * 3 + " où ça ?"]
)
def test_no_sign_is_asked_for_and_none_is_refused(password: str) -> None:
    kept = hashed(password, about=ABOUT)

    assert is_right(kept, password)
    assert not is_right(kept, password.upper())
    assert not is_right(None, password)


def test_a_stolen_hash_is_as_dear_to_try_as_owasp_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PasswordHash, "recommended", recommended)  # the other tests are spared the price
    hasher = passwords._hasher.__wrapped__()

    kept = hasher.hash("quatre mots sans lien")

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
