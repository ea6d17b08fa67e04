"""A spreadsheet of cases in progress is taken in once: each stands where its row says, nothing of its past leaves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from models.cases import Case, Permission, Referral, Report
from models.engine import Event, ImportedColumns, ImportedFile, Message, Obligation
from models.pathway import Pathway
from models.programmes import PathwayVersion, Programme
from models.vocabulary import MessageState, Role, Source
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build, use
from services.imports.case_columns import CASE_COLUMNS
from services.imports.cases import CaseOrder, run
from services.imports.mapping import MappingFile
from services.imports.verdicts import Verdict
from services.overview import timeline
from services.rules import obligations
from services.rules.policy import Actor
from services.rules.published import publish
from tests.faults.children import KILLED, exit_code
from tests.services.imports.desk import (
    ASKED,
    FOLLOWED,
    HEADER,
    PLANNED,
    POSITIONS,
    REFERRED,
    REPORTED,
    TAKEN,
    TO_CALL,
    TO_PLAN,
    VISITED,
    faults,
    make_desk,
    row,
    stand,
    take,
    write_cases,
)
from tests.services.imports.office import write_csv, write_xlsx

ROWS = tuple(row(number, told) for number, told in enumerate(POSITIONS))


@pytest.fixture
def desk(database: Database) -> Database:
    make_desk(database)
    return database


@pytest.mark.parametrize(
    ("told", "state", "kinds"),
    [
        (ASKED, "triage", {"triage": "coordinator"}),
        (TO_CALL, "contacting", {"call_again": "operator"}),
        (TO_CALL | {"Date d’appel": ""}, "to_contact", {"first_call": "operator"}),
        (TO_PLAN, "qualified", {"plan_visit": "operator"}),
        (PLANNED, "visit_planned", {"hold_visit": "operator"}),
        (VISITED, "visited", {"deliver_report": "operator"}),
        (REPORTED, "report_delivered", {"orient": "operator"}),
        (REFERRED, "orienting", {"check_back": "operator"}),
        (FOLLOWED, "in_follow_up", {"follow_up_call": "operator"}),
        (TAKEN, "in_follow_up", {"follow_up_call": "operator", "follow_outside": "operator"}),
    ],
)
def test_each_case_stands_where_its_row_says_with_its_owner_and_its_next_thing(
    tmp_path: Path, desk: Database, told: Mapping[str, str], state: str, kinds: dict[str, str]
) -> None:
    take(desk, tmp_path, told)

    (case,) = stand(desk)
    assert case.state == state
    assert {kind: party for kind, (party, _) in case.next.items()} == kinds
    assert faults(desk) == []


def test_the_past_has_its_dates_and_says_when_it_was_told(tmp_path: Path, desk: Database) -> None:
    take(desk, tmp_path, REFERRED)

    with desk.read() as unit:
        events = unit.session.scalars(select(Event).order_by(Event.seq)).all()
        days = [(event.type, f"{event.occurred_at:%d/%m}") for event in events]
        assert days == [
            ("alert.submitted", "29/09"),
            ("case.examined", "29/09"),
            ("case.accepted", "29/09"),
            ("household.reached", "01/10"),
            ("visit.planned", "01/10"),
            ("visit.held", "02/10"),
            ("report.delivered", "03/10"),
            ("referral.sent", "03/10"),
        ]
        assert {event.recorded_at for event in events} == {desk.clock.now()}
        assert {event.source for event in events} == {Source.IMPORT, Source.ENGINE}
        assert unit.session.scalars(select(Report.document_id)).all() == [None]
        assert unit.session.scalars(select(Referral.kind)).all() == ["outside_portal"]


@pytest.mark.parametrize("told", POSITIONS)
def test_nothing_of_the_past_leaves_letters_included(tmp_path: Path, desk: Database, told: Mapping[str, str]) -> None:
    take(desk, tmp_path, told)

    with desk.read() as unit:
        found = unit.session.execute(select(Message.state, Message.error).distinct()).all()
        assert [tuple(each) for each in found] == [(MessageState.CANCELLED, "imported_past")]


def test_the_timeline_says_once_that_nothing_left(tmp_path: Path, desk: Database) -> None:
    take(desk, tmp_path, REFERRED)

    with desk.read() as unit:
        case = unit.session.scalars(select(Case)).one()
        reader = Actor("person", None, programme_id=case.programme_id, role=Role.COORDINATOR)
        entries = timeline.of_case(unit, reader, case, ZoneInfo("Europe/Paris"))
    assert {entry.kind for entry in entries} & {"message", "letter"} == set()
    assert "Rien de ce qui précède n’a été envoyé" in entries[0].quote


def test_no_reminder_of_the_past_fires_and_the_next_one_does(tmp_path: Path, desk: Database, clock: SetClock) -> None:
    take(desk, tmp_path, PLANNED)

    with desk.write("test") as unit:
        assert obligations.tick(unit, {}) == 0
        at = unit.session.scalars(select(Obligation.next_at)).one()
    assert at is not None
    clock.at = at
    with desk.write("test") as unit:
        assert obligations.tick(unit, {}) == 1
    assert clock.at > datetime(2025, 10, 6, 8, tzinfo=UTC)


def test_a_household_that_was_never_told_gets_its_letter_and_nothing_else(tmp_path: Path, desk: Database) -> None:
    header = (*HEADER, "Ménage informé")
    file = write_csv(tmp_path / "b.csv", (*row(0, VISITED), "non"), (*row(1, VISITED), "oui"), header=header)

    outcome = run(desk, CaseOrder(file, commit=True))

    assert outcome.uninformed == 1
    with desk.read() as unit:
        waiting = unit.session.execute(
            select(Message.text, Message.channel).where(Message.state != MessageState.CANCELLED)
        ).all()
        assert [tuple(each) for each in waiting] == [("household_notice", "letter")]


@pytest.mark.parametrize(
    ("told", "due", "why"),
    [
        (VISITED | {"Prochaine date": "20/10/2025"}, "2025-10-20 16:00", "date du tableur"),
        (REFERRED | {"Prochaine date": "20/10/2025"}, "2025-10-20 16:00", "date du tableur"),
        (VISITED, "2025-10-17 16:00", "compté depuis la dernière étape"),
        (VISITED | {"Prochaine date": "01/10/2025"}, "2025-10-17 16:00", "compté depuis la dernière étape"),
        (ASKED | {"Date de demande": "01/03/2025"}, "2025-10-09 16:00", "compté depuis la reprise"),
        (PLANNED, "2025-10-21 16:00", "date du tableur"),
    ],
)
def test_what_is_next_has_a_date_ahead_and_its_note_says_whence(
    tmp_path: Path, desk: Database, told: Mapping[str, str], due: str, why: str
) -> None:
    take(desk, tmp_path, told)

    (case,) = stand(desk)
    assert {at for _, at in case.next.values()} == {due}
    assert why in case.notes[-1]
    assert "référence\u00a0: B-0" in case.notes[-1]


def test_a_case_of_two_years_ago_is_told_without_anything_late(tmp_path: Path, desk: Database) -> None:
    old = {
        "Date de demande": "04/09/2023",
        "Date d’appel": "11/09/2023",
        "Date de visite": "15/10/2024",
        "Date de rapport": "15/11/2024",
        "Date d’envoi": "16/11/2024",
    }

    outcome = take(desk, tmp_path, REFERRED | old, FOLLOWED | old | {"Partenaire": "ADIL"})

    assert [one.verdict for one in outcome.judged] == [Verdict.VALID, Verdict.VALID]
    assert outcome.recounted == 2
    assert faults(desk) == []


def test_a_case_of_this_very_morning_is_told(tmp_path: Path, desk: Database) -> None:
    today = {name: "06/10/2025" for name in TAKEN if name.startswith("Date")}

    take(desk, tmp_path, TAKEN | today)

    assert [case.state for case in stand(desk)] == ["in_follow_up"]
    assert faults(desk) == []


def test_the_note_and_the_agreement_are_kept(tmp_path: Path, desk: Database) -> None:
    take(desk, tmp_path, TO_PLAN | {"Note": "Appeler le matin."})

    (case,) = stand(desk)
    assert case.notes[-1] == "Appeler le matin."
    with desk.read() as unit:
        permission = unit.session.scalars(select(Permission)).one()
        assert (permission.collected_by, f"{permission.given_on:%d/%m/%Y}") == (
            "l’équipe, avant la reprise",
            "29/09/2025",
        )


def test_a_dry_run_counts_by_position_and_writes_nothing(tmp_path: Path, desk: Database) -> None:
    outcome = run(desk, CaseOrder(write_cases(tmp_path / "b.csv", *ROWS)))

    assert outcome.counts == {Verdict.VALID: len(ROWS)}
    assert [count for _, count in outcome.positions] == [1, 1, 1, 1, 1, 1, 1, 2]
    assert stand(desk) == []


def test_the_same_file_twice_changes_nothing(tmp_path: Path, desk: Database) -> None:
    file = write_cases(tmp_path / "b.csv", *ROWS)
    run(desk, CaseOrder(file, commit=True))
    before = stand(desk)

    again = run(desk, CaseOrder(file, commit=True))

    assert again.counts == {Verdict.DONE: len(ROWS)}
    assert stand(desk) == before
    with desk.read() as unit:
        assert unit.session.scalars(select(ImportedFile.rows)).all() == [len(ROWS)]


def test_a_later_version_of_the_file_takes_in_only_what_is_new(tmp_path: Path, desk: Database) -> None:
    run(desk, CaseOrder(write_cases(tmp_path / "b.csv", *ROWS), commit=True))

    again = run(desk, CaseOrder(write_xlsx(tmp_path / "b.xlsx", *ROWS, row(50, VISITED), header=HEADER), commit=True))

    assert again.counts == {Verdict.DONE: len(ROWS), Verdict.VALID: 1}
    assert len(stand(desk)) == len(ROWS) + 1


def test_rows_that_are_not_taken_do_not_hold_back_the_others(tmp_path: Path, desk: Database) -> None:
    outcome = take(desk, tmp_path, TO_CALL, VISITED | {"Date de visite": ""}, FOLLOWED)

    assert outcome.counts == {Verdict.VALID: 2, Verdict.REFUSED: 1}
    assert len(stand(desk)) == 2
    assert faults(desk) == []


def test_a_pathway_that_would_leave_a_case_to_nobody_refuses_the_row(tmp_path: Path, desk: Database) -> None:
    with desk.write("test") as unit:
        body = unit.session.scalars(select(PathwayVersion.body)).one()
        events = {name: rule for name, rule in body["events"].items() if name != "report.delivered"}
        other = Pathway.model_validate(body | {"events": events})
        unit.session.scalars(select(Programme)).one().pathway_hash = publish(unit, other)

    outcome = take(desk, tmp_path, REPORTED)

    assert [one.verdict for one in outcome.judged] == [Verdict.REFUSED]
    assert "ne prévoit rien" in outcome.judged[0].reasons[0]
    assert stand(desk) == []


@pytest.mark.parametrize(
    "point", ["import_case.before_commit:2", "import_case.after_commit:2", "import_file.before_commit:1"]
)
def test_an_import_killed_in_the_middle_resumes_with_each_row_once(
    tmp_path: Path, desk: Database, runtime: Runtime, point: str
) -> None:
    # The child lives by the machine's clock, so its visit is long past: only the other rows are asked of it.
    file = write_cases(tmp_path / "b.csv", ROWS[0], ROWS[1], ROWS[4], ROWS[5])

    def take_in() -> None:
        with use(build(runtime.settings)) as other:
            run(other.database, CaseOrder(file, commit=True))

    assert exit_code(take_in, crash_at=point) == KILLED

    run(desk, CaseOrder(file, commit=True))

    with desk.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Case)) == 4
    assert [line for line in faults(desk) if not line.startswith("late")] == []


def test_what_was_said_of_the_columns_is_remembered_for_the_programme(tmp_path: Path, desk: Database) -> None:
    header = tuple({"Étape": "Où on en est ?", "Nom": "Qui"}.get(title, title) for title in HEADER)
    said = MappingFile.model_validate(
        {"columns": {"stage": "Où on en est ?", "surname": "Qui"}, "values": {"stage": {"V1": "visite faite"}}},
        context={"columns": CASE_COLUMNS},
    )
    first = write_csv(tmp_path / "a.csv", row(0, VISITED | {"Étape": "V1"}), header=header)
    run(desk, CaseOrder(first, mapping=said, commit=True))

    second = write_csv(tmp_path / "b.csv", row(1, VISITED | {"Étape": "V1"}), header=header)
    outcome = run(desk, CaseOrder(second, commit=True))

    assert outcome.mapped.remembered
    assert [case.state for case in stand(desk)] == ["visited", "visited"]
    with desk.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(ImportedColumns)) == 1


def test_a_dry_run_remembers_nothing_of_the_columns(tmp_path: Path, desk: Database) -> None:
    said = MappingFile.model_validate({"defaults": {"stage": "à appeler"}}, context={"columns": CASE_COLUMNS})

    run(desk, CaseOrder(write_cases(tmp_path / "b.csv", *ROWS), mapping=said))

    with desk.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(ImportedColumns)) == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_of_three_hundred_cases_comes_in_whole_and_each_has_its_next_thing(
    tmp_path: Path, desk: Database
) -> None:
    told = [POSITIONS[number % len(POSITIONS)] for number in range(300)]
    file = write_cases(tmp_path / "b.csv", *(row(number, each) for number, each in enumerate(told)))

    outcome = run(desk, CaseOrder(file, commit=True))

    assert len(outcome.numbers) == 300
    assert all(case.next for case in stand(desk))
    assert faults(desk) == []
