"""Follow-up calls at 1, 6 and 12 months: was it understood, is it still there, is it still cold?"""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from models import events as e
from models.cases import Call, Case, Referral
from models.engine import Task
from models.vocabulary import CallResult, Loop, ReferralState, TaskState
from services import partner_work
from services.calls import Dialled, log_call
from services.forms import FollowUpForm, NoteForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.notes import write_note
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.published import pathway_of

DISPUTED: Final = "Le ménage dit que l’aide n’est pas venue."
"""Read by the partner too: the note of the call is the team's and is not repeated to him."""


def record_follow_up(unit: UnitOfWork, hand: Hand, case_id: UUID, form: FollowUpForm) -> Case:
    """Log a call of the follow-up; it is over when somebody was reached, or tried often enough."""
    case = case_for(unit, hand.actor, case_id, Right.FOLLOW_UP)
    task = unit.session.scalars(
        select(Task).where(Task.case_id == case.id, Task.kind == "follow_up_call", Task.state == TaskState.OPEN)
    ).first()
    if task is None:
        raise GuardRefused("Aucun appel de suivi n’est prévu en ce moment.")
    purpose = f"follow_up_{task.ordinal}"
    phone = next((phone for phone in case.household.phones if phone.blocked_at is None), None)
    call = log_call(unit, hand, case, Dialled(phone, purpose), result=form.result)
    event = casework.record(unit, case, _fact(unit, case, task, call, form), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    _tell_helps(unit, hand, case, form)
    return case


def helps(unit: UnitOfWork, case_id: UUID) -> list[Referral]:
    """The helps of which the household has still to say whether they came."""
    query = select(Referral).where(
        Referral.case_id == case_id, Referral.state == ReferralState.COMPLETED, Referral.loop == Loop.REPORTED
    )
    return list(unit.session.scalars(query.order_by(Referral.id)))


def _tell_helps(unit: UnitOfWork, hand: Hand, case: Case, form: FollowUpForm) -> None:
    asked = {referral.id for referral in helps(unit, case.id)}
    for referral_id, said in form.helps.items():
        if referral_id not in asked:
            raise InvalidInput("helps", "Cette aide n’est pas à vérifier.")
        if said is Loop.DISPUTED:
            partner_work.dispute(unit, hand, referral_id, NoteForm(text=DISPUTED))
        else:
            partner_work.confirm(unit, hand, referral_id, verified=said is Loop.CONFIRMED)


def _fact(unit: UnitOfWork, case: Case, task: Task, call: Call, form: FollowUpForm) -> e.Fact:
    tries = unit.session.scalar(select(func.count()).where(Call.case_id == case.id, Call.purpose == call.purpose))
    spoke = form.result in {CallResult.REACHED, CallResult.REFUSED}
    enough = (tries or 0) >= pathway_of(unit, case.pathway_hash).call_attempts
    if not spoke and not enough:
        return e.FollowUpAttempted(call_id=call.id, ordinal=task.ordinal, result=form.result)
    return e.FollowUpCalled(
        call_id=call.id,
        ordinal=task.ordinal,
        result=form.result,
        still_cold=form.still_cold,
        still_in_arrears=form.still_in_arrears,
    )
