"""Doubles: one case goes on, both alert givers follow it, and the merge can be undone."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Case, Note
from models.vocabulary import CallResult, CaseState, Danger, Energy, PermissionKind
from services.cases import addresses, agreements, calls, closing, endings, loans, merging, supply_cuts, triage, visits
from services.cases.supply_cuts import CutForm, SupplierCall
from services.forms import (
    Acceptance,
    CallForm,
    DangerForm,
    HouseholdAddressForm,
    LoanForm,
    Merge,
    Withdrawal,
)
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound, TransitionRefused
from services.overview import doubles
from services.rules.policy import readable
from services.rules.rendering import render_message
from tests.services.rules.situations import ADA, BO, DI, OPERATOR, OTHER_OPERATOR, PARIS, Office

ODILE = {"giver_name": "Odile Roy", "giver_email": "odile@example.org", "phone": "06 39 98 55 55"}


def merged(office: Office, kept: UUID | None = None) -> tuple[UUID, UUID]:
    """The double and the case that goes on."""
    kept, double = kept or office.triaged(), office.triaged(**ODILE)
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.drain()
    return double, kept


def givers(office: Office, case_id: UUID) -> list[str]:
    """Who is told of a case that he asked for."""
    with office.database.read() as unit:
        return sorted(alert.giver_email or "" for alert in unit.session.get_one(Case, case_id).alerts)


@pytest.mark.parametrize("days", [-1, 0])
def test_a_double_visited_less_than_two_years_before_is_shown_with_the_day(office: Office, days: int) -> None:
    visited = office.visited()
    day = office.clock.at.astimezone(PARIS).date()
    two_years = day.replace(year=day.year + 2) + timedelta(days=days)
    office.sleep_to(f"{two_years} 09:00")
    again = office.triaged(**ODILE)

    with office.database.read() as unit:
        found = doubles.alike(unit, ADA.actor, unit.session.get_one(Case, again))

    assert [(each.case.id, each.visited_on) for each in found] == [(visited, day if days < 0 else None)]


def test_a_double_ends_and_its_alert_giver_follows_the_case_that_goes_on(office: Office) -> None:
    double, kept = merged(office)
    office.accept(kept)
    office.drain()

    assert office.case(double).state == CaseState.MERGED
    assert office.tasks(double) == []
    assert office.sent(kept, "milestone_joined") == []  # nobody learns that the household was known
    office.call(kept, "refused")
    office.drain()
    readers = sorted(message.address for message in office.sent(kept, "milestone_refused"))
    assert readers == ["karim@example.org", "odile@example.org"]


def test_what_a_double_had_not_sent_yet_never_leaves(office: Office) -> None:
    double, _ = merged(office)

    assert {error for _, party, error in office.told(double, "household_notice")} == {"case_ended"}


def test_an_undone_merge_gives_each_case_its_own_alert_giver_again(office: Office) -> None:
    double, kept = merged(office)
    office.do(merging.undo, ADA, double)
    office.drain()
    office.accept(double)
    office.call(double, "refused")
    office.drain()

    assert [message.address for message in office.sent(double, "milestone_refused")] == ["odile@example.org"]
    assert office.sent(kept, "milestone_refused") == []
    assert [state for _, _, state in office.told(double, "household_notice")] == ["case_ended", "queued"]


def test_a_merge_that_is_undone_gives_the_case_back_to_nobody_until_its_triage(office: Office) -> None:
    kept, double = office.triaged(), office.accepted(**ODILE)
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.do(merging.undo, ADA, double)
    office.drain()

    with office.database.read() as unit, pytest.raises(NotFound):
        readable(unit, BO.actor, double)
    assert set(office.due(double)) == {"triage"}


def test_a_merge_of_a_merge_can_be_undone_step_by_step(office: Office) -> None:
    double, kept = merged(office)
    third = office.triaged(phone="06 39 98 77 77", giver_email="p@example.org")
    office.do(merging.merge, ADA, kept, Merge(into_number=office.case(third).number))
    office.do(merging.undo, ADA, kept)
    office.drain()

    assert office.case(kept).state == CaseState.TRIAGE
    assert office.case(double).state == CaseState.MERGED
    assert (givers(office, kept), givers(office, third)) == (
        ["karim@example.org", "odile@example.org"],
        ["p@example.org"],
    )
    office.do(merging.undo, ADA, double)
    assert (givers(office, kept), givers(office, double)) == (["karim@example.org"], ["odile@example.org"])


def test_a_merge_is_undone_after_those_that_followed_it(office: Office) -> None:
    double, kept = merged(office)
    third = office.triaged(phone="06 39 98 77 77", giver_email="p@example.org")
    office.do(merging.merge, ADA, kept, Merge(into_number=office.case(third).number))

    with pytest.raises(GuardRefused, match=f"{office.case(kept).number} est elle-même réunie à une autre"):
        office.do(merging.undo, ADA, double)


def test_a_merged_case_is_not_reopened(office: Office) -> None:
    double, _ = merged(office)

    with pytest.raises(TransitionRefused):
        office.do(closing.reopen_case, ADA, double)


def test_a_case_is_not_merged_into_itself_nor_into_one_that_is_over(office: Office) -> None:
    double, kept = merged(office)

    with pytest.raises(InvalidInput):
        office.do(merging.merge, ADA, kept, Merge(into_number=office.case(kept).number))
    with pytest.raises(InvalidInput, match="terminée"):
        office.do(merging.merge, ADA, kept, Merge(into_number=office.case(double).number))


def test_the_case_that_goes_on_is_named_by_the_end_of_its_reference(office: Office) -> None:
    kept, double = office.triaged(), office.triaged(phone="0639981299", surname="Le Goff")
    serial = office.case(kept).number.partition("-")[2]

    with pytest.raises(InvalidInput):
        office.do(merging.merge, ADA, double, Merge(into_number="999"))
    office.do(merging.merge, ADA, double, Merge(into_number=serial.lstrip("0")))

    assert office.case(double).merged_into_id == kept


def test_only_a_merge_is_undone(office: Office) -> None:
    with pytest.raises(GuardRefused):
        office.do(merging.undo, ADA, office.triaged())


def test_merging_is_the_coordinators(office: Office) -> None:
    kept, double = office.accepted(), office.accepted(**ODILE)
    form = Merge(into_number=office.case(kept).number)

    with pytest.raises(Denied):
        office.do(merging.merge, BO, double, form)
    with pytest.raises(NotFound):
        office.do(merging.merge, DI, double, form)


def test_what_presses_on_a_double_presses_on_the_case_that_goes_on(office: Office) -> None:
    kept = office.accepted()
    cut = {"cut_on": "2025-11-14", "cut_energy": "gas"}
    double = office.triaged(**ODILE, urgency="danger", **cut)
    office.do(visits.report_danger, ADA, double, DangerForm.model_validate({"danger": "gas"}))
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.drain()

    assert (office.case(kept).urgency, office.case(kept).danger) == ("danger", "gas")
    assert {"acknowledge_danger", "avert_cut", "call_supplier", "file_aid"} <= set(office.due(kept))
    assert (office.tasks(double), office.case(double).danger) == ([], None)


def test_a_case_is_as_urgent_as_before_once_each_of_two_merges_is_undone(office: Office) -> None:
    kept = office.accepted()
    doubles = [office.triaged(**ODILE, urgency=urgency) for urgency in ("danger", "heating_out")]
    for double in doubles:
        office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))

    left = []
    for double in doubles:
        office.do(merging.undo, ADA, double)
        left.append(office.case(kept).urgency)

    assert left == ["heating_out", "none"]


def test_all_the_dangers_of_a_double_go_on_with_the_case_and_come_back_with_it(office: Office) -> None:
    kept, double = office.accepted(), office.triaged(**ODILE)
    both = [Danger.GAS, Danger.CARBON_MONOXIDE]
    for danger in both:
        office.do(visits.report_danger, ADA, double, DangerForm(danger=danger))
    office.drain()

    merged_into(office, double, kept)
    assert dangers(office, kept) == both

    office.do(merging.undo, ADA, double)
    office.drain()
    assert (dangers(office, kept), dangers(office, double)) == ([], both)


def dangers(office: Office, case_id: UUID) -> list[Danger]:
    with office.database.read() as unit:
        return visits.dangers_told(unit, unit.session.get_one(Case, case_id))


def merged_into(office: Office, double: UUID, kept: UUID) -> None:
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.drain()


def test_a_danger_taken_in_hand_before_a_merge_is_not_told_again(office: Office) -> None:
    kept, double = office.accepted(), office.triaged(**ODILE, urgency="danger")
    office.do(visits.acknowledge_danger, ADA, double)
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.drain()

    assert office.case(kept).danger is None
    assert "acknowledge_danger" not in office.due(kept)


@pytest.mark.parametrize("end", ["refused", "withdrawn"])
def test_a_danger_outlives_its_case_until_somebody_takes_it_in_hand(office: Office, end: str) -> None:
    case_id = office.accepted(urgency="danger")
    if end == "refused":
        office.call(case_id, "refused")
    else:
        office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="La personne"))
    office.drain()
    left = list(office.due(case_id))
    office.do(visits.acknowledge_danger, ADA, case_id)

    assert left == ["acknowledge_danger"]
    assert office.tasks(case_id) == []


def test_a_device_lent_to_a_double_is_asked_back_by_whoever_lent_it_then_by_whoever_has_the_case(
    office: Office,
) -> None:
    kept, double = office.triaged(), office.accepted(**ODILE)
    office.do(loans.lend, BO, double, LoanForm(item="Wattmètre", due_on=date(2025, 11, 3)))
    office.drain()
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.do(merging.undo, ADA, double)
    office.drain()
    asked = {task.kind: task.organisation_id for task in office.tasks(double)}
    assert (asked["return_loan"], office.case(double).operator_id) == (OPERATOR, OPERATOR)

    office.do(triage.accept, ADA, double, Acceptance(operator_id=OTHER_OPERATOR))
    office.drain()

    assert {task.organisation_id for task in office.tasks(double)} == {OTHER_OPERATOR}
    assert office.due(double)["return_loan"].startswith("2025-11-03")


def test_each_alert_giver_reads_the_reference_of_the_request_that_he_made(office: Office) -> None:
    double, kept = merged(office)
    office.accept(kept)
    office.call(kept, "refused")
    office.drain()

    with office.database.read() as unit:
        told = {each.address: render_message(unit, each).subject for each in office.sent(kept, "milestone_refused")}
    assert office.case(kept).number in told["karim@example.org"]
    assert office.case(double).number in told["odile@example.org"]


PRESSING = ODILE | {"urgency": "danger", "cut_on": "2025-11-14", "cut_energy": "gas"}
OF_THE_CUT = {"avert_cut", "call_supplier", "file_aid"}


def joined(office: Office, kept: UUID) -> UUID:
    """A double in which a danger was met, and a cut announced, merged into an accepted case."""
    double = office.triaged(**PRESSING)
    office.do(visits.report_danger, ADA, double, DangerForm.model_validate({"danger": "gas"}))
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    return double


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_double_alone_told_goes_back_when_the_merge_is_undone(office: Office, *, at_once: bool) -> None:
    kept = office.accepted()
    double = joined(office, kept)
    if not at_once:
        office.drain()
    office.do(merging.undo, ADA, double)
    office.drain()

    assert (office.case(kept).urgency, office.case(kept).danger) == ("none", None)
    assert set(office.due(kept)) == {"first_call"}
    assert (office.case(double).danger, set(office.due(double))) == ("gas", {"triage", "acknowledge_danger"})
    office.accept(double)
    office.drain()
    assert set(office.due(double)) == OF_THE_CUT | {"first_call", "acknowledge_danger"}


def test_what_was_seen_to_since_stays_when_the_merge_is_undone_and_a_note_says_so(office: Office) -> None:
    kept = office.accepted()
    double = joined(office, kept)
    office.drain()
    office.do(visits.acknowledge_danger, ADA, kept)
    office.do(supply_cuts.note_call, BO, kept, SupplierCall(note="Il attend."))
    office.do(merging.undo, ADA, double)
    office.drain()

    assert set(office.due(kept)) == {"first_call", "avert_cut", "file_aid"}
    assert (office.case(double).danger, set(office.due(double))) == (None, {"triage"})
    with office.database.read() as unit:
        (note,) = unit.session.scalars(select(Note.text).where(Note.case_id == double))
    assert note.startswith(f"Reste suivi dans {office.case(kept).number}")
    assert note.endswith("coupure annoncée (gaz), danger signalé.")


def test_a_case_in_a_danger_of_its_own_keeps_it_when_a_merge_is_undone(office: Office) -> None:
    kept = office.accepted(urgency="danger")
    double = joined(office, kept)
    office.drain()
    office.do(merging.undo, ADA, double)
    office.drain()

    assert "acknowledge_danger" in office.due(kept)
    assert "acknowledge_danger" in office.due(double)


def test_a_cut_that_a_double_followed_goes_on_with_the_other_case_and_comes_back(office: Office) -> None:
    kept, double = office.accepted(), office.accepted(**ODILE)
    office.do(supply_cuts.announce, BO, double, CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 30)))
    office.do(supply_cuts.note_call, BO, double, SupplierCall(note="Il attend."))
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    office.drain()
    assert set(office.due(kept)) >= OF_THE_CUT
    office.do(merging.undo, ADA, double)
    office.drain()
    office.accept(double)
    office.drain()

    assert OF_THE_CUT & set(office.due(kept)) == set()
    assert OF_THE_CUT & set(office.due(double)) == {"avert_cut", "file_aid"}


def test_what_a_double_alone_knew_of_the_household_goes_on_with_it_and_comes_back(office: Office) -> None:
    kept = office.accepted(people=2)
    told = {"other_phone": "06 39 98 12 34", "email": "m@example.org", "people": 3, "reference_income": 9000}
    double = office.triaged(**ODILE, **told, vulnerabilities=["isolated"])
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))

    assert household(office, kept) == (["+33639981234", "+33639985555"], "m@example.org", 2, 9000, ["isolated"])

    office.do(calls.record_call, BO, kept, CallForm(result=CallResult.WRONG_NUMBER, phone_id=phone(office, kept, 1)))
    office.do(merging.undo, ADA, double)
    assert household(office, kept) == (["+33639981234"], None, 2, None, [])
    numbers, *rest = household(office, double)
    assert (numbers, rest) == (["+33639981234"], ["m@example.org", 3, 9000, ["isolated"]])


def test_what_a_double_said_of_health_goes_on_with_its_agreement_and_comes_back(office: Office) -> None:
    kept = office.accepted()
    double = office.triaged(**ODILE, vulnerabilities=["pregnant"], health_agreed=True)
    agreed = []
    for act, case_id, *form in (
        (merging.merge, double, Merge(into_number=office.case(kept).number)),
        (merging.undo, double),
    ):
        office.do(act, ADA, case_id, *form)
        with office.database.read() as unit:
            case = unit.session.get_one(Case, kept)
            agreed.append((case.household.vulnerabilities, len(agreements.standing(unit, case, PermissionKind.HEALTH))))

    assert agreed == [(["pregnant"], 1), ([], 0)]


def merged_for_its_number(office: Office) -> tuple[UUID, UUID]:
    """The same, where the one number that answers is the double's."""
    kept = office.accepted()
    office.call(kept, "wrong_number")
    office.drain()
    return merged(office, kept)


