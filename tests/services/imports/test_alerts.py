"""A file of alerts becomes cases once, silently unless asked, and resumes where it was killed."""

from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import select

from models.cases import Permission
from models.engine import ImportedFile
from services.foundation.database import Database
from services.foundation.runtime import Runtime, build, use
from services.imports import alerts
from services.imports.alerts import Order, run
from services.imports.verdicts import Collected, Verdict
from tests.faults.children import KILLED, exit_code
from tests.services.imports.office import DUBOIS, KADRI, MARTIN, handle_all, look, make_office, write_csv, write_xlsx


@pytest.fixture
def file(tmp_path: Path, database: Database) -> Path:
    make_office(database)
    return write_csv(tmp_path / "fsl.csv", MARTIN, KADRI, ("Sans", "Tel", "", *MARTIN[3:]), DUBOIS)


def test_a_dry_run_writes_nothing(file: Path, database: Database) -> None:
    outcome = run(database, Order(file, "fsl"))

    assert outcome.counts == {Verdict.VALID: 3, Verdict.REFUSED: 1}
    assert look(database).events == 0
    assert outcome.numbers == ()


def test_the_valid_rows_become_cases(file: Path, database: Database) -> None:
    outcome = run(database, Order(file, "fsl", commit=True))

    assert look(database).cases == ["Martin", "Kadri", "Dubois"]
    assert outcome.numbers == ("2025-00001", "2025-00002", "2025-00003")
    with database.read() as unit:
        assert unit.session.scalars(select(ImportedFile.rows)).all() == [4]


def test_the_same_file_twice_changes_nothing(file: Path, database: Database) -> None:
    run(database, Order(file, "fsl", commit=True))
    before = look(database)

    again = run(database, Order(file, "fsl", commit=True))

    assert again.counts == {Verdict.DONE: 3, Verdict.REFUSED: 1}
    assert look(database) == before


def test_the_same_rows_in_another_file_are_duplicates(file: Path, tmp_path: Path, database: Database) -> None:
    run(database, Order(file, "fsl", commit=True))

    again = run(database, Order(write_xlsx(tmp_path / "fsl.xlsx", MARTIN, KADRI), "fsl", commit=True))

    assert again.counts == {Verdict.DUPLICATE: 2}
    assert len(look(database).cases) == 3


def test_nothing_is_sent_unless_asked_but_the_letter_waits(file: Path, database: Database) -> None:
    run(database, Order(file, "fsl", commit=True))
    handle_all(database)

    assert look(database).messages == {
        ("alert_receipt", "email"): ("cancelled", "import_muted"),
        ("new_alert", "email"): ("cancelled", "import_muted"),
        ("household_notice", "letter"): ("queued", None),
    }


def test_what_is_asked_is_sent(file: Path, database: Database) -> None:
    run(database, Order(file, "fsl", commit=True, notify=True))
    handle_all(database)

    assert {state for state, _ in look(database).messages.values()} == {"queued"}


def test_the_agreement_names_who_collected_it(tmp_path: Path, database: Database) -> None:
    make_office(database)
    file = write_csv(tmp_path / "fsl.csv", (*MARTIN[:-1], ""))
    collected = Collected("Ada", database.clock.now().date())

    run(database, Order(file, "fsl", commit=True, collected=collected))

    with database.read() as unit:
        permission = unit.session.scalars(select(Permission)).one()
        assert (permission.collected_by, permission.given_on) == (collected.by, collected.on)


@pytest.mark.parametrize(
    "point", ["import_rows.before_commit:2", "import_rows.after_commit:2", "import_file.before_commit:1"]
)
def test_an_import_killed_in_the_middle_resumes_with_each_row_once(file: Path, runtime: Runtime, point: str) -> None:
    def take_in() -> None:
        with patch.object(alerts, "SLICE", 2), use(build(runtime.settings)) as other:
            run(other.database, Order(file, "fsl", commit=True))

    assert exit_code(take_in, crash_at=point) == KILLED

    run(runtime.database, Order(file, "fsl", commit=True))

    assert sorted(look(runtime.database).cases) == ["Dubois", "Kadri", "Martin"]
