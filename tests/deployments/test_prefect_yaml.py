"""The deployments file: every entrypoint is a module's own flow, and a real server takes them all."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

from tests.prefect_server import environment

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = "deployments/prefect.yaml"
DEPLOYMENTS: Final[list[dict[str, Any]]] = yaml.safe_load((ROOT / FILE).read_text())["deployments"]
ENTRYPOINTS: Final = [each["entrypoint"] for each in DEPLOYMENTS]


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_an_entrypoint_loads_the_very_flow_that_the_relay_imports(entrypoint: str) -> None:
    assert re.fullmatch(r"flows(\.[a-z_]+){2}", entrypoint), "a module, never a file"
    module, _, name = entrypoint.rpartition(".")

    loaded: Flow[..., Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)

    assert loaded is getattr(import_module(module), name)


def test_no_flow_is_retried_by_prefect_and_none_keeps_its_result() -> None:
    flows: list[Flow[..., Any]] = [
        load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False) for entrypoint in ENTRYPOINTS
    ]

    assert {flow.name for flow in flows if flow.retries or flow.persist_result} == set()


def test_schedules_are_utc_intervals_which_no_change_of_clocks_disturbs() -> None:
    schedules = [schedule for each in DEPLOYMENTS for schedule in each.get("schedules", [])]

    assert {tuple(sorted(schedule)) for schedule in schedules} <= {
        ("interval", "timezone"),
        ("anchor_date", "interval", "timezone"),
    }
    assert {schedule["timezone"] for schedule in schedules} == {"UTC"}


@pytest.mark.prefect
def test_a_real_server_takes_every_deployment(prefect_url: str, tmp_path: Path) -> None:
    prefect(["work-pool", "create", "relais", "--type", "process"], prefect_url, tmp_path)

    prefect(["--no-prompt", "deploy", "--prefect-file", FILE, "--all"], prefect_url, tmp_path)

    known = httpx2.post(f"{prefect_url}/deployments/filter", json={}, timeout=10).json()
    assert sorted(each["entrypoint"] for each in known) == sorted(ENTRYPOINTS)
    drain = next(each for each in known if each["entrypoint"] == "flows.relay.drain_flow")
    assert [schedule["schedule"]["interval"] for schedule in drain["schedules"]] == [60]


def prefect(arguments: list[str], url: str, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=environment(home, url),
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
