"""Calls to the household: attempts, the right number, giving up only after enough tries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from models import events as e
from models.cases import Call, Case, Phone
from models.engine import Event
from models.lifecycles import CASE_MOVES, UNDER_THE_TEAM, CaseAction
from models.refusals import TransitionRefused
from models.vocabulary import CallResult, CaseState, ClosureOutcome, Party, Stage, VisitState
from services.cases import visits
from services.cases.notes import write_note
from services.forms import CallForm, NumberForm
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.attempts import attempts_lacking
from services.rules.casework import Hand
from services.rules.links import task_for_link
from services.rules.policy import Actor, Right, case_for, locked_case
from services.rules.published import pathway_of, today_of
from services.rules.rendering import about_programme
from services.rules.texts.catalogue import SCREEN, render
from services.rules.view import CONTACT, attempts_since_contact

SPOKEN: Final = frozenset({CallResult.REACHED, CallResult.REFUSED, CallResult.CALL_BACK})
"""Somebody of the household answered."""
CALL_BACK: Final = "call_back"
AWAIT: Final = "await_household"
_AWAITED: Final = (AWAIT, "correct_number", "find_number")
"""What is asked while nobody is reached: an answer, or a number that rings at the household's."""
FARTHEST: Final = timedelta(days=92)


def record_call(unit: UnitOfWork, hand: Hand, case_id: UUID, form: CallForm) -> Case:
    """Log one call. A wrong number is blocked for every channel in the same transaction.

    Where no call is expected (once a visit is planned, and before the triage) it may only tell of a wrong number or a
    refusal.
    """
    case = case_for(unit, hand.actor, case_id, Right.CALL)
    _check_day(unit, case, form)
    phone = number_called(case, form.phone_id)
    call = log_call(unit, hand, case, Dialled(phone, CONTACT), result=form.result)
    event = _agree(unit, hand, case, call, form.call_back_on) or _tell(unit, hand, case, call, phone)
    write_note(unit, case, hand, form.note, event=event)
    if form.result in SPOKEN and open_tasks.of_case(unit, case.id, CALL_BACK):  # whoever asked to be called has been
        casework.record(unit, case, e.HouseholdCalledBack(call_id=call.id, result=form.result), hand=hand)
    return case


def _check_day(unit: UnitOfWork, case: Case, form: CallForm) -> None:
    if form.result is not CallResult.CALL_BACK:
        if form.call_back_on is not None:
            raise InvalidInput("call_back_on", "Ce jour n’a de sens que si le ménage demande à être rappelé.")
        return
    today = today_of(unit, case.programme_id)
    if form.call_back_on is None or not today < form.call_back_on <= today + FARTHEST:
        raise InvalidInput("call_back_on", "Quel jour le ménage demande-t-il à être rappelé, dans les trois mois ?")


def _agree(unit: UnitOfWork, hand: Hand, case: Case, call: Call, day: date | None) -> Event | None:
    """The household was there, at a bad moment: it is called again on the day that it says."""
    if day is None:
        return None
    fact = e.CallBackAgreed(call_id=call.id, until=day)
    return casework.record(unit, case, fact, hand=hand, action=CaseAction.ATTEMPT)


class Dialled(NamedTuple):
    """Which number was called, if one is known, and what for."""

    phone: Phone | None
    purpose: str


def log_call(unit: UnitOfWork, hand: Hand, case: Case, dialled: Dialled, *, result: CallResult) -> Call:
    """Store a call and what it says of the number."""
    phone, purpose = dialled
    at = hand.occurred_at or unit.now
    call = Call(
        case_id=case.id,
        phone_id=phone.id if phone else None,
        at=at,
        result=result.value,
        purpose=purpose,
        by_person_id=hand.actor.person_id,
    )
    if phone is not None and result in SPOKEN:
        phone.reached_at = phone.reached_at or at
    if phone is not None and result is CallResult.WRONG_NUMBER:
        phone.blocked_at = at
    unit.session.add(call)
    unit.session.flush()
    return call


