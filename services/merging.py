"""Doubles: a case is merged into the one that goes on, its alerts follow it there; and the merge can be undone."""

from uuid import UUID

from sqlalchemy import select, update

from models import events as e
from models.cases import LOAN_IS_OUT, Alert, Case, Loan
from models.lifecycles import CaseAction
from models.vocabulary import CaseState, ClosureOutcome, Danger, Urgency, VisitState, WithdrawReason
from services import search, supply_cuts, visits
from services.endings import let_go
from services.forms import Merge
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.notes import write_note
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def merge(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Merge) -> Case:
    """End a double; each alert giver goes on following his own request, now on the case that continues."""
    case = case_for(unit, hand.actor, case_id, Right.MERGE)
    kept = _kept(unit, hand, case, form.into_number)
    danger = visits.danger_told(unit, case)
    let_go(unit, hand, case, WithdrawReason.CASE_ENDED, visit=VisitState.CANCELLED_BY_SERVICE)
    event = casework.record(unit, case, e.CaseMerged(into=kept.id), hand=hand, action=CaseAction.MERGE)
    case.merged_into_id, case.outcome = kept.id, ClosureOutcome.DUPLICATE.value
    _move_alerts(unit, case, kept)
    casework.record(unit, kept, e.CaseAbsorbed(merged=case.id), hand=hand)
    _hand_on(unit, hand, case, kept, danger)
    write_note(unit, case, hand, form.note, event=event)
    return kept


def _kept(unit: UnitOfWork, hand: Hand, case: Case, number: str) -> Case:
    found = search.another(unit, hand.actor, case.id, number, field="into_number")
    kept = case_for(unit, hand.actor, found, Right.MERGE)
    if kept.is_closed:
        raise InvalidInput("into_number", "Cette situation est terminée : rouvrez-la, ou choisissez l’autre sens.")
    return kept


def _hand_on(unit: UnitOfWork, hand: Hand, case: Case, kept: Case, danger: Danger | None) -> None:
    """What presses goes on with the case: the urgency, a danger that nobody has taken in hand, a cut ahead."""
    kept.urgency = max(Urgency(kept.urgency), Urgency(case.urgency), key=list(Urgency).index).value
    if danger is not None:
        case.danger = None
        visits.tell_danger(unit, hand, kept, danger)
    supply_cuts.join(unit, hand, case, kept)


def _move_alerts(unit: UnitOfWork, case: Case, kept: Case) -> None:
    for alert in unit.session.scalars(select(Alert).where(Alert.case_id == case.id)).all():
        alert.received_on_id = alert.received_on_id or case.id
        alert.case_id = kept.id
    unit.session.flush()
    unit.session.expire(case, ["alerts"])
    unit.session.expire(kept, ["alerts"])


def undo(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """Two households after all: the case lives again from its triage, with the alerts that came for it."""
    case = case_for(unit, hand.actor, case_id, Right.MERGE)
    if case.state != CaseState.MERGED or case.merged_into_id is None:
        raise GuardRefused("Cette situation n’est pas réunie à une autre.")
    kept = case_for(unit, hand.actor, case.merged_into_id, Right.MERGE)
    unit.session.execute(
        update(Alert)
        .where(Alert.case_id == kept.id, Alert.received_on_id == case.id)
        .values(case_id=case.id, received_on_id=None)
        .execution_options(synchronize_session="fetch")
    )
    case.merged_into_id = None
    if not _has_lent(unit, case):  # whoever lent a device asks for it until triage gives the case away anew
        case.operator_id = None
    unit.session.flush()
    unit.session.expire(case, ["alerts"])
    unit.session.expire(kept, ["alerts"])
    casework.record(unit, case, e.CaseUnmerged(out_of=kept.id), hand=hand, action=CaseAction.UNMERGE)
    casework.record(unit, kept, e.CaseReleased(merged=case.id), hand=hand)
    return case


def _has_lent(unit: UnitOfWork, case: Case) -> bool:
    return unit.session.scalar(select(Loan.id).where(Loan.case_id == case.id, LOAN_IS_OUT).limit(1)) is not None
