"""Plays stories: whole cases as data, each on a database, a mailbox and a clock of its own (`relais play FILE...`).

The words of a story: `story` (its shape), `actions` (what somebody may do), `expectations` (what may be expected).
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from deployments.play.player import Outcome, Player
from deployments.play.story import Story, is_story, read_story
from services.foundation.errors import Setup

__all__ = ["Outcome", "Player", "Story", "main", "play", "read_story"]

PREFECT: Final = "PREFECT_API_URL"


def main(files: Sequence[Path], *, folder: Path | None = None, prefect: bool = False) -> int:
    """Play each story and say how it went; 1 if one was not as expected.

    With `folder` each story keeps its database there and, played again, goes on where it was stopped; otherwise
    nothing is kept. With `prefect` the flows run under the Prefect of the environment.
    """
    stories = [file for file in files if is_story(file)]
    if not stories:
        raise Setup("Dites quelles histoires jouer\u00a0: relais play FICHIER...")
    api = os.environ.get(PREFECT) if prefect else os.environ.pop(PREFECT, None)
    if prefect and not api:
        raise Setup("Pour jouer avec Prefect, donnez son adresse dans RELAIS_PREFECT_API_URL.")
    try:
        outcomes = [_play(file, folder) for file in stories]
    finally:
        if api:
            os.environ[PREFECT] = api
    return 1 if any(outcome.surprises for outcome in outcomes) else 0


def _play(file: Path, folder: Path | None) -> Outcome:
    story = read_story(file)
    with ExitStack() as stack:
        place = folder / file.stem if folder else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        outcome = play(story, place)
    told = "\n".join(f"  {line}" for line in outcome.surprises)
    sys.stdout.write(f"{file.name}\u00a0: {outcome.story}, {len(story.steps)} étapes, état {outcome.digest}\n")
    sys.stdout.write(f"{told}\n" if told else "")
    return outcome


def play(story: Story, folder: Path) -> Outcome:
    """Play a story in this folder, with a mailbox that receives by real SMTP."""
    from deployments import migrating
    from deployments.play.mailbox import mailbox
    from services.foundation.clock import SetClock
    from services.foundation.runtime import build, use
    from services.foundation.settings import Settings

    with mailbox(folder / "mailbox") as box:
        settings = Settings(
            data_folder=folder,
            database_url=None,
            smtp_host=None,
            sms_url=None,
            mail_enabled=True,
            catcher_smtp_port=box.smtp_port,
            catcher_web_port=box.http_port,
        )
        runtime = build(settings, clock=SetClock(story.steps[0].at))
        try:
            with use(runtime):
                migrating.upgrade(runtime.database)
                return asyncio.run(Player(story, runtime, proof=box.accepted).play())
        finally:
            runtime.database.dispose()