def _tell(unit: UnitOfWork, hand: Hand, case: Case, call: Call, phone: Phone | None) -> Event:
    match CallResult(call.result):
        case CallResult.REACHED:
            fact: e.Fact = e.HouseholdReached(call_id=call.id)
            return casework.record(unit, case, fact, hand=hand, action=CaseAction.REACH)
        case CallResult.REFUSED:
            return tell_refusal(unit, hand, case, call)
        case CallResult.WRONG_NUMBER:
            return tell_wrong_number(unit, hand, case, call, phone)
        case result:
            attempt = len(attempts_since_contact(unit, case.id))
            fact = e.CallAttempted(call_id=call.id, result=result, attempt=attempt)
            return casework.record(unit, case, fact, hand=hand, action=CaseAction.ATTEMPT)


def tell_refusal(unit: UnitOfWork, hand: Hand, case: Case, call: Call) -> Event:
    """The household says no: the case ends; once it was visited, somebody ends it, with its outcome."""
    if case.stage == Stage.DETECTION or case.is_closed:
        raise TransitionRefused("case", case.state, CaseAction.REFUSE)
    visits.call_off(unit, hand, case, VisitState.CANCELLED_BY_HOUSEHOLD)
    if visits.was_held(unit, case):
        return casework.record(unit, case, e.HouseholdStops(call_id=call.id), hand=hand)
    casework.check_no_partner_asked(unit, case)
    return refuse(unit, hand, case, e.HouseholdRefused(call_id=call.id))


def refuse(unit: UnitOfWork, hand: Hand, case: Case, fact: e.HouseholdRefused) -> Event:
    """The household wants no visit and had none: its case ends."""
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.REFUSE)
    case.outcome = ClosureOutcome.REFUSED_VISIT.value
    return event


def tell_wrong_number(unit: UnitOfWork, hand: Hand, case: Case, call: Call, phone: Phone | None) -> Event:
    """A stranger answered: while the household is sought, another number is called; later what is under way goes on."""
    if phone is None:
        raise InvalidInput("phone_id", "Quel numéro est faux ? Il n’en reste aucun de connu.")
    told = {"call_id": call.id, "phone_id": phone.id}
    left = len(case.household.own_phones)
    if is_sought(case):
        fact = e.NumberBlocked(**told, numbers_left=left)
        return casework.record(unit, case, fact, hand=hand, action=CaseAction.ATTEMPT)
    if CaseState(case.state) not in UNDER_THE_TEAM:
        raise TransitionRefused("case", case.state, CaseAction.ATTEMPT)
    return casework.record(unit, case, e.NumberFoundWrong(**told, numbers_left=left), hand=hand)


def is_sought(case: Case) -> bool:
    """Whether the household is called to agree on a visit."""
    return (CaseState(case.state), CaseAction.ATTEMPT) in CASE_MOVES


def expected(case: Case) -> tuple[CallResult, ...]:
    """What a call may give where the case is now."""
    if is_sought(case):
        return tuple(CallResult)
    if CaseState(case.state) not in UNDER_THE_TEAM:
        return ()
    refusal = () if case.stage == Stage.DETECTION else (CallResult.REFUSED,)
    return (CallResult.WRONG_NUMBER, *refusal)


def number_called(case: Case, phone_id: UUID | None) -> Phone | None:
    """The number that was dialled; by default the first that still rings at the household's."""
    if phone_id is None:
        return next(iter(case.household.own_phones), None)
    found = next((phone for phone in case.household.phones if phone.id == phone_id), None)
    if found is None:
        raise InvalidInput("phone_id", "Ce numéro n’est pas celui de ce ménage.")
    if found.blocked_at is not None:
        raise InvalidInput("phone_id", "Ce numéro est bloqué : quelqu’un d’autre y a répondu.")
    return found


