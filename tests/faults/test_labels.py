"""Every transaction has a crash point before and after its commit, and its name tells which transaction it is."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import deployments
import flows
import services

TREES: Final = tuple(Path(package.__file__ or "").parent for package in (services, flows, deployments))
ROOT: Final = TREES[0].parent
HANDED_DOWN: Final = {
    # one place that tries again; its callers name their transactions
    "services/correspondence/delivery.py": "_transaction",
}
SHARED: Final = {
    "access": "a line of the access log, from wherever a case is read or refused",
    "routine": "taking a routine and letting go of it",
    "session": "the sessions of browsers: opened, used, closed",
}


def test_every_transaction_is_named_where_it_opens() -> None:
    unnamed = [where for where, label in transactions() if label is None]

    assert unnamed == []


def test_a_name_belongs_to_one_transaction_unless_it_is_known_to_be_shared() -> None:
    places = defaultdict(list)
    for where, label in transactions():
        places[label].append(where)

    assert {label: where for label, where in places.items() if len(where) > 1 and label not in SHARED} == {}
    assert [label for label in SHARED if len(places[label]) < 2] == []


def transactions() -> Iterator[tuple[str, str | None]]:
    """Each place where a transaction opens, and its label if that is a literal or a constant of the module."""
    for file in sorted(path for tree in TREES for path in tree.rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        module = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in module.body
            if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant)
            for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
            if isinstance(target, ast.Name)
        }
        for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
            if _opens(call, name):
                label = call.args[0] if call.args else None
                found = label.value if isinstance(label, ast.Constant) else constants.get(getattr(label, "id", ""))
                yield f"{name}:{call.lineno}", found if isinstance(found, str) else None


def _opens(call: ast.Call, name: str) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    if name in HANDED_DOWN:
        return function.attr == HANDED_DOWN[name]
    return function.attr == "write" and ast.unparse(function.value).split(".")[-1] == "database"
