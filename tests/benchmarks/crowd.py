"""Two hundred people at once: a click each ten seconds against a real `relais web`, on SQLite and PostgreSQL.

Run with `make bench`, or `python -m tests.machines python -m tests.benchmarks.crowd --cases 15000 --folder F`. Each
person is signed in, goes from his list to a case and back, searches, and now and then writes a note; one in four
leaves the stages open beside, which ask for news of themselves. Clients and server share this machine. Ends with an
error when an answer failed; nothing is asserted about speed.
"""

import argparse
import asyncio
import random
import re
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import httpx2
from sqlalchemy import select

from deployments import environment
from models.programmes import Membership, Person
from models.vocabulary import Role
from services.accounts.sessions import open_session
from services.foundation.runtime import Runtime
from services.web.sessions import PLAIN_COOKIE
from tests.benchmarks.populations import POSTGRESQL, SQLITE, population, say
from tests.faults.children import child
from tests.ports import free_port

EVERY_S: Final = 10.0
START_S: Final = 60.0
CASE: Final = re.compile(r'href="(/situations/[0-9a-f-]{36})"')
NOTE: Final = re.compile(r'action="(/situations/[0-9a-f-]{36}/notes?)"')
WRITES: Final = 0.2
WARM_UP: Final = 20
"""So many people come before the others, unmeasured."""
ONCE: Final = re.compile(r'name="once" value="([^"]+)"')
SAME_SITE: Final = {"sec-fetch-site": "same-origin"}
STAMP: Final = re.compile(r'name="vu" value="([^"]+)"')
LIVE: Final = 4
"""One person in so many leaves the stages open."""
REFRESHED_S: Final = 20.0
IN_CLEAR: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Of all browsers: made by each, for 60 ms of processor, they let the crowd come all at once after them."""
NAMES: Final = ("Martin", "Bern", "Traor", "rue Pasteur", "Garcia", "Lef")


@dataclass
class Seen:
    """What the crowd lived through: seconds by kind of click, and answers that failed."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, taken: float) -> None:
        """One click."""
        self.seconds.setdefault(kind, []).append(taken)


def main() -> None:
    """Measure on both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=15_000)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=1, help="that serve the pages")
    parser.add_argument("--folder", type=Path, help="keeps the population there")
    parser.add_argument("--on", nargs="+", default=[SQLITE, POSTGRESQL], choices=[SQLITE, POSTGRESQL])
    given = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        for kind in given.on:
            with population(kind, given.cases, given.folder or Path(temporary)) as runtime:
                tokens = _tokens(runtime, given.people)
                runtime.database.dispose()
                with _web(runtime, Path(temporary), given.processes) as url:
                    asyncio.run(_crowd(url, tokens[:WARM_UP], 2 * EVERY_S))  # first pages make what the others use
                    seen = asyncio.run(_crowd(url, tokens, given.seconds))
            say(f"\n{kind}, {given.cases} cases, {given.people} people, a click each {EVERY_S:.0f} s: milliseconds")
            _tell(seen)
            failed += sum(seen.failures.values())
    sys.exit(1 if failed else 0)


def _tokens(runtime: Runtime, people: int) -> list[str]:
    """So many signed-in browsers, of the team's accounts in turn."""
    with runtime.database.write("benchmark") as unit:
        team = unit.session.scalars(
            select(Person).join(Membership).where(Membership.role.in_([Role.COORDINATOR, Role.OPERATOR]))
        ).unique()
        members = sorted(team, key=lambda person: person.email)
        return [open_session(unit, members[number % len(members)]) for number in range(people)]


@contextmanager
def _web(runtime: Runtime, folder: Path, processes: int) -> Iterator[str]:
    port = free_port()
    settings = runtime.settings.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}"})
    ours = {"RELAIS_PORT": str(port), "RELAIS_WEB_PROCESSES": str(processes)}
    surroundings = {**environment.for_children(settings), **ours}
    if runtime.database.dialect == "postgresql":
        surroundings["RELAIS_DATABASE_URL"] = runtime.database.url.render_as_string(hide_password=False)
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(child("deployments.cli", "web", environment=surroundings, log=folder / "web.log"))
        _wait(f"{settings.public_url}/healthz")
        if processes > 1:
            time.sleep(START_S / 6)  # the others answer on the same port
        yield settings.public_url


