"""Who is let in, given a role, kept out: never the last administrator, never by another programme."""

from uuid import UUID

import pytest
from sqlalchemy import select

from deployments.publishing import read_pathway
from models.cases import Visit
from models.engine import Event, Message, Task
from models.events import VisitMoved
from models.pathway import Pathway, does
from models.programmes import AccessEntry, Membership, Organisation, Person, Programme
from models.vocabulary import CaseState, Role
from services.accounts import second_factor, sessions
from services.accounts.accounts import create_account
from services.forms import Invitation, Remedy, RoleForm
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from services.programme import people
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import publish
from services.rules.rendering import render_message
from tests.factories import Office, drain, make_case, make_office

WHY = Remedy(reason="Départ en retraite.")


@pytest.fixture
def office(runtime: object) -> Office:
    return make_office(runtime)  # type: ignore[arg-type]


def alex(office: Office) -> Hand:
    """Who administers the Slime of Brest."""
    with office.runtime.database.write("test") as unit:
        person = create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=None, programme_id=office.programme_id,
            role=Role.ADMINISTRATOR,
        )  # fmt: skip
        return Hand(Actor("person", person.id, office.programme_id, Role.ADMINISTRATOR, name="Alex"))


def test_somebody_invited_gets_a_mail_and_no_password(office: Office) -> None:
    hand = alex(office)
    wanted = Invitation(name="Léa Kerdoncuff", email="Lea@brest.fr", role=Role.OPERATOR)
    with office.runtime.database.write("test") as unit:
        with pytest.raises(InvalidInput, match="quel opérateur"):
            people.invite(unit, hand, wanted)
        person = people.invite(unit, hand, wanted.model_copy(update={"organisation_id": office.operator_id}))
    with office.runtime.database.read() as unit:
        (message,) = unit.session.scalars(select(Message)).all()
        subject, body, *_ = render_message(unit, message)
        known = people.one(unit, hand.actor, person.id)
        entry = unit.session.scalars(select(AccessEntry).where(AccessEntry.about_id == person.id)).one()
        assert (known.person.password_hash, [each.role for each in known.roles]) == (None, ["operator"])
        assert (entry.action, entry.actor, entry.programme_id) == (
            "person.invited",
            hand.actor.label,
            office.programme_id,
        )
        assert (message.address, subject) == ("lea@brest.fr", "Votre compte Relais est ouvert")
    assert body.count("http") == 1
    assert f"{office.runtime.settings.public_url}/connexion/lien\n" in body  # it opens nothing by itself


def test_a_role_that_ends_or_an_account_that_closes_signs_out_at_once(office: Office) -> None:
    hand = alex(office)
    assert office.karim.id is not None
    with office.runtime.database.write("test") as unit:
        person = unit.session.get_one(Person, office.karim.id)
        sessions.open_session(unit, person)
        people.give_role(unit, hand, person.id, RoleForm(role=Role.COORDINATOR))
        assert sessions.of_person(unit, person.id) == []
        sessions.open_session(unit, person)
        (_, added) = people.one(unit, hand.actor, person.id).roles
        people.end_role(unit, hand, person.id, added.id)
        assert sessions.of_person(unit, person.id) == []
        sessions.open_session(unit, person)
        people.close(unit, hand, person.id, WHY)
        assert sessions.of_person(unit, person.id) == []
        assert sessions.memberships_of(unit, person) == []
        people.reopen(unit, hand, person.id)
        assert [each.role for each in sessions.memberships_of(unit, person)] == ["operator"]


def test_the_last_administrator_stays(office: Office) -> None:
    hand = alex(office)
    assert hand.actor.id is not None
    assert office.claire.id is not None
    with office.runtime.database.write("test") as unit:
        (own,) = people.one(unit, hand.actor, hand.actor.id).roles
        with pytest.raises(GuardRefused, match="dernière personne qui administre"):
            people.end_role(unit, hand, hand.actor.id, own.id)
        with pytest.raises(GuardRefused, match="dernière personne qui administre"):
            people.close(unit, hand, hand.actor.id, WHY)

        people.give_role(unit, hand, office.claire.id, RoleForm(role=Role.ADMINISTRATOR))
        people.end_role(unit, hand, hand.actor.id, own.id)
        assert people.one(unit, hand.actor, hand.actor.id).roles == []


def test_a_lost_telephone_is_forgotten_with_a_reason(office: Office) -> None:
    hand = alex(office)
    assert office.claire.id is not None
    with office.runtime.database.write("test") as unit:
        person = unit.session.get_one(Person, office.claire.id)
        with pytest.raises(GuardRefused, match="Aucun téléphone"):
            people.forget_telephone(unit, hand, person.id, WHY)
        person.totp_seed, person.totp_since = "ab", unit.now
        codes = second_factor.new_paper_codes(unit, office.runtime, person.id)
        people.forget_telephone(unit, hand, person.id, WHY)
        assert (second_factor.wanted(unit, person), second_factor.paper_codes_left(unit, person.id)) == ("set_up", 0)
        entry = unit.session.scalars(select(AccessEntry).order_by(AccessEntry.id.desc())).first()
        assert entry is not None
        assert (entry.action, entry.reason, entry.about_id) == ("second_factor.reset", WHY.reason, person.id)
    assert len(codes) == 10


