"""A small programme seen through its API: two operators, a partner, keys for each person, and an engine on demand."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from fastapi.testclient import TestClient
from sqlalchemy import text

from deployments.publishing import read_pathway
from models.programmes import Commune, Membership, Organisation, Person, Service, Territory
from models.vocabulary import OrganisationKind, Role, Theme
from services.accounts import api_keys
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.foundation.runtime import Runtime
from services.operations import health
from services.rules import links, published, routines
from services.rules.policy import ENGINE
from tests.engine import drain
from tests.programmes import a_programme
from tests.served import served

Json = dict[str, Any]
ALERT: Json = {
    "surname": "Martin",
    "phone": "06 39 98 12 34",
    "street": "3 rue de Siam",
    "commune_code": "29019",
    "postcode": "29200",
    "tenure": "private_tenant",
    "motives": ["cold"],
    "urgency": "none",
    "best_time": "any",
    "agreement": True,
    "giver_name": "Ada Le Gall",
    "giver_email": "ada@example.org",
}
PHONED: Json = {"on_behalf": {"said_by": "Bo Kervella", "how": "téléphone"}}


@dataclass
class Office:
    """What a test needs to know of the programme. Ada coordinates, Bo visits, Cy works for another operator."""

    runtime: Runtime
    client: TestClient
    ids: dict[str, UUID] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    alert_token: str = ""

    @property
    def programme_id(self) -> UUID:
        """The programme."""
        return self.ids["programme"]

    def get(self, who: str, path: str, **query: Any) -> httpx2.Response:
        """Read as somebody."""
        return self.client.get(f"/api/v1{path}", headers=self._by(who), params=query or None)

    def post(
        self, who: str, path: str, body: Json | None = None, *, key: str | None = None, **given: Any
    ) -> httpx2.Response:
        """Act as somebody, under a new key unless one is given."""
        headers = {**self._by(who), "Idempotency-Key": key or uuid4().hex, **given.pop("headers", {})}
        return self.client.post(f"/api/v1{path}", headers=headers, json=body, **given)

    def act(self, who: str, path: str, body: Json | None = None, **given: Any) -> Json:
        """Act, expect it to be done, and let the engine follow."""
        response = self.post(who, path, body, **given)
        assert response.is_success, response.text
        drain(self.runtime.database)
        found: Json = response.json()
        return found

    def open_case(self) -> str:
        """A new case taken up by Bo's operator; its path."""
        path = f"/cases/{self.act('Ada', '/alerts', ALERT)['case_id']}"
        self.act("Ada", f"{path}/accept", {"operator_id": str(self.ids["operator"])})
        return path

    def later(self, **span: float) -> None:
        """Let business time pass."""
        clock = self.runtime.clock
        assert isinstance(clock, SetClock)
        clock.at += timedelta(**span)

    def _by(self, who: str) -> dict[str, str]:
        if who == "link":
            return {"Authorization": f"Lien {self.alert_token}"}
        return {"Authorization": f"Bearer {self.keys[who]}"} if who else {}


def make_office(runtime: Runtime) -> Office:
    """Fill an empty database, and answer for it."""
    office = Office(runtime, TestClient(served(runtime), raise_server_exceptions=False))
    with runtime.database.write("test") as unit:
        office.ids["programme"] = programme = _programme(unit)
        for name, kind in (("operator", "operator"), ("other", "operator"), ("partner", "partner")):
            office.ids[name] = _organisation(unit, programme, name, OrganisationKind(kind)).id
        giver = _organisation(unit, programme, "giver", OrganisationKind.ALERT_GIVER)
        office.alert_token = links.alert_url(runtime, giver).rpartition("/")[2]
        for person, role, organisation in (
            ("Ada", Role.COORDINATOR, None),
            ("Bo", Role.OPERATOR, office.ids["operator"]),
            ("Cy", Role.OPERATOR, office.ids["other"]),
        ):
            office.keys[person] = key_of(unit, programme, person, role, organisation)
    return office


def make_ready(database: Database) -> None:
    """As after migrations and a first tick."""
    with database.write("test") as unit:
        unit.session.execute(text("create table relais_version (version_num varchar(32) not null)"))
        unit.session.execute(text("insert into relais_version values (:head)"), {"head": health.newest_migration()})
        token = routines.due(unit, "tick", 0)
        assert token is not None
        routines.done(unit, "tick", token)


def _programme(unit: UnitOfWork) -> UUID:
    pathway_hash = published.publish(unit, read_pathway())
    unit.session.add(Commune(code="29019", name="Brest", search_key="brest", postcodes=["29200"], department="29"))
    unit.session.flush()
    programme = a_programme(pathway_hash)
    unit.session.add(programme)
    unit.session.flush()
    unit.session.add(Territory(programme_id=programme.id, commune_code="29019", from_on=date(2024, 1, 1)))
    return programme.id


def _organisation(unit: UnitOfWork, programme_id: UUID, name: str, kind: OrganisationKind) -> Organisation:
    organisation = Organisation(
        programme_id=programme_id,
        slug=name,
        kind=kind.value,
        name=name.capitalize(),
        email=f"{name}@relais.test",
        services=[Service(name=name, themes=[Theme.BUDGET.value])] if kind is OrganisationKind.PARTNER else [],
        alert_link_version=1,
    )
    unit.session.add(organisation)
    unit.session.flush()
    return organisation


def key_of(unit: UnitOfWork, programme_id: UUID, name: str, role: Role, organisation_id: UUID | None) -> str:
    """A key of a person made for it."""
    person = Person(email=f"{name.lower()}@relais.test", name=name)
    unit.session.add(person)
    unit.session.flush()
    membership = Membership(
        person_id=person.id,
        programme_id=programme_id,
        organisation_id=organisation_id,
        role=role.value,
    )
    unit.session.add(membership)
    unit.session.flush()
    return api_keys.create(unit, ENGINE, membership.id, "test")
