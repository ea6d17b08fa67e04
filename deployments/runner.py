"""Serves the deployments of `prefect.yaml` from this machine: Prefect starts their flow runs here, one at a time."""

import asyncio
from pathlib import Path
from typing import Any, Final

from prefect import Flow
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import construct_schedule
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import aserve
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.importtools import import_object

from services.foundation import yaml_files

FILE: Final = Path(__file__).with_name("prefect.yaml")


def deployments(file: Path = FILE) -> list[RunnerDeployment]:
    """The deployments of this file, without its work pool: whoever serves them runs them."""
    declared = yaml_files.read(file.read_text(encoding="utf-8"))["deployments"]
    return [_deployment(**each) for each in declared]


async def serve() -> None:
    """Serve until stopped. A run that another caller has made pointless ends at once, so one at a time is enough."""
    await aserve(*deployments(), pause_on_shutdown=False, print_starting_message=False, limit=1)


def _deployment(
    *,
    name: str,
    entrypoint: str,
    schedules: list[dict[str, Any]] | None = None,
    description: str | None = None,
    **_: Any,
) -> RunnerDeployment:
    flow: Flow[..., Any] = import_object(entrypoint)
    return RunnerDeployment.from_flow(
        flow,
        name,
        description=description,
        schedules=[DeploymentScheduleCreate(schedule=construct_schedule(**each)) for each in schedules or ()],
        entrypoint_type=EntrypointType.MODULE_PATH,
        concurrency_limit=1,
    )


if __name__ == "__main__":
    asyncio.run(serve())
