"""The command says what a spreadsheet of cases would give before it gives it, and every row not taken comes back."""

from pathlib import Path

import pytest

from deployments.importing_cases import CaseOptions, main
from models.refusals import CaseworkError
from services.foundation.runtime import Runtime
from services.imports.case_columns import CASE_COLUMNS
from services.imports.mapping import MappingFile, apply
from services.imports.reading import read
from tests.services.imports.desk import HEADER, PLANNED, REFERRED, TO_CALL, VISITED, make_desk, row, stand
from tests.services.imports.office import write_csv

NIR = f"1850578006084{97 - 1850578006084 % 97:02}"


@pytest.fixture
def file(tmp_path: Path, runtime: Runtime) -> Path:
    make_desk(runtime.database)
    rows = [
        row(0, TO_CALL),
        row(1, VISITED | {"Date de visite": "02/09/2025"}),
        row(2, REFERRED | {"Partenaire": "Nobody"}),
        row(0, PLANNED | {"Référence interne": "B-99"}),
    ]
    return write_csv(tmp_path / "suivi.csv", *((*each, NIR) for each in rows), header=(*HEADER, "NIR"))


def test_a_dry_run_says_what_would_happen(file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(runtime, file, CaseOptions()) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "numéros de sécurité sociale interdits ici : « NIR »" in said
    assert "à appeler 1" in said
    assert "Partenaire inconnu" in said
    assert "Déjà connu" in said
    assert "Essai à blanc" in said
    assert stand(runtime.database) == []


def test_a_commit_opens_cases_and_says_that_nothing_of_their_past_leaves(
    file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    main(runtime, file, CaseOptions(commit=True))

    said = " ".join(capsys.readouterr().out.split())
    assert "Situations reprises : 1. Rien de leur passé n’est envoyé." in said
    assert [case.state for case in stand(runtime.database)] == ["contacting"]


def test_every_row_that_gave_no_case_is_in_the_file_to_correct(file: Path, runtime: Runtime) -> None:
    main(runtime, file, CaseOptions(commit=True))

    back = read(file.with_name("suivi-a-corriger.csv"))
    mapped = apply(back.sheets, MappingFile(), columns=CASE_COLUMNS)
    assert [each.values["reference"] for each in mapped.rows] == ["B-1", "B-2", "B-99"]
    assert mapped.ignored == ()
    assert NIR not in str(back)


def test_once_corrected_the_file_gives_the_cases_that_were_missing(file: Path, runtime: Runtime) -> None:
    main(runtime, file, CaseOptions(commit=True))
    path = file.with_name("suivi-a-corriger.csv")
    path.write_text(path.read_text(encoding="utf-8-sig").replace("Nobody", "ADIL"), encoding="utf-8")

    main(runtime, path, CaseOptions(commit=True))

    assert sorted(case.state for case in stand(runtime.database)) == ["contacting", "orienting"]


def test_an_unknown_programme_is_refused_in_one_sentence(file: Path, runtime: Runtime) -> None:
    with pytest.raises(CaseworkError, match="--programme"):
        main(runtime, file, CaseOptions(programme="lyon"))
