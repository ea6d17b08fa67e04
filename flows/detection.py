"""Detection: an alert becomes a case to examine, accept or reject."""

from collections.abc import Sequence

from prefect import flow

from flows.engine import Batch, body, note
from flows.steps import apply_pathway
from models.engine import Event
from models.events import AlertSubmitted
from services.cases import alerts
from services.foundation.database import UnitOfWork


@flow(name="detection", flow_run_name="detection: {batch}")
@body
async def detection(batch: Batch) -> None:
    """Carry out what a batch of detection events asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch, before=examine)  # territory and duplicates, then tasks, clocks, messages
    note("detection", done)


def examine(unit: UnitOfWork, events: Sequence[Event]) -> None:
    """Compare each new alert with the territory and the known cases, before the coordinator is asked anything."""
    alerts.examine(unit, *(event for event in events if event.type == AlertSubmitted.type))
