"""What Prefect itself offers for "an event happened, run this": an automation that starts a deployment's flow run."""

import os
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

from prefect import flow
from prefect.events import DeploymentEventTrigger

EVENT: Final = "relais.benchmark"
FOLDER: Final = "RELAIS_BENCHMARK_FOLDER"


@flow
def note_the_time() -> None:
    """Leave a file that says when the first line of the flow ran."""
    at = time.time()
    (Path(os.environ[FOLDER]) / f"{uuid4()}").write_text(str(at), encoding="ascii")


if __name__ == "__main__":
    asked = DeploymentEventTrigger(name="benchmark", enabled=True, expect={EVENT})
    note_the_time.serve(name="benchmark", triggers=[asked], print_starting_message=False)