def test_another_programme_and_the_coordination_touch_nobody_here(office: Office) -> None:
    alex(office)
    assert office.karim.id is not None
    with office.runtime.database.write("test") as unit:
        first = unit.session.get_one(Programme, office.programme_id)
        told = {each.name: getattr(first, each.name) for each in Programme.__table__.columns}
        other = Programme(**(told | {"id": UUID(int=7), "slug": "lorient"}))
        unit.session.add(other)
        unit.session.flush()
        stranger = Hand(Actor("person", UUID(int=8), other.id, Role.ADMINISTRATOR))
        for act in (people.invite_again, people.reopen):
            with pytest.raises(NotFound):
                act(unit, stranger, office.karim.id)
            with pytest.raises(Denied):
                act(unit, Hand(office.claire), office.karim.id)
        assert people.everybody(unit, stranger.actor) == []

        elsewhere = Organisation(programme_id=other.id, slug="x", kind="operator", name="X")
        unit.session.add_all(
            [elsewhere, Membership(person_id=office.karim.id, programme_id=other.id, role="administrator")]
        )
        unit.session.flush()
        with pytest.raises(InvalidInput):
            people.give_role(
                unit, stranger, office.karim.id, RoleForm(role=Role.OPERATOR, organisation_id=office.operator_id)
            )
        with pytest.raises(GuardRefused, match="autre dispositif"):
            people.close(unit, stranger, office.karim.id, WHY)


def told_of_a_visit(office: Office, case_id: UUID) -> tuple[UUID | None, list[str]]:
    """Who makes the visit, and what the operator is asked."""
    drain(office)
    with office.runtime.database.read() as unit:
        visit = unit.session.scalars(select(Visit).where(Visit.case_id == case_id)).one()
        asked = unit.session.scalars(select(Task.kind).where(Task.case_id == case_id, Task.state == "open"))
        return visit.officer_id, sorted(asked)


@pytest.mark.parametrize("by", ["account", "role"])
def test_whoever_must_replace_a_visitor_that_leaves_is_asked_at_once(office: Office, by: str) -> None:
    hand, case_id = alex(office), make_case(office, CaseState.VISIT_PLANNED)
    assert told_of_a_visit(office, case_id) == (office.karim.person_id, ["hold_visit"])
    karim = office.karim.person_id
    assert karim is not None
    with office.runtime.database.write("test") as unit:
        if by == "account":
            people.close(unit, hand, karim, WHY)
        else:
            (membership,) = people.one(unit, hand.actor, karim).roles
            people.end_role(unit, hand, karim, membership.id)

    assert told_of_a_visit(office, case_id) == (None, ["choose_visitor", "hold_visit"])
    assert mail_of_the_operator(office, case_id).startswith("Choisir qui fait la visite")


def test_on_an_older_pathway_the_operator_is_asked_to_replace_a_visitor_that_leaves(office: Office) -> None:
    hand = alex(office)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Programme, office.programme_id).pathway_hash = publish(unit, before_choose_visitor())
    case_id = make_case(office, CaseState.VISIT_PLANNED)
    drain(office)
    with office.runtime.database.write("test") as unit:
        assert office.karim.person_id is not None
        people.close(unit, hand, office.karim.person_id, WHY)

    assert told_of_a_visit(office, case_id) == (None, ["hold_visit"])
    assert mail_of_the_operator(office, case_id).startswith("Choisir qui fait la visite")


def before_choose_visitor() -> Pathway:
    """The pathway that ships, without the item of a visit that nobody makes."""
    shipped = read_pathway()
    moved = shipped.events["visit.moved"]
    then = tuple(step for step in moved.then if does(step) not in {"choose_visitor", "visitor_wanted"})
    events = {
        name: rule.model_copy(update={"completes": tuple(set(rule.completes) - {"choose_visitor"})})
        for name, rule in (shipped.events | {"visit.moved": moved.model_copy(update={"then": then})}).items()
    }
    tasks = {kind: rule for kind, rule in shipped.tasks.items() if kind != "choose_visitor"}
    return shipped.model_copy(update={"tasks": tasks, "events": events})


def mail_of_the_operator(office: Office, case_id: UUID) -> str:
    """The subject of the one mail that leaves for its own address because the visit moved."""
    with office.runtime.database.read() as unit:
        address = unit.session.get_one(Organisation, office.operator_id).email
        moved = select(Message).join(Event, Event.id == Message.event_id).where(Event.type == VisitMoved.type)
        his = moved.where(Message.case_id == case_id, Message.address == address)
        (mail,) = unit.session.scalars(his).all()
        return render_message(unit, mail).subject


def test_a_visitor_that_leaves_before_a_visit_was_reported_stays_its_visitor(office: Office) -> None:
    hand, case_id = alex(office), make_case(office, CaseState.VISIT_PLANNED)
    karim = office.karim.person_id
    assert karim is not None
    with office.runtime.database.read() as unit:
        office.clock.at = unit.session.scalars(select(Visit.ends_at)).one()
    with office.runtime.database.write("test") as unit:
        people.close(unit, hand, karim, WHY)

    assert told_of_a_visit(office, case_id)[0] == karim
