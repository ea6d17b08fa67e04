"""A file becomes rows of texts whatever its encoding, or one sentence says why it cannot."""

import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from services.imports import reading
from services.imports.reading import FileRefused, read
from tests.services.imports.office import HEADER, MARTIN, write_csv, write_xlsx


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_a_csv_is_read_in_the_encodings_and_separators_of_french_offices(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    file = write_csv(tmp_path / "fsl.csv", MARTIN, separator=separator, encoding=encoding)

    assert read(file).sheets[0].rows == [list(HEADER), list(MARTIN)]


def test_a_workbook_gives_its_numbers_and_stored_values_as_texts(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "fsl.xlsx", ("Martin", 639980001, 29200.0, True))

    assert read(file).sheets[0].rows[1][:4] == ["Martin", "639980001", "29200", "oui"]


def test_a_date_of_a_workbook_keeps_its_hour_if_it_has_one(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"default_date_format": "dd/mm/yyyy hh:mm"}) as book:
        book.add_worksheet().write_row(0, 0, [datetime(2025, 10, 21, 14, 30), datetime(2025, 10, 3)])  # noqa: DTZ001

    assert read(tmp_path / "a.xlsx").sheets[0].rows == [["2025-10-21 14:30", "2025-10-03"]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Ce fichier est vide"),
        (b" \r\n", "Ce fichier est vide"),
        (b";;\r\n;;\r\n", "Ce fichier est vide"),
        (b"%PDF-1.7 ...", "n’est pas un tableur"),
        (b"\x89PNG\0\0\0", "n’est pas un tableur"),
        (b"Bonjour.", "n’est pas un tableur"),
        ("Nom;Prénom\r\nMartin;Léa".encode().decode("latin-1").encode(), "accents de ce fichier sont abîmés"),
        (b"Nom;Pr\x81nom\r\n", "accents de ce fichier sont abîmés"),
        (b'Nom;Rue\r\n"' + b"a" * 200_000, "guillemet"),
        (b"PK\x03\x04 cut short", "Ce fichier est abîmé"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "mot de passe"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1Workbook", "ancien format XLS"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "liste"
    file.write_bytes(content)

    with pytest.raises(FileRefused, match=sentence):
        read(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="ne peut pas être ouvert"):
        read(tmp_path / "rien.csv")


def test_a_file_of_200_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    with file.open("wb") as big:
        big.truncate(200 << 20)

    with pytest.raises(FileRefused, match="dépasse 20"):
        read(file)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 2)

    for file in (write_csv(tmp_path / "a.csv", MARTIN, MARTIN), write_xlsx(tmp_path / "a.xlsx", MARTIN, MARTIN)):
        with pytest.raises(FileRefused, match="lignes"):
            read(file)


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNZIPPED", 1 << 20)
    file = tmp_path / "bombe.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (2 << 20))

    with pytest.raises(FileRefused, match="bien plus que des lignes utiles"):
        read(file)


def test_a_sheet_that_asks_for_a_million_rows_of_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loin.xlsx"
    write_xlsx(file)
    import xlsxwriter

    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "Nom")
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(FileRefused, match="bien plus que des lignes utiles"):
        read(file)


def test_a_word_document_is_no_spreadsheet(tmp_path: Path) -> None:
    file = tmp_path / "liste.xlsx"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")

    with pytest.raises(FileRefused, match="n’est pas un tableur"):
        read(file)


def test_social_security_numbers_leave_the_rows_before_anybody_sees_them(tmp_path: Path) -> None:
    body = 1850578006084
    nir = f"{body}{97 - body % 97:02}"
    file = write_csv(tmp_path / "caf.csv", ("Martin", nir, f"NIR {nir}"), header=("Nom", "Numéro", "Précisions"))

    content = read(file)

    assert content.masked == 2
    assert nir not in str(content)
    assert content.sheets[0].nir_columns == {1}


def test_the_apostrophe_that_disarmed_a_formula_goes_when_the_file_comes_back(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", ("'+33639980001", "'ouvert"), header=("Téléphone", "Nom"))

    assert read(file).sheets[0].rows[1] == ["+33639980001", "'ouvert"]
