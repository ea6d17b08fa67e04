"""Events waiting for the relay, with the least that they hang on; and the time of a lease, moved by hand."""

from datetime import timedelta

from sqlalchemy import select, update

from models.cases import Case
from models.engine import Work
from services.foundation.database import Database
from tests.programmes import a_case, an_event


def make_work(database: Database, case: str = "2025-00001", type_: str = "case.accepted", *, late_s: float = 0) -> int:
    """An event of this case that nobody handled yet; not to be tried before `late_s` seconds. The id of its work."""
    with database.write("test") as unit:
        found = unit.session.scalar(select(Case).where(Case.number == case)) or a_case(unit, case)
        event = an_event(unit, found, type_)
        now = unit.lease_time()
        ready_at = now + timedelta(seconds=late_s)
        row = Work(event_id=event.id, case_id=found.id, type=type_, created_at=now, ready_at=ready_at)
        unit.session.add(row)
        unit.session.flush()
        unit.wake_relay()
        return row.id


def read_work(database: Database) -> list[Work]:
    """What is left in the queue, oldest first."""
    with database.read() as unit:
        rows = list(unit.session.scalars(select(Work).order_by(Work.id)))
        unit.session.expunge_all()
        return rows


def pass_time(database: Database, *, seconds: float) -> None:
    """Let leases and waits run on by so many seconds."""
    with database.write("test") as unit:
        for row in unit.session.scalars(select(Work)):
            row.ready_at -= timedelta(seconds=seconds)
            if row.leased_until is not None:
                row.leased_until -= timedelta(seconds=seconds)


def wear_out(database: Database, work_id: int, *, attempts: int) -> None:
    """As if it had been tried so many times."""
    with database.write("test") as unit:
        unit.session.execute(update(Work).where(Work.id == work_id).values(attempts=attempts))
