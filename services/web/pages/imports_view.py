"""What the page of a file shows: what it would give, row by row, how each column was read, how far it has come."""

from collections.abc import Sequence
from typing import Any, Final

from models.engine import FileImport
from models.vocabulary import ImportKind, ImportState
from services.foundation import wording
from services.imports.cases import CaseOutcome
from services.imports.files import COLUMNS, Preview, fields_of, said_of
from services.imports.mapping import NOT_KEPT
from services.imports.positions import NAMES
from services.imports.register import Outcome
from services.imports.unread import Unread
from services.imports.verdicts import Judged, Verdict
from services.rules.texts.labels import label
from services.web.pages import answers
from services.web.pages.visitor import Visitor

COLUMN, VALUE = "c:", "v:"
"""How the fields of the form begin: the title of a column follows, or a field and the value that stands in it."""
PAGE: Final = 25
TONES: Final = {
    Verdict.VALID: "ok",
    Verdict.DOUBTFUL: "soon",
    Verdict.DUPLICATE: "info",
    Verdict.REFUSED: "late",
    Verdict.DONE: "plain",
}
STATE_TONES: Final = {ImportState.READY: "soon", ImportState.QUEUED: "info", ImportState.DONE: "ok",
                      ImportState.STOPPED: "late", ImportState.WITHDRAWN: "plain"}  # fmt: skip
KEPT_OUT: Final = {
    "nir": "Écartée : numéros de sécurité sociale, interdits ici",
    "caf": "Écartée : numéros d’allocataire, inutiles ici",
}


def line_of(visitor: Visitor, found: FileImport, href: str) -> dict[str, Any]:
    """A file in the list."""
    state = ImportState(found.state)
    return {
        "href": href,
        "name": found.filename,
        "kind": label("import_kind", found.kind),
        "when": wording.moment(found.dropped_at, visitor.zone, today=visitor.today),
        "state": label("import_state", state),
        "tone": STATE_TONES[state],
        "taken": found.taken,
    }


def standing(visitor: Visitor, found: FileImport) -> dict[str, Any]:
    """Where a file stands, by its counts only."""
    counts = {Verdict(each): count for each, count in found.summary.get("counts", {}).items()}
    wrong = [Verdict.REFUSED, Verdict.DOUBTFUL, *([Verdict.DUPLICATE] if found.kind == ImportKind.CASES else [])]
    return line_of(visitor, found, "") | {
        "code": found.state,
        "of_cases": found.kind == ImportKind.CASES,
        "notify": found.notify,
        "wanted": found.wanted,
        "counts": [(label("Verdict", each), counts[each]) for each in Verdict if counts.get(each)],
        "to_correct": sum(counts.get(each, 0) for each in wrong),
        "may_fetch": bool(found.filename),
        "recounted": found.summary.get("recounted", 0),
        "uninformed": found.summary.get("uninformed", 0),
        "dangers": _listed(found.summary.get("dangers", ())),
        "refusal": found.summary.get("refusal", ""),
    }


def preview_page(seen: Preview, chosen: Verdict | None, number: int, address: str) -> dict[str, Any]:
    """What would be taken in, and the rows of one verdict."""
    outcome = seen.outcome
    if outcome is None:
        return {"refusal": seen.refusal, "valid": 0, "tabs": [], "rows": [], "pages": None, "positions": [],
                "uninformed": 0, "dangers": "", "masked": 0, "to_correct": False}  # fmt: skip
    counts = outcome.counts
    kinds = [each for each in Verdict if counts[each]]
    shown = chosen if chosen in kinds else next((each for each in _FIRST if each in kinds), Verdict.VALID)
    rows = [one for one in outcome.judged if one.verdict is shown]
    number = min(number, max(1, -(-len(rows) // PAGE)))
    return {
        "refusal": "",
        "valid": counts[Verdict.VALID],
        "tabs": [
            {"label": label("Verdict", each), "href": f"{address}?lignes={each.value}#lignes",
             "current": each is shown, "count": counts[each]}
            for each in kinds
        ],
        "rows": [_row(one) for one in rows[(number - 1) * PAGE : number * PAGE]],
        "pages": answers.pages(len(rows), number, PAGE, f"{address}?lignes={shown.value}&page="),
        "positions": _positions(outcome),
        "uninformed": _uninformed(outcome),
        "dangers": _listed(outcome.dangers),
        "masked": outcome.masked,
        "to_correct": any(counts[each] for each in (Verdict.REFUSED, Verdict.DOUBTFUL)),
    }  # fmt: skip


_FIRST: Final = (Verdict.REFUSED, Verdict.DOUBTFUL, Verdict.DUPLICATE)
"""What needs a person is shown first."""


_STAGES: Final = {each.value: name for each, name in NAMES.items()}
"""The words of a stage, for its code: what a correction has put into a row."""


def _row(one: Judged) -> dict[str, Any]:
    values = one.row.values
    stage = values.get("stage", "")
    who = " ".join(text for name in ("surname", "first_name") if (text := values.get(name, "").strip()))
    return {
        "number": one.row.number,
        "who": who,
        "where": values.get("commune", ""),
        "stage": _STAGES.get(stage, stage),
        "reasons": list(one.reasons),
        "known": ", ".join(one.known),
        "tone": TONES[one.verdict],
    }


def _positions(outcome: Outcome) -> list[tuple[str, int]]:
    return [(NAMES[each], count) for each, count in outcome.positions] if isinstance(outcome, CaseOutcome) else []


def _uninformed(outcome: Outcome) -> int:
    entries = (getattr(one, "entry", None) for one in outcome.judged if one.verdict is Verdict.VALID)
    return sum(entry is not None and not entry.informed for entry in entries)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def columns_page(found: FileImport, seen: Preview) -> dict[str, Any]:
    """Each column with what it is read as, each value that was not understood with what it may be."""
    labels = COLUMNS[ImportKind(found.kind)].labels
    return {
        "columns": [
            {
                "name": f"{COLUMN}{each.title}",
                "title": each.title,
                "samples": " · ".join(each.samples),
                "field": each.field,
                "kept_out": KEPT_OUT.get(each.field, ""),
            }
            for each in seen.layout.columns
        ],
        "fields": list(fields_of(found).items()),
        "unreadable": sum(not each.field for each in seen.layout.columns),
        "remembered": seen.layout.remembered,
        "asked": bool(seen.unread),
        "unread": [_value(labels, each) for each in seen.unread] + _said(found, labels, seen),
        "kept_out": sum(each.field in NOT_KEPT for each in seen.layout.columns),
    }


def _value(labels: Any, one: Unread) -> dict[str, Any]:
    return {
        "name": f"{VALUE}{one.field}:{one.text}",
        "field": labels[one.field],
        "text": one.text,
        "rows": one.rows,
        "choices": list(one.choices),
        "chosen": "",
    }


def _said(found: FileImport, labels: Any, seen: Preview) -> list[dict[str, Any]]:
    """What was said already, to be changed or taken back."""
    said = seen.layout.said if seen.layout.remembered else said_of(found)
    return [
        {
            "name": f"{VALUE}{field}:{text}",
            "field": labels[field],
            "text": text,
            "rows": 0,
            "choices": [(code, _word(field, code))],
            "chosen": code,
        }
        for field, codes in said.values.items()
        for text, code in codes.items()
    ]


def _word(field: str, code: str) -> str:
    if field == "stage":
        return _STAGES.get(code, "close, à ne pas reprendre")
    return label(field, code) if field in {"theme", "tenure", "urgency"} else code
