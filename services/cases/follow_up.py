"""Follow-up calls at 1, 6 and 12 months: was it understood, is it still there, is it still cold?"""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from models import events as e
from models.cases import Call, Case, Referral
from models.engine import Task
from models.vocabulary import AnsweredBy, CallResult, ContactBy, FollowUpAnswer, Loop, ReferralState, Stage
from services.cases import calls, partner_work
from services.cases.calls import CALL_BACK, Dialled, log_call
from services.cases.notes import write_note
from services.forms import ContactForm, FollowUpForm, FollowUpWord, NoteForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.links import task_for_link
from services.rules.policy import Right, case_for, locked_case
from services.rules.published import pathway_of
from services.rules.recipients import said_of_sms, takes_sms
from services.rules.view import numbers_of

SPOKE: Final = frozenset({CallResult.REACHED, CallResult.REFUSED})
DISPUTED: Final = "Le ménage dit que l’aide n’est pas venue."
"""Read by the partner too: the note of the call is the team's and is not repeated to him."""


def record_follow_up(unit: UnitOfWork, hand: Hand, case_id: UUID, form: FollowUpForm) -> Case:
    """Log a call of the follow-up; it is over when somebody was reached, or tried often enough.

    Where the household has also asked to be called, the call counts as that one, unless it says what the follow-up
    asks; that the household wants no more calls says it too.
    """
    case = case_for(unit, hand.actor, case_id, Right.FOLLOW_UP)
    planned, asked_for = open_task(unit, case.id, "follow_up_call"), open_task(unit, case.id, CALL_BACK)
    answers = form.still_cold is not None or form.still_in_arrears is not None or form.result is CallResult.REFUSED
    task = planned if planned is not None and (asked_for is None or answers) else asked_for
    if task is None:
        raise GuardRefused("Aucun appel de suivi n’est prévu en ce moment.")
    purpose = CALL_BACK if task.kind == CALL_BACK else f"follow_up_{task.ordinal}"
    phone = calls.number_called(case, form.phone_id)
    call = log_call(unit, hand, case, Dialled(phone, purpose), result=form.result)
    event = casework.record(unit, case, _fact(unit, case, task, call, form), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    _tell_helps(unit, hand, case, form)
    if form.result is CallResult.WRONG_NUMBER:
        calls.tell_wrong_number(unit, hand, case, call, phone)
    if form.result is CallResult.REFUSED and task.kind == CALL_BACK and case.stage != Stage.DETECTION:
        calls.tell_refusal(unit, hand, case, call)
    if event.type == e.FollowUpCalled.type and form.result not in SPOKE and is_last(unit, task):
        leave_unverified(unit, hand, case.id)
    return case


def answer_by_link(unit: UnitOfWork, hand: Hand, form: FollowUpWord) -> Task:
    """The household answers from the link of its mail."""
    task = task_for_link(unit, hand.actor, "answer_follow_up")
    record_answer(unit, hand, task, said=form.answer, by=AnsweredBy.EMAIL)
    return task


def record_answer(unit: UnitOfWork, hand: Hand, task: Task, *, said: FollowUpAnswer, by: AnsweredBy) -> None:
    """What a household answers by itself: the follow-up is made, or somebody calls."""
    case = locked_case(unit, task.case_id)
    if said is FollowUpAnswer.CALL_ME:
        casework.record(unit, case, e.FollowUpCallAsked(ordinal=task.ordinal, channel=by), hand=hand)
        return
    last = is_last(unit, task)
    fact = e.FollowUpAnswered(ordinal=task.ordinal, answer=said, channel=by, is_last=last)
    casework.record(unit, case, fact, hand=hand)


def is_last(unit: UnitOfWork, task: Task) -> bool:
    """Whether the pathway asks the household nothing after this."""
    return task.ordinal >= len(pathway_of(unit, task.case.pathway_hash).tasks[task.kind].due.series)


def choose_contact(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ContactForm) -> Case:
    """How the household likes to be asked for news. Raises `InvalidInput` where it cannot be reached that way."""
    case = case_for(unit, hand.actor, case_id, Right.FOLLOW_UP)
    if form.contact_by is ContactBy.EMAIL and not case.household.mail_address:
        raise InvalidInput("contact_by", "Aucune adresse électronique du ménage ne reçoit nos messages.")
    if form.contact_by is ContactBy.SMS and not any(map(takes_sms, numbers_of(case.household.phones))):
        raise InvalidInput("contact_by", "Aucun numéro du ménage ne reçoit de SMS.")
    if form.contact_by is ContactBy.SMS and said_of_sms(unit, [case.id]).get(case.id) is False:
        raise InvalidInput("contact_by", "Le ménage ne veut plus de SMS : notez d’abord son nouvel accord.")
    case.contact_by = form.contact_by.value
    casework.record(unit, case, e.ContactChosen(contact_by=form.contact_by), hand=hand)
    return case


def helps(unit: UnitOfWork, case_id: UUID) -> list[Referral]:
    """The helps of which the household has still to say whether they came."""
    query = select(Referral).where(
        Referral.case_id == case_id, Referral.state == ReferralState.COMPLETED, Referral.loop == Loop.REPORTED
    )
    return list(unit.session.scalars(query.order_by(Referral.id)))


def leave_unverified(unit: UnitOfWork, hand: Hand, case_id: UUID) -> None:
    """Nobody asks the household any more whether the helps came."""
    for referral in helps(unit, case_id):
        partner_work.confirm(unit, hand, referral.id, verified=False)


def _tell_helps(unit: UnitOfWork, hand: Hand, case: Case, form: FollowUpForm) -> None:
    asked = {referral.id for referral in helps(unit, case.id)}
    for referral_id, said in form.helps.items():
        if referral_id not in asked:
            raise InvalidInput("helps", "Cette aide n’est pas à vérifier.")
        if said is Loop.DISPUTED:
            partner_work.dispute(unit, hand, referral_id, NoteForm(text=DISPUTED))
        else:
            partner_work.confirm(unit, hand, referral_id, verified=said is Loop.CONFIRMED)


def open_task(unit: UnitOfWork, case_id: UUID, kind: str) -> Task | None:
    """The open task of a kind, if there is one."""
    return next(iter(open_tasks.of_case(unit, case_id, kind)), None)


def _fact(unit: UnitOfWork, case: Case, task: Task, call: Call, form: FollowUpForm) -> e.Fact:
    spoke = form.result in SPOKE
    if task.kind == CALL_BACK:
        fact = e.HouseholdCalledBack if spoke else e.CallBackMissed
        return fact(call_id=call.id, result=form.result)
    tries = unit.session.scalar(select(func.count()).where(Call.case_id == case.id, Call.purpose == call.purpose))
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
