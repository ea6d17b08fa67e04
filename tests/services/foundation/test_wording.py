"""French words for dates, amounts and numbers. In the expectations `_` stands for a non-breaking space."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.delays import Delay
from services.foundation import wording
from services.foundation.calendar import WorkingCalendar
from services.foundation.wording import Tone

PARIS = ZoneInfo("Europe/Paris")
FRANCE = WorkingCalendar(PARIS)


def visible(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", "_").replace("\N{NARROW NO-BREAK SPACE}", "_")


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def test_a_day_is_told_with_its_weekday() -> None:
    assert visible(wording.day(date(2025, 12, 2))) == "mardi 2_décembre"


def test_the_first_of_a_month_is_premier() -> None:
    assert visible(wording.day(date(2026, 7, 1))) == "mercredi 1er_juillet"


def test_the_year_is_told_when_it_is_another() -> None:
    day = date(2026, 1, 8)

    assert visible(wording.day(day, today=date(2026, 11, 5))) == "jeudi 8_janvier"
    assert visible(wording.day(day, today=date(2025, 12, 23))) == "jeudi 8_janvier_2026"


@pytest.mark.parametrize(
    ("utc", "told"),
    [("2025-12-02T13:30", "mardi 2_décembre à 14_h_30"), ("2026-07-15T07:00", "mercredi 15_juillet à 9_h")],
)
def test_a_moment_is_told_on_the_clocks_of_the_territory(utc: str, told: str) -> None:
    instant = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    assert visible(wording.moment(instant, PARIS)) == told


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        wording.moment(datetime(2025, 12, 2), PARIS)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("due", "text", "tone"),
    [
        ("2026-03-20 18:00", "En retard de 4_j", Tone.LATE),
        ("2026-03-23 18:00", "En retard de 1_j", Tone.LATE),
        ("2026-03-24 09:30", "En retard depuis 9_h_30", Tone.LATE),
        ("2026-03-24 18:00", "Aujourd’hui", Tone.SOON),
        ("2026-03-25 18:00", "Demain", Tone.SOON),
        ("2026-03-26 18:00", "Dans 2_j_ouvrés", Tone.SOON),
        ("2026-03-30 18:00", "Dans 4_j_ouvrés", Tone.INFO),
        ("2026-04-15 18:00", "Dans 15_j_ouvrés", Tone.INFO),
        ("2026-05-01 18:00", "Le 1er_mai", Tone.INFO),
        ("2027-01-08 18:00", "Le 8_janvier_2027", Tone.INFO),
    ],
)
def test_a_due_date_says_how_far_off_it_is(due: str, text: str, tone: Tone) -> None:
    chip = wording.chip(paris(due), paris("2026-03-24 10:00"), FRANCE)

    assert (visible(chip.text), chip.tone) == (text, tone)


def test_monday_seen_from_friday_is_one_working_day_off() -> None:
    chip = wording.chip(paris("2026-03-30 18:00"), paris("2026-03-27 10:00"), FRANCE)

    assert visible(chip.text) == "Dans 1_j_ouvré"


def test_a_closed_day_to_come_is_counted_in_plain_days() -> None:
    chip = wording.chip(paris("2026-03-29 10:00"), paris("2026-03-27 10:00"), FRANCE)

    assert visible(chip.text) == "Dans 2_j"


def test_beside_its_date_a_chip_does_not_say_that_date_again() -> None:
    now = paris("2026-03-24 10:00")

    assert wording.chip_beside(paris("2026-05-24 18:00"), now, FRANCE) is None
    assert wording.chip_beside(paris("2026-03-27 18:00"), now, FRANCE) == wording.chip(
        paris("2026-03-27 18:00"), now, FRANCE
    )
    assert wording.chip_beside(paris("2025-01-02 18:00"), now, FRANCE) is not None  # late by much is still late


@pytest.mark.parametrize(
    ("delay", "told"),
    [("1wd", "1_jour_ouvré"), ("5wd", "5_jours_ouvrés"), ("0d", "0_jour"), ("6mo", "6_mois"), ("4h", "4_heures")],
)
def test_a_delay_is_told_in_words(delay: str, told: str) -> None:
    assert visible(wording.duration(Delay.parse(delay))) == told


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (58, "58_€"),
        (1855, "1_855_€"),
        (Decimal("12.50"), "12,50_€"),
        (Decimal("1234.5"), "1_234,50_€"),
        (Decimal("300.00"), "300_€"),
    ],
)
def test_euros_come_after_the_amount(amount: Decimal | int, told: str) -> None:
    assert visible(wording.euros(amount)) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("+33639981234", "06_39_98_12_34"),
        ("+262692123456", "0692_12_34_56"),
        ("+3225512345", "+32_2_551_23_45"),
    ],
)
def test_numbers_are_told_in_pairs(number: str, told: str) -> None:
    assert visible(wording.phone(number)) == told


@given(st.from_regex(r"\+33[1-9][0-9]{8}", fullmatch=True))
def test_the_usual_number_is_written_as_the_library_writes_it(number: str) -> None:
    national = phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL)

    assert wording.phone(number) == national.replace(" ", wording.NBSP)
