"""What import-linter cannot say: what models may import, which names a module may not have."""

import sys
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("models", "services", "flows", "deployments")
MODELS_MAY_IMPORT: Final = {"models", "pydantic", "sqlalchemy", "uuid_utils", "yaml", *sys.stdlib_module_names}
SAYS_NOTHING: Final = {"common", "helper", "helpers", "misc", "util", "utils"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def imports(graph: grimp.ImportGraph, package: str) -> list[tuple[str, str]]:
    importers = [module for module in graph.modules if module.startswith(f"{package}.")]
    return [
        (importer, imported)
        for importer in sorted(importers)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
    ]


def test_models_import_sqlalchemy_and_pydantic_only(graph: grimp.ImportGraph) -> None:
    strange = [
        f"{importer} imports {imported}"
        for importer, imported in imports(graph, "models")
        if imported.split(".")[0] not in MODELS_MAY_IMPORT
        and not (importer.startswith("models.migrations") and imported == "alembic")
    ]

    assert strange == []


def test_no_flow_is_named_like_a_module_of_python_or_a_package_of_ours() -> None:
    # Prefect leaves flows/ at the head of sys.path after loading a flow by its file.
    names = {path.stem for path in (ROOT / "flows").iterdir() if path.name != "__init__.py"}

    assert names & (sys.stdlib_module_names | set(PACKAGES) | {"tests"}) == set()


def test_a_modules_name_says_what_it_holds() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]

    assert [str(path.relative_to(ROOT)) for path in modules if path.stem in SAYS_NOTHING] == []


def test_only_our_packages_and_the_tests_are_at_the_top() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages == {*PACKAGES, "tests"}


def test_a_stylesheet_closes_what_it_opens() -> None:
    # A brace lost by a merge puts every rule below it inside another one, and nothing says so.
    for sheet in (ROOT / "services" / "web" / "static").glob("*.css"):
        rules = sheet.read_text(encoding="utf-8")
        assert rules.count("{") == rules.count("}"), sheet.name
        assert not any(mark in rules for mark in ("<<<<<<<", ">>>>>>>"))
