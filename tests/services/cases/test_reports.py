"""A wrong report is replaced: the right one is read by whoever might read it, and nothing of the wrong one stays."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from models.cases import Case, Document, Permission, Report
from models.engine import Event
from models.programmes import Organisation
from models.vocabulary import CaseState, Contract
from services.cases import documents, erasure, reports
from services.forms import ReplacementForm, ReportForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from services.foundation.runtime import Runtime, use
from services.operations import upkeep
from services.rules.casework import Hand
from tests.factories import PDF, Office, drain, make_case, make_office, state_of
from tests.ledger import problems

RIGHT = b"%PDF-1.7\n%le bon rapport\n"
SUMMARY = "Toiture à isoler."


@pytest.fixture
def office(runtime: Runtime) -> Office:
    return make_office(runtime)


def folder(office: Office) -> Path:
    return office.runtime.settings.data_folder / "documents"


def on_disk(office: Office) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder(office).iterdir())


def rows(office: Office) -> list[str]:
    with office.runtime.database.read() as unit:
        return list(unit.session.scalars(select(Document.filename).order_by(Document.id)))


def told(office: Office, case_id: UUID) -> list[str]:
    with office.runtime.database.read() as unit:
        return list(unit.session.scalars(select(Event.type).where(Event.case_id == case_id).order_by(Event.seq)))


def put(unit: UnitOfWork, office: Office, hand: Hand, case_id: UUID) -> Report:
    """The right file, dropped and put in its place."""
    stored = documents.store(office.runtime, [RIGHT])
    document = documents.add_document(unit, hand, case_id, "corrige.pdf", stored)
    return reports.replace(unit, hand, case_id, ReplacementForm(document_id=document.id, summary=SUMMARY))


def replaced(office: Office, case_id: UUID, hand: Hand | None = None) -> None:
    with office.runtime.database.write("test") as unit:
        put(unit, office, hand or Hand(office.karim), case_id)
    drain(office)


def test_a_file_of_which_no_row_speaks_is_swept_after_a_month(office: Office) -> None:
    make_case(office, CaseState.ORIENTING)
    long_ago = time.time() - timedelta(days=31).total_seconds()
    named = [*folder(office).iterdir()]
    forgotten, latest = (documents.store(office.runtime, [RIGHT])[0] for _ in range(2))
    for path in (*named, forgotten):
        os.utime(path, (long_ago, long_ago))

    with office.runtime.database.write("test") as unit, use(office.runtime):
        assert upkeep.sweep_documents(unit) == []

    assert {*folder(office).iterdir()} == {*named, latest}
    assert upkeep.sweep_documents in upkeep.ROUNDS


def test_nothing_of_a_wrong_report_stays_and_who_may_read_it_does(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    with office.runtime.database.read() as unit:
        before = unit.session.scalars(select(Report)).one()
        agreed = unit.session.scalars(select(Permission.id).order_by(Permission.id)).all()

    replaced(office, case_id)

    with office.runtime.database.read() as unit:
        after = unit.session.scalars(select(Report)).one()
        assert unit.session.get(Document, before.document_id) is None
        assert unit.session.scalars(select(Permission.id).order_by(Permission.id)).all() == agreed
        assert problems(unit, drained=True) == []
    assert (after.id, after.visit_id, after.delivered_at) == (before.id, before.visit_id, before.delivered_at)
    assert (after.summary, rows(office), on_disk(office)) == (SUMMARY, ["corrige.pdf"], [RIGHT])
    assert (state_of(office, case_id), told(office, case_id)[-1]) == (CaseState.ORIENTING, "report.replaced")


def test_a_file_is_lost_to_nobody_when_its_transaction_fails(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)

    with pytest.raises(RuntimeError), office.runtime.database.write("test") as unit:  # noqa: PT012
        put(unit, office, Hand(office.karim), case_id)
        raise RuntimeError

    assert (rows(office), PDF in on_disk(office)) == (["rapport.pdf"], True)
    assert "report.replaced" not in told(office, case_id)


def test_the_wrong_file_leaves_the_disk_only_after_its_row(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)

    with office.runtime.database.write("test") as unit:
        put(unit, office, Hand(office.karim), case_id)
        unit.session.flush()
        assert PDF in on_disk(office)

    assert on_disk(office) == [RIGHT]


def test_before_a_report_was_given_there_is_nothing_to_replace_and_nothing_is_written(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    before = told(office, case_id)

    with pytest.raises(GuardRefused, match="Aucun rapport n’a encore été remis"):
        replaced(office, case_id)

    assert (rows(office), told(office, case_id)) == ([], before)


def test_another_operator_does_not_know_of_the_report(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)

    with office.runtime.database.write("test") as unit, pytest.raises(NotFound):
        reports.replace(unit, Hand(office.nadia), case_id, form_of(unit))

    assert on_disk(office) == [PDF]


def form_of(unit: UnitOfWork) -> ReplacementForm:
    return ReplacementForm(document_id=unit.session.scalars(select(Document.id)).one(), summary=SUMMARY)


def test_whoever_may_not_know_the_household_does_not_replace_its_report(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.operator_id).contract = Contract.SUBSIDY.value

    with office.runtime.database.write("test") as unit, pytest.raises(Denied, match="C’est à l’opérateur"):
        reports.replace(unit, Hand(office.claire), case_id, form_of(unit))

    replaced(office, case_id)
    assert on_disk(office) == [RIGHT]


def test_a_report_given_before_relais_held_the_case_gets_its_file(office: Office) -> None:
    case_id = make_case(office, CaseState.VISITED)
    with office.runtime.database.write("test") as unit:
        reports.note_delivery(unit, Hand(office.karim), case_id, "Remis en main propre.")

    replaced(office, case_id)

    with office.runtime.database.read() as unit:
        report, document = unit.session.execute(
            select(Report, Document).join(Document, Document.id == Report.document_id)
        ).one()
    assert (report.summary, document.filename, on_disk(office)) == (SUMMARY, "corrige.pdf", [RIGHT])


def test_the_same_file_with_other_words_stays(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)

    with office.runtime.database.write("test") as unit:
        report = reports.replace(unit, Hand(office.karim), case_id, form_of(unit))

    assert (report.summary, rows(office), on_disk(office)) == (SUMMARY, ["rapport.pdf"], [PDF])


def test_a_wrong_report_is_replaced_on_a_case_that_has_ended(office: Office) -> None:
    case_id = make_case(office, CaseState.CLOSED)

    replaced(office, case_id)

    assert (state_of(office, case_id), on_disk(office)) == (CaseState.CLOSED, [RIGHT])
    with office.runtime.database.read() as unit:
        assert problems(unit, drained=True) == []


def test_a_wrong_file_that_two_reports_of_a_case_had_goes_from_both(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    with office.runtime.database.write("test") as unit:
        first = unit.session.scalars(select(Report)).one()
        unit.session.add(
            Report(case_id=case_id, visit_id=first.visit_id, document_id=first.document_id, summary="Deuxième.",
                   delivered_at=unit.now)
        )  # fmt: skip

    replaced(office, case_id)

    with office.runtime.database.read() as unit:
        named = select(Document.filename).join(Report, Report.document_id == Document.id)
        assert unit.session.scalars(named).all() == ["corrige.pdf"] * 2
        said = unit.session.scalars(select(Report.summary).order_by(Report.delivered_at, Report.id)).all()
    assert (said, on_disk(office)) == (["Logement froid, fenêtres à reprendre.", SUMMARY], [RIGHT])


def test_a_file_of_another_case_is_no_report_of_this_one(office: Office) -> None:
    other = make_case(office, CaseState.REPORT_DELIVERED, surname="Bihan")
    with office.runtime.database.read() as unit:
        foreign = unit.session.scalars(select(Document.id).where(Document.case_id == other)).one()
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    form = ReplacementForm(document_id=foreign, summary=SUMMARY)

    with office.runtime.database.write("test") as unit, pytest.raises(InvalidInput, match="Joignez le fichier"):
        reports.replace(unit, Hand(office.karim), case_id, form)

    assert rows(office) == ["rapport.pdf"] * 2


def test_a_report_that_was_given_is_not_given_again(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)

    with office.runtime.database.write("test") as unit, pytest.raises(GuardRefused, match="remplacez-le"):
        reports.deliver_report(unit, Hand(office.karim), case_id, ReportForm.model_validate(form_of(unit).model_dump()))

    with office.runtime.database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Report)) == 1


def test_an_erased_household_has_no_report_to_replace(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    with office.runtime.database.write("test") as unit:
        erasure.erase(unit, office.runtime, unit.session.get_one(Case, case_id))
    assert on_disk(office) == []

    with pytest.raises(GuardRefused, match="Aucun rapport"):
        replaced(office, case_id)
