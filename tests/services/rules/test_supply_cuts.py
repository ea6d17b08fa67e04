"""From which day the law lets a supply be cut, and from when an announced cut is followed."""

from datetime import date

import pytest

from models.vocabulary import CutOutcome, Energy, Urgency
from services.cases import supply_cuts
from services.cases.supply_cuts import CutEnd, CutForm
from services.foundation.errors import InvalidInput
from services.rules.supply_cuts import first_lawful_day
from tests.services.rules.situations import BO, Office

ELECTRICITY, GAS = Energy.ELECTRICITY, Energy.GAS


@pytest.mark.parametrize(
    ("energy", "announced", "filed", "allowed", "why"),
    [
        (GAS, "2026-04-07", None, "2026-04-07", []),
        (GAS, "2026-10-31", None, "2026-10-31", []),
        (GAS, "2025-11-01", None, "2026-04-01", ["truce"]),
        (ELECTRICITY, "2026-01-20", None, "2026-04-01", ["truce"]),
        (ELECTRICITY, "2026-03-31", None, "2026-04-01", ["truce"]),
        (GAS, "2026-04-07", "2026-03-24", "2026-06-13", ["aid"]),  # two months, then twenty days
        (GAS, "2026-09-20", "2026-09-01", "2027-04-01", ["aid", "truce"]),  # 21 November lies in the truce
        (GAS, "2026-07-01", "2026-03-24", "2026-07-01", []),  # the announced day is later anyway
        (GAS, "2026-04-07", "2026-04-20", "2026-04-07", []),  # filed after the day of the cut
    ],
)
def test_a_cut_waits_for_the_end_of_the_truce_and_for_the_aids_decision(
    energy: Energy, announced: str, filed: str | None, allowed: str, why: list[str]
) -> None:
    filed_on = date.fromisoformat(filed) if filed else None

    day, reasons = first_lawful_day(energy, date.fromisoformat(announced), filed_on)

    assert (str(day), [reason.code for reason in reasons]) == (allowed, why)
    assert all(reason.source for reason in reasons)


def test_a_cut_told_in_the_request_is_followed_from_the_day_somebody_may_avert_it(office: Office) -> None:
    case_id = office.triaged(cut_energy="electricity", cut_on="2026-04-07")
    assert office.case(case_id).urgency == Urgency.CUT_ANNOUNCED
    assert "avert_cut" not in office.due(case_id)

    office.accept(case_id)
    office.drain()

    assert office.due(case_id)["avert_cut"].startswith("2026-0")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("cut_on", {"cut_energy": "gas"}),
        ("cut_energy", {"cut_on": "2026-04-07"}),
        ("cut_on", {"cut_energy": "gas", "cut_on": "2025-01-07"}),
    ],
)
def test_a_cut_half_told_or_behind_us_is_asked_again(office: Office, field: str, given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        office.submit(**given)

    assert refused.value.field == field


def test_a_case_presses_for_a_cut_until_the_last_one_is_over(office: Office) -> None:
    office.sleep_to("2026-06-01 10:00")
    case_id = office.accepted()
    for energy in (ELECTRICITY, GAS):
        office.do(supply_cuts.announce, BO, case_id, CutForm(energy=energy, cut_on=date(2026, 7, 1)))
    office.do(supply_cuts.end, BO, case_id, CutEnd(energy=GAS, outcome=CutOutcome.AVERTED))
    assert office.case(case_id).urgency == Urgency.CUT_ANNOUNCED

    office.do(supply_cuts.end, BO, case_id, CutEnd(energy=ELECTRICITY, outcome=CutOutcome.HAPPENED))
    assert office.case(case_id).urgency == Urgency.CUT_ANNOUNCED
    office.do(supply_cuts.restore, BO, case_id, None)

    assert office.case(case_id).urgency == Urgency.NONE
