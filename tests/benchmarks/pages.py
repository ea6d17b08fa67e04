"""How long pages take on few and on many cases: the server's own time, on SQLite and PostgreSQL.

Run with `make bench`, or `python -m tests.machines python -m tests.benchmarks.pages --cases 15000 150000 --folder F`.
A page is asked of the application in this process, signed in as who would open it; the network is left out. The last
column is the least processor time of this process, SQLite's with it: it holds on a machine that others use. Nothing
is asserted about another machine's speed.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

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
            for cases in given.cases:
                with population(kind, cases, given.folder or Path(temporary)) as runtime, use(runtime):
                    say(f"\n{f'{kind}, {cases} cases, ms':34}{'median':>8}{'p95':>8}{'max':>8}{'CPU':>8}")
                    measure(runtime, given.rounds)


def measure(runtime: Runtime, rounds: int) -> None:
    """One line a page."""
    coordinator, officer = _client(runtime, COORDINATOR), _client(runtime, OFFICER)
    keep_what_is_loaded()  # as a web process does
    for name, ask in _questions(coordinator, officer, _subjects(runtime), random.Random(1)).items():  # noqa: S311
        clocks = [_taken(name, ask) for _ in range(rounds + WARM_UP)][WARM_UP:]
        taken, worked = [passed for passed, _ in clocks], [used for _, used in clocks]
        p95 = quantiles(taken, n=20, method="inclusive")[-1]
        say(f"{name:34}{median(taken):8.1f}{p95:8.1f}{max(taken):8.1f}{min(worked):8.1f}")


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
        "list of cases": get(coordinator, "/situations"),
        "list of cases, officer": get(officer, "/situations"),
        "list of one stage": get(coordinator, "/situations?etape=visit"),
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
