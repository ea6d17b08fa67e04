"""The nightly round: what is looked up from other things is looked up again, and what had drifted is said."""

from typing import Any, cast

from sqlalchemy import CursorResult, update

from models.cases import Case
from models.vocabulary import STAGE_OF
from services import idempotency
from services.foundation.database import UnitOfWork


def right_stages(unit: UnitOfWork) -> list[str]:
    """Store again the stage that follows from each case's state; a line for each kind of drift, which is a bug."""
    drifts = []
    for state, stage in STAGE_OF.items():
        righted = unit.session.execute(
            update(Case)
            .where(Case.state == state.value, Case.stage != stage.value)
            .values(stage=stage.value)
            .execution_options(synchronize_session=False)
        )
        count = cast("CursorResult[Any]", righted).rowcount
        if count:
            drifts.append(f"{state.value} → {stage.value}: {count}")
    return drifts


def forget_answers(unit: UnitOfWork) -> list[str]:
    """Drop the answers kept for repeated requests, once their time is over; there is nothing to report."""
    idempotency.forget_old(unit)
    return []
