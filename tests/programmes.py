"""The programme in which most tests act: a Slime of Brest; and the least that a message or a piece of work hangs on."""

from typing import Any

from sqlalchemy import select

from models.base import new_id
from models.cases import Case, Dwelling, Household
from models.engine import Event
from models.programmes import Commune, PathwayVersion, Programme
from services.foundation.database import UnitOfWork


def a_programme(pathway_hash: str, **said: Any) -> Programme:
    """It, in no session yet; `said` in the place of what it is by default."""
    usual = {
        "slug": "brest",
        "name": "Slime de Brest",
        "public_name": "Ma maison, mes économies",
        "carrier": "Brest métropole",
        "phone": "+33639980000",
        "email": "coordination@relais.test",
        "postal_address": "24 rue Coat-ar-Guéven, 29200 Brest",
        "city": "Brest",
    }
    return Programme(pathway_hash=pathway_hash, **(usual | said))


def a_case(unit: UnitOfWork, number: str) -> Case:
    """A case about which nothing is told, in the first programme."""
    case = Case(
        programme_id=_first_programme(unit).id,
        number=number,
        pathway_hash="0",
        household_id=new_id(),
        dwelling_id=new_id(),
        urgency="none",
        opened_at=unit.now,
    )
    home = {"street": "3 rue de Siam", "postcode": "29200", "commune_code": "29019", "search_key": "3 rue de siam"}
    unit.session.add(Household(id=case.household_id, surname="Martin", best_time="any", search_key="martin"))
    unit.session.add(Dwelling(id=case.dwelling_id, tenure="tenant", **home))
    unit.session.flush()
    unit.session.add(case)
    unit.session.flush()
    return case


def _first_programme(unit: UnitOfWork) -> Programme:
    known = unit.session.scalars(select(Programme)).first()
    if known is not None:
        return known
    unit.session.add(PathwayVersion(hash="0", name="slime", version=1, body={}, published_at=unit.now))
    unit.session.add(Commune(code="29019", name="Brest", search_key="brest", postcodes=["29200"], department="29"))
    unit.session.flush()
    programme = a_programme("0")
    unit.session.add(programme)
    unit.session.flush()
    return programme


def an_event(unit: UnitOfWork, case: Case, type_: str) -> Event:
    """The next event of a case, of which nobody is told."""
    case.last_seq += 1
    event = Event(
        programme_id=case.programme_id,
        case_id=case.id,
        seq=case.last_seq,
        type=type_,
        payload={},
        actor="engine:test",
        source="engine",
        occurred_at=unit.now,
        recorded_at=unit.now,
    )
    unit.session.add(event)
    unit.session.flush()
    return event
