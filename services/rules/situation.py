"""An event among all that its rules look at: the fact, what it is about, its case, pathway and calendar. Plain data."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models.events import Fact
from models.pathway import Pathway
from services.foundation.calendar import WorkingCalendar
from services.rules.view import CaseView


@dataclass(frozen=True)
class About:
    """What an event is about, beside its case; carried by the tasks and messages that follow."""

    referral_id: UUID | None = None
    partner_id: UUID | None = None
    visit_id: UUID | None = None
    task_id: UUID | None = None
    message_id: UUID | None = None  # a message in doubt, each a thing of its own
    loan_id: UUID | None = None
    cut_id: UUID | None = None
    joined_id: UUID | None = None  # the double whose alerts have come to the case
    relieved: tuple[UUID, ...] = ()  # who was to make the visit and is not any more


@dataclass(frozen=True)
class Situation:
    """An event among what is needed to plan it. `now` is business time."""

    event_id: UUID
    occurred_at: datetime
    fact: Fact
    case: CaseView
    pathway: Pathway
    calendar: WorkingCalendar
    about: About
    now: datetime