def test_a_number_that_a_double_brings_is_called_where_none_was_left(office: Office) -> None:
    _, kept = merged_for_its_number(office)

    assert set(office.due(kept)) == {"call_again"}


def test_a_household_whose_number_was_the_doubles_is_looked_for_once_both_part(office: Office) -> None:
    double, kept = merged_for_its_number(office)
    assert "correct_number" not in office.due(kept)

    office.do(merging.undo, ADA, double)
    office.drain()

    assert "correct_number" in office.due(kept)


def test_what_was_said_anew_since_a_merge_stays_when_it_is_undone(office: Office) -> None:
    kept, double = office.accepted(), office.triaged(**ODILE, email="m@example.org")
    office.do(merging.merge, ADA, double, Merge(into_number=office.case(kept).number))
    form = HouseholdAddressForm(email="elle@example.org")
    office.do(addresses.mend_household_address, ADA, kept, form)
    office.do(merging.undo, ADA, double)

    assert household(office, kept)[1] == "elle@example.org"


def phone(office: Office, case_id: UUID, place: int) -> UUID:
    """One of its numbers, in their order."""
    with office.database.read() as unit:
        return unit.session.get_one(Case, case_id).household.phones[place].id


def household(office: Office, case_id: UUID) -> tuple[list[str], str | None, int | None, int | None, list[str]]:
    """Its numbers that answer, its address, how many they are, their income and what makes them vulnerable."""
    with office.database.read() as unit:
        known = unit.session.get_one(Case, case_id).household
        numbers = [phone.number for phone in known.phones if phone.blocked_at is None]
        return numbers, known.email, known.people, known.reference_income, known.vulnerabilities
