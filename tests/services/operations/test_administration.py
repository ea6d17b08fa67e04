"""What an administrator puts right: never a name, always a reason, nothing sent blindly."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from models.engine import Message, Work
from models.programmes import AccessEntry
from models.vocabulary import MessageState, Role, WorkState
from services.forms import Remedy
from services.foundation.errors import Denied, GuardRefused, NotFound
from services.operations import administration
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests.services.rules.situations import ADA, BO, ELSEWHERE, PROGRAMME, Office

ALEX = Hand(Actor("person", UUID(int=30), PROGRAMME, Role.ADMINISTRATOR, name="Alex"))
NEIGHBOUR = Hand(Actor("person", UUID(int=31), ELSEWHERE, Role.ADMINISTRATOR, name="Zoé"))
WHY = Remedy(reason="Serveur réparé.")


def park(office: Office) -> int:
    office.submit()
    with office.database.write("test") as unit:
        unit.session.execute(update(Work).values(state=WorkState.PARKED.value, attempts=12, error="KeyError"))
    with office.database.read() as unit:
        (event,) = administration.parked(unit, ALEX.actor)
        return event.id


def refused(office: Office, text: str = "alert_receipt", *, unknown: bool = False) -> UUID:
    case_id = office.triaged()
    office.bounce(text, unknown=unknown)
    return office.sent(case_id, text)[0].id


def test_an_event_set_aside_is_tried_again_and_the_reason_stays(office: Office) -> None:
    event = park(office)
    office.do(administration.try_again, ALEX, event, WHY)
    office.drain()

    with office.database.read() as unit:
        assert administration.parked(unit, ALEX.actor) == []
        assert [(each.action, each.reason) for each in administration.remedies(unit, ALEX.actor)] == [
            ("event.tried_again", "Serveur réparé.")
        ]
        assert administration.remedies(unit, NEIGHBOUR.actor) == []


def test_a_refused_message_leaves_once_more(office: Office) -> None:
    message_id = refused(office)
    office.do(administration.send_again, ALEX, message_id, WHY)

    with office.database.read() as unit:
        message = unit.session.get_one(Message, message_id)
        assert (message.state, message.attempts, message.error) == (MessageState.QUEUED, 0, None)
        entry = unit.session.scalars(select(AccessEntry).where(AccessEntry.reason.is_not(None))).one()
        assert (entry.action, entry.case_id) == ("message.sent_again", message.case_id)


def test_a_message_that_left_once_more_may_be_refused_once_more(office: Office) -> None:
    case_id = office.triaged()
    office.bounce("alert_receipt")
    (message,) = office.sent(case_id, "alert_receipt")
    office.do(administration.send_again, ALEX, message.id, WHY)
    office.bounce("alert_receipt")

    assert office.events(case_id).count("message.failed") == 2


def test_a_message_in_doubt_is_never_sent_again_from_here(office: Office) -> None:
    message_id = refused(office, unknown=True)

    with pytest.raises(GuardRefused):
        office.do(administration.send_again, ALEX, message_id, WHY)


def test_another_programmes_troubles_are_its_own(office: Office) -> None:
    event, message_id = park(office), refused(office)

    with office.database.read() as unit:
        assert administration.parked(unit, NEIGHBOUR.actor) == []
        assert administration.troubled(unit, NEIGHBOUR.actor) == []
    with pytest.raises(NotFound):
        office.do(administration.try_again, NEIGHBOUR, event, WHY)
    with pytest.raises(NotFound):
        office.do(administration.send_again, NEIGHBOUR, message_id, WHY)


@pytest.mark.parametrize("hand", [ADA, BO], ids=["coordinator", "operator"])
def test_only_an_administrator_looks_under_the_bonnet(office: Office, hand: Hand) -> None:
    with office.database.read() as unit, pytest.raises(Denied):
        administration.parked(unit, hand.actor)
