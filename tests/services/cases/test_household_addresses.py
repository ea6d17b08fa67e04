"""A household's mail that comes back is somebody's the same day, and nothing more is written to that address."""

from uuid import UUID

import pytest
from sqlalchemy import Select, select

from models.cases import Household
from models.engine import Message
from models.pathway import Pathway
from models.vocabulary import Channel, ContactBy, PermissionKind
from services.cases import addresses, calls, follow_up, recalling
from services.cases.permissions import give
from services.forms import ContactForm, HouseholdAddressForm, NumberForm, PermissionForm
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.rules.casework import Hand
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.ledger import problems
from tests.services.rules.situations import ADA, BO, CY, DI, Office, default_pathway, found_office

WRONG = "martni@example.org"
RIGHT = HouseholdAddressForm(email="martin@example.org")
ITEM = "mend_household_address"


def planned(office: Office) -> UUID:
    """A visit in a fortnight, whose confirmation waits to leave."""
    case_id = office.qualified(email=WRONG)
    office.plan(case_id, "2025-10-20T10:00")
    office.drain()
    return case_id


def refused(office: Office) -> UUID:
    """The same, and the household's server refuses it."""
    case_id = planned(office)
    office.bounce("visit_confirmation")
    office.drain()
    return case_id


def mails(office: Office, case_id: UUID, text: str = "visit_confirmation") -> list[tuple[str, str, str | None]]:
    return [(each.address, each.state, each.error) for each in office.sent(case_id, text) if each.channel == "email"]


def _of(case_id: UUID, text: str) -> Select[Message]:
    return select(Message).where(Message.case_id == case_id, Message.text == text)


def household(office: Office, case_id: UUID) -> Household:
    with office.database.read() as unit:
        found = unit.session.get_one(Household, office.case(case_id).household_id)
        unit.session.expunge(found)
        return found


def test_a_mail_that_comes_back_is_the_operators_the_same_day(office: Office) -> None:
    case_id = refused(office)

    (item,) = (task for task in office.tasks(case_id) if task.kind == ITEM)
    assert (item.party, item.opened_at) == ("operator", office.clock.at)
    assert "mend_address" not in office.due(case_id)
    with office.database.read() as unit:
        assert problems(unit, drained=True) == []


def test_without_an_operator_it_is_the_coordinations(office: Office) -> None:
    case_id = office.triaged(email=WRONG)
    with office.database.write("test") as unit:
        notice = unit.session.scalars(_of(case_id, "household_notice")).one()
        notice.channel, notice.address, notice.state = "email", WRONG, "queued"
    office.bounce("household_notice")
    office.drain()

    (item,) = (task for task in office.tasks(case_id) if task.kind == ITEM)
    assert item.party == "coordinator"


def test_no_later_mail_goes_to_an_address_that_refused(office: Office) -> None:
    case_id = refused(office)

    office.at("2025-10-18T12:00")

    (reminder,) = (each for each in office.sent(case_id, "visit_reminder") if each.channel == Channel.EMAIL)
    assert (reminder.address, reminder.state, reminder.error) == ("", "cancelled", "address_refused")
    assert {"letter", "sms"} <= {each.channel for each in office.sent(case_id, "visit_reminder")}


def test_a_mail_that_waited_meanwhile_does_not_leave(office: Office) -> None:
    case_id = planned(office)
    with office.database.write("test") as unit:
        unit.session.get_one(Household, office.case(case_id).household_id).email_refused_at = unit.now
    (waiting,) = office.sent(case_id, "visit_confirmation")

    with office.database.read() as unit, pytest.raises(Suppressed, match="address_refused"):
        render_message(unit, unit.session.get_one(Message, waiting.id))


def test_a_text_that_could_not_be_written_blames_no_address(office: Office) -> None:
    case_id = planned(office)
    with office.database.write("test") as unit:
        unit.session.scalars(_of(case_id, "visit_confirmation")).one().error = "cannot be written: x"
    office.bounce("visit_confirmation")
    office.drain()

    assert household(office, case_id).email_refused_at is None
    assert ITEM not in office.due(case_id)


def test_the_right_address_ends_the_item_and_is_told_of_the_visit_to_come(office: Office) -> None:
    case_id = refused(office)

    office.do(addresses.mend_household_address, BO, case_id, RIGHT)
    office.drain()

    assert ITEM not in office.due(case_id)
    assert mails(office, case_id) == [(WRONG, "refused", None), (RIGHT.email, "queued", None)]


def test_the_same_address_is_taken_while_it_refuses(office: Office) -> None:
    case_id = refused(office)
    same = HouseholdAddressForm(email=WRONG)

    office.do(addresses.mend_household_address, ADA, case_id, same)
    office.drain()

    assert ITEM not in office.due(case_id)
    with pytest.raises(InvalidInput, match="déjà"):
        office.do(addresses.mend_household_address, ADA, case_id, same)


def test_what_waits_for_its_hour_goes_to_the_right_address_once(office: Office) -> None:
    case_id = planned(office)

    office.do(addresses.mend_household_address, BO, case_id, RIGHT)
    office.drain()

    assert mails(office, case_id) == [(RIGHT.email, "queued", None)]


