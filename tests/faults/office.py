"""An office to put under strain: one programme, one operator, two partners; its people's hands are constants."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from deployments.publishing import publish_default
from models.cases import Case
from models.programmes import Commune, Membership, Organisation, Person, Service, Territory
from models.vocabulary import OrganisationKind, Role
from services.accounts import api_keys
from services.cases import alerts
from services.forms import AlertForm
from services.foundation.database import Database, UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import ENGINE, Actor
from tests.programmes import a_programme

PROGRAMME: Final = UUID(int=1)
CARRIER_STAFF, OPERATOR_STAFF = UUID(int=2), UUID(int=3)
OPERATOR, GIVER, PARTNER, OTHER_PARTNER = UUID(int=4), UUID(int=5), UUID(int=6), UUID(int=7)
COORDINATOR: Final = Hand(Actor("person", CARRIER_STAFF, PROGRAMME, Role.COORDINATOR, name="Ada"))
OFFICER: Final = Hand(Actor("person", OPERATOR_STAFF, PROGRAMME, Role.OPERATOR, OPERATOR, name="Bo"))
ALERT_GIVER: Final = Hand(Actor("form", GIVER, PROGRAMME, organisation_id=GIVER, name="CCAS"))


def found(database: Database) -> None:
    """Write the office into an empty database."""
    pathway_hash = publish_default(database)
    with database.write("test") as unit:
        unit.session.add(Commune(code="29019", name="Brest", search_key="brest", postcodes=["29200"], department="29"))
        unit.session.add(a_programme(pathway_hash, id=PROGRAMME, email="coordination@example.org"))
        unit.session.flush()
        unit.session.add(Territory(programme_id=PROGRAMME, commune_code="29019", from_on=date(2020, 1, 1)))
        for id_, kind, name, themes in (
            (OPERATOR, OrganisationKind.OPERATOR, "operateur", []),
            (GIVER, OrganisationKind.ALERT_GIVER, "ccas", []),
            (PARTNER, OrganisationKind.PARTNER, "fsl", ["fsl"]),
            (OTHER_PARTNER, OrganisationKind.PARTNER, "anah", ["fsl"]),
        ):
            email = f"{name}@example.org"
            unit.session.add(
                Organisation(
                    id=id_,
                    programme_id=PROGRAMME,
                    slug=name,
                    kind=kind.value,
                    name=name,
                    email=email,
                    services=[Service(name=name, themes=themes)] if themes else [],
                )
            )
        unit.session.flush()
        _employ(unit, CARRIER_STAFF, "ada", Role.COORDINATOR, None)
        _employ(unit, OPERATOR_STAFF, "bo", Role.OPERATOR, OPERATOR)


def alert(surname: str, number: int, **given: Any) -> dict[str, Any]:
    """An alert about a household that is like no other: street, phone and alert giver follow `number`."""
    usual = {
        "surname": surname,
        "phone": f"063998{number:04d}",
        "street": f"{number} rue {surname}",
        "commune_code": "29019",
        "postcode": "29200",
        "tenure": "owner",
        "motives": ["cold"],
        "urgency": "none",
        "best_time": "any",
        "agreement": True,
        "giver_name": "Cy",
        "giver_email": f"cy{number}@example.org",
    }
    return usual | given


def submit(unit: UnitOfWork, surname: str, number: int, **given: Any) -> Case:
    """That alert, given by the office's alert giver."""
    return alerts.submit(unit, ALERT_GIVER, AlertForm.model_validate(alert(surname, number, **given)))


def key(database: Database) -> str:
    """A key of the API that acts as the coordinator: whoever gives alerts by a link is let in sixty times at most."""
    with database.write("test") as unit:
        ada = select(Membership.id).where(Membership.person_id == CARRIER_STAFF)
        return api_keys.create(unit, ENGINE, unit.session.scalars(ada).one(), "test")


def _employ(unit: UnitOfWork, person_id: UUID, name: str, role: Role, organisation_id: UUID | None) -> None:
    unit.session.add(Person(id=person_id, email=f"{name}@example.org", name=name.title()))
    unit.session.flush()
    unit.session.add(
        Membership(person_id=person_id, programme_id=PROGRAMME, role=role.value, organisation_id=organisation_id)
    )
