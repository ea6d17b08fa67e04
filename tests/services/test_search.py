"""A case is found by the beginnings of its words, on both databases, by whoever may read it and nobody else."""

import pytest
from sqlalchemy import select

from models.cases import Case
from models.vocabulary import CaseState
from services import search
from services.cases import erasure
from services.foundation.runtime import Runtime
from services.rules.finding import ways, words_of
from tests.factories import make_case, make_office


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("BEN ALI", [["ben", "ali"], ["benali"]]),
        ("12 rue des Écoles", [["12", "ecoles"], ["12ruedesecoles"]]),
        ("lefevre", [["lefevre"]]),
        ("la", []),
        ("!?", []),
    ],
)
def test_what_was_typed_is_looked_for_word_by_word_and_as_one(asked: str, expected: list[list[str]]) -> None:
    assert list(ways(asked)) == expected


def test_a_name_in_two_words_is_kept_as_one_too() -> None:
    assert words_of("Ben Ali", "Fatima", "12 rue du Pont") == {
        "ben",
        "ali",
        "benali",
        "benalifatima",
        "fatima",
        "12",
        "pont",
    }


def test_the_end_of_a_reference_finds_its_case(runtime: Runtime) -> None:
    office = make_office(runtime)
    make_case(office)
    case_id = make_case(office)

    with runtime.database.read() as unit:
        number = unit.session.get_one(Case, case_id).number
        for typed in (number, "00002", "2", " 2 "):
            assert [case.id for case in search.search(unit, office.claire, typed).page(unit).rows] == [case_id], typed
        assert search.search(unit, office.claire, "00003").count(unit) == 0


def test_the_beginnings_of_words_find_a_case_until_it_is_erased(runtime: Runtime) -> None:
    office = make_office(runtime)
    case_id = make_case(office, surname="Ben Ali", first_name="Fatima", street="12 rue du Pont-Neuf")
    make_case(office, surname="Benard", first_name="Zoé", street="3 rue Haute")

    def found(words: str) -> set[str]:
        with runtime.database.read() as unit:
            return {case.household.name for case in search.search(unit, office.claire, words).page(unit).rows}

    for words in ("benali", "BEN ALI", "ali fat", "fatima", "12 pont", "12 rue du Pont", "pont neuf"):
        assert {name.split(" ")[-1] for name in found(words)} == {"Ali"}, words
    assert len(found("ben")) == 2
    assert found("martin") == found("la") == set()

    with runtime.database.write("test") as unit:
        erasure.erase(unit, runtime, unit.session.scalars(select(Case).where(Case.id == case_id)).one())
    assert found("fatima") == set()


def test_of_too_many_answers_the_last_are_given_whoever_else_is_called_so(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office(runtime)
    mine = [make_case(office, CaseState.TO_CONTACT, surname="Le Goff", street=f"{house} rue Haute") for house in "1234"]
    for house in "567":  # nobody's yet: an operator does not read them
        make_case(office, surname="Le Goff", street=f"{house} rue Haute")
    monkeypatch.setattr(search, "MOST", 3)

    with runtime.database.read() as unit:
        page = search.search(unit, office.karim, "goff").page(unit)

    assert ([case.id for case in page.rows], page.total) == ([*reversed(mine[1:])], 3)
