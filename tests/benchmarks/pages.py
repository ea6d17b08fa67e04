"""How long pages take on few and on many cases: the server's own time, on SQLite and PostgreSQL.

Run with `make bench`, or `python -m tests.machines python -m tests.benchmarks.pages --cases 15000 150000 --folder F`.
A page is asked of the application in this process, signed in as who would open it; the network is left out. Each page
is asked of all the populations in turn, so that the last column, how much longer the largest takes than the smallest,
holds on a machine that others use. CPU is the least processor time of this process, SQLite's with it. Nothing is
asserted about another machine's speed.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

from sqlalchemy import select
from starlette.testclient import TestClient

from deployments.demonstration import ACCOUNTS
from deployments.serving import keep_what_is_loaded
from models.cases import Case, Household
from models.programmes import Membership, Person
from models.vocabulary import Stage
from services.accounts import api_keys
from services.accounts.sessions import open_session
from services.foundation.runtime import Runtime, use
from services.rules.policy import ENGINE
from services.web.app import create_app
from services.web.sessions import cookie_name
from tests.benchmarks.populations import POSTGRESQL, SQLITE, population, say

SAME_SITE: Final = {"sec-fetch-site": "same-origin"}
COORDINATOR: Final = ACCOUNTS[0][0]
OFFICER: Final = ACCOUNTS[1][0]
ROUNDS: Final = 40
WARM_UP: Final = 3
Ask = Callable[[], int]


@dataclass(frozen=True)
class Subjects:
    """What the pages are asked about, drawn once for all."""

    cases: list[str]
    open_cases: list[str]
    surnames: list[str]
    numbers: list[str]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[15_000, 150_000])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="keeps the populations there")
    parser.add_argument("--on", nargs="+", default=[SQLITE, POSTGRESQL], choices=[SQLITE, POSTGRESQL])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for kind in given.on:
            with ExitStack() as stack:
                folder = given.folder or Path(temporary)
                runtimes = [stack.enter_context(population(kind, cases, folder)) for cases in sorted(given.cases)]
                say(f"\n{f'{kind}, ms':34}" + "".join(f"{f'{cases} cases':>24}" for cases in sorted(given.cases)))
                say(f"{'':34}" + f"{'median':>8}{'p95':>8}{'CPU':>8}" * len(runtimes) + f"{'growth':>9}")
                measure(runtimes, given.rounds)


def measure(runtimes: Sequence[Runtime], rounds: int) -> None:
    """One line a page."""
    pages = [_pages(runtime) for runtime in runtimes]
    keep_what_is_loaded()  # as a web process does
    for name in pages[0]:
        clocks: list[list[tuple[float, float]]] = [[] for _ in runtimes]
        for _ in range(rounds + WARM_UP):
            for runtime, asks, taken in zip(runtimes, pages, clocks, strict=True):
                with use(runtime):
                    taken.append(_taken(name, asks[name]))
        figures = [_figures(taken[WARM_UP:]) for taken in clocks]
        told = "".join(f"{each.median:8.1f}{each.p95:8.1f}{each.worked:8.1f}" for each in figures)
        say(f"{name:34}{told}{figures[-1].median / figures[0].median:9.2f}")


class Figures(NamedTuple):
    """Milliseconds; `worked` is the least processor time."""

    median: float
    p95: float
    worked: float


def _figures(clocks: Sequence[tuple[float, float]]) -> Figures:
    taken = [passed for passed, _ in clocks]
    p95 = quantiles(taken, n=20, method="inclusive")[-1]
    return Figures(median(taken), p95, min(used for _, used in clocks))


def _pages(runtime: Runtime) -> Mapping[str, Ask]:
    with use(runtime):
        coordinator, officer = _client(runtime, COORDINATOR), _client(runtime, OFFICER)
        return _questions(coordinator, officer, _subjects(runtime), random.Random(1))  # noqa: S311


def _questions(
    coordinator: TestClient, officer: TestClient, subjects: Subjects, chance: random.Random
) -> Mapping[str, Ask]:
    def get(client: TestClient, address: str) -> Ask:
        return lambda: client.get(address).status_code

    def case(among: list[str]) -> Ask:
        return lambda: coordinator.get(f"/situations/{chance.choice(among)}").status_code

    def case_of_api(among: list[str]) -> Ask:
        return lambda: coordinator.get(f"/api/v1/cases/{chance.choice(among)}").status_code

    def search(words: list[str]) -> Ask:
        return lambda: coordinator.post("/recherche", data={"q": chance.choice(words)}).status_code

    return {
        "today, coordination": get(coordinator, "/a-faire"),
        "today, officer": get(officer, "/a-faire"),
        "stages": get(coordinator, "/parcours"),
        "stages, officer": get(officer, "/parcours"),
        "who owes what": get(coordinator, "/qui-doit-quoi"),
        "list of cases": get(coordinator, "/situations?ouvertes=1"),
        "list of cases, officer": get(officer, "/situations?ouvertes=1"),
        "list of one stage": get(coordinator, "/situations?etape=visit&ouvertes=1"),
        "list of all the years": get(coordinator, "/situations"),
        "list of late cases": get(coordinator, "/situations?ouvertes=1&retard=1"),
        "list of cases, hundredth page": get(coordinator, "/situations?page=100"),
        "a case, any": case(subjects.cases),
        "a case, open": case(subjects.open_cases),
        "search by name": search(subjects.surnames),
        "search by half a name": search([surname[:4] for surname in subjects.surnames]),
        "search by street": search(["12 rue des Écoles", "victor hugo", "quai de saône"]),
        "search by reference": search(subjects.numbers),
        "search in vain": search(["zzyzx"]),
        "letters": get(coordinator, "/courriers"),
        "API, cases": get(coordinator, "/api/v1/cases"),
        "API, cases, far on": get(coordinator, f"/api/v1/cases?after={subjects.cases[0]}"),
        "API, a case": case_of_api(subjects.cases),
        "API, tasks": get(coordinator, "/api/v1/tasks"),
        "API, tasks, officer": get(officer, "/api/v1/tasks"),
    }


def _taken(name: str, ask: Ask) -> tuple[float, float]:
    """How long it took, and how long this process worked for it."""
    begun, working = time.perf_counter(), time.process_time()
    status = ask()
    if status != 200:
        raise RuntimeError(f"{name}: answered {status}")
    return (time.perf_counter() - begun) * 1000, (time.process_time() - working) * 1000


def _subjects(runtime: Runtime) -> Subjects:
    chance = random.Random(1)  # noqa: S311 - the same cases each time
    with runtime.database.read() as unit:
        every = [(str(id_), number) for id_, number in unit.session.execute(select(Case.id, Case.number))]
        open_cases = [str(id_) for id_ in unit.session.scalars(select(Case.id).where(Case.stage != Stage.CLOSED))]
        surnames = list(unit.session.scalars(select(Household.surname).distinct().order_by(Household.surname)))
    drawn = chance.sample(every, min(200, len(every)))
    return Subjects(
        cases=[id_ for id_, _ in drawn],
        open_cases=chance.sample(open_cases, min(200, len(open_cases))),
        surnames=surnames,
        numbers=[number for _, number in drawn],
    )


def _client(runtime: Runtime, email: str) -> TestClient:
    client = TestClient(
        create_app(runtime), base_url="http://127.0.0.1:8000", headers=SAME_SITE, follow_redirects=False
    )
    with runtime.database.write("benchmark") as unit:
        person = unit.session.scalars(select(Person).where(Person.email == email)).one()
        client.cookies.set(cookie_name(runtime.settings), open_session(unit, person))
        membership_id = unit.session.scalars(select(Membership.id).where(Membership.person_id == person.id)).one()
        key = api_keys.create(unit, ENGINE, membership_id, "benchmark")
        client.headers["authorization"] = f"Bearer {key}"
    return client


if __name__ == "__main__":
    main()
