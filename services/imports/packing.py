"""The rows of a dropped file as they are kept until they are taken in: the numbers that must not be kept are gone."""

import json
import re
import zlib
from typing import Final

from services.imports.reading import Content, Sheet

LEVEL: Final = 3
_LONG_NUMBER: Final = re.compile(r"(?:[0-9][^0-9]{0,2}){8}")


def pack(content: Content) -> bytes:
    """Its texts, small; of a column of social-security numbers those that were mistyped go too."""
    sheets = [
        [each.number, [_bare(row, each) for row in each.rows], sorted(each.nir_columns)] for each in content.sheets
    ]
    told = [content.sha256, content.is_workbook, content.masked, sheets]
    return zlib.compress(json.dumps(told, ensure_ascii=False).encode(), LEVEL)


def unpack(packed: bytes) -> Content:
    """What `pack` was given."""
    sha256, is_workbook, masked, sheets = json.loads(zlib.decompress(packed))
    read = tuple(Sheet(number, rows, frozenset(nir)) for number, rows, nir in sheets)
    return Content(sha256, is_workbook, read, masked)


def _bare(row: list[str], sheet: Sheet) -> list[str]:
    if not sheet.nir_columns:
        return row
    return ["" if at in sheet.nir_columns and _LONG_NUMBER.search(cell) else cell for at, cell in enumerate(row)]