def test_an_address_that_is_taken_away_leaves_letters_sms_and_calls(office: Office) -> None:
    case_id = refused(office)
    office.do(addresses.remove_household_address, BO, case_id)
    office.drain()

    assert ITEM not in office.due(case_id)
    assert household(office, case_id).email is None
    office.at("2025-10-18T12:00")
    assert mails(office, case_id, "visit_reminder") == [("", "cancelled", "no_address")]
    with pytest.raises(GuardRefused, match="pas d’adresse"):
        office.do(addresses.remove_household_address, BO, case_id)


@pytest.mark.parametrize("stranger", [CY, DI])
def test_a_stranger_mends_nothing(office: Office, stranger: Hand) -> None:
    case_id = refused(office)

    with pytest.raises(NotFound):
        office.do(addresses.mend_household_address, stranger, case_id, RIGHT)
    with pytest.raises(NotFound):
        office.do(addresses.remove_household_address, stranger, case_id)


def test_a_case_that_ended_keeps_its_address(office: Office) -> None:
    case_id = planned(office)
    office.close(case_id, "moved")
    office.drain()

    with pytest.raises(GuardRefused, match="terminée"):
        office.do(addresses.mend_household_address, BO, case_id, RIGHT)
    with pytest.raises(GuardRefused, match="terminée"):
        office.do(addresses.remove_household_address, BO, case_id)


def test_that_a_case_ended_is_said_before_anything_of_its_address(office: Office) -> None:
    case_id = planned(office)
    office.close(case_id, "moved")

    with pytest.raises(GuardRefused, match="terminée"):
        office.do(addresses.mend_household_address, BO, case_id, HouseholdAddressForm(email=WRONG))


# --- The follow-up


def questioned(office: Office, *, agrees_to_sms: bool = True) -> UUID:
    """A household that prefers mail: its question of the first month came back."""
    case_id, _ = office.followed(email=WRONG)
    if agrees_to_sms:
        office.do(give, BO, case_id, PermissionForm(kind=PermissionKind.SMS))
    office.do(follow_up.choose_contact, BO, case_id, ContactForm(contact_by=ContactBy.EMAIL))
    office.drain()
    office.run_to(next(task for task in office.tasks(case_id) if task.kind == "follow_up_call").due_at)
    office.bounce("follow_up_question")
    office.drain()
    return case_id


def test_a_question_that_comes_back_is_asked_by_sms_and_its_call_stays(office: Office) -> None:
    case_id = questioned(office)

    assert {ITEM, "follow_up_call"} <= set(office.due(case_id))
    assert [(each.channel, each.state) for each in office.sent(case_id, "follow_up_question")] == [
        ("email", "refused"),
        ("sms", "queued"),
    ]
    (call,) = (task for task in office.tasks(case_id) if task.kind == "follow_up_call")
    assert not call.provisional


def test_an_sms_that_is_refused_too_leaves_the_call_and_asks_no_more(office: Office) -> None:
    case_id = questioned(office)
    office.bounce("follow_up_question")
    office.drain()

    assert [each.state for each in office.sent(case_id, "follow_up_question")] == ["refused", "refused"]
    assert "follow_up_call" in office.due(case_id)


def test_an_alert_giver_who_cannot_be_asked_for_a_number_leaves_it_to_the_coordination(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "wrong_number")
    office.drain()
    office.bounce("correct_number")
    office.drain()

    assert {"find_number", "correct_number"} == set(office.due(case_id))
    office.do(calls.correct_number, ADA, case_id, NumberForm(phone="0639981299"))
    office.drain()
    assert {"find_number", "correct_number"}.isdisjoint(office.due(case_id))


def test_the_next_question_goes_to_the_call_sheet_once_the_address_is_taken_away(office: Office) -> None:
    case_id = questioned(office)
    office.do(addresses.remove_household_address, BO, case_id)
    office.drain()

    assert office.case(case_id).contact_by == ContactBy.CALL
    office.follow_up(case_id)
    office.drain()
    office.run_to(next(task for task in office.tasks(case_id) if task.kind == "follow_up_call").due_at)
    assert len(office.sent(case_id, "follow_up_question")) == 2
    assert "follow_up_call" in office.due(case_id)


def test_an_older_pathway_opens_no_item_that_nobody_could_end(database: Database, clock: SetClock) -> None:
    office = found_office(database, clock, _of_before())
    case_id = questioned(office)

    assert {"mend_address", ITEM}.isdisjoint(office.due(case_id))
    assert "follow_up_call" in office.due(case_id)
    assert household(office, case_id).email_refused_at is not None


def test_on_an_older_pathway_no_page_offers_to_take_a_mended_address_back(database: Database, clock: SetClock) -> None:
    office = found_office(database, clock, _of_before())
    case_id = planned(office)

    page = Hand(BO.actor, holds=True)
    office.do(addresses.mend_household_address, page, case_id, RIGHT)

    with office.database.read() as unit:
        assert recalling.held(unit, page.actor) == []


def _of_before() -> Pathway:
    """The pathway that shipped before households' addresses were followed."""
    current = default_pathway()
    rule = current.events["message.failed"]
    events = {name: each for name, each in current.events.items() if not name.startswith("household.address_")}
    failed = rule.model_copy(update={"then": tuple(step for step in rule.then if "household" not in str(step.when))})
    failed = failed.model_copy(update={"then": tuple(each for each in failed.then if "question" not in str(each.when))})
    tasks = {kind: each for kind, each in current.tasks.items() if kind != ITEM}
    return current.model_copy(update={"events": events | {"message.failed": failed}, "tasks": tasks})
