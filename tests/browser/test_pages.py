"""Every page that the application answers, as its readers have it.

Judged by axe (the rules of the RGAA), on a telephone, enlarged, on paper, without movement, and with the Tab key alone.

The list is the application's own: a route that nobody knows how to open fails here. An ordinary run looks at each kind
of page and at some of the others, the same each time; `--all-pages` (`make pages`) looks at all of them.
"""

import random
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from services.web.app import create_app
from tests.browser import streets
from tests.browser.conftest import Town
from tests.browser.people import DESK, enter, looks_well, open_page
from tests.browser.streets import Streets

SEED: Final = 20251006
SAMPLE: Final = 6
SMALL, ENLARGED, PAPER = 320, 640, 720
"""CSS pixels: the narrowest telephone (RGAA 10.11), 1280 at 200 % (RGAA 10.4), a sheet of A4 within its margins."""
KINDS: Final = (
    "/a-faire", "/situations/{case_id}", "/situations/{case_id}/appel", "/qui-doit-quoi", "/parcours", "/annuaire",
    "/l/{token}", "/l/{token}/toutes", "/demande/{token}", "/connexion", "/administration", "/d/{slug}/verifier",
)  # fmt: skip
"""Each layout and each kind of control."""
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # all pages take minutes


@pytest.fixture(scope="module")
def pages_of_the_application(pages_alone: Town) -> list[str]:
    return streets.pages(create_app(pages_alone.office.runtime))


@pytest.fixture(scope="module")
def ways(pages_alone: Town, chromium: Browser) -> Streets:
    return streets.build(pages_alone, chromium)


def chosen(found: list[str], *, everything: bool) -> list[str]:
    """All; or one of each kind, and some others."""
    others = [path for path in found if path not in KINDS]
    some = others if everything else random.Random(SEED).sample(others, SAMPLE)  # noqa: S311 - not a secret
    return [*KINDS, *some]


def sticks_out(page: Page, width: int) -> bool:
    """Whether one has to slide the page sideways to read it."""
    page.set_viewport_size({"width": width, "height": DESK["height"]})
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


STILL: Final = """() => document.getAnimations().every((a) => a.playState !== "running")
  && [...document.querySelectorAll("*")].every((e) => parseFloat(getComputedStyle(e).transitionDuration) === 0)"""
ON_PAPER: Final = """() => {
  const seen = (e) => e !== null && e.checkVisibility();
  const slides = (e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible";
  const cut = [...document.querySelectorAll("main *")]
    .filter((e) => seen(e) && slides(e) && !e.matches(".sr, .sr *, input, select, textarea, svg *"));
  return [seen(document.querySelector(".desk-head nav")) && "navigation",
          ![...document.querySelectorAll("h1, .poster h2")].some(seen) && "title",
          ...cut.map((e) => e.outerHTML.slice(0, 80))].filter(Boolean)
}"""


def faults(page: Page) -> list[str]:
    """What a reader with a small, enlarged, still or printed page would stumble on, asked to keep still already."""
    found = [f"{width} px: slides sideways" for width in (SMALL, ENLARGED) if sticks_out(page, width)]
    if not page.evaluate(STILL):
        found.append("moves although asked to keep still")
    page.emulate_media(media="print", reduced_motion="no-preference")
    if sticks_out(page, PAPER):
        found.append("paper: cut on the right")
    found += [f"paper: {fault}" for fault in page.evaluate(ON_PAPER)]
    page.emulate_media(media="screen")
    page.set_viewport_size(DESK)
    return found


def test_every_page_reads_well_in_every_way(
    ways: Streets, pages_of_the_application: list[str], all_pages: bool
) -> None:
    unknown = [path for path in pages_of_the_application if not knows(ways, path)]
    assert unknown == [], "say in tests/browser/streets.py how these pages are opened"

    found = {}
    for path in chosen(pages_of_the_application, everything=all_pages):
        page = ways.visit(path)
        page.emulate_media(reduced_motion="reduce")  # before it changes its size, which would start movements
        looks_well(page)
        if all_pages:
            page.set_viewport_size({"width": SMALL, "height": DESK["height"]})
            looks_well(page)
        if wrong := faults(page):
            found[path] = wrong
    assert found == {}


