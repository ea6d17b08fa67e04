"""The values of a file that were not understood, each with what it may be: a person says once what they are."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.imports import case_verdicts, positions, words
from services.imports.case_verdicts import Named, Office
from services.imports.mapping import Row
from services.imports.positions import CLOSED, NAMES
from services.imports.verdicts import Judged, Verdict
from services.rules.finding import search_key
from services.rules.texts.labels import choices

SHOWN: Final = 30
"""How many values of one column are asked about: a column with more of them is read as the wrong thing."""
Choices = Sequence[tuple[str, str]]
NOT_TO_TAKE: Final = "close, à ne pas reprendre"


@dataclass(frozen=True)
class Unread:
    """A value of a field that nobody understood, in how many rows it stands, and what it may be said to be."""

    field: str
    text: str
    rows: int
    choices: Choices


def of_cases(judged: Iterable[Judged], office: Office) -> list[Unread]:
    """The stages, owners, partners and types of a spreadsheet of cases that say nothing."""
    rows = [one.row for one in judged if one.verdict is not Verdict.DONE]
    stages = [*((each.value, name) for each, name in NAMES.items()), (CLOSED, NOT_TO_TAKE)]

    def is_stage(row: Row) -> bool:
        names_partner = case_verdicts.partner_of(row.values, office) is not None
        return positions.position_of(row.values.get("stage", ""), names_partner=names_partner) is not None

    return [
        *_unread(rows, "stage", is_stage, stages),
        *_unread(rows, "operator", _is_named("operator", office.operators), _names(office.operators)),
        *_unread(rows, "partner", _is_named("partner", office.partners), _names(office.partners)),
        *_unread(rows, "theme", _reads("theme", words.theme_of), choices("theme")),
        *_unread(rows, "tenure", _reads("tenure", words.tenure_of), choices("tenure")),
    ]


def of_alerts(judged: Iterable[Judged]) -> list[Unread]:
    """The statuts d’occupation and the urgencies of a file of alerts that say nothing."""
    rows = [one.row for one in judged if one.verdict is not Verdict.DONE]
    return [
        *_unread(rows, "tenure", _reads("tenure", words.tenure_of), choices("tenure")),
        *_unread(rows, "urgency", _reads("urgency", words.urgency_of), choices("urgency")),
    ]


def _unread(rows: Iterable[Row], field: str, understood: Callable[[Row], bool], known: Choices) -> list[Unread]:
    """The most frequent first; what has no letter and no figure cannot be said to be anything."""
    told = [row for row in rows if search_key(row.values.get(field, "")) and not understood(row)]
    texts = {search_key(row.values[field]): words.line(row.values[field]) for row in told}
    counts = Counter(search_key(row.values[field]) for row in told)
    return [Unread(field, texts[key], count, known) for key, count in counts.most_common(SHOWN)]


def _is_named(field: str, known: Sequence[Named]) -> Callable[[Row], bool]:
    return lambda row: isinstance(case_verdicts.named(row.values.get(field, ""), known), Named)


def _reads(field: str, read: Callable[[str], object]) -> Callable[[Row], bool]:
    return lambda row: read(row.values.get(field, "")) is not None


def _names(known: Sequence[Named]) -> Choices:
    return [(one.slug, one.name) for one in known]