def _wait(url: str) -> None:
    late = time.monotonic() + START_S
    while time.monotonic() < late:
        with suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=2).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")


async def _crowd(url: str, tokens: Sequence[str], seconds: float) -> Seen:
    seen = Seen()
    end = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number, token in enumerate(tokens):
            group.create_task(_person(url, token, random.Random(number), end, seen))  # noqa: S311
            if number % LIVE == 0:
                group.create_task(_stages(url, token, random.Random(number), end, seen))  # noqa: S311
    return seen


async def _person(url: str, token: str, chance: random.Random, end: float, seen: Seen) -> None:
    """List, a case, a search, the list again; one in ten clicks writes a note."""
    async with _browser(url, token) as browser:
        await asyncio.sleep(chance.uniform(0, EVERY_S))
        page = ""
        while time.monotonic() < end:
            begun = time.monotonic()
            page = await _click(browser, page, chance, seen)
            await asyncio.sleep(max(0.0, EVERY_S * chance.uniform(0.8, 1.2) - (time.monotonic() - begun)))


async def _stages(url: str, token: str, chance: random.Random, end: float, seen: Seen) -> None:
    """A page that is open and asks, as its script does, whether anything has changed."""
    async with _browser(url, token) as browser:
        await asyncio.sleep(chance.uniform(0, REFRESHED_S))
        address = "/parcours"
        while time.monotonic() < end:
            begun = time.monotonic()
            page = await _timed(browser, seen, "live stages", "GET", address)
            if stamp := STAMP.search(page):
                address = f"/parcours?vu={stamp.group(1)}"
            await asyncio.sleep(max(0.0, REFRESHED_S - (time.monotonic() - begun)))


@asynccontextmanager
async def _browser(url: str, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    cookies = {PLAIN_COOKIE: token}
    async with httpx2.AsyncClient(
        base_url=url,
        cookies=cookies,
        headers=SAME_SITE,
        timeout=30,
        trust_env=False,
        verify=IN_CLEAR,
        follow_redirects=True,
        limits=httpx2.Limits(keepalive_expiry=2),  # less than the server's: a browser would send again
    ) as browser:
        yield browser


async def _click(browser: httpx2.AsyncClient, page: str, chance: random.Random, seen: Seen) -> str:
    found, noting, once = CASE.findall(page), NOTE.search(page), ONCE.search(page)
    drawn = chance.random()
    if noting and once and drawn < WRITES:
        typed = {"once": once.group(1), "text": "Rappelé ce matin, tout va bien."}
        return await _timed(browser, seen, "a note", "POST", noting.group(1), **typed)
    if found and drawn < 0.6:
        return await _timed(browser, seen, "a case", "GET", chance.choice(found))
    if drawn < 0.7:
        return await _timed(browser, seen, "search", "POST", "/recherche", q=chance.choice(NAMES))
    address = chance.choice(("/a-faire", "/a-faire", "/situations?ouvertes=1", "/situations?etape=visit&ouvertes=1"))
    return await _timed(browser, seen, "a list", "GET", address)


async def _timed(browser: httpx2.AsyncClient, seen: Seen, kind: str, method: str, address: str, **typed: str) -> str:
    begun = time.perf_counter()
    try:
        answer = await browser.request(method, address, data=typed or None)
    except httpx2.HTTPError as error:
        seen.failures[type(error).__name__] += 1
        return ""
    seen.note(kind, time.perf_counter() - begun)
    if not answer.is_success:
        seen.failures[f"{kind}: {answer.status_code}"] += 1
    return answer.text


def _tell(seen: Seen) -> None:
    say(f"{'':24}{'clicks':>8}{'median':>8}{'p95':>8}{'max':>8}")
    everything = [second for found in seen.seconds.values() for second in found]
    for kind, found in [*sorted(seen.seconds.items()), ("all", everything)]:
        p95 = quantiles(found, n=20, method="inclusive")[-1] if len(found) > 1 else found[0]
        figures = (median(found), p95, max(found))
        say(f"{kind:24}{len(found):8}" + "".join(f"{figure * 1000:8.0f}" for figure in figures))
    say(f"failed: {dict(seen.failures) or 'none'}")


if __name__ == "__main__":
    main()
