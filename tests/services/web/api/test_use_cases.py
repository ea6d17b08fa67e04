"""Whatever a person may do or read, the API does: what has no route is listed here with its reason."""

import ast
from pathlib import Path
from typing import Final

import services
from deployments import play
from services.web import api, pages

BENEATH: Final = {"web", "rules", "channels", "foundation", "imports"}
"""The folders of `services` that hold no use cases."""
ELSEWHERE: Final = {
    "recalling.recall": "what other software sends leaves at once: it is not held for a minute",
    "follow_up.answer_by_link": "the household answers from its own mail",
}
"""What has no route, and why."""
PASSWORD: Final = "a key is no browser: passwords, sessions and keys are their owner's, on his pages"
LINK: Final = "somebody from outside does it from his own link"
FORM: Final = "what a page's form offers to choose from, or says beside it; other software lists it by another route"
COUNT: Final = "a number of lines that a route lists"
BUTTON: Final = "which buttons a page shows; other software asks, and is refused with the reason"
READ_ELSEWHERE: Final = {
    "access_log.note_export": "of the file of the log alone",
    "access_log.people": FORM,
    "accounts.change_password": PASSWORD,
    "accounts.new_password": PASSWORD,
    "accounts.sign_out": PASSWORD,
    "addresses.waiting_for": FORM,
    "api_keys.made_by": PASSWORD,
    "api_keys.make_own": PASSWORD,
    "api_keys.revoke_by_id": PASSWORD,
    "calls.voicemail": "what a page proposes to say, of what the case tells",
    "desk.organisations": FORM,
    "desk.owed_first": "each line of the cases says whom it waits for",
    "desk.referral_of": "the case tells its requests",
    "desk.sheet": "the case, its coming sends and its story have a route each",
    "desk.waited_for": "the case says whom it waits for",
    "directory.communes": FORM,
    "directory.count_stale": COUNT,
    "directory.partners": FORM,
    "directory.sheet": "the directory lists it whole",
    "doubles.meant": "an act's words, read; a merge by the API names one reference",
    "doubles.proposed": "the case tells those alike",
    "figures.communes": FORM,
    "letters.of_batch": "the letters of a batch are listed with it",
    "loans.of_case": "the case tells its loans",
    "monthly_news.choose": LINK,
    "organisations.alert_giver": "the organisations are listed whole",
    "organisations.one": "the organisations are listed whole",
    "owing.owed": "who owes what is listed by its pages; this is its file",
    "people.one": "the people are listed whole",
    "people.operators": FORM,
    "pipeline.stamp": "a page that is open asks whether it is old",
    "presence.people": FORM,
    "presence.readers_now": FORM,
    "presence.stand_ins": FORM,
    "presence.team": FORM,
    "recalling.held": "what other software sends leaves at once: it is not held for a minute",
    "reminding.may_remind": BUTTON,
    "sessions.end_one": PASSWORD,
    "sessions.end_others": PASSWORD,
    "sheets.confirm": LINK,
    "sheets.count_waiting": COUNT,
    "sheets.propose": LINK,
    "tasks.handling": BUTTON,
    "tasks.may_act": BUTTON,
    "timeline.read_before_acting": "If-Match says which version was read",
}
"""What is read by pages without a route of its own, and why."""


def taking(whom: str) -> set[str]:
    """Every function of a use case that takes a hand, one thing that a person does; or an actor, one that he reads."""
    return {
        f"{file.stem}.{node.name}"
        for file in Path(services.__file__).parent.glob("*/*.py")
        if file.parent.name not in BENEATH
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and any(each.arg == whom for each in node.args.args)
    }


def named_in(folder: Path) -> set[str]:
    """`module.name` wherever it is written."""
    nodes = (node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text())))
    return {
        f"{node.value.id}.{node.attr}"
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_whatever_a_person_may_do_has_a_route() -> None:
    done_by_people = taking("hand") & (named_in(Path(pages.__file__).parent) | named_in(Path(play.__file__).parent))
    assert len(done_by_people) > 90

    without = done_by_people - named_in(Path(api.__file__).parent)

    assert without == set(ELSEWHERE)


def test_whatever_a_person_may_read_has_a_route() -> None:
    read_by_people = taking("actor") & named_in(Path(pages.__file__).parent)
    assert len(read_by_people) > 90

    without = read_by_people - named_in(Path(api.__file__).parent)

    assert without == set(READ_ELSEWHERE)
