"""The end of a case, with its outcome; and its reopening."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.cases import LOAN_IS_OUT, Case, Loan, Visit
from models.engine import Event, Task
from models.events import CaseAccepted, CaseClosed, CaseReopened, CaseTransferred, ReportDelivered, VisitHeld
from models.lifecycles import CaseAction, next_case_state
from models.vocabulary import (
    CaseState,
    ClosureOutcome,
    Known,
    PermissionKind,
    TaskState,
    VisitState,
)
from services.cases import agreements, calls, follow_up, scorecards, supply_cuts, visits
from services.cases.notes import write_note
from services.forms import CaseReopening, ClosureForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.ranking import HAND_OVER
from services.rules.texts.labels import inside, label

_EARLY = frozenset(
    {
        CaseState.TO_CONTACT, CaseState.CONTACTING, CaseState.QUALIFIED, CaseState.VISIT_PLANNED, CaseState.VISITED,
        CaseState.DIAGNOSED, CaseState.SUSPENDED,
    }
)  # fmt: skip
_EARLY_OUTCOMES = frozenset(
    {
        ClosureOutcome.MOVED, ClosureOutcome.DECEASED, ClosureOutcome.OUT_OF_SCOPE, ClosureOutcome.HANDLED_ELSEWHERE,
        ClosureOutcome.STOPPED_ANSWERING, ClosureOutcome.AUTONOMOUS, ClosureOutcome.REHOUSED, ClosureOutcome.SOLD,
        ClosureOutcome.DUPLICATE, ClosureOutcome.LANDLORD_COMPLIED, ClosureOutcome.REFUSED_VISIT,
    }
)  # fmt: skip
HELPED: Final = frozenset(
    {
        ClosureOutcome.SOLVED, ClosureOutcome.PARTLY_SOLVED, ClosureOutcome.AUTONOMOUS,
        ClosureOutcome.LANDLORD_COMPLIED,
    }
)  # fmt: skip
"""Outcomes that say of a household, in its dwelling, that it was helped."""

_STOPPED = ClosureOutcome.STOPPED_BY_HOUSEHOLD
_STOOD = {
    CaseAccepted.type: CaseAction.REOPEN_TO_CONTACT,
    VisitHeld.type: CaseAction.REOPEN_TO_REPORT,
    ReportDelivered.type: CaseAction.REOPEN,
}


def close_case(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ClosureForm) -> Case:
    """Close with an outcome. Refused while a partner still has the ball."""
    case = case_for(unit, hand.actor, case_id, Right.CLOSE)
    check_closable(unit, case)
    if form.outcome is _STOPPED:
        raise GuardRefused("Un ménage qui demande d’arrêter : notez-le comme tel, ses accords sont alors retirés.")
    if form.outcome not in outcomes(case):
        raise GuardRefused("Avant le rapport de visite, une situation ne se termine que si rien n’est plus à y faire.")
    if form.outcome is ClosureOutcome.STOPPED_ANSWERING and calls.is_sought(case) and not _was_absent(unit, case):
        raise GuardRefused("Un ménage que personne ne joint : renoncez, une fois passé le temps de répondre.")
    _check_supplied(unit, case, form.outcome)
    visits.call_off(unit, hand, case, VisitState.CANCELLED_BY_SERVICE)
    follow_up.leave_unverified(unit, hand, case.id)
    known = {answer: [each for each, said in form.criteria.items() if said is answer] for answer in Known}
    fact = CaseClosed(outcome=form.outcome, met=known[Known.YES], missed=known[Known.NO])
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.CLOSE)
    case.outcome = form.outcome.value
    scorecards.keep(unit, case, form.criteria)
    write_note(unit, case, hand, form.note, event=event)
    return case


def check_closable(unit: UnitOfWork, case: Case) -> None:
    """Raise `GuardRefused` for what keeps a case from closing whatever its outcome: asked for before the form is."""
    casework.check_no_partner_asked(unit, case)
    lent = select(Loan).where(Loan.case_id == case.id, LOAN_IS_OUT).order_by(Loan.lent_on, Loan.id)
    if out := unit.session.scalars(lent).first():
        raise GuardRefused(f"Un appareil prêté n’est pas rendu ({out.item}) : notez d’abord son retour, ou sa perte.")


def _check_supplied(unit: UnitOfWork, case: Case, outcome: ClosureOutcome) -> None:
    """Nobody is called helped while the energy is cut: raise `InvalidInput` beside the outcome that says so.

    A cut that only threatens may be as good as averted; one that lasts is known to be there.
    """
    if outcome not in HELPED:
        return
    lasting = [cut for cut in supply_cuts.followed(unit, case.id) if cut.outcome is not None]
    if lasting:
        cut_off = " et ".join(inside(label("energy", cut.energy)) for cut in lasting)
        said = f"Une coupure dure encore ({cut_off}) : notez que l’énergie est rétablie, ou choisissez une autre issue."
        raise InvalidInput("outcome", said)


def _was_absent(unit: UnitOfWork, case: Case) -> bool:
    """Nobody was there at a visit that was agreed: more calls are the coordination's to decide."""
    missed = select(Visit.id).where(Visit.case_id == case.id, Visit.state == VisitState.HOUSEHOLD_ABSENT).limit(1)
    return unit.session.scalar(missed) is not None


