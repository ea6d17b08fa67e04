"""The day's letters. The page was also looked at: sender, window, subject, foot."""

import re
from datetime import date
from typing import Any

import pytest

from services.channels.letters import Letter, Sender, render_batch

DAY = date(2025, 10, 24)
SENDER = Sender(
    name="Service Énergie Logement du Vald’Orne",
    address=("12 place de la République", "61000 Alençon"),
    place="Alençon",
    phone="+33199001200",
    foot="Service Énergie Logement du Vald’Orne – gratuit",
)


def make_letter(**given: Any) -> Letter:
    fields: dict[str, Any] = {
        "address": ("Madame Lucette MARTIN", "12 rue du Pont", "61200 ARGENTAN"),
        "reference": "2025-00042",
        "subject": "votre visite du 5 novembre",
        "paragraphs": ("Madame,", "Nous viendrons chez vous le mercredi 5 novembre à 14 h 30."),
        "signed_by": "Claire",
        "phone": "+33639981234",
    }
    return Letter(**fields | given)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_each_letter_has_its_page() -> None:
    pdf = render_batch([make_letter(), make_letter(), make_letter()], sender=SENDER, day=DAY)

    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) == 3


def test_a_long_letter_goes_on_and_the_next_one_starts_on_a_new_page() -> None:
    long = make_letter(paragraphs=("Nous reviendrons vers vous avec la suite de ce courrier.",) * 40)

    assert pages(render_batch([long, make_letter()], sender=SENDER, day=DAY)) == 3


def test_the_file_is_tagged_for_screen_readers() -> None:
    pdf = render_batch([make_letter()], sender=SENDER, day=DAY)

    assert b"pdfuaid:part" in pdf
    assert b"/Lang(fr-FR)" in pdf


def test_the_same_letters_give_the_same_bytes() -> None:
    batch = [make_letter(), make_letter(reference="2025-00043")]

    assert render_batch(batch, sender=SENDER, day=DAY) == render_batch(batch, sender=SENDER, day=DAY)


@pytest.mark.parametrize("text", ['#panic("read as markup")', "#pagebreak()", "$ unclosed", "*", "<end> @end", "#", ""])
def test_no_text_is_read_as_markup(text: str) -> None:
    letter = make_letter(
        address=(text, text),
        reference=text,
        subject=text,
        paragraphs=(text, text),
        signed_by=text,
        role=text,
    )

    assert pages(render_batch([letter], sender=SENDER, day=DAY)) == 1


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        render_batch([], sender=SENDER, day=DAY)


@pytest.mark.parametrize("address", [(), ("Madame MARTIN",), ("ligne",) * 7, ("Madame MARTIN", "x" * 39)])
def test_an_address_that_the_window_cannot_show_is_refused(address: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="address"):
        make_letter(address=address)
