"""Publishing a pathway: new cases follow it; open ones keep theirs, or move to it with their dates and clocks."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from models.pathway import Pathway
from models.programmes import Programme
from models.vocabulary import SuspensionReason
from services.cases import suspension
from services.forms import Suspension
from services.foundation import yaml_files
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, InvalidInput
from services.programme import publishing
from services.programme.publishing import CaseMove
from services.rules import adjusting
from services.rules.adjusting import adjusted
from services.rules.casework import Hand
from services.rules.published import pathway_of
from services.rules.texts.labels import has_label
from tests import ledger
from tests.services.rules.situations import ADA, BO, DEFAULT_PATHWAY, DI, PROGRAMME, Office, shown

SHIPPED = yaml_files.read(DEFAULT_PATHWAY.read_text())["version"]
NEXT = SHIPPED + 1


def another(*, version: int = NEXT, **tasks: dict[str, Any] | None) -> Pathway:
    """The pathway that ships with some tasks otherwise; None leaves a task out, wherever it is named."""
    content = yaml_files.read(DEFAULT_PATHWAY.read_text()) | {"version": version}
    for kind, changes in tasks.items():
        content["tasks"][kind] = {**content["tasks"].get(kind, {}), **(changes or {})}
    for kind in (kind for kind, changes in tasks.items() if changes is None):
        del content["tasks"][kind]
        for rule in content["events"].values():
            for part in ("then", "at_once"):
                rule[part] = [step for step in rule.get(part, ()) if step.get("open") != kind]
            rule["completes"] = [each for each in rule.get("completes", ()) if each != kind]
    return Pathway.model_validate(content)


def publish(office: Office, pathway: Pathway) -> None:
    with office.database.write("test") as unit:
        publishing.publish(unit, unit.session.get_one(Programme, PROGRAMME), pathway)


def move(office: Office, case_id: UUID, pathway: Pathway) -> CaseMove:
    """Publish, and move this case."""
    publish(office, pathway)
    with office.database.write("test") as unit:
        moved = publishing.move(unit, case_id, pathway)
    office.drain()
    with office.database.read() as unit:
        assert ledger.problems(unit, drained=True) == []
    return moved


def test_new_cases_follow_the_published_pathway_and_open_ones_keep_theirs(office: Office) -> None:
    open_before = office.triaged()
    publish(office, another(triage={"due": {"delay": "9wd"}}))
    opened_after = office.triaged(surname="Durand", phone="06 39 98 12 35")

    assert office.due(open_before) == {"triage": "2025-10-09 18:00"}
    assert office.due(opened_after) == {"triage": "2025-10-17 18:00"}


def test_one_version_has_one_content(office: Office) -> None:
    publish(office, another())
    publish(office, another())

    with pytest.raises(InvalidInput, match=f"version: {NEXT + 1}"):
        publish(office, another(triage={"due": {"delay": "9wd"}}))


def test_a_preview_says_the_dates_and_writes_nothing(office: Office) -> None:
    case_id = office.accepted()
    with office.database.read() as unit:
        programme = unit.session.get_one(Programme, PROGRAMME)
        (found,) = publishing.preview(unit, programme, another(first_call={"due": {"delay": "10wd"}}))

    (task,) = found.tasks
    assert (task.title, shown(task.before), shown(task.after)) == (
        "Appeler le ménage une première fois", "2025-10-13 18:00", "2025-10-20 18:00"
    )  # fmt: skip
    assert office.due(case_id) == {"first_call": "2025-10-13 18:00"}


def test_a_moved_case_counts_from_its_own_anchor_and_its_reminder_waits_for_the_new_date(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-10 10:00")

    move(office, case_id, another(first_call={"due": {"delay": "10wd"}}))
    office.at("2025-10-20 17:00")
    assert office.due(case_id) == {"first_call": "2025-10-20 18:00"}
    assert office.told(case_id, "task_late") == []

    office.at("2025-10-20 19:00")
    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]
    assert office.events(case_id).count("case.repinned") == 1


def test_a_shorter_delay_makes_no_task_late_in_one_stroke(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-09 10:00")

    move(office, case_id, another(first_call={"due": {"delay": "1wd"}}))

    assert office.due(case_id) == {"first_call": "2025-10-10 18:00"}


def test_a_task_that_is_late_already_stays_as_late_as_it_was(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-15 10:00")

    move(office, case_id, another(first_call={"due": {"delay": "1wd"}}))

    assert office.due(case_id) == {"first_call": "2025-10-13 18:00"}


def rung_name(ladder: str, index: int) -> str:
    """The setting that says whether a step leaves."""
    return f"ladders.{ladder}.rungs.{index}.off"


def test_a_step_that_is_switched_off_is_passed_over_and_can_be_put_back(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-10 10:00")
    silent = adjusted(another(), {rung_name("late_operator", 0): "off"}, version=NEXT + 1)

    move(office, case_id, silent)
    office.at("2025-10-20 10:00")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["coordinator"]
    assert adjusted(silent, {rung_name("late_operator", 0): "on"}, version=NEXT) == another()


def test_nobody_switches_off_what_chases_a_danger_or_does_more_than_write() -> None:
    names = {each.name for each in adjusting.settings_of(another())}

    assert rung_name("late_coordination", 0) in names
    for ladder, step in (("danger", 0), ("answer", 2), ("wrong_number", 2)):
        assert rung_name(ladder, step) not in names


@pytest.mark.parametrize("file", sorted(DEFAULT_PATHWAY.parent.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_ladder_of_the_shipped_pathways_has_a_name_in_french(file: Path) -> None:
    ladders = yaml_files.read(file.read_text())["ladders"]

    assert [name for name in ladders if not has_label("ladder", name)] == []


def test_a_step_on_the_day_itself_is_not_counted_from_it() -> None:
    said = [adjusting.rung_words(rung) for ladder in another().ladders.values() for rung in ladder.rungs]

    assert "À l’échéance" in said
    assert [words for words in said if words.startswith("0 ")] == []


# --- In urgency

DELAY, OWN = "tasks.plan_visit.due.urgent", "tasks.plan_visit.urgent_ladder"


def setting(pathway: Pathway, name: str) -> str:
    return next(each.value for each in adjusting.settings_of(pathway) if each.name == name)


def test_a_task_gets_a_delay_of_its_own_in_urgency_and_loses_it_again() -> None:
    plain = another()
    assert setting(plain, DELAY) == ""

    pressing = adjusted(plain, {DELAY: "1wd"}, version=NEXT + 1)

    assert setting(pressing, DELAY) == "1wd"
    (told,) = adjusting.changes_between(plain, pressing)
    assert told.replace("\N{NO-BREAK SPACE}", " ").endswith("délai en cas d’urgence : aucun → 1 jour ouvré")
    assert adjusted(pressing, {DELAY: ""}, version=NEXT) == plain
    with pytest.raises(adjusting.Misfits):
        adjusted(plain, {DELAY: "bientôt"}, version=NEXT + 1)


def test_a_task_gets_reminders_of_its_own_in_urgency_which_are_then_changed_and_removed() -> None:
    plain = another()
    name = "ladders.plan_visit_urgent.rungs.1.after_due"

    pressing = adjusted(plain, {DELAY: "1wd", OWN: "on", name: "1wd"}, version=NEXT + 1)

    assert pressing.tasks["plan_visit"].ladder_of(urgent=True) == "plan_visit_urgent"
    assert setting(pressing, name) == "1wd"
    assert setting(pressing, "ladders.late_operator.rungs.1.after_due") == "3wd"
    assert adjusting.ladder_title(pressing, "plan_visit_urgent") == "Fixer la date de la visite, en urgence"
    assert adjusted(pressing, {DELAY: "", OWN: "off"}, version=NEXT) == plain
    with pytest.raises(adjusting.Misfits):
        adjusted(plain, {name: "1wd"}, version=NEXT + 1)


def test_what_others_follow_in_urgency_stays_when_one_task_leaves_it() -> None:
    shared = another(plan_visit={"urgent_ladder": "late_coordination"})

    made = adjusted(shared, {OWN: "off"}, version=NEXT + 1)

    assert made.tasks["plan_visit"].urgent_ladder is None
    assert "late_coordination" in made.ladders


def test_reminders_that_do_not_fit_an_urgent_delay_are_refused_at_the_task() -> None:
    slow = another(
        await_household={"due": {"delay": "30d"}, "ladder": "unreachable"},
    )

    with pytest.raises(adjusting.Misfits) as refused:
        adjusted(
            slow,
            {"tasks.await_household.due.urgent": "1wd", "tasks.await_household.urgent_ladder": "on"},
            version=NEXT + 1,
        )

    assert list(refused.value.errors) == ["tasks.await_household.urgent_ladder"]


def test_only_what_counts_from_its_beginning_may_press() -> None:
    names = {each.name for each in adjusting.settings_of(another())}

    assert {"tasks.triage.due.urgent", "tasks.answer_referral.urgent_ladder", DELAY, OWN} <= names
    for kind in ("hold_visit", "return_loan", "follow_up_call", "avert_cut"):
        assert names.isdisjoint({f"tasks.{kind}.due.urgent", f"tasks.{kind}.urgent_ladder"})


def test_an_urgent_case_takes_the_delay_and_the_reminders_that_are_added(office: Office) -> None:
    case_id = office.qualified(urgency="heating_out")
    assert office.due(case_id)["plan_visit"] == "2025-10-13 18:00"

    move(office, case_id, adjusted(another(version=SHIPPED), {DELAY: "1wd", OWN: "on"}, version=NEXT))
    office.at("2025-10-09T10:00")

    assert office.due(case_id)["plan_visit"] == "2025-10-07 18:00"
    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]


def test_what_is_shown_of_open_cases_counts_those_whose_delay_changes(office: Office) -> None:
    concerned, _other = office.accepted(), office.triaged(surname="Durand", phone="06 39 98 12 35")
    later = another(first_call={"due": {"delay": "10wd"}})
    with office.database.read() as unit:
        programme = unit.session.get_one(Programme, PROGRAMME)
        reach = publishing.reach(unit, programme, later)
        page = publishing.preview_page(unit, programme, later, number=1, size=25)

    assert (reach.following, reach.redated, reach.reminded) == (2, 1, 0)
    assert [each.case_id for each in page] == [concerned]


def test_a_case_stays_when_its_open_task_would_be_unknown(office: Office) -> None:
    case_id = office.reported()

    moved = move(office, case_id, another(orient=None))

    assert "n’a pas la tâche" in moved.stays
    assert office.due(case_id) == {"orient": "2025-10-20 18:00"}
    assert "case.repinned" not in office.events(case_id)


def test_a_case_that_breaks_is_passed_over(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, moves = office.accepted(), office.triaged(surname="Benali", phone="06 39 98 12 35", street="3 rue Haute")
    publish(office, another(first_call={"due": {"delay": "9wd"}}))
    whole = publishing.move

    def broken(unit: UnitOfWork, case_id: UUID, pathway: Pathway) -> CaseMove:
        if case_id == breaks:
            raise RuntimeError("a bug")
        return whole(unit, case_id, pathway)

    monkeypatch.setattr(publishing, "move", broken)
    ask(office)
    with pytest.raises(RuntimeError):
        publishing.carry_on(office.database, budget_s=5)
    publishing.carry_on(office.database, budget_s=5)

    assert versions(office, breaks, moves) == [SHIPPED, NEXT]


def test_a_case_in_the_engines_hands_stays_for_now(office: Office) -> None:
    case_id = office.submit()

    assert "s’en occupe" in move(office, case_id, another()).stays


def test_an_answer_counts_from_its_delivery_under_the_new_delay_too(office: Office) -> None:
    case_id, _ = office.referred()
    before = office.tasks(case_id)[0].due_at

    move(office, case_id, another(answer_referral={"due": {"delay": "20wd"}}))

    (task,) = office.tasks(case_id)
    assert (shown(before), shown(task.due_at)) == ("2025-10-29 18:00", "2025-11-05 18:00")
    assert not task.provisional


def test_a_request_that_is_still_under_way_is_watched_as_before(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()

    move(office, case_id, another(answer_referral={"due": {"delay": "20wd"}}))
    office.at("2025-10-10 12:00")

    assert "mend_address" in office.due(case_id)


def test_a_pause_that_is_over_moves_the_new_date_as_it_moved_the_old_one(office: Office) -> None:
    case_id = office.accepted()
    office.do(suspension.suspend, BO, case_id, Suspension(reason=SuspensionReason.HOSPITAL, until=date(2025, 12, 1)))
    office.drain()
    office.at("2025-10-13 10:00")  # a week later
    office.do(suspension.resume, BO, case_id)
    office.drain()
    assert office.due(case_id) == {"first_call": "2025-10-20 18:00"}

    move(office, case_id, another(first_call={"due": {"delay": "6wd"}}))
    office.at("2025-10-21 17:00")
    assert office.told(case_id, "task_late") == []

    office.at("2025-10-21 18:30")
    assert office.due(case_id) == {"first_call": "2025-10-21 18:00"}
    assert len(office.told(case_id, "task_late")) == 1


def test_another_ladder_is_climbed_from_where_the_case_stands(office: Office) -> None:
    case_id = office.accepted()
    office.at("2025-10-14 10:00")  # late since the day before, the operator was told

    move(office, case_id, another(first_call={"ladder": "late_coordination"}))
    office.at("2025-10-20 10:00")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator", "coordinator"]


def test_a_task_without_a_ladder_is_chased_no_more(office: Office) -> None:
    case_id = office.accepted()

    move(office, case_id, another(first_call={"ladder": None}))
    office.at("2025-10-20 10:00")

    assert office.told(case_id, "task_late") == []


def test_a_task_finds_the_ladder_again_that_it_had_lost(office: Office) -> None:
    case_id, without, with_one = office.accepted(), another(first_call={"ladder": None}), another(version=NEXT + 1)
    for pathway in (without, with_one, without, with_one):
        move(office, case_id, pathway)
    office.at("2025-10-14 10:00")

    assert [party for _, party, _ in office.told(case_id, "task_late")] == ["operator"]
    assert office.events(case_id).count("case.repinned") == 4


# --- In the background


def ask(office: Office) -> int:
    with office.database.write("test") as unit:
        return publishing.ask_to_move(unit, ADA.actor)


def versions(office: Office, *case_ids: UUID) -> list[int]:
    with office.database.read() as unit:
        return [pathway_of(unit, office.case(case_id).pathway_hash).version for case_id in case_ids]


def test_open_cases_are_moved_slice_by_slice_until_none_is_left(office: Office) -> None:
    cases = [office.accepted(), office.accepted(surname="Benali", phone="06 39 98 12 35", street="3 rue Haute")]
    publish(office, another(first_call={"due": {"delay": "9wd"}}))
    assert not publishing.carry_on(office.database, budget_s=0)

    assert ask(office) == 2
    assert publishing.carry_on(office.database, budget_s=0)
    assert versions(office, *cases) == [NEXT, SHIPPED]
    assert publishing.carry_on(office.database, budget_s=0)

    assert versions(office, *cases) == [NEXT, NEXT]
    assert not publishing.carry_on(office.database, budget_s=0)
    assert ask(office) == 0
    assert not publishing.carry_on(office.database, budget_s=0)


def test_a_case_that_cannot_move_holds_no_other_back(office: Office) -> None:
    stays = office.accepted()
    moves = office.triaged(surname="Benali", phone="06 39 98 12 35", street="3 rue Haute")
    publish(office, another(first_call=None))

    ask(office)
    while publishing.carry_on(office.database, budget_s=0):
        pass

    assert versions(office, stays, moves) == [SHIPPED, NEXT]


def test_a_case_in_the_engines_hands_is_left_to_the_next_press(office: Office) -> None:
    case_id = office.accepted()
    publish(office, another(first_call={"due": {"delay": "9wd"}}))
    office.call(case_id, "no_answer")

    ask(office)
    publishing.carry_on(office.database, budget_s=5)
    assert versions(office, case_id) == [SHIPPED]
    office.drain()
    ask(office)
    publishing.carry_on(office.database, budget_s=5)

    assert versions(office, case_id) == [NEXT]


def test_another_version_put_in_force_ends_the_move_to_the_one_before(office: Office) -> None:
    case_id = office.accepted()
    publish(office, another(first_call={"due": {"delay": "9wd"}}))
    ask(office)
    publish(office, another(version=NEXT + 1, first_call={"due": {"delay": "8wd"}}))

    assert not publishing.carry_on(office.database, budget_s=5)
    assert versions(office, case_id) == [SHIPPED]


@pytest.mark.parametrize("hand", [BO, DI])
def test_only_the_coordination_of_the_programme_has_its_cases_moved(office: Office, hand: Hand) -> None:
    office.accepted()
    publish(office, another(first_call={"due": {"delay": "9wd"}}))

    with suppress(Denied), office.database.write("test") as unit:
        publishing.ask_to_move(unit, hand.actor)

    assert not publishing.carry_on(office.database, budget_s=5)
