"""A table as an XLSX file in which every cell is text: nothing in it is a formula or a link."""

import io
from collections.abc import Sequence

import xlsxwriter


def workbook(title: str, rows: Sequence[Sequence[str]]) -> bytes:
    """The first row is the header: it stays in sight, with a filter on each column."""
    data = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(data, options) as book:
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)
        sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
    return data.getvalue()