def outcomes(case: Case) -> list[ClosureOutcome]:
    """The outcomes with which a case may close where it is now; a household that asks to stop withdraws."""
    early = CaseState(case.state) in _EARLY
    return [each for each in ClosureOutcome if each in _EARLY_OUTCOMES or not (early or each is _STOPPED)]


def reopen_case(unit: UnitOfWork, hand: Hand, case_id: UUID, form: CaseReopening | None = None) -> Case:
    """The same case goes on, its history kept. What triage looks at again is followed from its acceptance on.

    A household that had asked to stop agrees to be called again: nobody reopens its case without. One that another
    Slime follows stays there.
    """
    case = case_for(unit, hand.actor, case_id, Right.REOPEN)
    if case.erased_at is not None:
        raise GuardRefused("Plus rien ne dit qui était ce ménage : il faut une nouvelle demande.")
    if case.state == CaseState.TRANSFERRED:
        _check_given_back(unit, case, form or CaseReopening())
        _take_back(unit, case)
    stood, action = CaseState(case.state), _reopening(unit, case)
    state = next_case_state(stood, action)
    casework.record(unit, case, CaseReopened(state=state.value), hand=hand, action=action)
    if state is not CaseState.TRIAGE:
        supply_cuts.follow_again(unit, hand, case)
    if stood is CaseState.WITHDRAWN:
        agreements.note(unit, hand, case, PermissionKind.CONTACT)
    return case


def is_elsewhere(unit: UnitOfWork, case: Case) -> bool:
    """Whether another service, whose work is not seen here, has the sheet of this household."""
    return case.state == CaseState.TRANSFERRED and _received(unit, case) is None and not _to_hand_over(unit, case)


def _check_given_back(unit: UnitOfWork, case: Case, form: CaseReopening) -> None:
    """Source: domain 1.5 — one organisation is responsible at any time: two Slimes do not follow one household."""
    received = _received(unit, case)
    if received is not None and not received.is_closed:
        raise GuardRefused(f"{case.transferred_to} suit ce ménage : il ne revient ici que s’il y met fin.")
    if is_elsewhere(unit, case) and not form.given_back:
        raise InvalidInput("given_back", f"{case.transferred_to} a la fiche de ce ménage : ne le suit-il pas ?")


def _received(unit: UnitOfWork, case: Case) -> Case | None:
    """The case that the household has with another programme of this Relais."""
    sent = select(Event.payload).where(Event.case_id == case.id, Event.type == CaseTransferred.type)
    payload = unit.session.scalars(sent.order_by(Event.seq.desc()).limit(1)).one()
    return unit.session.get(Case, UUID(payload["received_as"])) if payload.get("received_as") else None


def _to_hand_over(unit: UnitOfWork, case: Case) -> Sequence[Task]:
    return open_tasks.of_case(unit, case.id, HAND_OVER)


def _take_back(unit: UnitOfWork, case: Case) -> None:
    """The other Slime does not take the household: nothing is to be handed over any more."""
    case.transferred_to = case.transferred_phone = None
    casework.close(unit, _to_hand_over(unit, case), TaskState.SUPERSEDED)


def _reopening(unit: UnitOfWork, case: Case) -> CaseAction:
    """A closed case goes on where it stood: its visit to agree on, its report to give, or its follow-up."""
    if case.state != CaseState.CLOSED:
        return CaseAction.REOPEN
    stood = select(Event.type).where(Event.case_id == case.id, Event.type.in_(_STOOD)).order_by(Event.seq)
    last = CaseAction.REOPEN_TO_CONTACT
    for type_ in unit.session.scalars(stood):
        if type_ == CaseAccepted.type or last is not CaseAction.REOPEN:  # a visit after the report moves nothing
            last = _STOOD[type_]
    return last
