"""Social-security numbers are masked; what only looks like one stays. All numbers are made up, their keys are right."""

import pytest

from services.foundation.nir import MASK, looks_like_nir_column, mask_nir


def with_key(body: str) -> str:
    digits = int(body.replace("2A", "19").replace("2B", "18"))
    return f"{body}{97 - digits % 97:02d}"


WOMAN = with_key("2540578006084")
CORSE_A = with_key("154052A006084")
CORSE_B = with_key("254052B006084")
ABROAD = with_key("2853199341002")
SPACED = f"{WOMAN[0]} {WOMAN[1:3]} {WOMAN[3:5]} {WOMAN[5:7]} {WOMAN[7:10]} {WOMAN[10:13]} {WOMAN[13:]}"


@pytest.mark.parametrize(
    "number",
    [
        WOMAN,
        WOMAN[:13],
        CORSE_A,
        CORSE_B,
        CORSE_A.lower(),
        ABROAD,
        SPACED,
        SPACED[:-3],
        SPACED.replace(" ", "."),
        SPACED.replace(" ", "-"),
        SPACED.replace(" ", "\xa0"),
        f"{WOMAN[:13]} {WOMAN[13:]}",
    ],
)
def test_a_social_security_number_is_masked_however_it_is_written(number: str) -> None:
    assert mask_nir(f"Son numéro ({number}), à vérifier.") == (f"Son numéro ({MASK}), à vérifier.", 1)


def test_a_number_printed_as_on_the_card_is_masked_with_a_mistyped_key() -> None:
    wrong = f"{SPACED[:-2]}{(int(SPACED[-2:]) + 1) % 97:02d}"

    assert mask_nir(wrong) == (MASK, 1)


def test_what_follows_a_number_without_key_stays() -> None:
    assert mask_nir(f"{WOMAN[:13]} 12 rue du Pont") == (f"{MASK} 12 rue du Pont", 1)


def test_each_number_of_a_text_is_counted() -> None:
    assert mask_nir(f"{WOMAN} et {CORSE_B}")[1] == 2


@pytest.mark.parametrize(
    "text",
    [
        "06 39 98 12 34",
        "06 39 98 12 34 / 01 99 00 12 34",
        "PDL 12345678901234",
        "PCE 21 123 456 789 012",
        "SIRET 130 025 265 00013",
        "FR76 3000 1007 9412 3456 7890 185",
        "IMEI 353918053000001",
        "dossier 2026-00042 du 24/03/2026",
        "3017620422003",
    ],
)
def test_other_numbers_of_a_case_stay(text: str) -> None:
    assert mask_nir(text) == (text, 0)


def test_a_column_of_social_security_numbers_is_recognised() -> None:
    assert looks_like_nir_column([WOMAN, "", CORSE_A, "inconnu", SPACED])


@pytest.mark.parametrize("values", [[], ["", " "], ["12345678901234"] * 5, ["0639981234"] * 5, [f"note : {WOMAN}"] * 3])
def test_other_columns_are_not(values: list[str]) -> None:
    assert not looks_like_nir_column(values)
