"""Opens a spreadsheet in a process of its own, with little memory and little time: a trap harms nobody but itself.

Run as a script (`python -I workbook.py FILE MAX_ROWS`): it imports nothing of Relais. Prints JSON: a list of sheets,
each a list of rows of texts, or `{"refused": "password" | "unreadable"}`. Formulas are never evaluated: the value that
the author's spreadsheet had stored is read.
"""

import json
import resource
import sys
from datetime import date, datetime, time
from itertools import islice
from typing import Final

MEMORY: Final = 1 << 30
CPU_S: Final = 30
WIDEST: Final = 200


def main(path: str, max_rows: int) -> None:
    """Print what the file holds; one row more than allowed tells that it holds too many."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    import python_calamine  # noqa: PLC0415 - after the limits

    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        sheets = [
            [[_text(cell) for cell in row[:WIDEST]] for row in islice(_rows(book, name), max_rows + 1)]
            for name in book.sheet_names
        ]
    except python_calamine.PasswordError:
        found: object = {"refused": "password"}
    except python_calamine.CalamineError:
        found = {"refused": "unreadable"}
    else:
        found = sheets
    sys.stdout.write(json.dumps(found))


def _rows(book: object, name: str) -> list[list[object]]:
    rows: list[list[object]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)  # type: ignore[attr-defined]
    return rows


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
    main(sys.argv[1], int(sys.argv[2]))
