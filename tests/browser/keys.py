"""Somebody without a mouse: everything is reached with the Tab key, opened with Enter, chosen with Space and arrows."""

from datetime import date
from typing import Final

from playwright.sync_api import Locator, Page, expect

MOST: Final = 120
"""A page in which one has to press oftener than this has no order worth the name."""
IS_HERE: Final = "(e) => e === document.activeElement"
IN_ITS_GROUP: Final = "(e) => document.activeElement.type === 'radio' && e.name === document.activeElement.name"


class Keys:
    """A keyboard before a page. Each act walks on from where the last one left the focus, as a person does."""

    def __init__(self, page: Page) -> None:
        """From now on `page` may be read, and acted on through this alone."""
        self.page = page

    def reach(self, what: Locator, *, here: str = IS_HERE) -> None:
        """Press Tab until the focus is on it."""
        expect(what).to_have_count(1)
        for _ in range(MOST):
            self.page.keyboard.press("Tab")
            if what.evaluate(here):
                return
        raise AssertionError(f"the Tab key never reaches {what}")

    def press(self, what: Locator, key: str = "Enter") -> None:
        """Open a link, press a button, unfold."""
        self.reach(what)
        self.page.keyboard.press(key)

    def open(self, name: str) -> None:
        """Follow the first link of this name, or press the button."""
        main = self.page.locator("body")
        self.press(main.get_by_role("link", name=name).or_(main.get_by_role("button", name=name)).first)

    def type(self, label: str, words: str) -> None:
        """Write into a field in place of what is there."""
        self.reach(self.page.get_by_label(label, exact=False).first)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(words)

    def day(self, label: str, day: date) -> None:
        """Write a day into a field of days, in the order of this browser's language."""
        field = self.page.get_by_label(label).first
        self.reach(field)
        self.page.keyboard.type(f"{day:%m%d%Y}")
        expect(field).to_have_value(day.isoformat())

    def tick(self, label: str) -> None:
        """Tick a box."""
        self.press(self.page.get_by_label(label), "Space")

    def choose(self, label: str) -> None:
        """Of several: the arrows go to it."""
        wanted = self.page.get_by_label(label, exact=False).first
        self.reach(wanted, here=IN_ITS_GROUP)
        self.page.keyboard.press("Space")
        for _ in range(MOST):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrows never reach « {label} »")

    def select(self, label: str, words: str) -> None:
        """Of a folded list: the arrows go through it."""
        folded = self.page.get_by_label(label).first
        self.reach(folded)
        for _ in range(MOST):
            if folded.evaluate("(e) => e.selectedOptions[0].label") == words:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrows never reach « {words} »")
