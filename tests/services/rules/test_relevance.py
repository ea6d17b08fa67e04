"""What a page shows as coming is what will leave."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select

from models.cases import Visit
from models.engine import Message
from services.cases import visits
from services.forms import LostVisit
from services.rules import relevance
from tests.services.rules.situations import BO, Office


def test_of_a_visit_that_is_kept(office: Office) -> None:
    assert shown_and_leaves(office, late_visit(office)) == (True, True)


def test_of_a_visit_that_was_called_off(office: Office) -> None:
    case_id = late_visit(office)
    office.do(visits.lose_visit, BO, case_id, LostVisit.model_validate({"state": "cancelled_by_household"}))
    assert shown_and_leaves(office, case_id) == (False, False)


def test_of_a_visit_that_begins_before_the_hour_of_its_mail(office: Office) -> None:
    case_id = late_visit(office)
    with office.database.write("test") as unit:
        message = unit.session.scalars(of_visit(case_id)).one()
        message.due_at = unit.session.get_one(Visit, message.visit_id).starts_at + timedelta(minutes=1)
    assert shown_and_leaves(office, case_id, at_its_hour=True) == (False, False)


def late_visit(office: Office) -> UUID:
    """So far ahead that the alert giver is told."""
    case_id = office.qualified()
    office.plan(case_id, "2025-12-10T10:00")
    office.drain()
    return case_id


def of_visit(case_id: UUID) -> Select[Message]:
    return select(Message).where(Message.case_id == case_id, Message.text == "visit_comes_late")


def shown_and_leaves(office: Office, case_id: UUID, *, at_its_hour: bool = False) -> tuple[bool, bool]:
    with office.database.read() as unit:
        shown = unit.session.scalar(of_visit(case_id).where(relevance.is_wanted(unit.now))) is not None
        due_at = unit.session.scalars(of_visit(case_id)).one().due_at
    if at_its_hour:
        office.clock.at = due_at
    with office.database.read() as unit:
        try:
            relevance.check(unit, unit.session.scalars(of_visit(case_id)).one())
        except relevance.Suppressed:
            return shown, False
    return shown, True
