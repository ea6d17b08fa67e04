"""The engine without flows and processes: what waits is handled here and now, a batch of one flow in a transaction."""

from sqlalchemy import select

from models.engine import Work
from models.events import FACTS, AlertSubmitted
from models.vocabulary import Stage
from services.cases import alerts, referrals
from services.foundation.database import Database, UnitOfWork
from services.rules import effects, work


def drain(database: Database) -> None:
    """Handle every event, in order, until none is left."""
    while handle(database):
        pass


def handle(database: Database, limit: int = 50) -> int:
    """Carry out the oldest events of one flow as one batch; how many."""
    with database.write("test") as unit:
        return handle_in(unit, limit)


def handle_in(unit: UnitOfWork, limit: int = 50) -> int:
    """The same in a transaction of the caller's."""
    rows = unit.session.scalars(select(Work).order_by(Work.id).limit(limit)).all()
    stages = [FACTS[row.type].stage for row in rows]
    batch = [row for place, row in enumerate(rows) if set(stages[: place + 1]) == {stages[0]}]
    if not batch:
        return 0
    events = work.events(unit, [row.event_id for row in batch])
    alerts.examine(unit, *(event for event in events if event.type == AlertSubmitted.type))
    effects.apply(unit, events)
    if stages[0] is Stage.ORIENTATION:
        referrals.settle(unit, *dict.fromkeys(event.case_id for event in events))
    for row in batch:
        unit.session.delete(row)
    unit.session.flush()
    return len(batch)
