"""The file to correct holds what must be mended, nothing that must not leave, and no formula; it can be given back."""

import csv
import zipfile
from pathlib import Path

import pytest

from services.imports import corrections
from services.imports.mapping import MappingFile, Row, apply
from services.imports.reading import read
from services.imports.verdicts import Judged, Verdict

RISKY = ["=1+1", "+33639980001", "-12,50 €", "@SUM(1)", "＝1", " =1", '"=1', "\t=1", "=HYPERLINK(1)\n=2"]


def refused(**values: str) -> Judged:
    return Judged(Row(1, 2, values), Verdict.REFUSED, ("Téléphone absent.",))


def rows(path: Path) -> list[list[str]]:
    return read(path).sheets[0].rows


@pytest.mark.parametrize("text", RISKY)
def test_a_csv_disarms_formulas_and_gives_them_back_as_they_were(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"

    corrections.write(path, [refused(surname=text)], ["surname"])

    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file, delimiter=";"))[1][3] == f"'{text}"
    assert rows(path)[1][3] == text.replace("\r", "")


@pytest.mark.parametrize("text", RISKY)
def test_a_workbook_writes_texts_only(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xlsx"

    corrections.write(path, [refused(surname=text)], ["surname"])

    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert rows(path)[1][3] == text


def test_only_rows_to_correct_are_in_it_with_their_reason_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    others = [Judged(Row(1, n, {"surname": "x"}), v) for n, v in enumerate((Verdict.VALID, Verdict.DUPLICATE), start=5)]

    corrections.write(path, [*others, refused(surname="Martin")], ["surname"])

    assert rows(path)[1:] == [["2", "Téléphone absent.", "", "Martin", ""]]
    assert path.stat().st_mode & 0o077 == 0


def test_once_corrected_it_is_read_with_the_headers_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    fields = ["surname", "phone", "street", "commune", "tenure", "motives"]

    corrections.write(path, [refused(**dict.fromkeys(fields, "x"))], fields)

    mapped = apply(read(path).sheets, MappingFile())
    assert mapped.ignored == ()
    assert set(mapped.kept) == {*fields, "agreement", "confirmed"}
