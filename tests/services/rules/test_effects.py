"""Effects are written once, to whoever can be written to, and never behind the back of a later act."""

from datetime import date

import pytest
from sqlalchemy import func, select

from models.cases import Phone
from models.engine import Event, Message, Obligation, Task
from models.programmes import Organisation
from models.vocabulary import Energy, VisitState
from services.cases import closing, endings, supply_cuts, visits
from services.cases.supply_cuts import CutForm
from services.forms import LostVisit, Withdrawal
from services.rules import effects
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message
from tests.ledger import problems
from tests.services.rules.situations import ADA, BO, PARTNER, Office


def counts(office: Office) -> list[int]:
    with office.database.read() as unit:
        return [
            unit.session.scalar(select(func.count()).select_from(table)) or 0 for table in (Task, Obligation, Message)
        ]


def test_applying_an_event_twice_changes_nothing(office: Office) -> None:
    office.followed()
    before = counts(office)

    with office.database.write("test") as unit:
        for event in unit.session.scalars(select(Event).order_by(Event.seq)).all():
            effects.apply(unit, [event])

    assert counts(office) == before


def test_an_act_that_overtakes_the_engine_leaves_no_stale_task(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id)
    office.plan(case_id, "2025-11-05T10:00")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["hold_visit"]


def test_two_events_of_one_batch_ask_the_same_thing_once(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "no_answer")
    office.call(case_id, "no_answer")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["call_again"]


def test_a_case_closed_before_the_engine_came_opens_nothing(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "no_answer")
    office.call(case_id, "refused")
    office.drain()

    assert office.tasks(case_id) == []


def test_a_case_that_ended_and_lives_again_is_not_asked_what_was_asked_before(office: Office) -> None:
    case_id = office.triaged()
    office.accept(case_id)
    office.do(endings.withdraw, BO, case_id, Withdrawal(said_by="Madame Benali"))
    office.do(closing.reopen_case, ADA, case_id)

    office.drain()

    assert [task.kind for task in office.tasks(case_id)] == ["triage"]


def test_a_doubt_about_a_message_does_not_keep_a_closed_case_open(office: Office) -> None:
    case_id = office.accepted()
    office.call(case_id, "refused")
    office.drain()
    office.bounce("milestone_refused", unknown=True)
    office.drain()

    with office.database.read() as unit:
        assert problems(unit, drained=True) == []
    assert office.tasks(case_id) == []


def test_two_messages_in_doubt_are_two_things_to_check(office: Office) -> None:
    case_id = office.triaged()
    office.bounce("alert_receipt", unknown=True)
    office.bounce("new_alert", unknown=True)
    office.drain()

    assert [task.kind for task in office.tasks(case_id)].count("check_message") == 2


def test_a_refused_request_that_was_late_already_is_one_address_to_mend(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.at("2025-10-09T10:00")
    office.bounce("referral_request")
    office.drain()

    assert [task.kind for task in office.tasks(case_id)].count("mend_address") == 1


def test_a_partners_answer_does_not_end_the_doubt_about_another_message(office: Office) -> None:
    case_id, referral_id = office.referred()
    office.bounce("milestone_proposed", unknown=True)
    office.drain()
    office.answer(referral_id, "accept")
    office.drain()

    assert "check_message" in office.due(case_id)


@pytest.mark.parametrize(
    ("agreed", "result", "state"),
    [(False, "voicemail", "sms_not_allowed"), (True, "voicemail", "queued"), (False, "reached", "queued")],
)
def test_an_sms_needs_an_agreement_or_a_number_that_answered(
    office: Office, *, agreed: bool, result: str, state: str
) -> None:
    case_id = office.accepted(sms_agreed=agreed)
    office.call(case_id, result)
    office.drain()
    if result == "reached":
        office.plan(case_id, "2025-10-15T10:00")
    else:
        for when in ("2025-10-09T12:30", "2025-10-10T12:30"):
            office.at(when)
            office.call(case_id, "no_answer")
    office.at("2025-10-14T12:00" if result == "reached" else "2025-10-15T12:00")

    assert [message.error or message.state for message in office.sent(case_id) if message.channel == "sms"] == [state]


def test_a_blocked_number_is_never_used(office: Office) -> None:
    case_id = office.accepted(sms_agreed=True)
    office.call(case_id, "wrong_number")
    for _ in range(3):
        office.call(case_id, "no_answer")
    office.at("2025-10-31T12:00")

    assert {message.error for message in office.sent(case_id) if message.channel == "sms"} <= {"sms_not_allowed"}


def test_an_sms_already_planned_does_not_leave_for_a_number_blocked_since(office: Office) -> None:
    case_id = office.qualified()
    office.plan(case_id, "2025-10-08T10:00")
    office.do(visits.lose_visit, BO, case_id, LostVisit(state=VisitState.CANCELLED_BY_SERVICE))
    office.drain()
    (planned,) = (message for message in office.sent(case_id, "visit_cancelled") if message.channel == "sms")
    office.call(case_id, "wrong_number")

    with office.database.write("test") as unit, pytest.raises(Suppressed, match="number_blocked"):
        render_message(unit, unit.session.get_one(Message, planned.id))


def test_nobody_to_write_to_is_kept_in_the_ledger_with_its_reason(office: Office) -> None:
    case_id = office.triaged(giver_email=None)

    (receipt,) = office.sent(case_id, "alert_receipt")
    assert (receipt.state, receipt.error, receipt.address) == ("cancelled", "no_address", "")


def test_a_reader_who_lost_his_address_is_kept_in_the_ledger(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    with office.database.write("test") as unit:
        unit.session.get_one(Organisation, PARTNER).email = None
    office.drain()

    assert [message.error for message in office.sent(case_id, "referral_request")] == ["no_address"]


def test_a_message_planned_at_night_leaves_in_the_morning(office: Office) -> None:
    office.sleep_to("2025-10-06T22:00")
    case_id = office.triaged()

    due = {message.text: message.due_at.hour for message in office.sent(case_id) if message.channel == "email"}
    assert due == {"alert_receipt": 20, "new_alert": 6}  # UTC: the receipt answers somebody who is there


def test_a_number_that_answered_is_remembered(office: Office) -> None:
    case_id = office.qualified()

    with office.database.read() as unit:
        (phone,) = unit.session.scalars(select(Phone).where(Phone.household_id == office.case(case_id).household_id))
        assert phone.reached_at is not None


def test_the_coordination_reads_once_what_it_would_read_for_an_operator_too(office: Office) -> None:
    case_id = office.triaged()
    cut = CutForm(energy=Energy.GAS, cut_on=date(2025, 10, 31))
    office.do(supply_cuts.announce, ADA, case_id, cut)

    office.at("2025-10-27 12:00")

    last = max(at for at, *_ in office.told(case_id, "cut_ahead"))
    told = {party: why for at, party, why in office.told(case_id, "cut_ahead") if at == last}
    assert told == {"coordinator": "queued", "operator": "same_reader"}
