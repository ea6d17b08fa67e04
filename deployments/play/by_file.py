"""What somebody of a story gives as a file: a sheet of requests, a coordinator's own sheet of cases in progress."""

import csv
import io
from collections.abc import Mapping
from typing import Final

from deployments.play.scene import Action, Given, Scene
from deployments.play.story import day
from models.vocabulary import ImportKind
from services.foundation.errors import InvalidInput
from services.imports import files
from services.imports.files import Dropped
from services.imports.verdicts import Verdict

HEADINGS: Final = 2
"""The line of the first row, under the headings."""


def import_cases(scene: Scene, given: Given) -> object:
    """The coordinator's own sheet; nothing leaves for what is past."""
    return _taken_in(scene, given, Dropped())


def import_alerts(scene: Scene, given: Given) -> object:
    """What a service collected: one request for each row."""
    collected = day(given["collected_on"]) if "collected_on" in given else None
    said = Dropped(
        kind=ImportKind.ALERTS,
        organisation_id=scene.organisation(given["organisation"]),
        collected_by=str(given.get("collected_by", "")),
        collected_on=collected,
        notify=bool(given.get("notify")),
    )
    return _taken_in(scene, given, said)


def _taken_in(scene: Scene, given: Given, said: Dropped) -> object:
    """Drop the rows as a CSV and ask for them; the relay takes them in before the next step."""
    found = files.drop(scene.unit, scene.hand, said, files.receive(_sheet(given["rows"]), "tableau.csv"))
    if "said" in given:
        files.correct(scene.unit, scene.hand, found.id, dict(given["said"]))
    looked = files.preview(scene.unit, scene.hand.actor, found.id)
    if looked.refusal:
        raise InvalidInput("rows", looked.refusal)
    for judged in looked.outcome.judged if looked.outcome else ():
        named = given["rows"][judged.row.number - HEADINGS].get("case")
        if named and judged.verdict is not Verdict.VALID:
            raise InvalidInput("rows", f"La ligne de {named} n’ouvre rien\u00a0: {' '.join(judged.reasons)}")
    return files.carry_out(scene.unit, scene.hand, found.id)


def _sheet(rows: list[object]) -> bytes:
    """The rows under the headings that they use, in the order in which these come; `case` is no heading."""
    cells = [dict(row) if isinstance(row, Mapping) else {} for row in rows]
    if not cells or not all(cells):
        raise InvalidInput("rows", "Chaque ligne du tableau se dit {titre de colonne: valeur}.")
    headings = [each for each in dict.fromkeys(word for row in cells for word in row) if each != "case"]
    written = io.StringIO()
    sheet = csv.DictWriter(written, headings, delimiter=";", extrasaction="ignore")
    sheet.writeheader()
    sheet.writerows(cells)
    return written.getvalue().encode()


BY_FILE: Final[Mapping[str, Action]] = {"import_alerts": import_alerts, "import_cases": import_cases}
