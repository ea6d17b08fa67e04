"""What is found of a household: its figures, its equipment, its needs without solution; who may write and read them."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from models.cases import Finding, KitItem
from models.engine import Event
from models.vocabulary import CaseState, Derogation, Equipment, EquipmentState, GapReason, RejectionReason, Theme
from services.cases import calls, complaints, derogations, findings, kits, needs
from services.cases.findings import FindingsForm, MatchForm
from services.forms import (
    CallForm,
    ComplaintForm,
    DerogationDecision,
    DerogationForm,
    GapForm,
    KitForm,
    KitLine,
    NoteForm,
)
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.listing import EVERYTHING, Filters
from services.overview import figures
from tests.services.rules.situations import ADA, BO, CY, Office


def bulbs(quantity: int, state: EquipmentState = EquipmentState.INSTALLED) -> KitLine:
    return KitLine(item=Equipment.LED_BULB, quantity=quantity, unit_price_cents=300, state=state)


def test_the_latest_figure_of_each_kind_holds_and_no_event_tells_it(office: Office) -> None:
    case_id = office.visited()
    office.do(findings.record, BO, case_id, FindingsForm(energy_cost="2 870", burden="21,7"))  # type: ignore[arg-type]
    office.do(findings.record, BO, case_id, FindingsForm(burden=Decimal("14.0"), saving_measured=300))
    with pytest.raises(NotFound):
        office.do(findings.record, CY, case_id, FindingsForm(burden=Decimal("14.0")))

    with office.database.read() as unit:
        known = findings.of_household(unit, office.case(case_id))
        methods = {each.finding.method for each in known}
        kept = unit.session.scalar(select(func.count()).where(Finding.case_id == case_id))
        payloads = [str(row) for row in unit.session.scalars(select(Event.payload).where(Event.case_id == case_id))]
    said = [each.words.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") for each in known]
    assert said == ["2 870 € par an", "14,0 % des ressources", "300 € par an"]
    assert (methods, kept) == ({"given"}, 4)
    assert not any("2870" in each or "217" in each for each in payloads if "kinds" in each)


def test_a_kit_costs_what_was_given_to_the_household(office: Office) -> None:
    case_id = office.visited()
    refused = KitLine(item=Equipment.DRAUGHT_STOP, quantity=2, unit_price_cents=1200, state=EquipmentState.REFUSED)
    office.do(kits.record, BO, case_id, KitForm(items=[bulbs(4), refused]))
    with pytest.raises(InvalidInput, match="qu’une fois"):
        office.do(kits.record, BO, case_id, KitForm(items=[bulbs(1), bulbs(2)]))
    office.do(kits.record, BO, case_id, KitForm(items=[bulbs(4, EquipmentState.REMOVED)]))

    with office.database.read() as unit:
        now = kits.of_case(unit, office.case(case_id))
        ever = unit.session.scalar(select(func.count()).where(KitItem.case_id == case_id))
        assert (kits.total_cents(now), kits.in_place(now), ever) == (1200, [], 3)


def test_a_likeness_is_the_coordinations_alone(office: Office) -> None:
    case_id, other = office.accepted(), office.triaged(phone="0639981299", surname="Le Goff")
    form = MatchForm(number=office.case(other).number.partition("-")[2].lstrip("0"), score=92)
    with pytest.raises(NotFound):
        office.do(findings.note_match, BO, other, form)
    with pytest.raises(InvalidInput):
        office.do(findings.note_match, ADA, other, form)
    office.do(findings.note_match, ADA, case_id, form)

    with office.database.read() as unit:
        assert findings.matches(unit, office.case(case_id)) == {other: 92}


def test_a_need_without_solution_is_counted_and_asks_nobody(office: Office) -> None:
    case_id = office.reported()
    form = GapForm(theme=Theme.ADVANCE_FUND, reason=GapReason.NO_PARTNER)
    office.do(needs.note_gap, BO, case_id, form)
    office.drain()
    with pytest.raises(GuardRefused):
        office.do(needs.note_gap, BO, case_id, form)

    with office.database.read() as unit:
        assert figures.tally(unit, ADA.actor, EVERYTHING).unmet == {Theme.ADVANCE_FUND: 1}
        told = figures.figures(unit, ADA.actor, Filters(opened_from=date(2025, 1, 1), opened_to=date(2025, 12, 31)))
    assert [(each.code, each.count) for each in told.gaps] == [("advance_fund", None)]  # of fewer than five: kept
    assert office.case(case_id).state == CaseState.REPORT_DELIVERED
    assert [task.kind for task in office.tasks(case_id)] == ["orient"]


def test_a_derogation_is_granted_or_ends_the_request_as_above_the_ceilings(office: Office) -> None:
    granted, refused = office.triaged(), office.triaged(phone="0639981299", derogation="Soins coûteux.")
    office.do(derogations.ask, ADA, granted, DerogationForm(reason="Plus de chauffage."))
    office.do(derogations.decide, ADA, granted, DerogationDecision(granted=True))
    office.do(derogations.decide, ADA, refused, DerogationDecision(granted=False))

    assert (office.case(granted).state, office.case(granted).derogation) == (CaseState.TRIAGE, Derogation.GRANTED)
    assert (office.case(refused).state, office.case(refused).outcome) == ("rejected", RejectionReason.OVER_INCOME)
    with office.database.read() as unit:
        assert figures.tally(unit, ADA.actor, EVERYTHING).not_eligible == 1
    with pytest.raises(GuardRefused, match="déjà demandée"):
        office.do(derogations.ask, ADA, granted, DerogationForm(reason="Encore."))


def test_once_the_income_is_known_the_coordination_notes_a_derogation_which_is_granted(office: Office) -> None:
    case_id = office.visited()
    before = office.due(case_id)
    with pytest.raises(GuardRefused, match="la coordination la note"):
        office.do(derogations.ask, BO, case_id, DerogationForm(reason="Soins coûteux."))

    office.do(derogations.ask, ADA, case_id, DerogationForm(reason="Soins coûteux."))
    office.drain()

    assert (office.case(case_id).derogation, office.due(case_id)) == (Derogation.GRANTED, before)
    assert office.events(case_id)[-2:] == ["derogation.asked", "derogation.decided"]
    with pytest.raises(GuardRefused, match="déjà demandée"):
        office.do(derogations.ask, ADA, case_id, DerogationForm(reason="Encore."))
    office.close(case_id, "moved")
    office.drain()
    other = office.visited(surname="Benali", phone="06 39 98 12 36")
    office.close(other, "moved")
    with pytest.raises(GuardRefused, match="terminée"):
        office.do(derogations.ask, ADA, other, DerogationForm(reason="Trop tard."))


def test_a_complaint_waits_for_the_coordination(office: Office) -> None:
    case_id = office.qualified()
    office.do(complaints.receive, BO, case_id, ComplaintForm(said_by="Mme Martin", text="Personne n’est venu."))

    assert office.due(case_id)["answer_complaint"] == "2025-10-20 18:00"
    office.do(complaints.answer, ADA, case_id, NoteForm(text="Excuses faites."))
    with pytest.raises(GuardRefused):
        office.do(complaints.answer, ADA, case_id, NoteForm(text="Encore."))
    assert "answer_complaint" not in office.due(case_id)


@pytest.mark.parametrize("before", [True, False])
def test_a_complaint_is_owed_an_answer_though_its_case_has_ended(office: Office, *, before: bool) -> None:
    case_id, said = office.qualified(), ComplaintForm(said_by="Mme Martin", text="Personne n’est venu.")
    if before:
        office.do(complaints.receive, BO, case_id, said)
    office.close(case_id, "moved")
    if not before:
        office.do(complaints.receive, BO, case_id, said)
    office.drain()
    assert (office.case(case_id).state, set(office.due(case_id))) == ("closed", {"answer_complaint"})

    office.do(complaints.answer, ADA, case_id, NoteForm(text="Excuses faites."))

    assert office.due(case_id) == {}


def test_a_household_is_called_again_on_the_day_that_it_says(office: Office) -> None:
    case_id = office.accepted()
    with pytest.raises(InvalidInput, match="Quel jour"):
        office.call(case_id, "call_back")
    office.do(calls.record_call, BO, case_id, CallForm(result="call_back", call_back_on=date(2025, 10, 23)))  # type: ignore[arg-type]
    office.drain()

    assert office.due(case_id) == {"call_again": "2025-10-23 18:00"}
