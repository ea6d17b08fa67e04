"""`/metrics` counts and names nobody."""

from tests.factories import Office, make_case
from tests.services.web.browser import browser


def test_what_waits_is_counted_and_nobody_is_named(office: Office) -> None:
    make_case(office)
    answer = browser(office).get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'relais_cases{stage="' in answer.text
    assert "relais_oldest_work_seconds" in answer.text
    assert "Le Goff" not in answer.text


def test_an_empty_installation_has_measures_too(office: Office) -> None:
    assert "relais_clocks_failing 0.0" in browser(office).get("/metrics").text
