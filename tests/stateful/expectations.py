"""What an office expects of its open tasks, said again without the pathway: a rule lost there is missed here."""

from collections.abc import Iterator
from itertools import chain
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from models.cases import Case, Loan, Permission, Referral, SupplyCut
from models.engine import Message, Obligation, Occurrence, Task, Work
from models.lifecycles import UNDER_WAY
from models.programmes import Organisation
from models.vocabulary import (
    CLOSED_STATES,
    CaseState,
    CutOutcome,
    MessageState,
    Party,
    PermissionKind,
    ReferralKind,
    ReferralState,
    Role,
    TaskState,
    Theme,
)
from services.foundation.database import UnitOfWork
from services.overview import desk
from services.rules import policy
from services.rules.obligations import SKIPPED
from services.rules.policy import Actor

C = CaseState
CONTACT: Final = {C.TO_CONTACT, C.CONTACTING, C.QUALIFIED}
ORIENTED: Final = {C.ORIENTING, C.IN_FOLLOW_UP}
ASKED: Final = {ReferralState.SENT, ReferralState.UNDER_REVIEW}
BELONGS: Final[dict[str, set[CaseState]]] = {
    "triage": {C.TRIAGE},
    "first_call": {C.TO_CONTACT},
    "call_again": {C.TO_CONTACT, C.CONTACTING},
    "await_household": {C.CONTACTING},
    "correct_number": set(C) - CLOSED_STATES,
    "find_number": set(C) - CLOSED_STATES,
    "plan_visit": {C.QUALIFIED, C.VISITED, C.DIAGNOSED},  # a second visit that failed, until the report
    "hold_visit": {C.VISIT_PLANNED, C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP},
    "choose_visitor": {C.VISIT_PLANNED, C.REPORT_DELIVERED, C.ORIENTING, C.IN_FOLLOW_UP},
    "decide_after_absence": {C.QUALIFIED, C.CONTACTING, C.VISITED, C.DIAGNOSED},  # absent at a second visit, too
    "deliver_report": {C.VISITED, C.DIAGNOSED, C.VISIT_PLANNED},  # of the first visit, while a second one is planned
    "orient": {C.REPORT_DELIVERED},
    "answer_referral": ORIENTED,
    "answer_question": ORIENTED,
    "report_outcome": ORIENTED,
    "reorient": ORIENTED,
    "follow_up_call": ORIENTED,
    "close_case": set(C) - CLOSED_STATES - {C.SUBMITTED, C.TRIAGE},  # a household may stop once it was visited
    "mend_address": set(C) - CLOSED_STATES,
    "mend_household_address": set(C) - CLOSED_STATES,
    "check_message": set(C) - CLOSED_STATES,
    "acknowledge_danger": set(C) - {C.MERGED},  # taken in hand, whatever became of its case
    "check_back": ORIENTED,
    "follow_outside": ORIENTED,
    "finish_draft": ORIENTED,
    "review_hold": ORIENTED,
    "hand_case_over": {C.TRANSFERRED},
    "settle_dispute": set(C) - CLOSED_STATES,  # a help of before the case was taken up anew, too
}
"""In which states of its case each task may be open; one that is not named here, in any."""
COUNTED_FROM_ELSEWHERE: Final = {"hold_visit", "await_household", "avert_cut", "call_supplier", "file_aid"}
"""Due at, after or before an instant that may lie before the task: the visit, the first attempt, the day of a cut."""


def disappointed(unit: UnitOfWork, *, drained: bool = False) -> list[str]:
    """Every expectation that does not hold, as a line of codes. With `drained` the engine has done all it had to."""
    found = list(unit.session.scalars(select(Task).where(Task.state == TaskState.OPEN)))
    _kept = [unit.session.scalars(query).all() for query in _LOOKED_AT]  # each is then found in memory
    clocks: dict[UUID, list[Obligation]] = {}
    for clock in unit.session.scalars(select(Obligation)):
        clocks.setdefault(clock.task_id, []).append(clock)
    each = (line for task in found for line in _task(unit, task, *clocks.get(task.id, [])))
    of_parts = (_referrals(unit, found, drained=drained), _loans(unit, found, drained=drained), _cuts(unit, found))
    of_all = (_turns(unit, found), _accesses(unit, found), _late(unit))
    return [*each, *chain.from_iterable((*of_parts, *of_all))]


_LOOKED_AT: Final = (select(Case), select(Organisation), select(Referral).options(joinedload(Referral.need)))


