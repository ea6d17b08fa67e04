"""Telephone numbers as people write them."""

import pytest

from services.foundation.phones import PhoneRefused, is_mobile, normalise


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("06 39 98 12 34", "+33639981234"),
        ("06.39.98.12.34", "+33639981234"),
        ("0639981234", "+33639981234"),
        ("+33 (0)6 39 98 12 34", "+33639981234"),
        ("0033 6 39 98 12 34", "+33639981234"),
        ("06\xa039\xa098\xa012\xa034", "+33639981234"),
        ("01-99-00-12-34", "+33199001234"),
        ("0690 12 34 56", "+590690123456"),
        ("0692 12 34 56", "+262692123456"),
        ("+32 2 551 23 45", "+3225512345"),
    ],
)
def test_every_writing_of_a_number_gives_one_form(text: str, number: str) -> None:
    assert normalise(text) == number


@pytest.mark.parametrize("text", ["", "3975", "06 39 98 12", "06 39 98 12 34 5", "numéro perdu", "00 00 00 00 00"])
def test_what_cannot_be_called_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(PhoneRefused, match="n’est pas valable") as refusal:
        normalise(text)

    assert not text or text not in refusal.value.sentence


@pytest.mark.parametrize(
    ("number", "mobile"), [("+33639981234", True), ("+262692123456", True), ("+33199001234", False)]
)
def test_only_mobiles_receive_sms(number: str, mobile: bool) -> None:
    assert is_mobile(number) is mobile
