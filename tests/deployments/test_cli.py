"""The command line answers a line that it cannot read in the language of who typed it."""

import pytest

from deployments.cli import app

MISTAKES = {
    "evnts": "« evnts » n’est pas une commande de Relais. Voyez « relais --help ».",
    "events foo": "« foo » n’est pas une commande de Relais. Voyez « relais events --help ».",
    "events retry zz --reason x": "« zz » ne convient pas pour --event. Voyez « relais events retry --help ».",
    "events retry 3": "Il manque --reason. Voyez « relais events retry --help ».",
    "generate --size Q": "« Q » ne convient pas pour --size. Voyez « relais generate --help ».",
    "play --foo": "« --foo » n’est pas une option de cette commande. Voyez « relais play --help ».",
    "migrate now": "Cette commande ne se comprend pas. Voyez « relais migrate --help ».",
}


@pytest.mark.parametrize(("line", "sentence"), MISTAKES.items(), ids=MISTAKES)
def test_a_line_that_cannot_be_read_says_why_in_french(
    line: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        app(line.split())
    assert left.value.code == 2
    said = " ".join(capsys.readouterr().err.replace("\N{NO-BREAK SPACE}", " ").split())
    assert said == sentence
