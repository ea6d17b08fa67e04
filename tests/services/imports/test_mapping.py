"""Headers are recognised by their synonyms; a mapping file has the last word."""

from pathlib import Path

import pytest

from services.imports.mapping import MappingFile, apply, layout, read_mapping
from services.imports.reading import FileRefused, Sheet
from tests.services.imports.office import HEADER, MARTIN


def sheet(*rows: tuple[str, ...], nir: frozenset[int] = frozenset()) -> Sheet:
    return Sheet(1, [list(row) for row in rows], nir)


def test_titles_and_merged_cells_above_the_header_are_passed_over() -> None:
    mapped = apply([sheet(("Liste FSL 2025", "", ""), ("Identité", "", "Logement"), HEADER, MARTIN)], MappingFile())

    assert [(row.number, row.values["surname"], row.values["commune"]) for row in mapped.rows] == [
        (4, "Martin", "Brest")
    ]


def test_numbers_of_social_security_and_of_the_caf_are_dropped_by_header_or_content() -> None:
    header = (*HEADER, "N° Sécurité sociale", "N° allocataire", "Code", "Canton")
    mapped = apply(
        [sheet(header, (*MARTIN, "secret", "1234567", "secret", "Nord"), nir=frozenset({11}))], MappingFile()
    )

    assert mapped.nir_dropped == ("N° Sécurité sociale", "Code")
    assert mapped.caf_dropped == ("N° allocataire",)
    assert mapped.ignored == ("Canton",)
    assert "secret" not in str(mapped.rows)
    assert "1234567" not in str(mapped.rows)


def test_a_caf_number_in_a_text_is_masked() -> None:
    row = (*MARTIN, "allocataire CAF n° 1234567 A, appeler le matin")
    mapped = apply([sheet((*HEADER, "Observations"), row)], MappingFile())

    assert "1234567" not in mapped.rows[0].values["free_text"]


def test_a_mapping_file_names_columns_defaults_and_values(tmp_path: Path) -> None:
    file = tmp_path / "caf.yaml"
    file.write_text("columns: {surname: Qui}\ndefaults: {tenure: social_tenant}\nvalues: {motives: {E1: arrears}}\n")
    header = ("Qui", "Téléphone", "Adresse", "Commune", "Motif")
    mapped = apply([sheet(header, ("Martin", "0639980001", "3 rue de Siam", "Brest", "E1"))], read_mapping(file))

    assert mapped.rows[0].values["surname"] == "Martin"
    assert mapped.rows[0].values["tenure"] == "social_tenant"
    assert mapped.rows[0].values["motives"] == "arrears"


@pytest.mark.parametrize("text", ["columns: {nom: Nom}", "colonnes: {}", "- a", "a: [", "\x00"])
def test_a_mapping_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)

    with pytest.raises(FileRefused, match="fichier de correspondance"):
        read_mapping(file)


def test_a_file_without_header_is_refused() -> None:
    with pytest.raises(FileRefused, match="Aucune ligne d’en-têtes"):
        apply([sheet(MARTIN)], MappingFile())


def test_missing_columns_are_named() -> None:
    with pytest.raises(FileRefused, match="Téléphone, Statut d’occupation"):
        apply([sheet(("Nom", "Adresse", "Commune", "Motif"), ("a", "b", "c", "d"))], MappingFile())


def test_two_columns_for_one_field_ask_for_a_choice() -> None:
    with pytest.raises(FileRefused, match="Deux colonnes peuvent être «\u00a0Nom\u00a0»"):
        apply([sheet((*HEADER, "Nom"), (*MARTIN, "x"))], MappingFile())


def test_the_second_of_two_titles_that_are_alike_can_be_told_from_the_first() -> None:
    header, row = ("Qui", "Date", "Date", "Tél", "Tél", "Rue", "Ville"), ("a", "x", "y", "1", "2", "c", "d")
    chosen = {"surname": "Qui", "tenure": "Date", "motives": "Date 2", "giver_name": ""}

    (read,) = apply([sheet(header, row)], MappingFile(columns=chosen)).rows

    told = ("tenure", "motives", "phone", "phone_2")
    assert [read.values[name] for name in told] == ["x", "y", "1", "2"]


def test_the_columns_of_any_file_can_be_shown_to_be_corrected() -> None:
    rows = (
        ("Suivi", "", ""),
        ("Qui", "Quoi", "N° allocataire"),
        ("Le Goff", "froid", "1234567"),
        ("Moal", "froid", ""),
    )

    found = layout([sheet(*rows)], MappingFile())

    assert [(each.title, each.field, each.samples) for each in found.columns] == [
        ("Qui", "", ("Le Goff", "Moal")),
        ("Quoi", "", ("froid",)),
        ("N° allocataire", "caf", ()),
    ]
