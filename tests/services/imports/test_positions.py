"""The words of a spreadsheet say how far a case has come."""

from datetime import time

import pytest

from services.imports import words
from services.imports.positions import CLOSED, NAMES, Position, position_of


@pytest.mark.parametrize(
    ("written", "position"),
    [
        ("Nouvelle demande", Position.TRIAGE),
        ("signalé", Position.TRIAGE),
        ("À rappeler", Position.TO_CALL),
        ("à appeler lundi", Position.TO_CALL),
        ("injoignable", Position.TO_CALL),
        ("RDV à fixer", Position.TO_PLAN),
        ("Absent au rdv", Position.TO_PLAN),
        ("RDV pris", Position.PLANNED),
        ("Visite prévue le 12/11/2025", Position.PLANNED),
        ("Visite faite", Position.TO_REPORT),
        ("CR à faire", Position.TO_REPORT),
        ("en attente du rapport", Position.TO_REPORT),
        ("À orienter", Position.TO_ORIENT),
        ("rapport rendu", Position.TO_ORIENT),
        ("Orientation en cours chez SOLIHA", Position.REFERRED),
        ("Orienté ADIL", Position.REFERRED),
        ("en suivi", Position.FOLLOWED),
        ("Pris en charge par SOLIHA", Position.FOLLOWED),
        ("Clôturé", CLOSED),
        ("sans suite", CLOSED),
        ("en attente", None),
        ("refus", None),
        ("", None),
    ],
)
def test_usual_words_are_understood(written: str, position: Position | str | None) -> None:
    assert position_of(written, names_partner=False) == position


def test_to_wait_for_a_partner_is_an_orientation_under_way() -> None:
    assert position_of("en attente ADIL", names_partner=True) is Position.REFERRED


@pytest.mark.parametrize("position", Position)
def test_our_own_words_are_understood(position: Position) -> None:
    assert position_of(NAMES[position], names_partner=False) is position


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12/11/2025 14h30", time(14, 30)),
        ("le 12/11 à 9 h", time(9)),
        ("2025-11-12 09:05", time(9, 5)),
        ("14:30:00", time(14, 30)),
        ("2025-11-12 00:00:00", None),
        ("12/11/2025", None),
        ("27h10", None),
        ("114h30", None),
    ],
)
def test_hours_are_read_wherever_they_stand(written: str, read: time | None) -> None:
    assert words.hour(written) == read
