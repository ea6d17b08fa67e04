"""The code of a household's letters and the word of its visit: the same each time, from this installation only."""

from uuid import UUID

import pytest

from models.cases import Case
from services.foundation.tokens import Secrets
from services.rules.household import LETTERS, code_of, number_in, opens, visit_word, visit_words

OURS, OTHERS = Secrets(b"1" * 32), Secrets(b"2" * 32)
CASE = Case(id=UUID(int=7), number="2026-00034")


def test_a_code_names_its_case_and_opens_it_alone() -> None:
    code = code_of(OURS, CASE)

    assert code.startswith("26-34-")
    assert set(code.rpartition("-")[2]) <= set(LETTERS)
    assert number_in(code) == "2026-00034"
    assert opens(OURS, code, CASE)
    assert not opens(OTHERS, code, CASE)
    assert not opens(OURS, code, Case(id=UUID(int=8), number="2026-00034"))


@pytest.mark.parametrize("typed", ["26 34 {}", "26–34–{}", " 2634{} ", "26.34.{}"])
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    code = typed.format(code_of(OURS, CASE).rpartition("-")[2].lower())

    assert number_in(code) == "2026-00034"
    assert opens(OURS, code, CASE)


@pytest.mark.parametrize("typed", ["", "26-34", "26-34-AEIO", "KTRM", "26-34-KTRM-8", "٢٦-٣٤-KTRM"])
def test_what_is_no_code_names_no_case(typed: str) -> None:
    assert number_in(typed) is None


def test_the_word_of_a_visit_stays_the_same_and_is_easily_said() -> None:
    assert visit_word(OURS, UUID(int=7)) == visit_word(OURS, UUID(int=7))
    assert len({visit_word(OURS, UUID(int=visit)) for visit in range(200)}) > 100
    assert len(set(visit_words())) == len(visit_words()) > 250
    assert all(word.isascii() and word.isalpha() and len(word) <= 8 for word in visit_words())