def _task(unit: UnitOfWork, task: Task, clock: Obligation | None = None) -> Iterator[str]:
    case = unit.session.get_one(Case, task.case_id)
    is_for_safety = task.referral is not None and task.referral.need.theme == Theme.EMERGENCY
    belongs = set(C) - CLOSED_STATES if is_for_safety else BELONGS.get(task.kind, set(C))
    if (case.resumes_in or case.state) not in belongs:
        yield f"{case.number}: {task.kind} is still asked in state {case.state}"
    owners = {
        Party.OPERATOR: case.operator_id,
        Party.PARTNER: task.referral.partner_id if task.referral else None,
    }
    if task.party in owners and task.organisation_id != owners[Party(task.party)]:
        yield f"{case.number}: {task.kind} is asked of another {task.party}"
    if task.due_at <= task.opened_at and task.kind not in COUNTED_FROM_ELSEWHERE:
        yield f"{case.number}: {task.kind} is late from the start"
    if task.kind == "deliver_report" and case.state == C.VISIT_PLANNED and task.paused_at is None:
        yield f"{case.number}: {task.kind} is asked, and is refused before the visit that is planned"
    runs = task.paused_at is None and not task.provisional
    stands = clock is None or (clock.next_at is None and not _decided(unit, clock))
    if runs and task.due_at > unit.now and stands:
        yield f"{case.number}: {task.kind} has a date and no clock"


def _decided(unit: UnitOfWork, clock: Obligation) -> bool:
    """Whether somebody had a step of it skipped, or taken before its time."""
    of_clock = Occurrence.obligation_id == clock.id, Occurrence.generation == clock.generation
    before = or_(Occurrence.reason == SKIPPED, Occurrence.at < Occurrence.due_at)
    return unit.session.scalar(select(Occurrence.id).where(*of_clock, before).limit(1)) is not None


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
    past = or_(Case.state.in_(CLOSED_STATES | {C.TRIAGE}), Case.resumes_in == C.TRIAGE)
    let_go = set(unit.session.scalars(select(Case.id).where(past)))
    for cut in unit.session.scalars(select(SupplyCut)):
        lasts = cut.outcome == CutOutcome.HAPPENED and cut.restored_on is None
        for kind, is_awaited in (("avert_cut", cut.outcome is None), ("restore_supply", lasts)):
            is_asked = (kind, cut.id) in asked
            if is_asked != is_awaited and (is_asked or cut.case_id not in let_go):
                yield f"cut {cut.id}: {kind} is asked: {is_asked}"


def _turns(unit: UnitOfWork, tasks: list[Task]) -> Iterator[str]:
    """Of each open case somebody, whom people read by name, owes the next thing by a date: a device that is out, or
    what waits with the case or with a partner, is nobody's turn."""
    in_hands = set(unit.session.scalars(select(Work.case_id)))
    owed: dict[UUID, list[Task]] = {}
    for task in tasks:
        if task.loan_id is None and task.paused_at is None:
            owed.setdefault(task.case_id, []).append(task)
    for case in unit.session.scalars(select(Case).where(Case.state.not_in(CLOSED_STATES))):
        reader = Actor("person", None, case.programme_id, Role.COORDINATOR)
        named = [task for task in owed.get(case.id, []) if desk.waited_for(unit, reader, task)[0]]
        if not named and case.id not in in_hands:
            yield f"{case.number}: open ({case.state}), and nobody is named who owes the next thing"


def _accesses(unit: UnitOfWork, tasks: list[Task]) -> Iterator[str]:
    """A partner has a link while he is asked or at work, and reads who the household is while he is at work; each time
    with its agreement."""
    linked = {task.referral_id for task in tasks if task.party == Party.PARTNER}
    kind = Permission.kind == PermissionKind.SHARE_WITH_PARTNER
    rows = unit.session.execute(
        select(Permission.case_id, Permission.organisation_id).where(kind, Permission.revoked_at.is_(None))
    )
    agreed = {(case_id, partner_id) for case_id, partner_id in rows}
    for referral in unit.session.scalars(select(Referral)):
        state, has_agreed = ReferralState(referral.state), (referral.case_id, referral.partner_id) in agreed
        if referral.id in linked and state not in ASKED | UNDER_WAY:
            yield f"referral {referral.id}: is {state}, and its partner still has a link"
        if state in ASKED | UNDER_WAY and not has_agreed:
            yield f"referral {referral.id}: is {state} without the household's agreement"
        if policy.may_know_household(unit, referral) != (state in UNDER_WAY and has_agreed):
            yield f"referral {referral.id}: is {state}, agreed {has_agreed}: may its partner know the household?"


def _late(unit: UnitOfWork) -> Iterator[str]:
    """No clock fires and no mail leaves for what was done before."""
    fired = select(Occurrence.step, Task.kind, Task.id).join(Obligation, Obligation.id == Occurrence.obligation_id)
    fired = fired.join(Task, Task.id == Obligation.task_id).where(Occurrence.at > Task.closed_at)
    for step, kind, id_ in unit.session.execute(fired):
        yield f"task {kind} {id_}: step {step} of its clock was taken once it was over"
    left = select(Message.text, Task.kind, Task.id).join(Task, Task.id == Message.task_id)
    left = left.where(Message.data_started_at > Task.closed_at, Message.state == MessageState.ACCEPTED)
    for text, kind, id_ in unit.session.execute(left):
        yield f"task {kind} {id_}: {text} left once it was over"
