"""The benchmarks run, each once and small: a benchmark that is broken is found here, not on the day of the figures."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks import events


@pytest.fixture(autouse=True)
def without_dbos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dbos", None)


def test_every_event_of_a_life_is_handled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events.measure("SQLite", tmp_path, events=30)

    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("SQLite: events fully handled, backlog of 30 ")
    assert "plain SQLAlchemy" in told[0]
    assert "NOT MEASURED" in told[1]
