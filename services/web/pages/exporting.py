"""A list as a file: CSV that a French spreadsheet opens, or XLSX; nothing in it is ever a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import xlsxwriter
from starlette.responses import Response

KINDS: Final = ("csv", "xlsx")
MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def file(kind: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The file to save; `kind` is one of KINDS."""
    content = _csv(columns, rows) if kind == "csv" else _xlsx(columns, rows)
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, media_type=MEDIA[kind], headers=headers)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """With a mark of UTF-8 and semicolons. Source: OWASP, CSV injection: a cell never begins like a formula."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(columns)
    writer.writerows([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    return data.getvalue()


def saved(name: str, content: bytes) -> Response:
    """A file that is there already, to save; `name` ends like one of KINDS and is ours."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=MEDIA[name.rpartition(".")[2]], headers=headers)
