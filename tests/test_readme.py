"""The README tells the truth: its settings, its commands and its picture exist."""

import re
from pathlib import Path

from services.foundation.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_readme_lists_every_setting_and_no_other() -> None:
    told = {name.lower().removeprefix("relais_") for name in re.findall(r"`(RELAIS_[A-Z_]+)`", README)}
    assert told == set(Settings.model_fields)


def test_the_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets


def test_the_files_that_the_readme_names_exist() -> None:
    named = re.findall(r"`((?:deployments|models|services|flows|tests)/[\w./-]*)`", README) + re.findall(
        r"\]\(([\w./-]+)\)", README
    )
    assert [path for path in named if not (ROOT / path).exists()] == []
