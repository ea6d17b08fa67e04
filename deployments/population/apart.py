"""Lives a past in a process of its own, so that one writes while the other goes on."""

import marshal
from collections.abc import Iterator
from datetime import datetime
from multiprocessing import get_context
from queue import Empty
from typing import Any, Final

from deployments.population.bulk import Rows
from deployments.population.chapters import Chapter, chapters
from deployments.population.past import Wanted
from services.foundation.database import Database

AHEAD: Final = 8
"""How many chapters wait at most to be written."""
LOOK_S: Final = 1.0
LAST: Final = b""


def chapters_apart(database: Database, slug: str, wanted: Wanted, until: datetime) -> Iterator[Chapter]:
    """The same chapters as `chapters` tells, in the same order. Raises `RuntimeError` when their process died."""
    context = get_context("spawn")
    told: Any = context.Queue(AHEAD)
    url = database.url.render_as_string(hide_password=False)
    process = context.Process(target=_live, args=(told, url, slug, wanted, until), daemon=True)
    process.start()
    try:
        while (chapter := _next(told, process)) != LAST:
            day, cases, number, tables, full = marshal.loads(chapter)  # noqa: S302 - written by our own child
            yield Chapter(day, cases, number, [Rows(*table) for table in tables], full)
    finally:
        process.terminate()
        process.join()


def _next(told: Any, process: Any) -> bytes:
    while True:
        try:
            chapter: bytes = told.get(timeout=LOOK_S)
        except Empty:
            if process.is_alive():
                continue
            raise RuntimeError("the process that lives the past died") from None
        return chapter


def _live(told: Any, url: str, slug: str, wanted: Wanted, until: datetime) -> None:
    for chapter in chapters(Database(url), slug, wanted, until):
        tables = [tuple(table) for table in chapter.tables]
        told.put(marshal.dumps((chapter.day, chapter.cases, chapter.number, tables, chapter.full)))
    told.put(LAST)
