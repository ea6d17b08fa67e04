"""What a household says by itself on the page that its letter opens: it helped, it did not, call me; once a day.

While a question of the follow-up is open, it is its answer, as by SMS or mail; but that a help did not help is always a
fact of its own, and disputes that help where only one is meant. Unless all is well somebody calls back by a date that
the page says.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from models import events as e
from models.cases import Case
from models.engine import Event, Task
from models.vocabulary import AnsweredBy, CaseState, FollowUpAnswer, HouseholdAnswer, Stage
from services.cases import follow_up, partner_work
from services.cases.calls import CALL_BACK
from services.cases.referrals import lock
from services.forms import Form
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for, locked_case
from services.rules.published import calendar_of, pathway_of

ASKED_FOR: Final = timedelta(days=7)
"""So long before a call of the follow-up its question counts as open: the mail and the SMS leave five days before."""
AS_FOLLOW_UP: Final[Mapping[HouseholdAnswer, FollowUpAnswer]] = MappingProxyType(
    {
        HouseholdAnswer.HELPED: FollowUpAnswer.BETTER,
        HouseholdAnswer.NOT_HELPED: FollowUpAnswer.SAME,
        HouseholdAnswer.CALL_ME: FollowUpAnswer.CALL_ME,
    }
)
_HELPED: Final = frozenset({Stage.ORIENTATION, Stage.FOLLOW_UP})
_SAID: Final = (e.HouseholdAnswered, e.FollowUpAnswered, e.FollowUpCallAsked)


class HouseholdWord(Form):
    """What a household says."""

    answer: HouseholdAnswer = Field(description="Ce que dit le ménage")


def note(unit: UnitOfWork, hand: Hand, case_id: UUID, form: HouseholdWord) -> Case:
    """Somebody of the team writes down what the household told him."""
    case = case_for(unit, hand.actor, case_id, Right.FOLLOW_UP)
    _record(unit, hand, case, form.answer)
    return case


def answer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: HouseholdWord) -> Case:
    """The household itself, on its page: whoever calls this has opened it with its code. Once a day."""
    case = locked_case(unit, case_id)
    if said_today(unit, case) is not None:
        raise GuardRefused("Votre réponse d’aujourd’hui est enregistrée. Vous pourrez répondre de nouveau demain.")
    _record(unit, hand, case, form.answer)
    return case


def offered(unit: UnitOfWork, case: Case) -> Sequence[HouseholdAnswer]:
    """What the household may say now: whether it was helped only once a help was looked for."""
    if case.is_closed or said_today(unit, case) is not None:
        return ()
    return tuple(HouseholdAnswer) if case.stage in _HELPED else (HouseholdAnswer.CALL_ME,)


def said_today(unit: UnitOfWork, case: Case) -> HouseholdAnswer | None:
    """What the household said on its page since midnight."""
    calendar = calendar_of(unit, case.programme_id)
    query = select(Event).where(
        Event.case_id == case.id,
        Event.type.in_([fact.type for fact in _SAID]),
        Event.actor == f"form:{case.household_id}",
        Event.occurred_at >= calendar.start_of(calendar.local_day(unit.now)),
    )
    event = unit.session.scalars(query.order_by(Event.seq.desc()).limit(1)).first()
    if event is None:
        return None
    said = event.payload.get("answer", FollowUpAnswer.CALL_ME)
    return next((ours for ours, theirs in AS_FOLLOW_UP.items() if said in {ours, theirs}), None)


def called_by(unit: UnitOfWork, case: Case) -> datetime | None:
    """By when somebody calls the household that asked for it."""
    task = follow_up.open_task(unit, case.id, CALL_BACK)
    return task.due_at if task else None


def _record(unit: UnitOfWork, hand: Hand, case: Case, said: HouseholdAnswer) -> None:
    if case.is_closed:
        raise GuardRefused("Cette situation est terminée : il faut appeler.")
    task = _asked(unit, case)
    if said is HouseholdAnswer.NOT_HELPED and case.stage in _HELPED:
        casework.record(unit, case, e.HouseholdAnswered(answer=said), hand=hand)
        _dispute(unit, hand, case)
    elif task is not None:
        follow_up.record_answer(unit, hand, task, said=AS_FOLLOW_UP[said], by=AnsweredBy.PAGE)
    elif said is HouseholdAnswer.CALL_ME or case.stage in _HELPED:
        casework.record(unit, case, e.HouseholdAnswered(answer=said), hand=hand)
    else:
        raise GuardRefused("Aucune aide n’a encore été cherchée pour ce ménage.")


def _dispute(unit: UnitOfWork, hand: Hand, case: Case) -> None:
    """The one help that its partner calls done did not come; of several nobody knows which is meant."""
    reported = follow_up.helps(unit, case.id)
    if len(reported) == 1 and "settle_dispute" in pathway_of(unit, case.pathway_hash).tasks:
        partner_work.contest(unit, hand, lock(unit, reported[0]), follow_up.DISPUTED)


def _asked(unit: UnitOfWork, case: Case) -> Task | None:
    """The call of the follow-up whose question is open."""
    task = follow_up.open_task(unit, case.id, "follow_up_call") if case.state == CaseState.IN_FOLLOW_UP else None
    return task if task is not None and task.due_at - ASKED_FOR <= unit.now else None
