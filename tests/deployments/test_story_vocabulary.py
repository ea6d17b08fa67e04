"""What a story may say is written down, all of it, and what is written down may be said."""

import pytest
from fastapi.routing import APIRoute

from deployments.play import actions, expectations, vocabulary
from deployments.play.actions import ACTIONS
from deployments.play.expectations import Expected
from deployments.play.player import SCAN
from deployments.play.scene import FormAction
from deployments.play.story import Setting
from services.web.api import cases, coming, detection, follow_up, lives, orientation, replies, tasks, visit

SAID = vocabulary.table(actions.__doc__)
EXPECTED = vocabulary.table(expectations.__doc__)
FORMS = [name for name, act in ACTIONS.items() if isinstance(act, FormAction) and name != "record_survey"]
ALIASES = {
    "note_aid_filed": "file_aid",
    "note_supplier_call": "call_supplier",
    "file_incoming": "file_mail",
    "set_incoming_aside": "set_mail_aside",
    "hand_task_over": "hand_over",
    "pass_referral_on": "pass_on",
    "record_follow_up_call": "record_follow_up",
    "send_reminder_now": "send_reminder",
    "unmerge_case": "undo_merge",
    "write_off_loan": "return_loan",
}
ELSEWHERE = {"generation", "step"}
"""Fields that an action fills by itself."""


def test_every_act_is_written_down_and_every_act_written_down_exists() -> None:
    assert set(SAID) - {"action", "---"} == {*ACTIONS, SCAN}


def test_whatever_the_api_does_to_a_case_or_a_request_may_be_played() -> None:
    routers = (cases, coming, detection, follow_up, lives, orientation, replies, tasks, visit)
    routes = [route for each in routers for route in each.router.routes if isinstance(route, APIRoute)]
    acts = {route.endpoint.__name__ for route in routes if "POST" in (route.methods or ())}

    assert {ALIASES.get(act, act) for act in acts} - {*ACTIONS} == set()


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


def test_acts_that_are_explained_together_take_the_same_words() -> None:
    told: dict[str, set[frozenset[str]]] = {}
    for name in ACTIONS:
        if form := vocabulary.form_of(name):
            told.setdefault(SAID[name], set()).add(frozenset(form.model_fields))

    assert [said for said, forms in told.items() if len(forms) > 1] == []


def test_the_vocabulary_says_what_people_read_for_each_name() -> None:
    told = set("\n".join(vocabulary.lines()).replace("\u00a0", " ").splitlines())

    assert {
        "referral_ended : Demande retirée ou expirée", "plan_visit : Fixer la date de la visite", "triage : À examiner",
        "case.handed_over : Fiche remise à l’autre dispositif", "skipped : passée par quelqu’un",
    } <= told  # fmt: skip
    assert any(line.startswith("danger : of the case") and "carbon_monoxide" in line for line in told)


def test_the_vocabulary_tells_what_a_setting_says() -> None:
    told = "\n".join(vocabulary.lines()).partition("# Le cadre")[2].partition("\n#")[0]

    for words in (*Setting.model_fields, "verified_on", "income_classes", "[coordinator, operator, administrator]"):
        assert words in told, words


def test_the_vocabulary_tells_each_word_with_its_codes() -> None:
    told = "\n".join(vocabulary.lines())

    for words in (
        "landlord_refused",
        "over_1m2",
        "report_to_committee",
        "refused_at_door",
        "came_by",
        "on_behalf",
        "to_correct",
        "skipped",
    ):
        assert words in told, words
