"""From the bytes of a file to rows of texts: CSV, XLSX or ODS, whatever the encoding; or a sentence saying why not."""

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.refusals import CaseworkError
from services.cases.documents import LARGEST
from services.foundation.nir import looks_like_nir_column, mask_nir

MEGABYTE: Final = 1 << 20
MAX_SIZE: Final = LARGEST
MAX_ROWS: Final = 20_000
MAX_UNZIPPED: Final = 200 * MEGABYTE
MAX_ENTRIES: Final = 2_000
CHILD_S: Final = 60
CHUNK: Final = 1 << 16
_ENTRY: Final = b"PK\x01\x02"
_ENTITY: Final = b"<!ENTITY"
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_DOUBLE_ENCODED: Final = re.compile("Ã[©¨ª«´®§»¢\xa0]|\N{REPLACEMENT CHARACTER}")
# A CSV escapes what a spreadsheet would take for a formula; the apostrophe goes when the file comes back.
_ESCAPED: Final = re.compile(r"^'(?=[ \"']*[=+\-@\t\r\0＝＋－＠])")

_NOT_ONE: Final = "Ce fichier n’est pas un tableur\u00a0: Relais lit le CSV, le XLSX et l’ODS."
_TOO_BIG_INSIDE: Final = (
    "Ce classeur contient bien plus que des lignes utiles\u00a0: copiez celles-ci, seules, dans un nouveau fichier, "
    "puis recommencez."
)
_REFUSED: Final = {
    "too_big": _TOO_BIG_INSIDE,
    "password": "Ce fichier est protégé par un mot de passe\u00a0: enregistrez-le sans mot de passe, puis recommencez.",
    "unreadable": "Ce fichier est abîmé\u00a0: ouvrez-le dans votre tableur, enregistrez-le, puis recommencez.",
}


class FileRefused(CaseworkError):
    """The file as a whole cannot be taken; no row was looked at."""

    status_code = 422
    code = "file-refused"


@dataclass(frozen=True)
class Sheet:
    """One sheet, its rows as the spreadsheet numbers them from 1, its cells as texts without any NIR."""

    number: int
    rows: list[list[str]]
    nir_columns: frozenset[int]


@dataclass(frozen=True)
class Content:
    """What a file holds. `masked` counts the social-security numbers found; none of them is kept."""

    sha256: str
    is_workbook: bool
    sheets: tuple[Sheet, ...]
    masked: int


