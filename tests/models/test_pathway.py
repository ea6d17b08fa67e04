"""A pathway is whole and checked before anybody follows it."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from models.pathway import Pathway
from services.rules.published import problems
from tests.services.rules.situations import ACTS, DEFAULT_PATHWAY, default_pathway

SMALL = """
name: small
version: 1
source: essai
call_attempts: 1
call_days: 1
call_slots: 1
absences_allowed: 0
tasks: {triage: {party: coordinator, due: {delay: 3wd}, ladder: late}}
ladders: {late: {rungs: [{at_due: true, steps: [{send: task_late, to: coordinator, by: email}]}]}}
events: {alert.submitted: {then: [{open: triage}]}}
"""


def small(**changes: Any) -> Pathway:
    return Pathway.model_validate(yaml.safe_load(SMALL) | changes)


def test_the_default_pathway_uses_only_what_this_version_knows() -> None:
    assert problems(default_pathway(), acts=frozenset(ACTS)) == []


def test_every_guard_text_and_act_that_is_missing_is_named() -> None:
    pathway = small(
        events={"alert.submitted": {"then": [{"open": "triage", "when": "full_moon"}]}},
        ladders={"late": {"rungs": [{"at_due": True, "act": "burn"}]}},
    )

    assert problems(pathway, acts=frozenset()) == ["condition inconnue : full_moon", "acte inconnu : burn"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"events": {"alert.sent": {}}}, "event alert.sent does not exist"),
        ({"events": {"alert.submitted": {"then": [{"open": "dance"}]}}}, "task dance is not defined"),
        ({"events": {"alert.submitted": {"completes": ["dance"]}}}, "task dance is not defined"),
        ({"ladders": {}}, "task triage climbs an unknown ladder late"),
        ({"ladders": {"late": {"rungs": [{"at_due": True, "after": "1wd", "act": "x1"}]}}}, "exactly one moment"),
        ({"ladders": {"late": {"rungs": [{"at_due": True}]}}}, "a rung does something"),
        ({"tasks": {"triage": {"party": "coordinator", "due": {}}}}, "either a delay or a series"),
        ({"tasks": {"triage": {"party": "mayor", "due": {"delay": "3wd"}}}}, "party"),
        ({"tasks": {"triage": {"party": "coordinator", "due": {"delay": "3 weeks"}}}}, "delay"),
        ({"call_attempts": 0}, "call_attempts"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_bad_pathway_is_refused_and_says_what_is_wrong(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        small(**changes)


def test_the_hash_is_of_the_content_not_of_its_writing() -> None:
    reordered = yaml.safe_dump(yaml.safe_load(DEFAULT_PATHWAY.read_text()), sort_keys=True)

    assert Pathway.model_validate(yaml.safe_load(reordered)).hash == default_pathway().hash
    assert Pathway.model_validate(default_pathway().model_dump(mode="json")).hash == default_pathway().hash


def test_another_delay_is_another_pathway() -> None:
    assert default_pathway(call_attempts=4).hash != default_pathway().hash
