"""A list is one parameter, on both databases; the statement is the same for a list of any length."""

from collections.abc import Sequence

import pytest
from sqlalchemy import event, not_, select
from sqlalchemy.orm import InstrumentedAttribute

from models.programmes import Commune
from services.foundation.database import Database
from services.foundation.lists import among

CODES = ("57001", "57002", "57003")


@pytest.fixture
def communes(database: Database) -> Database:
    with database.write("test") as unit:
        for code in CODES:
            unit.session.add(Commune(code=code, name="L’Île", search_key=code, postcodes=[code], department="57"))
    return database


@pytest.mark.parametrize("given", [(), ("57002",), ("57003", "57001", "elsewhere"), ("l'île", '"', "57002")])
def test_a_list_finds_what_it_names_and_its_contrary_the_rest(communes: Database, given: Sequence[str]) -> None:
    column: InstrumentedAttribute[str] = Commune.code
    with communes.read() as unit:
        named = unit.rows(select(column).where(among(column, "codes")), codes=given)
        others = unit.rows(select(column).where(not_(among(column, "codes"))), codes=given)

    assert {row.code for row in named} == set(CODES) & set(given)
    assert {row.code for row in others} == set(CODES) - set(given)


def test_lists_of_any_length_are_one_statement(communes: Database) -> None:
    query, said = select(Commune.code).where(among(Commune.code, "codes")), set()
    event.listen(communes.engine, "before_cursor_execute", lambda *given: said.add(given[2]))
    with communes.read() as unit:
        for length in range(len(CODES) + 1):
            unit.rows(query, codes=CODES[:length])

    assert len([statement for statement in said if "commune" in statement]) == 1
