"""A person reminds beside the clock, once a day."""

from uuid import UUID

import pytest

from models.vocabulary import Party, TaskState
from services.cases import reminding
from services.foundation.errors import GuardRefused, NotFound
from tests.services.rules.situations import ADA, BO, CY, Office, shown


def task(office: Office, case_id: UUID, kind: str) -> UUID:
    return next(found.id for found in office.tasks(case_id, TaskState.OPEN) if found.kind == kind)


def test_a_partner_is_reminded_at_once_and_once_a_day(office: Office) -> None:
    case_id = office.reported()
    office.refer(case_id)
    office.drain()
    asked = task(office, case_id, "answer_referral")
    with pytest.raises(GuardRefused, match="pas encore remise"):
        office.do(reminding.remind, ADA, asked)
    office.deliver("referral_request")

    office.do(reminding.remind, ADA, asked)
    office.drain()

    (reminder,) = office.sent(case_id, "referral_soft_reminder")
    assert (reminder.daily, reminder.task_id) == (True, asked)
    assert shown(reminder.due_at) == "2025-10-09 08:00"  # his mail of the day has left: with that of tomorrow
    with pytest.raises(GuardRefused, match="une par jour"):
        office.do(reminding.remind, ADA, asked)


def test_only_what_somebody_else_owes_is_chased(office: Office) -> None:
    triaged, accepted = office.triaged(), office.accepted()
    office.drain()
    ours, theirs = task(office, triaged, "triage"), task(office, accepted, "first_call")

    for hand, refused, why in ((ADA, ours, GuardRefused), (BO, theirs, GuardRefused), (CY, theirs, NotFound)):
        with pytest.raises(why):
            office.do(reminding.remind, hand, refused)
    office.do(reminding.remind, ADA, theirs)
    office.drain()

    (reminder,) = office.sent(accepted, "task_reminder")
    assert reminder.party == Party.OPERATOR
