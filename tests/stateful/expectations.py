"""What an office expects of its open tasks, said again without the pathway: a rule lost there is missed here."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from sqlalchemy import select

from models.cases import Case, Loan, Referral, SupplyCut
from models.engine import Obligation, Task
from models.lifecycles import UNDER_WAY
from models.vocabulary import CLOSED_STATES, CaseState, CutOutcome, Party, ReferralKind, ReferralState, TaskState
from services.foundation.database import UnitOfWork

C = CaseState
CONTACT: Final = {C.TO_CONTACT, C.CONTACTING, C.QUALIFIED}
ORIENTED: Final = {C.ORIENTING, C.IN_FOLLOW_UP}
ASKED: Final = {ReferralState.SENT, ReferralState.UNDER_REVIEW}
BELONGS: Final[dict[str, set[CaseState]]] = {
    "triage": {C.TRIAGE},
    "first_call": {C.TO_CONTACT},
    "call_again": {C.TO_CONTACT, C.CONTACTING},
    "await_household": {C.CONTACTING},
    "correct_number": CONTACT,
    "find_number": CONTACT,
    "plan_visit": {C.QUALIFIED, C.VISITED},
    "hold_visit": {C.VISIT_PLANNED, C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP},
    "decide_after_absence": {C.QUALIFIED, C.CONTACTING},
    "deliver_report": {C.VISITED, C.DIAGNOSED},
    "orient": {C.REPORT_DELIVERED},
    "answer_referral": ORIENTED,
    "answer_question": ORIENTED,
    "report_outcome": ORIENTED,
    "reorient": ORIENTED,
    "follow_up_call": ORIENTED,
    "close_case": ORIENTED,
    "mend_address": set(C) - CLOSED_STATES,
    "mend_household_address": set(C) - CLOSED_STATES,
    "check_message": set(C) - CLOSED_STATES,
    "acknowledge_danger": set(C) - {C.MERGED},  # taken in hand, whatever became of its case
    "check_back": ORIENTED,
    "follow_outside": ORIENTED,
    "finish_draft": ORIENTED,
    "review_hold": ORIENTED,
    "settle_dispute": ORIENTED,
}
"""In which states of its case each task may be open; one that is not named here, in any."""
COUNTED_FROM_ELSEWHERE: Final = {"hold_visit", "await_household", "avert_cut", "call_supplier", "file_aid"}
"""Due at, after or before an instant that may lie before the task: the visit, the first attempt, the day of a cut."""


def disappointed(unit: UnitOfWork, *, drained: bool = False) -> list[str]:
    """Every expectation that does not hold, as a line of codes. With `drained` the engine has done all it had to."""
    found = list(unit.session.scalars(select(Task).where(Task.state == TaskState.OPEN)))
    each = (line for task in found for line in _task(unit, task))
    of_parts = (_referrals(unit, found, drained=drained), _loans(unit, found, drained=drained), _cuts(unit, found))
    return [*each, *chain.from_iterable(of_parts)]


def _task(unit: UnitOfWork, task: Task) -> Iterator[str]:
    case = unit.session.get_one(Case, task.case_id)
    if (case.resumes_in or case.state) not in BELONGS.get(task.kind, set(C)):
        yield f"{case.number}: {task.kind} is still asked in state {case.state}"
    owners = {
        Party.OPERATOR: case.operator_id,
        Party.PARTNER: task.referral.partner_id if task.referral else None,
    }
    if task.party in owners and task.organisation_id != owners[Party(task.party)]:
        yield f"{case.number}: {task.kind} is asked of another {task.party}"
    if task.due_at <= task.opened_at and task.kind not in COUNTED_FROM_ELSEWHERE:
        yield f"{case.number}: {task.kind} is late from the start"
    clock = unit.session.scalars(select(Obligation).where(Obligation.task_id == task.id)).one_or_none()
    runs = task.paused_at is None and not task.provisional
    if runs and task.due_at > unit.now and (clock is None or clock.next_at is None):
        yield f"{case.number}: {task.kind} has a date and no clock"


def _referrals(unit: UnitOfWork, tasks: list[Task], *, drained: bool) -> Iterator[str]:
    asked = {(task.kind, task.referral_id) for task in tasks}
    for referral in unit.session.scalars(select(Referral)):
        state = ReferralState(referral.state)
        outside = referral.kind == ReferralKind.OUTSIDE_PORTAL
        awaited = {"check_back" if outside else "answer_referral": state in ASKED}
        if drained:
            awaited["follow_outside" if outside else "report_outcome"] = state in UNDER_WAY
        for kind, is_awaited in awaited.items():
            if is_awaited != ((kind, referral.id) in asked):
                yield f"referral {referral.id}: is {state}, {kind} asked: {not is_awaited}"


def _loans(unit: UnitOfWork, tasks: list[Task], *, drained: bool) -> Iterator[str]:
    """What is out is asked for, even of a case that ended; nothing else is."""
    asked = {task.loan_id for task in tasks if task.kind == "return_loan"}
    for loan in unit.session.scalars(select(Loan)):
        is_asked = loan.id in asked
        if is_asked != loan.is_out and (is_asked or drained):
            yield f"loan {loan.id}: is out: {loan.is_out}, asked for: {is_asked}"


def _cuts(unit: UnitOfWork, tasks: list[Task]) -> Iterator[str]:
    """What threatens is to be averted, what lasts to be ended, nothing else is; a case that ended let go of both, and
    one that came back to its triage has them again once it is accepted."""
    asked = {(task.kind, task.cut_id) for task in tasks}
    let_go = set(unit.session.scalars(select(Case.id).where(Case.state.in_(CLOSED_STATES | {C.TRIAGE}))))
    for cut in unit.session.scalars(select(SupplyCut)):
        lasts = cut.outcome == CutOutcome.HAPPENED and cut.restored_on is None
        for kind, is_awaited in (("avert_cut", cut.outcome is None), ("restore_supply", lasts)):
            is_asked = (kind, cut.id) in asked
            if is_asked != is_awaited and (is_asked or cut.case_id not in let_go):
                yield f"cut {cut.id}: {kind} is asked: {is_asked}"
