"""What everybody does at a browser: come in, walk with the Tab key, read a mail, press what it leads to."""

import re
from datetime import timedelta
from time import monotonic, sleep
from typing import Final
from urllib.parse import urljoin
from uuid import UUID

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from sqlalchemy import select

from models.engine import Message
from models.programmes import Person
from models.vocabulary import Channel, MessageState
from services.accounts.sessions import open_session
from services.web.sessions import cookie_name
from tests.browser.conftest import Town
from tests.factories import PASSWORD

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
DESK: Final[ViewportSize] = {"width": 1280, "height": 900}
PATIENCE_MS: Final = 20_000
FRIDAY, SATURDAY = 4, 5
AXE: Final = Axe()
RULES: Final = {
    "runOnly": ["RGAAv4", "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
"""The criteria of the RGAA 4 that a machine can judge, and what WCAG 2.2 and good practice add to them."""
NAME_OF_FOCUS: Final = "() => { const e = document.activeElement; return (e.labels?.[0] ?? e).textContent.trim() }"
expect.set_options(timeout=PATIENCE_MS)


def to_next_morning(town: Town) -> None:
    """The same hour of the next day on which mails leave, once those of today have left.

    One that is being carried while the days pass would count for the next day, and push what is due then further.
    """
    clock = town.office.clock
    given_up = monotonic() + PATIENCE_MS / 1000
    while waiting := _mails_to_post(town):
        assert monotonic() < given_up, f"these never left: {waiting}"
        sleep(0.05)
    clock.at += timedelta(days={FRIDAY: 3, SATURDAY: 2}.get(clock.at.weekday(), 1))


def _mails_to_post(town: Town) -> list[UUID]:
    on_their_way = Message.state.in_([MessageState.QUEUED, MessageState.LEASED])
    with town.office.runtime.database.read() as unit:
        due = select(Message.id).where(Message.channel == Channel.EMAIL, on_their_way, Message.due_at <= unit.now)
        return list(unit.session.scalars(due))


def open_context(chromium: Browser, size: ViewportSize = DESK) -> BrowserContext:
    """A browser of somebody's own."""
    context = chromium.new_context(viewport=size, locale="fr-FR")
    context.set_default_timeout(PATIENCE_MS)
    return context


def open_page(chromium: Browser, size: ViewportSize = PHONE) -> Page:
    """A window in a browser where nobody has been."""
    return open_context(chromium, size).new_page()


def sign_in(chromium: Browser, town: Town, who: str, size: ViewportSize = DESK) -> Page:
    """With the keyboard alone."""
    page = open_page(chromium, size)
    page.goto(town.pages)
    give_password(page, who)
    expect(page).to_have_url(f"{town.pages}/a-faire")
    return page


def give_password(page: Page, who: str) -> None:
    """Fill the sign-in form that is there, with the keyboard alone."""
    press(page, "Adresse électronique")
    page.keyboard.type(f"{who}@brest.test")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def enter(chromium: Browser, town: Town, who: str, size: ViewportSize = DESK) -> Page:
    """Somebody who came in before: a session is opened without the tenths of a second that a password costs."""
    context = open_context(chromium, size)
    with town.office.runtime.database.write("test") as unit:
        person = unit.session.scalars(select(Person).where(Person.email == f"{who}@brest.test")).one()
        token = open_session(unit, person)
    context.add_cookies([{"name": cookie_name(town.office.runtime.settings), "value": token, "url": town.pages}])
    return context.new_page()


def press(page: Page, name: str) -> None:
    """Walk with the Tab key to what bears this name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(NAME_OF_FOCUS).startswith(name):
            return
    raise AssertionError(f"the Tab key never reaches « {name} »")


def looks_well(page: Page) -> None:
    """No rule of accessibility is broken, and nothing sticks out on the right."""
    found = AXE.run(page, options=RULES)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def mail_for(page: Page, town: Town, reader: str, subject: str, about: str = "") -> str:
    """The latest mail to this reader that tells `about` that, as the mailbox shows it; it may take a moment.

    One mail a day gathers what there is to say: a reference may stand in its text alone.
    """
    given_up = monotonic() + PATIENCE_MS / 1000
    while monotonic() < given_up:
        page.goto(f"{town.mailbox}/?a={reader}")
        found = page.get_by_role("link", name=re.compile(subject)).all()
        for address in [str(each.get_attribute("href")) for each in found]:
            page.goto(urljoin(town.mailbox, address))
            if about in (said := page.locator("body").inner_text()):
                return said
        page.wait_for_timeout(100)
    raise AssertionError(f"{reader} never got « {subject} »: {page.locator('body').inner_text()}")


def link_in(text: str, path: str = "/l/") -> str:
    """The first of our addresses in a mail that begins so."""
    found = re.search(rf"http://127\.0\.0\.1:\d+{path}\S*", text)
    assert found, text
    return found[0]
