"""Needs for which nothing can be done here: a dead end with its reason, counted by type of solution.

It is no referral: nobody is asked. It shows on the case, in the figures of the programme and in its lists.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Need
from models.events import NeedUnmet
from models.vocabulary import GapReason, Theme
from services.cases.notes import write_note
from services.forms import GapForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


class Gap(NamedTuple):
    """A need without a solution."""

    theme: Theme
    reason: GapReason
    at: datetime


def note_gap(unit: UnitOfWork, hand: Hand, case_id: UUID, form: GapForm) -> Need:
    """Write down that no solution exists for a need. It moves nothing: the orientation goes on with the other needs."""
    case = case_for(unit, hand.actor, case_id, Right.REFER)
    casework.check_open(case)
    if any(need.theme == form.theme for need in unmet(unit, case)):
        raise GuardRefused("Cette absence de solution est déjà notée.")
    need = Need(
        case_id=case.id,
        theme=form.theme.value,
        created_at=unit.now,
        gap_reason=form.reason.value,
        gap_at=unit.now,
    )
    unit.session.add(need)
    unit.session.flush()
    event = casework.record(unit, case, NeedUnmet(need_id=need.id, theme=form.theme, reason=form.reason), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return need


def unmet(unit: UnitOfWork, case: Case) -> list[Gap]:
    """The needs of a case for which nothing can be done, the oldest first."""
    query = select(Need.theme, Need.gap_reason, Need.gap_at).where(Need.case_id == case.id)
    rows = unit.session.execute(query.order_by(Need.gap_at, Need.id))
    return [Gap(Theme(row.theme), GapReason(row.gap_reason), row.gap_at) for row in rows if row.gap_reason]