def read(path: Path) -> Content:
    """Read a whole file. Raises `FileRefused` with the sentence to show."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError:
        raise FileRefused(f"«\u00a0{path.name}\u00a0» ne peut pas être ouvert\u00a0: vérifiez son nom.") from None
    return parse(data)


def parse(data: bytes) -> Content:
    """Read the bytes of a whole file, which are never written anywhere. Raises `FileRefused`.

    What a name or a type says of them does not count. `data` may be cut one byte after `MAX_SIZE`.
    """
    if len(data) > MAX_SIZE:
        raise FileRefused(f"Ce fichier dépasse {MAX_SIZE // MEGABYTE}\u00a0Mo\u00a0: coupez-le en plusieurs.")
    if not data.strip():
        raise FileRefused("Ce fichier est vide.")
    is_workbook = data.startswith(_ZIP)
    sheets = _from_workbook(data) if is_workbook else [_from_csv(data)]
    if max(map(len, sheets)) > MAX_ROWS:
        most = f"{MAX_ROWS:_}".replace("_", "\u00a0")
        raise FileRefused(f"Ce fichier dépasse {most}\u00a0lignes\u00a0: coupez-le en plusieurs.")
    if not any(cell.strip() for rows in sheets for row in rows for cell in row):
        raise FileRefused("Ce fichier est vide.")
    cleaned = [_without_nir(number, rows) for number, rows in enumerate(sheets, start=1)]
    masked = sum(count for _, count in cleaned)
    return Content(hashlib.sha256(data).hexdigest(), is_workbook, tuple(sheet for sheet, _ in cleaned), masked)


def _without_nir(number: int, rows: list[list[str]]) -> tuple[Sheet, int]:
    width = max(map(len, rows), default=0)
    columns = [[row[index] for row in rows if index < len(row)] for index in range(width)]
    suspects = frozenset(index for index, values in enumerate(columns) if looks_like_nir_column(values))
    count = 0
    for row in rows:
        for index, cell in enumerate(row):
            row[index], found = mask_nir(_ESCAPED.sub("", cell))
            count += found
    return Sheet(number, rows, suspects), count


def _from_csv(data: bytes) -> list[list[str]]:
    if data.startswith(_OLE):
        raise FileRefused(
            _REFUSED["password"]
            if _ENCRYPTED in data
            else "Relais ne lit pas l’ancien format XLS\u00a0: enregistrez ce fichier en XLSX, puis recommencez."
        )
    text = _decoded(data)
    try:
        return _records(text)
    except csv.Error:
        raise FileRefused("Ce fichier CSV est mal formé\u00a0: un guillemet n’y est sans doute jamais fermé.") from None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data or data.startswith(b"%PDF"):
        raise FileRefused(_NOT_ONE)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _DOUBLE_ENCODED.search(text):
            break
        return text
    raise FileRefused(
        "Les accents de ce fichier sont abîmés\u00a0: enregistrez-le au format «\u00a0CSV UTF-8\u00a0», "
        "puis recommencez."
    )


def _records(text: str) -> list[list[str]]:
    """The separator is the one that makes the widest rows at the top of the file."""
    readings = {separator: _parsed(text[: 50 * CHUNK], separator, 20) for separator in ";\t,"}
    widest = {separator: max(map(len, rows), default=0) for separator, rows in readings.items()}
    best = max(widest, key=lambda separator: widest[separator])
    if widest[best] <= 1:
        raise FileRefused(f"{_NOT_ONE} Un CSV sépare ses colonnes par «\u00a0;\u00a0», une virgule ou une tabulation.")
    return _parsed(text, best, MAX_ROWS + 1)


def _parsed(text: str, separator: str, count: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [row for row, _ in zip(reader, range(count), strict=False)]


def _from_workbook(data: bytes) -> list[list[list[str]]]:
    _guard(data)
    command = [sys.executable, "-I", str(Path(__file__).with_name("workbook.py")), str(MAX_ROWS)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=CHILD_S, check=False)
    except subprocess.TimeoutExpired:
        raise FileRefused(_TOO_BIG_INSIDE) from None
    if done.returncode != 0:
        raise FileRefused(_TOO_BIG_INSIDE)
    found: list[list[list[str]]] | dict[str, str] = json.loads(done.stdout)
    if isinstance(found, dict):
        raise FileRefused(_REFUSED[found["refused"]])
    return found


def _guard(data: bytes) -> None:
    """Unpack everything into nothing, counting: what a zip says of its sizes proves nothing."""
    if data.count(_ENTRY) > MAX_ENTRIES:  # before a list of them is made
        raise FileRefused(_TOO_BIG_INSIDE)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names and "content.xml" not in names:
                raise FileRefused(_NOT_ONE)
            unzipped, before = 0, b""
            for chunk in _chunks(archive):
                unzipped += len(chunk)
                if unzipped > MAX_UNZIPPED:
                    raise FileRefused(_TOO_BIG_INSIDE)
                if _ENTITY in before + chunk:  # no spreadsheet writes any
                    raise FileRefused(_REFUSED["unreadable"])
                before = chunk[-len(_ENTITY) :]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
        raise FileRefused(_REFUSED["unreadable"]) from None
    except RuntimeError:  # an encrypted entry
        raise FileRefused(_REFUSED["password"]) from None


def _chunks(archive: zipfile.ZipFile) -> Iterator[bytes]:
    for entry in archive.infolist():
        with archive.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
