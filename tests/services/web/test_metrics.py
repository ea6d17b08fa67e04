"""`/metrics` counts and names nobody, and costs what is under way whatever lies behind."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from services.operations import metrics
from tests.factories import Office, at, make_case
from tests.services.web.browser import browser, send

GROW = ("case", "message", "webhook_delivery", "event", "obligation")


def test_what_waits_is_counted_and_nobody_is_named(office: Office) -> None:
    make_case(office)
    answer = browser(office).get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'relais_cases{stage="' in answer.text
    assert "relais_oldest_work_seconds" in answer.text
    assert "Le Goff" not in answer.text


def test_an_empty_installation_has_measures_too(office: Office) -> None:
    assert "relais_clocks_failing 0.0" in browser(office).get("/metrics").text


def print_and_post_letters(office: Office) -> None:
    claire = browser(office, "claire")
    send(claire, "/courriers/imprimer")
    letters = re.findall(r'name="letter" value="([^"]+)"', claire.get("/courriers").text)
    send(claire, "/courriers", once="b", letter=letters, posted_on="2025-10-06")


def test_what_is_over_is_counted_for_a_day(office: Office) -> None:
    make_case(office)
    print_and_post_letters(office)
    today = browser(office).get("/metrics").text

    at(office, office.clock.now() + timedelta(days=2))
    later = browser(office).get("/metrics").text

    assert 'relais_messages_day{channel="letter",state="posted"} 1.0' in today
    assert 'state="posted"' not in later
    assert 'relais_cases{stage="detection"} 1.0' in later


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_no_measure_reads_what_grows_from_end_to_end(office: Office) -> None:
    make_case(office)
    asked: list[tuple[str, Any]] = []
    engine = office.runtime.database.engine

    with office.runtime.database.read() as unit:
        heard = lambda _conn, _cursor, sql, values, _context, _many: asked.append((sql, values))  # noqa: E731
        event.listen(engine, "before_cursor_execute", heard)
        list(metrics.gauges(unit))
        event.remove(engine, "before_cursor_execute", heard)
        connection = unit.session.connection()
        steps = [
            str(row[3])
            for sql, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]

    assert connection.dialect.name == "sqlite"
    assert [step for step in steps if step.startswith("SCAN") and step.split()[1].strip('"') in GROW] == []
    assert any(step.startswith("SEARCH message") for step in steps)