def correct_number(unit: UnitOfWork, hand: Hand, case_id: UUID | None, form: NumberForm) -> Case:
    """Give the right number: staff on the case, or the alert giver through the link of his task (`case_id` None)."""
    if case_id is None:
        task = task_for_link(unit, hand.actor, "correct_number")
        case = locked_case(unit, task.case_id)
    else:
        case = case_for(unit, hand.actor, case_id, Right.CORRECT)
    if any(phone.number == form.phone for phone in case.household.phones):
        raise InvalidInput("phone", "Ce numéro est déjà connu : il a été essayé, ou quelqu’un d’autre y répond.")
    rank = min((phone.rank for phone in case.household.phones), default=1) - 1  # the newest is used first
    phone = Phone(household_id=case.household_id, number=form.phone, rank=rank)
    unit.session.add(phone)
    unit.session.flush()
    unit.session.refresh(case.household, ["phones"])
    casework.record(unit, case, e.HouseholdCorrected(phone_id=phone.id), hand=hand)
    return case


def give_up(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """Close as unreachable. Refused before enough attempts, on enough days, at enough times of the day; and while the
    household, and whoever gave the alert, have time left to answer what was written to them.
    """
    case = case_for(unit, hand.actor, case_id, Right.GIVE_UP)
    check_enough_tried(unit, case)
    fact = e.CaseUnreachable(attempts=len(attempts_since_contact(unit, case.id)))
    casework.record(unit, case, fact, hand=hand, action=CaseAction.GIVE_UP)
    case.outcome = ClosureOutcome.UNREACHABLE.value
    return case


def check_enough_tried(unit: UnitOfWork, case: Case) -> None:
    """Raise what is missing before a household is given up: also asked before the page offers it."""
    if case.stage == Stage.DETECTION:
        raise GuardRefused("Cette situation n’est pas encore acceptée : s’il n’y a rien à faire, refusez-la.")
    if not is_sought(case):  # more calls would change nothing
        raise TransitionRefused("case", case.state, CaseAction.GIVE_UP)
    casework.check_no_partner_asked(unit, case)
    if case.household.own_phones:
        _check_calls(unit, case, attempts_since_contact(unit, case.id))
    _check_time_left(unit, case)


def may_give_up(unit: UnitOfWork, case: Case) -> bool:
    """Whether enough was tried: what a page asks that offers it."""
    try:
        check_enough_tried(unit, case)
    except CaseworkError:
        return False
    return True


def _check_calls(unit: UnitOfWork, case: Case, attempts: Sequence[datetime]) -> None:
    lacking = attempts_lacking(attempts, pathway_of(unit, case.pathway_hash), case.programme.zone)
    if lacking:
        more = "" if lacking[0][0].isdigit() else "des appels "
        raise GuardRefused(f"Avant de renoncer, il faut {more}{', '.join(lacking)}.")


def _check_time_left(unit: UnitOfWork, case: Case) -> None:
    """Source: domain 2.9 — after the calls the SMS, the letter, the alert giver's help; closed after thirty days."""
    if AWAIT not in pathway_of(unit, case.pathway_hash).tasks:
        return
    until = max((task.due_at for task in open_tasks.of_case(unit, case.id, *_AWAITED)), default=None)
    if until is None:
        raise GuardRefused("Avant de renoncer, il faut encore appeler, puis laisser au ménage le temps de répondre.")
    if until > unit.now:
        day = wording.day(until.astimezone(case.programme.zone).date())
        raise GuardRefused(f"Avant de renoncer, laissez le temps de répondre à ce qui a été écrit : jusqu’au {day}.")


def voicemail(unit: UnitOfWork, actor: Actor, case: Case) -> str:
    """What whoever calls may leave on a voicemail: nothing of why we call."""
    programme = case.programme
    words = replace(
        about_programme(unit, programme, signer=actor.name),
        reference=case.number,
        commune=case.dwelling.commune.name,
        signer_phone=(case.operator.phone if case.operator else None) or programme.phone,
    )
    return render("voicemail", Party.OPERATOR, SCREEN, words).body
