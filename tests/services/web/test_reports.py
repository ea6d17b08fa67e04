"""The page that replaces a wrong report: who is offered it, what it asks, what is read and what is gone afterwards."""

from uuid import UUID

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from models.cases import Document, Report
from models.engine import Event
from models.programmes import Organisation
from models.vocabulary import CaseState, Contract
from tests.factories import PDF, Office, drain, make_case
from tests.services.web.browser import browser, send
from tests.services.web.test_partner_access import accepted, entered, let_read, report_id_of

RIGHT = b"%PDF-1.7\n%le bon rapport\n"
OFFER = "Remplacer le rapport"
OLD = "Logement froid, fenêtres à reprendre."


def replace(client: TestClient, case_id: UUID, once: str = "une-fois", summary: str = "Toiture à isoler.") -> int:
    """The form of the page, sent."""
    typed, files = {"once": once, "summary": summary}, {"file": ("corrige.pdf", RIGHT, "application/pdf")}
    return client.post(f"/situations/{case_id}/rapport/remplacer", data=typed, files=files).status_code


def files(office: Office) -> list[bytes]:
    folder = office.runtime.settings.data_folder / "documents"
    return sorted(path.read_bytes() for path in folder.iterdir())


def test_a_partner_with_the_agreement_reads_the_right_report_and_nobody_the_wrong_one(office: Office) -> None:
    case_id = accepted(office)
    partner = browser(office)
    entered(office, case_id, partner)
    let_read(office, case_id)
    file, karim = f"/acces/rapport/{report_id_of(office, case_id)}", browser(office, "karim")
    with office.runtime.database.read() as unit:
        wrong = unit.session.scalars(select(Document.id)).one()
    before = (partner.get(file).content, karim.get(f"/documents/{wrong}").status_code)

    assert replace(karim, case_id) == 303

    drain(office)
    page, case = partner.get("/acces/rapport").text, karim.get(f"/situations/{case_id}").text
    assert (before, partner.get(file).content) == ((PDF, 200), RIGHT)
    assert ("Toiture à isoler." in page, OLD in page) == (True, False)
    assert (karim.get(f"/documents/{wrong}").status_code, files(office)) == (404, [RIGHT])
    assert ("Rapport remplacé" in case, "corrige.pdf" in case, ">rapport.pdf<" in case) == (True, True, False)


def test_the_page_asks_for_the_file_and_has_the_summary_as_it_stands(office: Office) -> None:
    case_id = make_case(office, CaseState.REPORT_DELIVERED)
    page = browser(office, "karim").get(f"/situations/{case_id}/rapport/remplacer").text
    without = send(browser(office, "karim"), f"/situations/{case_id}/rapport/remplacer", summary="Autre chose.")

    assert (OLD in page, 'type="file"' in page, 'name="to_partner_ids"' in page) == (True, True, False)
    assert (without.status_code, "Joignez le fichier du rapport." in without.text) == (422, True)
    assert "Autre chose." in without.text


@pytest.mark.parametrize(
    ("state", "offered"),
    [(CaseState.VISITED, False), (CaseState.REPORT_DELIVERED, True), (CaseState.CLOSED, True)],
)
def test_a_replacement_is_offered_once_there_is_a_report_whether_the_case_has_ended_or_not(
    office: Office, state: CaseState, *, offered: bool
) -> None:
    case_id = make_case(office, state)

    assert (OFFER in browser(office, "karim").get(f"/situations/{case_id}").text) is offered


def test_without_a_report_the_page_asks_nothing_and_a_form_sent_all_the_same_writes_nothing(office: Office) -> None:
    case_id, karim = make_case(office, CaseState.VISITED), browser(office, "karim")
    with office.runtime.database.read() as unit:
        events = select(func.count()).select_from(Event)
        before = unit.session.scalar(events)
    page = karim.get(f"/situations/{case_id}/rapport/remplacer").text

    assert ("Aucun rapport n’a encore été remis" in page, 'type="file"' in page) == (True, False)
    assert (replace(karim, case_id), files(office)) == (409, [])
    with office.runtime.database.read() as unit:
        assert unit.session.scalar(events) == before
        assert unit.session.scalars(select(Document.id)).all() == []


def test_the_first_form_is_not_drawn_again_once_a_report_was_given(office: Office) -> None:
    case_id = make_case(office, CaseState.ORIENTING)
    page = browser(office, "karim").get(f"/situations/{case_id}/rapport").text

    assert ("Le rapport est déjà remis" in page, 'type="file"' in page) == (True, False)


def test_another_operator_gets_nothing_of_it_and_fills_no_disk(office: Office) -> None:
    case_id, nadia = make_case(office, CaseState.REPORT_DELIVERED), browser(office, "nadia")

    assert (nadia.get(f"/situations/{case_id}/rapport/remplacer").status_code, replace(nadia, case_id)) == (404, 404)
    assert files(office) == [PDF]


def test_whoever_may_not_know_the_household_is_neither_offered_nor_shown_its_report(office: Office) -> None:
    case_id, claire = make_case(office, CaseState.REPORT_DELIVERED), browser(office, "claire")
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.operator_id).contract = Contract.SUBSIDY.value
    page = claire.get(f"/situations/{case_id}/rapport/remplacer")

    assert OFFER not in claire.get(f"/situations/{case_id}").text
    assert (page.status_code, OLD in page.text, replace(claire, case_id)) == (403, False, 403)
    assert files(office) == [PDF]


def test_a_replacement_pressed_twice_is_made_once_and_keeps_one_file(office: Office) -> None:
    case_id, karim = make_case(office, CaseState.REPORT_DELIVERED), browser(office, "karim")

    assert [replace(karim, case_id) for _ in range(2)] == [303, 303]

    with office.runtime.database.read() as unit:
        told = select(func.count()).select_from(Event).where(Event.type == "report.replaced")
        assert (unit.session.scalar(told), unit.session.scalar(select(func.count()).select_from(Report))) == (1, 1)
    assert files(office) == [RIGHT]
