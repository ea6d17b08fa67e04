"""A cut that is announced: whoever has the case follows it, from whenever it was told."""

from datetime import date
from uuid import UUID

import pytest

from models.engine import Message
from models.vocabulary import CutOutcome, Energy
from services.cases import supply_cuts
from services.cases.supply_cuts import CutEnd, CutForm
from services.foundation.errors import InvalidInput
from services.rules.rendering import Rendered, render_message
from tests.services.rules.situations import ADA, BO, OPERATOR, Office

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


def test_the_mail_of_an_announced_cut_says_its_day_and_what_is_to_be_done_by_when(office: Office) -> None:
    case_id = office.accepted()
    office.do(supply_cuts.announce, ADA, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))
    office.drain()
    mail = written(office, case_id, "cut_announced")

    assert mail.subject.startswith("Coupure annoncée pour le jeudi 30 octobre")
    assert "Au plus tard : le mercredi 15 octobre" in mail.body
    assert "Permise par la loi" not in mail.body


def test_the_mail_of_a_cut_that_the_truce_puts_off_says_from_when_it_is_allowed(office: Office) -> None:
    case_id = office.accepted()
    office.do(supply_cuts.announce, ADA, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 11, 20)))
    office.drain()

    assert "Permise par la loi : à partir du mercredi 1er avril 2026" in written(office, case_id, "cut_announced").body


def written(office: Office, case_id: UUID, text: str) -> Rendered:
    """The last message of this text, as it would leave now, with ordinary spaces."""
    (*_, message) = office.sent(case_id, text)
    with office.database.read() as unit:
        rendered = render_message(unit, unit.session.get_one(Message, message.id))
    subject, body = (each.replace("\N{NO-BREAK SPACE}", " ") for each in rendered[:2])
    return Rendered(subject, body)


@pytest.mark.parametrize("outcome", ["solved", "partly_solved", "autonomous", "landlord_complied"])
def test_nobody_is_called_helped_while_the_energy_is_cut(office: Office, outcome: str) -> None:
    case_id = office.reported()
    office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy.ELECTRICITY, cut_on=date(2025, 10, 30)))
    office.do(supply_cuts.end, BO, case_id, CutEnd(outcome=CutOutcome.HAPPENED))

    with pytest.raises(InvalidInput, match=r"Une coupure dure encore \(électricité\)") as refused:
        office.close(case_id, outcome)
    assert refused.value.field == "outcome"

    office.do(supply_cuts.restore, BO, case_id)
    office.close(case_id, outcome)
    assert office.case(case_id).outcome == outcome


def test_a_case_ends_otherwise_while_the_energy_is_cut(office: Office) -> None:
    case_id = office.reported()
    office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))
    office.do(supply_cuts.end, BO, case_id, CutEnd(outcome=CutOutcome.HAPPENED))

    office.close(case_id, "no_solution")

    assert office.case(case_id).outcome == "no_solution"


def test_a_cut_that_only_threatens_keeps_nobody_from_being_helped(office: Office) -> None:
    case_id = office.reported()
    office.do(supply_cuts.announce, BO, case_id, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))

    office.close(case_id, "solved")

    assert office.case(case_id).outcome == "solved"
