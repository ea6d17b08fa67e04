"""Fixtures that every test may ask for, and the order of all."""

from typing import Final

import pytest

from deployments.serving import keep_what_is_loaded
from tests.spared import spare

pytest_plugins = ["tests.machines", "tests.databases", "tests.prefect_server"]
LONGEST: Final = {"stateful", "stories", "test_doors.py"}


def pytest_configure() -> None:
    """Before any database is opened."""
    spare()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no worker is left alone with one of them at the end.

    What needs Prefect's server stands together before them: one worker starts one, and no other has to.
    """

    def place(item: pytest.Item) -> tuple[bool, bool]:
        return "prefect_url" not in getattr(item, "fixturenames", ()), not LONGEST & set(item.path.parts)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """All is imported."""
    keep_what_is_loaded()
