"""A stranger's story that asks for what nobody knows is answered in one sentence, with the names that come closest."""

import re
from pathlib import Path

import pytest

import deployments.demonstration
from deployments.play import Player, read_story
from deployments.play.mistakes import closest
from deployments.play.scene import filled
from services.findings import FindingsForm
from services.forms import ClosureForm, LostVisit
from services.foundation.clock import SetClock
from services.foundation.errors import InvalidInput, Setup
from services.foundation.runtime import build
from services.foundation.settings import Settings

SETTING = Path(deployments.demonstration.__file__).parent / "stories" / "vald_orne.yaml"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('"2026-01-05 10:00 claire acept_case": {}', r"2026-01-05 10:00 acept_case \(proche.*accept_case"),
        ('"2026-01-05 10:00 expect": {stat: triage}', r"mot inconnu « stat » \(proche.*state"),
        ('"2026-01-05 10:00 expect": {tasks: [{kin: triage}]}', r"mot inconnu « tasks.0.kin » \(proche.*kind"),
        ('"2026-01-05 10:00 expect": {kit: {items: {led: 4}}}', r"led"),
        ('"2026-01-05 10:00 claire give_up": {case: lucete}', r"situation lucete"),
    ],
)
def test_what_nobody_knows_is_told_before_anything_is_played(step: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"story: x\nsetting: {SETTING}\nsteps:\n  - {step}\n", encoding="utf-8")
    story = read_story(tmp_path / "x.yaml")
    runtime = build(Settings(data_folder=tmp_path, database_url=None), clock=SetClock(story.steps[0].at))

    with pytest.raises(Setup, match=said):
        Player(story, runtime, proof=lambda _: "cannot_tell")


@pytest.mark.parametrize(
    ("form", "given", "said"),
    [
        (FindingsForm, {"burdn": 21.7}, r"mot inconnu « burdn » \(proche.*burden"),
        (FindingsForm, {"burden": 140}, "vaut au plus 100"),
        (ClosureForm, {}, "il manque « outcome »"),
        (ClosureForm, {"outcome": "solvd"}, r"ne connaît pas « solvd » \(proche.*solved"),
        (LostVisit, {"state": "cancelled_by_household", "reason": "dog"}, r"ne connaît pas « dog »"),
    ],
)
def test_a_step_that_does_not_fit_says_what_may_stand_there(form: type, given: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        filled(form, given)

    assert re.search(said, refused.value.sentence.replace("\N{NO-BREAK SPACE}", " "), re.IGNORECASE)


def test_a_name_like_no_other_is_left_alone() -> None:
    assert closest("zzz", ["accept_case"]) == ""
