"""Whatever a person may do, the API does: a use case without a route is listed here with its reason, or fails."""

import ast
from pathlib import Path
from typing import Final

import services
from deployments import play
from services.web import api, pages

ELSEWHERE: Final = {
    "recalling.recall": "what other software sends leaves at once: it is not held for a minute",
    "follow_up.answer_by_link": "the household answers from its own mail",
}
"""What has no route, and why."""


def acts() -> set[str]:
    """Every function of a use case that takes a hand: one thing that a person can do."""
    return {
        f"{file.stem}.{node.name}"
        for file in Path(services.__file__).parent.glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and any(each.arg == "hand" for each in node.args.args)
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
    done_by_people = acts() & (named_in(Path(pages.__file__).parent) | named_in(Path(play.__file__).parent))
    assert len(done_by_people) > 90

    without = done_by_people - named_in(Path(api.__file__).parent)

    assert without == set(ELSEWHERE)
