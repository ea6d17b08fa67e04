"""Devices lent: each asked for on its day, and none forgotten when a case ends."""

from datetime import date

import pytest

from services.cases import endings, loans
from services.forms import LoanForm, Withdrawal
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from tests.services.rules.situations import BO, CY, Office


def lend(item: str = "Wattmètre", day: int = 20) -> LoanForm:
    return LoanForm(item=item, due_on=date(2025, 10, day))


def test_a_device_is_asked_for_on_its_day(office: Office) -> None:
    case_id = office.qualified()
    office.do(loans.lend, BO, case_id, lend())
    office.at("2025-10-20 18:01")

    assert office.due(case_id)["return_loan"] == "2025-10-20 18:00"
    assert [party for _, party, _ in office.told(case_id, "loan_overdue")] == ["operator"]


def test_a_device_that_would_be_back_in_years_is_a_slip_of_the_keyboard(office: Office) -> None:
    case_id = office.qualified()

    with pytest.raises(InvalidInput, match="vérifiez l’année"):
        office.do(loans.lend, BO, case_id, LoanForm(item="Wattmètre", due_on=date(2052, 10, 20)))


def test_two_devices_come_back_one_by_one(office: Office) -> None:
    case_id = office.qualified()
    first = office.do(loans.lend, BO, case_id, lend())
    office.do(loans.lend, BO, case_id, lend("Caméra", 24))
    office.drain()
    assert [task.kind for task in office.tasks(case_id)].count("return_loan") == 2
    office.do(loans.give_back, BO, first.id)
    office.drain()

    assert office.due(case_id)["return_loan"] == "2025-10-24 18:00"


def test_a_case_does_not_end_while_a_device_is_out(office: Office) -> None:
    case_id = office.qualified()
    loan = office.do(loans.lend, BO, case_id, lend())

    with pytest.raises(GuardRefused, match="Wattmètre"):
        office.close(case_id, "moved")
    office.do(loans.give_back, BO, loan.id)
    office.close(case_id, "moved")


def test_a_device_is_lent_for_days_to_come_and_comes_back_once(office: Office) -> None:
    case_id = office.qualified()
    with pytest.raises(InvalidInput):
        office.do(loans.lend, BO, case_id, lend(day=6))
    loan = office.do(loans.lend, BO, case_id, lend())
    office.do(loans.give_back, BO, loan.id)

    with pytest.raises(GuardRefused):
        office.do(loans.give_back, BO, loan.id)


def test_another_operator_knows_nothing_of_a_loan(office: Office) -> None:
    loan = office.do(loans.lend, BO, office.qualified(), lend())

    with pytest.raises(NotFound):
        office.do(loans.give_back, CY, loan.id)


def test_a_device_that_is_lost_is_asked_for_no_more_and_the_case_may_end(office: Office) -> None:
    case_id = office.qualified()
    loan = office.do(loans.lend, BO, case_id, lend())
    office.drain()
    with pytest.raises(GuardRefused, match="ou sa perte"):
        office.close(case_id, "moved")
    office.do(loans.write_off, BO, loan.id)
    with pytest.raises(GuardRefused, match="déjà noté perdu"):
        office.do(loans.write_off, BO, loan.id)
    office.close(case_id, "moved")
    office.drain()

    assert office.due(case_id) == {}
    assert office.do(loans.give_back, BO, loan.id).lost_on is None  # found after all


def test_a_household_that_stops_keeps_no_device_that_nobody_asks_for(office: Office) -> None:
    case_id = office.qualified()
    loan = office.do(loans.lend, BO, case_id, lend())
    office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="Mme"))
    office.at("2025-10-20 18:01")

    assert office.due(case_id) == {"return_loan": "2025-10-20 18:00"}
    assert [party for _, party, _ in office.told(case_id, "loan_overdue")] == ["operator"]
    office.do(loans.give_back, BO, loan.id)
    assert office.due(case_id) == {}
