"""A pathway is whole and checked before anybody follows it."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from models.base import new_id
from models.events import FACTS, Fact, TaskCompleted
from models.pathway import LATER_RULES, LATER_STEPS, NO_RULE, Pathway, does
from services.rules.guards import GUARDS
from services.rules.published import problems
from services.rules.texts.catalogue import missing
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


def blank(event: str) -> Fact:
    """An event of this type, its payload left out."""
    return FACTS[event].model_construct()


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
        ({"events": {"alert.sent": {}}}, "l’événement « alert.sent » n’existe pas"),
        ({"events": {"alert.submitted": {"then": [{"open": "dance"}]}}}, "la tâche « dance » n’est pas définie"),
        ({"events": {"alert.submitted": {"completes": ["dance"]}}}, "la tâche « dance » n’est pas définie"),
        ({"ladders": {}}, "la tâche « triage » suit une échelle inconnue « late »"),
        ({"ladders": {"late": {"rungs": [{"at_due": True, "after": "1wd", "act": "x1"}]}}}, "un moment, et un seul"),
        ({"ladders": {"late": {"rungs": [{"at_due": True}]}}}, "un échelon fait quelque chose"),
        ({"tasks": {"triage": {"party": "coordinator", "due": {}}}}, "un délai .delay., une série"),
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


def test_what_follows_an_event_that_is_younger_than_a_pathway_is_what_this_version_says() -> None:
    current = default_pathway()
    older = current.model_copy(
        update={"events": {name: rule for name, rule in current.events.items() if name not in LATER_RULES}}
    )

    assert {name: older.rule_of(blank(name)) for name in LATER_RULES} == LATER_RULES
    assert {name: current.rule_of(blank(name)) for name in LATER_RULES} == LATER_RULES


def test_a_pathway_may_let_nothing_follow_a_younger_event() -> None:
    silent = small(events={"referral.access_asked": {}})

    assert silent.rule_of(blank("referral.access_asked")) == NO_RULE == silent.rule_of(blank("visit.held"))


def test_an_older_pathway_learns_the_steps_that_came_to_an_event_it_knows() -> None:
    current = default_pathway()
    for name, steps in LATER_STEPS.items():
        written = current.events[name]
        younger = {does(step) for step in steps}
        older = written.model_copy(update={"then": tuple(each for each in written.then if does(each) not in younger)})
        pathway = current.model_copy(update={"events": {**current.events, name: older}})

        assert pathway.rule_of(blank(name)).then == (*older.then, *steps)
        assert current.rule_of(blank(name)) == written


def test_a_pathway_is_asked_for_no_task_that_it_lacks() -> None:
    assert {name: small().rule_of(blank(name)) for name in LATER_STEPS} == dict.fromkeys(LATER_STEPS, NO_RULE)


def test_what_follows_a_task_of_the_pathways_own_is_written_for_its_outcome_or_for_its_end() -> None:
    own = {"party": "coordinator", "due": {"delay": "5d"}, "title": "Voter", "outcomes": ["yes", "no"]}
    pathway = small(
        tasks={"vote": own},
        events={
            "task.completed/vote/yes": {"completes": ["vote"]},
            "task.completed/vote": {"then": [{"open": "vote"}]},
        },
    )

    yes, no = (TaskCompleted(task_id=new_id(), kind="vote", outcome=outcome) for outcome in ("yes", "no"))
    assert pathway.rule_of(yes) == pathway.events["task.completed/vote/yes"]
    assert pathway.rule_of(no) == pathway.events["task.completed/vote"]
    with pytest.raises(ValidationError, match="maybe » n’existe pas"):
        small(tasks={"vote": own}, events={"task.completed/vote/maybe": {}})


def test_the_later_rules_use_what_exists() -> None:
    later = default_pathway().model_copy(update={"events": LATER_RULES, "ladders": {}})

    assert later.guards() <= set(GUARDS)
    assert set(LATER_RULES) <= set(FACTS)
    assert missing(later) == []
