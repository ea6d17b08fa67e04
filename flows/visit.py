"""Visit: the household is called, a date is agreed, everybody concerned is told."""

from prefect import flow

from flows.engine import Batch, body, note
from flows.steps import apply_pathway


@flow(name="visit", flow_run_name="visit: {batch}")
@body
async def visit(batch: Batch) -> None:
    """Carry out what a batch of visit events asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch)  # tasks opened, clocks armed, invitations and letters planned
    note("visit", done)
