"""A cut that is announced: whoever has the case follows it, from whenever it was told."""

from datetime import date

import pytest

from models.vocabulary import Energy
from services.cases import supply_cuts
from services.cases.supply_cuts import CutForm
from services.foundation.errors import InvalidInput
from tests.services.rules.situations import ADA, OPERATOR, Office

OF_THE_CUT = {"avert_cut", "call_supplier", "file_aid"}


def test_a_cut_told_before_the_triage_is_the_operators_once_he_has_the_case(office: Office) -> None:
    case_id = office.triaged()
    office.do(supply_cuts.announce, ADA, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))
    office.drain()
    before = {task.kind: (task.party, task.due_at) for task in office.tasks(case_id) if task.kind in OF_THE_CUT}
    assert {party for party, _ in before.values()} == {"coordinator"}
    office.accept(case_id)
    office.drain()

    after = [task for task in office.tasks(case_id) if task.kind in OF_THE_CUT]
    assert {(task.party, task.organisation_id) for task in after} == {("operator", OPERATOR)}
    assert {task.kind: task.due_at for task in after} == {kind: due for kind, (_, due) in before.items()}


def test_the_operator_is_reminded_of_a_cut_told_before_the_triage(office: Office) -> None:
    case_id = office.triaged()
    office.do(supply_cuts.announce, ADA, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))
    office.accept(case_id)
    office.at("2025-10-11 10:00")

    assert {party for _, party, _ in office.told(case_id, "cut_ahead")} == {"operator"}


def test_a_cut_in_years_is_a_slip_of_the_keyboard(office: Office) -> None:
    case_id = office.triaged()

    with pytest.raises(InvalidInput, match="vérifiez l’année"):
        office.do(supply_cuts.announce, ADA, case_id, CutForm(energy=Energy.GAS, cut_on=date(2052, 10, 30)))
