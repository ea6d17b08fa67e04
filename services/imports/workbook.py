"""Opens a spreadsheet in a process of its own, with little memory and little time: a trap harms nobody but itself.

Run as a script (`python -I workbook.py MAX_ROWS`, the file on its standard input): it imports nothing of Relais. Prints
JSON: a list of sheets, each a list of rows of texts, or `{"refused": "password" | "unreadable" | "too_big"}`. Formulas
are never evaluated: the value that the author's spreadsheet had stored is read.
"""

import io
import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Final

MEMORY: Final = 1 << 30
CPU_S: Final = 30
WIDEST: Final = 200
MAX_CHARACTERS: Final = 20 << 20
"""As much as the largest CSV holds: whoever reads what is printed keeps it in memory."""


class TooBig(Exception):
    """One text written a million times makes a small file."""


def main(max_rows: int) -> None:
    """Print what the file holds; one row more than allowed tells that it holds too many."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    import python_calamine  # noqa: PLC0415 - after the limits

    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        found: object = _sheets(book, max_rows)
    except TooBig:
        found = {"refused": "too_big"}
    except python_calamine.PasswordError:
        found = {"refused": "password"}
    except python_calamine.CalamineError:
        found = {"refused": "unreadable"}
    sys.stdout.write(json.dumps(found))


def _sheets(book: object, max_rows: int) -> list[list[list[str]]]:
    sheets, characters = [], 0
    for name in book.sheet_names:  # type: ignore[attr-defined]
        rows = []
        for row in _rows(book, name, max_rows):
            rows.append(row)
            characters += sum(map(len, row)) + len(row)
            if characters > MAX_CHARACTERS:
                raise TooBig
        sheets.append(rows)
    return sheets


def _rows(book: object, name: str, max_rows: int) -> Iterator[list[str]]:
    rows: list[list[object]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)  # type: ignore[attr-defined]
    for row in islice(rows, max_rows + 1):
        yield [_text(cell) for cell in row[:WIDEST]]


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "oui" if cell else "non"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    main(int(sys.argv[1]))
