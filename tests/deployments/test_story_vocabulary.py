"""What a story may say is written down, all of it, and what is written down may be said."""

import pytest

from deployments.play import actions, expectations, vocabulary
from deployments.play.actions import ACTIONS
from deployments.play.expectations import Expected
from deployments.play.player import SCAN
from deployments.play.scene import FormAction

SAID = vocabulary.table(actions.__doc__)
EXPECTED = vocabulary.table(expectations.__doc__)
FORMS = [name for name, act in ACTIONS.items() if isinstance(act, FormAction) and name != "record_survey"]
ELSEWHERE = {"generation", "step"}
"""Fields that an action fills by itself."""


def test_every_act_is_written_down_and_every_act_written_down_exists() -> None:
    assert set(SAID) - {"action", "---"} == {*ACTIONS, SCAN}


def test_every_expectation_is_written_down_and_every_one_written_down_exists() -> None:
    assert set(EXPECTED) - {"word", "---"} == set(Expected.model_fields)


@pytest.mark.parametrize(
    "name", [name for name, act in ACTIONS.items() if isinstance(act, FormAction) and name != "record_survey"]
)
def test_every_field_of_a_form_is_named_by_its_act(name: str) -> None:
    form = vocabulary.form_of(name)
    assert form is not None
    fields = {each for each in form.model_fields if not each.endswith("_id")} - ELSEWHERE

    assert [each for each in sorted(fields) if each not in SAID[name]] == []


def test_the_vocabulary_tells_each_word_with_its_codes() -> None:
    told = "\n".join(vocabulary.lines())

    for words in ("landlord_refused", "over_1m2", "report_to_committee", "refused_at_door", "came_by", "on_behalf"):
        assert words in told
