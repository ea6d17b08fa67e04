"""The machines of the tests start, and keep what one test does from the next."""

from typing import Final

import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy import create_engine, text

from tests.machines import CHROMIUM_FLAGS, chromium_or_skip, postgres_database, postgres_url

PNG: Final = b"\x89PNG"


def test_every_caller_gets_the_same_server() -> None:
    assert postgres_url() == postgres_url()


def test_a_database_is_a_copy_of_its_template_and_of_nothing_else() -> None:
    def tables(url: str) -> list[str]:
        engine = create_engine(url)
        with engine.begin() as connection:
            found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            names = [row.tablename for row in found]
            connection.execute(text("CREATE TABLE household (id int)"))
        engine.dispose()
        return names

    with postgres_database() as first, postgres_database() as second:
        assert tables(first) == tables(second) == []
        with postgres_database(template=first.split("?")[0].rsplit("/", 1)[1]) as copy:
            engine = create_engine(copy)
            with engine.connect() as connection:
                assert connection.execute(text("SELECT count(*) FROM household")).scalar_one() == 0
            engine.dispose()


@pytest.mark.browser
def test_a_page_can_be_looked_at() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_or_skip(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page()
        page.goto("data:text/html;charset=utf-8,<h1>Précarité énergétique</h1>")

        assert page.inner_text("h1") == "Précarité énergétique"
        assert page.screenshot().startswith(PNG)
        browser.close()
