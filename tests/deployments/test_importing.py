"""The command says what a file would give before it gives it, in French, and refuses in one sentence."""

from datetime import date
from pathlib import Path

import pytest

from deployments.importing import Options, main
from models.refusals import CaseworkError
from services.foundation.runtime import Runtime
from tests.services.imports.office import HEADER, KADRI, MARTIN, look, make_office, write_csv

NIR = f"1850578006084{97 - 1850578006084 % 97:02}"


@pytest.fixture
def file(tmp_path: Path, runtime: Runtime) -> Path:
    make_office(runtime.database)
    header = (*HEADER, "NIR", "N° allocataire", "Urgence")
    rows = [(*MARTIN, NIR, "1234567", "Danger"), ("Sans", "Tel", "", *KADRI[3:], NIR, "1234567", "")]
    return write_csv(tmp_path / "fsl.csv", *rows, header=header)


def test_a_dry_run_says_what_would_happen(file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(runtime, file, Options("fsl")) == 0

    said = capsys.readouterr().out
    assert "numéros de sécurité sociale interdits ici\u00a0: «\u00a0NIR\u00a0»" in said
    assert "numéros d’allocataire inutiles ici\u00a0: «\u00a0N° allocataire\u00a0»" in said
    assert "ligne 3\u00a0: Téléphone absent." in said
    assert "Danger signalé (ligne 2)" in said
    assert "Essai à blanc" in said
    assert look(runtime.database).cases == []


def test_no_number_and_no_name_is_told_or_written(
    file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    main(runtime, file, Options("fsl", commit=True))

    written = file.with_name("fsl-a-corriger.csv").read_text(encoding="utf-8-sig")
    said = capsys.readouterr()
    assert NIR not in said.out + said.err + written
    assert "1234567" not in said.out + said.err + written
    assert "Martin" not in said.out


def test_a_commit_opens_cases_and_says_that_nothing_leaves(
    file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    main(runtime, file, Options("fsl", commit=True))

    said = capsys.readouterr().out
    assert "Situations ouvertes\u00a0: 1." in said
    assert "Aucun message ne part" in said
    assert look(runtime.database).cases == ["Martin"]


def test_the_file_that_somebody_is_correcting_is_never_overwritten(file: Path, runtime: Runtime) -> None:
    main(runtime, file, Options("fsl"))
    main(runtime, file, Options("fsl"))

    assert file.with_name("fsl-a-corriger.csv").exists()
    assert file.with_name("fsl-a-corriger-2.csv").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options("caf"), "--organisation"),
        (Options("fsl", programme="lyon"), "--programme"),
        (Options("fsl", collector="Ada"), "--agreed-on"),
        (Options("fsl", collector="Ada", agreed_on=date(2030, 1, 1)), "accord à venir"),
        (Options("fsl", notify=True), "--commit"),
        (Options("fsl", mapping=Path("absent.yaml")), "fichier de correspondance"),
        (Options("fsl", errors=Path("/nowhere/at/all.csv")), "ne peut pas être écrit"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    file: Path, runtime: Runtime, options: Options, sentence: str
) -> None:
    with pytest.raises(CaseworkError, match=sentence):
        main(runtime, file, options)


def test_the_command_takes_its_options_from_the_line(tmp_path: Path) -> None:
    from deployments.cli import app

    line = ["import", "alerts", "fsl.csv", "--organisation", "fsl", "--collector", "Ada", "--agreed-on", "2025-09-01"]
    _, bound, _ = app.parse_args([*line, "--commit"], print_error=False, exit_on_error=False)

    assert bound.arguments["file"] == Path("fsl.csv")
    assert bound.arguments["options"] == Options("fsl", collector="Ada", agreed_on=date(2025, 9, 1), commit=True)