def knows(ways: Streets, path: str) -> bool:
    """Whether there is something of each kind that the address names."""
    try:
        ways.address(path)
    except KeyError:
        return False
    return True


WATCH: Final = """() => {
  const able = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const once = (e, all) => e.type !== "radio" || all.find((o) => o.type === "radio" && o.name === e.name) === e;
  const shown = [...document.querySelectorAll(able)].filter((e) => e.checkVisibility() && !e.disabled);
  window.places = shown.filter((e) => once(e, shown));
  window.walked = [];
  document.addEventListener("focusin", ({ target }) => {
    const group = (e) => (e.type === "radio" ? window.places.find((o) => o.name === e.name) : e);
    const style = (e) => e && getComputedStyle(e).outlineStyle !== "none"
      && parseFloat(getComputedStyle(e).outlineWidth) >= 2;
    window.walked.push([window.places.indexOf(group(target)), style(target) || style(target.closest(".pick"))]);
  });
  const parts = { date: 3, time: 3 };  // each is typed in three places and has its button
  return [window.places.length, window.places.reduce((sum, e) => sum + (parts[e.type] ?? 0), 0)];
}"""
UNREACHED: Final = "(at) => at.map((place) => window.places[place].outerHTML.slice(0, 120))"


def test_the_tab_key_alone_reaches_everything_in_the_order_of_the_page(
    ways: Streets, pages_of_the_application: list[str], all_pages: bool
) -> None:
    for path in chosen(pages_of_the_application, everything=all_pages):
        page = ways.visit(path)
        count, parts = page.evaluate(WATCH)
        for _ in range(count + parts):
            page.keyboard.press("Tab")
        walked = once_round([place for place in page.evaluate("window.walked") if place[0] >= 0])
        missed = sorted(set(range(count)) - {place for place, _ in walked})
        assert page.evaluate(UNREACHED, missed) == [], path
        assert [place for place, _ in walked] == sorted(place for place, _ in walked), path
        unseen = [place for place, is_seen in walked if not is_seen]
        assert page.evaluate(UNREACHED, unseen) == [], f"{path}: the focus is not seen"


def once_round(walked: list[list[int]]) -> list[list[int]]:
    """Until the Tab key comes back to where it began."""
    first = walked[0][0]
    back = (at for at in range(1, len(walked)) if walked[at][0] == first != walked[at - 1][0])
    return walked[: next(back, len(walked))]


def test_what_is_refused_missing_empty_late_or_at_rest_reads_well_too(ways: Streets, chromium: Browser) -> None:
    stranger = open_page(chromium)
    for address in ("/nulle-part", "/l/" + "0" * 32 + ".x", "/connexion/lien/" + "0" * 32 + ".x"):
        stranger.goto(ways.town.pages + address)
        looks_well(stranger)
    nadia = enter(chromium, ways.town, "nadia")  # of the operator to whom nothing was given yet
    for path in ("/a-faire", "/courriers"):
        nadia.goto(ways.town.pages + path)
        looks_well(nadia)
    claire = enter(chromium, ways.town, "claire")
    for state in ("in danger", "refused by a partner", "closed"):
        claire.goto(f"{ways.town.pages}/situations/{ways.cases[state]}")
        looks_well(claire)
    claire.goto(f"{ways.town.pages}/situations/{ways.cases['in danger']}/visite/deplacer")
    claire.get_by_label("Jour").fill("")
    claire.locator("main .submit button").first.click()
    expect(claire.get_by_role("alert")).to_be_visible()
    looks_well(claire)
