"""Follow-up: the calls at one, six and twelve months, until the case is closed."""

from prefect import flow

from flows.engine import Batch, body, note
from flows.steps import apply_pathway


@flow(name="follow_up", flow_run_name="follow_up: {batch}")
@body
async def follow_up(batch: Batch) -> None:
    """Carry out what a batch of follow-up events asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch)  # tasks opened, clocks armed, messages planned
    note("follow_up", done)
