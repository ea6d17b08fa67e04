"""Orientation: partners are asked to help, answer, and give news."""

from collections.abc import Sequence

from prefect import flow

from flows.engine import Batch, body, note
from flows.steps import apply_pathway
from models.engine import Event
from services.cases import referrals
from services.foundation.database import UnitOfWork


@flow(name="orientation", flow_run_name="orientation: {batch}")
@body
async def orientation(batch: Batch) -> None:
    """Carry out what a batch of orientation events asks for. Safe to run twice for the same batch."""
    done = await apply_pathway(batch, after=settle)  # requests and clocks, then the cases with nothing left to orient
    note("orientation", done)


def settle(unit: UnitOfWork, events: Sequence[Event]) -> None:
    """Move to follow-up each case that has nothing left to orient."""
    referrals.settle(unit, *dict.fromkeys(event.case_id for event in events))
