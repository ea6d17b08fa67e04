"""Long lists: what a line shows is read for all lines at once, and the pages of a list are the list."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from models.engine import Task
from models.programmes import Organisation
from models.vocabulary import CaseState, Contract
from services import listing
from services.overview import owing
from tests.factories import Office, deliver_mail, make_case
from tests.services.web.browser import browser


def statements(office: Office, who: str, address: str) -> int:
    """How many the database is asked for one page; the person was there before."""
    client, asked = browser(office, who), 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    client.get(address)
    event.listen(office.runtime.database.engine, "before_cursor_execute", count)
    try:
        assert client.get(address).status_code == 200
    finally:
        event.remove(office.runtime.database.engine, "before_cursor_execute", count)
    return asked


@pytest.mark.parametrize("who", ["claire", "karim"])
def test_a_longer_list_asks_no_more_of_the_database(office: Office, who: str) -> None:
    with office.runtime.database.write("test") as unit:  # the coordination may not know all of them
        unit.session.get_one(Organisation, office.operator_id).contract = Contract.SUBSIDY.value
    addresses = ("/a-faire", "/parcours", "/qui-doit-quoi", "/situations")

    def more() -> None:
        make_case(office, CaseState.TO_CONTACT)
        deliver_mail(office, make_case(office, CaseState.ORIENTING))

    more()
    more()
    office.clock.at += timedelta(days=30)  # all is late: every kind of line is there
    few = {address: statements(office, who, address) for address in addresses}
    more()
    more()

    assert {address: statements(office, who, address) for address in addresses} == few


def test_the_pages_of_a_list_one_after_the_other_are_the_list(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        make_case(office, CaseState.TO_CONTACT)
    monkeypatch.setattr(listing, "PAGE", 2)

    with office.runtime.database.read() as unit:
        for question in (
            listing.cases(unit, office.claire),
            listing.owed(unit, office.claire).where(Task.kind == "first_call"),
            owing.owed(unit, office.claire, listing.EVERYTHING),
        ):
            pages = [question.page(unit, number) for number in (1, 2, 3)]
            assert [row for page in pages for row in page.rows] == list(question.all(unit))
            assert [page.total for page in pages] == [question.count(unit)] * 3
            assert question.rows(unit) == pages[0].rows
