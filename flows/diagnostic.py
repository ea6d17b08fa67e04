"""Diagnostic: the visit was held, its report is due; dangers are told at once."""

from prefect import flow

from flows.engine import Batch, body, note
from flows.steps import apply_pathway


@flow(name="diagnostic", flow_run_name="diagnostic: {batch}")
@body
async def diagnostic(batch: Batch) -> None:
    """Carry out what a batch of diagnostic events asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch)  # tasks opened, clocks armed, messages planned
    note("diagnostic", done)
