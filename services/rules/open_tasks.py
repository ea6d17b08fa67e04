"""What is asked of somebody now: the open tasks of a case or of a request, the most pressing first."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select

from models.engine import IS_OPEN, Task
from services.foundation.database import UnitOfWork


def of_case(unit: UnitOfWork, case_id: UUID, *kinds: str) -> Sequence[Task]:
    """Those of a case, ended or not; of these kinds if any is named."""
    return _open(unit, Task.case_id == case_id, kinds)


def of_referral(unit: UnitOfWork, referral_id: UUID, *kinds: str) -> Sequence[Task]:
    """Those of a request to a partner; of these kinds if any is named."""
    return _open(unit, Task.referral_id == referral_id, kinds)


def _open(unit: UnitOfWork, whose: ColumnElement[bool], kinds: Collection[str]) -> Sequence[Task]:
    query = select(Task).where(whose, IS_OPEN, *((Task.kind.in_(kinds),) if kinds else ()))
    return unit.session.scalars(query.order_by(Task.due_at, Task.id)).all()
