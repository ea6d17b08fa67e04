"""Events waiting for the relay, with the least that they hang on; and the time of a lease, moved by hand."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from models.base import new_id
from models.cases import Case, Dwelling, Household
from models.engine import Event, Work
from models.programmes import Commune, PathwayVersion, Programme
from services.foundation.database import Database, UnitOfWork
from tests.programmes import a_programme


def make_work(database: Database, case: str = "2025-00001", type_: str = "case.accepted", *, late_s: float = 0) -> int:
    """An event of this case that nobody handled yet; not to be tried before `late_s` seconds. The id of its work."""
    with database.write("test") as unit:
        found = unit.session.scalar(select(Case).where(Case.number == case)) or _case(unit, case)
        found.last_seq += 1
        event = Event(
            programme_id=found.programme_id,
            case_id=found.id,
            seq=found.last_seq,
            type=type_,
            payload={},
            actor="engine:test",
            source="engine",
            occurred_at=unit.now,
            recorded_at=unit.now,
        )
        unit.session.add(event)
        unit.session.flush()
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


def _case(unit: UnitOfWork, number: str) -> Case:
    case = Case(
        programme_id=_programme(unit),
        number=number,
        pathway_hash="0",
        household_id=new_id(),
        dwelling_id=new_id(),
        urgency="none",
        opened_at=unit.now,
    )
    unit.session.add(Household(id=case.household_id, surname="Martin", best_time="any", search_key="martin"))
    unit.session.add(
        Dwelling(
            id=case.dwelling_id,
            street="1 rue de la Paix",
            postcode="57000",
            commune_code="57463",
            tenure="owner",
            search_key="ruedelapaix",
        )
    )
    unit.session.flush()
    unit.session.add(case)
    unit.session.flush()
    return case


def _programme(unit: UnitOfWork) -> UUID:
    known: UUID | None = unit.session.scalar(select(Programme.id))
    if known is not None:
        return known
    unit.session.add(PathwayVersion(hash="0", name="slime", version=1, body={}, published_at=unit.now))
    unit.session.add(Commune(code="57463", name="Metz", search_key="metz", postcodes=["57000"], department="57"))
    unit.session.flush()
    programme = a_programme("0")
    unit.session.add(programme)
    unit.session.flush()
    return programme.id
