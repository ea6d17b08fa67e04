"""The file to correct: refused and doubtful rows with their reasons, to be completed and given back.

It holds neither the dropped columns nor the ignored ones, and no name of a known case. Nothing in it is a formula.
"""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from services.foundation.spreadsheet import workbook
from services.imports.mapping import CONFIRM_HEADER, LABELS, REASON_HEADER, ROW_HEADER
from services.imports.verdicts import Judged, Verdict

TO_CORRECT: Final = frozenset({Verdict.REFUSED, Verdict.DOUBTFUL})
NOT_TAKEN: Final = TO_CORRECT | {Verdict.DUPLICATE}
"""Of a coordinator's own file every row that gave no case comes back, doubles too."""
PRIVATE: Final = 0o600
# Source: OWASP ASVS 5.0, 1.2.10, and the full-width signs that some spreadsheets read alike.
RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def write(
    path: Path,
    judged: Sequence[Judged],
    kept: Sequence[str],
    *,
    labels: Mapping[str, str] = LABELS,
    verdicts: Collection[Verdict] = TO_CORRECT,
) -> None:
    """Write the rows to correct, readable by their owner only. The suffix of `path` says the format."""
    path.touch(mode=PRIVATE)
    is_workbook = path.suffix.lower() == ".xlsx"
    path.write_bytes(content(judged, kept, is_workbook=is_workbook, labels=labels, verdicts=verdicts))


def content(
    judged: Sequence[Judged],
    kept: Sequence[str],
    *,
    is_workbook: bool,
    labels: Mapping[str, str] = LABELS,
    verdicts: Collection[Verdict] = TO_CORRECT,
) -> bytes:
    """The file of the rows to correct."""
    fields = [name for name in labels if (name in kept or name == "agreement") and name != "confirmed"]
    rows = [[ROW_HEADER, REASON_HEADER, CONFIRM_HEADER, *(labels[name] for name in fields)]]
    for one in judged:
        if one.verdict in verdicts:
            confirm = "non" if one.verdict is Verdict.DOUBTFUL else ""
            cells = [one.row.values.get(name, "") for name in fields]
            rows.append([str(one.row.number), " ".join(one.reasons), confirm, *cells])
    return workbook("À corriger", rows) if is_workbook else _csv(rows)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    """With a byte-order mark and semicolons, as a French spreadsheet expects."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" \"'").startswith(RISKY) or cell.startswith(RISKY) else cell
