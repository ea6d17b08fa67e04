"""How many faults to try: a sample in `make test`, all of them in `make faults`."""

import random
from typing import Final

import pytest

SEED: Final = 20251006


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all-points` tries every fault; `--fault-seed` draws another sample."""
    parser.addoption("--all-points", action="store_true", help="kill Relais at every point where it may die")
    parser.addoption("--fault-seed", type=int, default=SEED, help="draws the sample of faults of an ordinary run")


@pytest.fixture(scope="session")
def all_points(pytestconfig: pytest.Config) -> bool:
    """Whether to try everything. The option is unknown when pytest was not given this folder."""
    return bool(pytestconfig.getoption("--all-points", default=False))


@pytest.fixture
def chance(pytestconfig: pytest.Config) -> random.Random:
    """The same draws at each run, unless another seed is given."""
    return random.Random(pytestconfig.getoption("--fault-seed", default=SEED))  # noqa: S311 - not a secret


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Prefect unless the test brings one."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
