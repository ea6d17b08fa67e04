"""What the technical log never says."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog

from services.foundation.errors import NotFound
from services.foundation.logging import configure, masked


@pytest.fixture
def log() -> Iterator[StringIO]:
    logger = logging.getLogger()
    handlers, level, written = logger.handlers[:], logger.level, StringIO()
    configure("json")
    (ours,) = logger.handlers
    assert isinstance(ours, logging.StreamHandler)
    ours.setStream(written)
    yield written
    logger.handlers[:] = handlers
    logger.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/dossiers?q=Dupont", "/dossiers"),
        ("/l/0198.abc/refuser", "/l/***/refuser"),
        ("/demande/0198.abc?x=1", "/demande/***"),
        ("/dossiers/01a20a18-aeaf-711a-9eb9-b7328226bc0d", "/dossiers/01a20a18-aeaf-711a-9eb9-b7328226bc0d"),
        (f"/connexion/{'x' * 43}", "/connexion/***"),
    ],
)
def test_a_path_is_shown_without_query_and_tokens(target: str, shown: str) -> None:
    assert masked(target) == shown


def test_an_access_line_has_no_address_no_query_and_no_token(log: StringIO) -> None:
    line = '%s - "%s %s HTTP/%s" %d'
    logging.getLogger("uvicorn.access").info(line, "192.0.2.7:5", "GET", "/l/secret?nom=Dupont", "1.1", 200)

    written = json.loads(log.getvalue())

    assert {key: written[key] for key in ("event", "method", "path", "status")} == {
        "event": "request",
        "method": "GET",
        "path": "/l/***",
        "status": 200,
    }
    assert "192.0.2.7" not in str(written)


def test_personal_keys_are_dropped_at_every_depth(log: StringIO) -> None:
    structlog.get_logger("relais").info("sent", case="2026-00042", email="ada@relais.test", about={"phone": "0612"})

    written = json.loads(log.getvalue())

    assert written["case"] == "2026-00042"
    assert written["about"] == {}
    assert "email" not in written


@pytest.mark.parametrize("logger", [logging.getLogger, structlog.get_logger])
def test_an_error_leaves_its_class_and_place_but_not_its_words(
    log: StringIO, logger: Callable[[str], logging.Logger]
) -> None:
    try:
        int("Mme Dupont, 06 12 34 56 78")
    except ValueError:
        logger("any").exception("failed")

    written = log.getvalue()

    assert "builtins.ValueError" in written
    assert "test_logging.py" in written
    assert "Dupont" not in written


def test_a_refusal_of_ours_keeps_its_sentence(log: StringIO) -> None:
    logging.getLogger("any").error("refused", exc_info=NotFound())

    assert "n’existe pas" in log.getvalue()
