"""`relais account add` lets people in, and says what is missing when it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from deployments.accounts import Wanted, add, forget_telephone, invite
from models.base import new_id
from models.engine import Message
from models.programmes import AccessEntry, Membership, Person, Programme
from models.vocabulary import Role
from services.accounts.accounts import sign_in
from services.foundation.errors import InvalidInput, SignInRefused
from services.foundation.runtime import Runtime
from tests.factories import PASSWORD, make_office

ROOT = Path(__file__).parents[2]
OTHER_PASSWORD = "un tout autre mot de passe"
ADA = Wanted("Ada@Brest.example", "Ada Lemaire")


def test_a_new_account_opens_with_its_password(runtime: Runtime) -> None:
    make_office(runtime)

    add(runtime, ADA, password=PASSWORD)

    assert sign_in(runtime.database, "ada@brest.example", PASSWORD).name == "Ada Lemaire"


def test_a_known_person_gains_a_role_and_keeps_the_password(runtime: Runtime) -> None:
    make_office(runtime)
    add(runtime, ADA, password=PASSWORD)

    add(runtime, Wanted(ADA.email, "Ada", role=Role.ADMINISTRATOR), password=OTHER_PASSWORD)

    person = sign_in(runtime.database, ADA.email, PASSWORD)
    with pytest.raises(SignInRefused):
        sign_in(runtime.database, ADA.email, OTHER_PASSWORD)
    with runtime.database.read() as unit:
        roles = unit.session.scalars(select(Membership.role).filter_by(person_id=person.id)).all()
    assert sorted(roles) == [Role.ADMINISTRATOR, Role.COORDINATOR]


def test_the_same_account_twice_is_one_role(runtime: Runtime) -> None:
    make_office(runtime)

    add(runtime, ADA, password=PASSWORD)
    add(runtime, ADA, password=PASSWORD)

    person = sign_in(runtime.database, "ada@brest.example", PASSWORD)
    with runtime.database.read() as unit:
        assert len(unit.session.scalars(select(Membership).filter_by(person_id=person.id)).all()) == 1


@pytest.mark.parametrize(
    ("wanted", "password", "field"),
    [
        (Wanted("ada", "Ada"), PASSWORD, "email"),
        (ADA, "court", "password"),
        (Wanted("ada@brest.example", "Ada", role=Role.OPERATOR), PASSWORD, "organisation"),
        (Wanted("ada@brest.example", "Ada", role=Role.OPERATOR, organisation="personne"), PASSWORD, "organisation"),
        (Wanted("ada@brest.example", "Ada", programme="lorient"), PASSWORD, "programme"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(runtime: Runtime, wanted: Wanted, password: str, field: str) -> None:
    make_office(runtime)

    with pytest.raises(InvalidInput) as refused:
        add(runtime, wanted, password=password)

    assert refused.value.field == field


def test_an_invitation_leaves_and_a_lost_telephone_is_forgotten_from_the_terminal(runtime: Runtime) -> None:
    make_office(runtime)
    invite(runtime, ADA)
    with runtime.database.write("test") as unit:
        (message,) = unit.session.scalars(select(Message)).all()
        assert (message.address, message.text) == ("ada@brest.example", "account_invitation")
        person = unit.session.scalars(select(Person).filter_by(email="ada@brest.example")).one()
        assert person.password_hash is None
        person.totp_since = unit.now

    forget_telephone(runtime, ADA.email, "Perdu.")

    with runtime.database.read() as unit:
        person = unit.session.scalars(select(Person).filter_by(email="ada@brest.example")).one()
        told = unit.session.execute(select(AccessEntry.actor, AccessEntry.action, AccessEntry.reason)).all()
        assert person.totp_since is None
    assert [tuple(row) for row in told] == [
        ("command", "person.invited", None),
        ("command", "second_factor.reset", "Perdu."),
    ]
    with pytest.raises(InvalidInput, match="Personne"):
        forget_telephone(runtime, "qui@brest.example", "Perdu.")


def test_a_database_without_a_programme_has_no_account_to_give(runtime: Runtime) -> None:
    with pytest.raises(InvalidInput, match="aucun dispositif"):
        add(runtime, ADA, password=PASSWORD)


def test_with_two_programmes_one_must_be_named(runtime: Runtime) -> None:
    office = make_office(runtime)
    with runtime.database.write("test") as unit:
        first = unit.session.get_one(Programme, office.programme_id)
        told = {each.name: getattr(first, each.name) for each in Programme.__table__.columns}
        unit.session.add(Programme(**{**told, "id": new_id(), "slug": "lorient"}))

    with pytest.raises(InvalidInput, match="brest, lorient"):
        add(runtime, ADA, password=PASSWORD)


def test_the_command_refuses_a_database_that_was_never_migrated(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deployments.cli", "account", "add", "ada@brest.example", "Ada"]
    environment = {**os.environ, "RELAIS_DATA_FOLDER": str(tmp_path)}

    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        input=f"{PASSWORD}\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("La base de données est vide")
