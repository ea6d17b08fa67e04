"""Every story goes as it says, on both databases; killed and played again it ends in the same state."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

import deployments.demonstration
from deployments.play import Outcome, Player, main, read_story
from deployments.play.story import Step, Story, is_story
from services.foundation.clock import SetClock
from services.foundation.errors import Setup
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests import prefect_server
from tests.faults.children import KILLED, exit_code
from tests.ledger import problems
from tests.sink import Sink

SHIPPED: Final = Path(deployments.demonstration.__file__).parent / "stories"
STORIES: Final = [file for folder in (SHIPPED, Path(__file__).parent) for file in sorted(folder.glob("*.yaml"))]
FILES: Final = [file for file in STORIES if is_story(file)]
LUCETTE: Final = SHIPPED / "s1_lucette.yaml"
LATE: Final = Path(__file__).parent / "s1_late_call.yaml"
PLAY: Final = (
    "import sys; from pathlib import Path; from deployments.play import main; from flows import engine; "
    "engine.PROBE_S = 60.0; sys.exit(main([Path(sys.argv[1])]"
)
"""On a busy machine Prefect may be slow, where Relais would go on without it."""
PRIVATE: Final = ("surname", "phone", "street", "note", "free_text", "summary")
OURS: Final = frozenset({"relais.sqlite", "relais.sqlite-wal", "documents", "mailbox", "sms.jsonl"})


def play(story: Story, settings: Settings, sink: Sink) -> Outcome:
    """Play on this database, its mail going to the sink by real SMTP."""
    to_sink = {"smtp_host": sink.host, "smtp_port": sink.port, "smtp_security": "none"}
    runtime = build(settings.model_copy(update=to_sink), clock=SetClock(story.steps[0].at))
    try:
        with use(runtime):
            return asyncio.run(Player(story, runtime, proof=sink.accepted).play())
    finally:
        runtime.database.dispose()


def play_apart(file: Path, options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Play in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"{PLAY}, {options}))", str(file)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_story_goes_as_it_says(file: Path, settings: Settings) -> None:
    with Sink() as sink:
        outcome = play(read_story(file), settings, sink)

    assert outcome.surprises == []
    assert sink.messages
    database = build(settings).database
    with database.read() as unit:
        assert problems(unit, drained=True) == []
    database.dispose()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """What is said of a story, with the state at its end, when nothing stops it; each is played once."""

    @cache
    def tell(file: Path) -> str:
        said = StringIO()
        with redirect_stdout(said):
            assert main([file], folder=tmp_path_factory.mktemp("whole")) == 0
        return said.getvalue()

    return tell


def test_a_story_ends_in_the_same_state_on_every_run(
    told: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([LATE], folder=tmp_path / "again") == 0

    assert capsys.readouterr().out == told(LATE)


@pytest.mark.parametrize("place", ["story.step.before_commit:2", "story.step.after_commit:2"])
def test_a_killed_story_goes_on_and_ends_in_the_same_state(
    place: str, told: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the player itself dies; `tests/faults` kills the engine and the mail."""
    folder = tmp_path / "killed"
    assert exit_code(lambda: main([LATE], folder=folder), crash_at=place) == KILLED

    assert main([LATE], folder=folder) == 0

    assert capsys.readouterr().out == told(LATE)


def test_a_story_that_goes_otherwise_says_so(settings: Settings) -> None:
    story = read_story(LATE)
    wrong = Step(at=story.steps[0].at, who="", do="expect", given={"stage": "closed"})

    with Sink() as sink:
        outcome = play(story.model_copy(update={"steps": (story.steps[0], wrong)}), settings, sink)

    assert outcome.surprises == ["2025-10-06 10:00 · expect\u00a0: stage\u00a0: closed attendu, detection trouvé"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "2026-01-12", "untill": "2026-01-13"}, "il manque «\u00a0until\u00a0»"),
        ({"from": "2026-01-12", "until": "2026-01-13", "who": "nadia"}, "mot inconnu «\u00a0who\u00a0»"),
    ],
)
def test_a_misspelt_word_is_not_a_refusal_in_whatever_words(
    given: dict[str, str], said: str, settings: Settings
) -> None:
    story = read_story(LATE)
    wrong = Step(at=story.steps[0].at, who="nadia", do="be_absent", given=given, refused="any")

    with Sink() as sink:
        outcome = play(story.model_copy(update={"steps": (story.steps[0], wrong)}), settings, sink)

    assert said in outcome.surprises[0]


def test_a_story_is_not_played_on_a_database_in_use(runtime: Runtime) -> None:
    story = read_story(LATE)
    with Sink() as sink:
        play(story, runtime.settings, sink)

        with pytest.raises(Setup, match="autre histoire"):
            play(read_story(LUCETTE), runtime.settings, sink)


def test_a_story_names_only_people_of_its_setting(tmp_path: Path) -> None:
    content = f'story: x\nsetting: {SHIPPED / "vald_orne.yaml"}\nsteps:\n  - "2025-10-06 10:00 nobody give_up":\n'
    (tmp_path / "x.yaml").write_text(content)

    with pytest.raises(Setup, match="personne ne s’appelle nobody"):
        read_story(tmp_path / "x.yaml")


@pytest.mark.prefect
@pytest.mark.parametrize("file", [LATE, SHIPPED / "s3_wrong_number.yaml"], ids=lambda file: file.stem)
def test_a_story_ends_in_the_same_state_through_prefect_which_hears_no_name(
    file: Path, told: Callable[[Path], str], tmp_path: Path, prefect_home: Path, prefect_url: str
) -> None:
    under = play_apart(
        file,
        f"folder=Path({str(tmp_path / 'under')!r}), prefect=True",
        **prefect_server.environment(prefect_home, prefect_url) | {"PREFECT_API_REQUEST_TIMEOUT": "60"},
    )

    assert (under.returncode, under.stdout) == (0, told(file))
    number, until = b"-00001", time.monotonic() + 60  # Prefect writes behind our back
    while True:
        elsewhere = written(prefect_home) | written(tmp_path / "under") | {"said": under.stderr.encode()}
        heard = any(number in each for each in elsewhere.values())
        if heard or time.monotonic() > until:
            break
        time.sleep(0.5)
    read = {word for word in private(read_story(file)) for each in elsewhere.values() if word in each}
    assert (heard, read) == (True, set())  # of the case Prefect hears its number alone


def private(story: Story) -> set[bytes]:
    """What a story says of a household, in each writing, and the addresses of everybody in it."""
    said = {str(step.given[name]) for step in story.steps for name in PRIVATE if name in step.given}
    called = {word.replace(" ", "") for word in said if word.startswith("0")}
    place = story.setting
    mailboxes = [
        *(each.email for each in place.staff.values()), *(each.email for each in place.alert_givers.values()),
        *(each.email for each in place.organisations if each.email),
    ]  # fmt: skip
    words = said | called | {f"+33{number[1:]}" for number in called} | set(mailboxes)
    return {written.encode() for word in words for written in (word, json.dumps(word)[1:-1])}


def written(folder: Path) -> dict[str, bytes]:
    """Every file but those in which a household is to be read: our database, its documents, its mails."""
    found = [path for path in folder.rglob("*") if path.is_file() and not OURS & set(path.relative_to(folder).parts)]
    return {str(path): path.read_bytes() for path in found}
