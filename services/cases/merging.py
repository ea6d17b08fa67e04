"""Doubles: a case is merged into the one that goes on, its alerts follow it there; and the merge can be undone."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models import events as e
from models.cases import LOAN_IS_OUT, Alert, Case, Loan
from models.engine import Event
from models.lifecycles import CaseAction
from models.vocabulary import (
    CaseState,
    ClosureOutcome,
    Danger,
    PermissionKind,
    TaskState,
    Urgency,
    VisitState,
    WithdrawReason,
)
from services import search
from services.cases import agreements, households, supply_cuts, visits
from services.cases.endings import let_go
from services.cases.notes import write_note
from services.forms import Merge
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.ranking import DANGER
from services.rules.texts.labels import inside, label

HEALTH: Final = "health"
"""Among the facts of a merge: the agreement that lets what is said of health be kept came with it."""


def merge(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Merge) -> Case:
    """End a double; each alert giver goes on following his own request, now on the case that continues."""
    case = case_for(unit, hand.actor, case_id, Right.MERGE)
    kept = _kept(unit, hand, case, form.into_number)
    danger = visits.danger_told(unit, case)
    let_go(unit, hand, case, WithdrawReason.CASE_ENDED, visit=VisitState.CANCELLED_BY_SERVICE)
    fact = _hand_household_on(unit, hand, case, kept)
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.MERGE)
    case.merged_into_id, case.outcome = kept.id, ClosureOutcome.DUPLICATE.value
    _move_alerts(unit, case, kept)
    casework.record(unit, kept, _hand_on(unit, hand, case, kept, danger), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return kept


def _kept(unit: UnitOfWork, hand: Hand, case: Case, number: str) -> Case:
    found = search.another(unit, hand.actor, case.id, number, field="into_number")
    kept = case_for(unit, hand.actor, found, Right.MERGE)
    if kept.is_closed:
        raise InvalidInput("into_number", "Cette situation est terminée : rouvrez-la, ou choisissez l’autre sens.")
    return kept


def _hand_on(unit: UnitOfWork, hand: Hand, case: Case, kept: Case, danger: Danger | None) -> e.CaseAbsorbed:
    """What presses goes on with the case: the urgency, a danger that nobody has taken in hand, a cut ahead."""
    urgency, was_in_danger = Urgency(kept.urgency), visits.danger_told(unit, kept) is not None
    kept.urgency = _worst(urgency, Urgency(case.urgency)).value
    if danger is not None:
        dangers, case.danger = visits.dangers_told(unit, case) or [danger], None
        for each in dangers:
            visits.tell_danger(unit, hand, kept, each)
    cuts = [cut.id for cut in supply_cuts.join(unit, hand, case, kept)]
    return e.CaseAbsorbed(merged=case.id, danger=danger, was_in_danger=was_in_danger, cut_ids=cuts, urgency=urgency)


def _worst(*urgencies: Urgency) -> Urgency:
    return max(urgencies, key=list(Urgency).index)


def _hand_household_on(unit: UnitOfWork, hand: Hand, case: Case, kept: Case) -> e.CaseMerged:
    """Give what the double knew of the household; where no number was left, the first of its own is one to call."""
    was_lost = not kept.household.own_phones
    added = households.join_numbers(unit, case.household, kept.household)
    if added and was_lost:
        casework.record(unit, kept, e.HouseholdCorrected(phone_id=added[0].id), hand=hand)
    facts = households.join_facts(case.household, kept.household)
    health = [bool(agreements.standing(unit, each, PermissionKind.HEALTH)) for each in (case, kept)]
    if health == [True, False] and {"breathing", "vulnerabilities"} & set(facts):
        agreements.note(unit, hand, kept, PermissionKind.HEALTH)
        facts.append(HEALTH)
    return e.CaseMerged(into=kept.id, phone_ids=[phone.id for phone in added], facts=facts)


def _part_households(unit: UnitOfWork, case: Case, kept: Case) -> bool:
    """Undo that; returns whether the case that went on has now lost every number that answered."""
    merged = select(Event.payload).where(Event.case_id == case.id, Event.type == e.CaseMerged.type)
    payload = unit.session.scalars(merged.order_by(Event.seq.desc()).limit(1)).one()
    fact = e.CaseMerged.model_validate(payload)
    if HEALTH in fact.facts:
        for permission in agreements.standing(unit, kept, PermissionKind.HEALTH):
            permission.revoked_at = unit.now
    households.part(unit, case.household, kept.household, phones=fact.phone_ids, facts=fact.facts)
    return bool(fact.phone_ids) and not kept.household.own_phones


def _move_alerts(unit: UnitOfWork, case: Case, kept: Case) -> None:
    for alert in unit.session.scalars(select(Alert).where(Alert.case_id == case.id)).all():
        alert.received_on_id = alert.received_on_id or case.id
        alert.case_id = kept.id
    _read_alerts_again(unit, case, kept)


def _bring_alerts_back(unit: UnitOfWork, case: Case, kept: Case) -> None:
    for alert in unit.session.scalars(select(Alert).where(Alert.case_id == kept.id)).all():
        if _came_with(unit, case, alert):
            alert.case_id = case.id
            alert.received_on_id = None if alert.received_on_id == case.id else alert.received_on_id


def _came_with(unit: UnitOfWork, case: Case, alert: Alert) -> bool:
    """Whether a case had an alert before its merge: its own, or that of a double of its own."""
    place = alert.received_on_id
    while place is not None and place != case.id:
        place = unit.session.get_one(Case, place).merged_into_id
    return place is not None


def _read_alerts_again(unit: UnitOfWork, *cases: Case) -> None:
    unit.session.flush()
    for case in cases:
        unit.session.expire(case, ["alerts"])


def undo(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """Two households after all: the case lives again from its triage, with its alerts and what it alone told.

    What somebody saw to on the other case stays there, and a note says so.
    """
    case = case_for(unit, hand.actor, case_id, Right.MERGE)
    if case.state != CaseState.MERGED or case.merged_into_id is None:
        raise GuardRefused("Cette situation n’est pas réunie à une autre.")
    kept = case_for(unit, hand.actor, case.merged_into_id, Right.MERGE)
    if kept.state == CaseState.MERGED:
        raise GuardRefused(f"{kept.number} est elle-même réunie à une autre : défaites d’abord cette réunion-là.")
    _bring_alerts_back(unit, case, kept)
    case.merged_into_id = None
    number_lost = _part_households(unit, case, kept)
    if not _has_lent(unit, case):  # whoever lent a device asks for it until triage gives the case away anew
        case.operator_id = None
    _read_alerts_again(unit, case, kept)
    event = casework.record(unit, case, e.CaseUnmerged(out_of=kept.id), hand=hand, action=CaseAction.UNMERGE)
    danger, stay = _hand_back(unit, hand, case, kept)
    fact = e.CaseReleased(merged=case.id, danger=danger, number_lost=number_lost)
    casework.record(unit, kept, fact, hand=hand)
    if stay:
        told = f"Reste suivi dans {kept.number}, où l’on s’en est occupé : {', '.join(stay)}."
        write_note(unit, case, hand, told, event=event)
    return case


def _hand_back(unit: UnitOfWork, hand: Hand, case: Case, kept: Case) -> tuple[Danger | None, list[str]]:
    """The danger that the other case is rid of, and the words for what stays with it."""
    events = unit.session.scalars(select(Event).where(Event.case_id == kept.id).order_by(Event.seq)).all()
    place = max(n for n, event in enumerate(events) if _absorbs(event, case))
    fact, since = e.CaseAbsorbed.model_validate(events[place].payload), events[place + 1 :]
    stay = [
        f"coupure annoncée ({inside(label('energy', each))})"
        for each in supply_cuts.part(unit, case, kept, fact.cut_ids, since)
    ]
    happened, back = {each.type for each in since}, None
    if fact.danger is not None and e.DangerAcknowledged.type in happened:
        stay.append("danger signalé")
    elif fact.danger is not None:
        visits.tell_danger(unit, hand, case, fact.danger)
        if not fact.was_in_danger and e.DangerReported.type not in happened:
            kept.danger, back = None, fact.danger
            casework.close(unit, open_tasks.of_case(unit, kept.id, DANGER), TaskState.SUPERSEDED)
    if not stay:
        _hand_urgency_back(unit, kept, events)
    return back, stay


def _hand_urgency_back(unit: UnitOfWork, kept: Case, events: Sequence[Event]) -> None:
    """What was urgent before any merge, what is in the cases that are still merged, a cut that is followed."""
    first = next(event for event in events if event.type == e.CaseAbsorbed.type)
    own = e.CaseAbsorbed.model_validate(first.payload).urgency
    if own is None:  # of before merges said it
        return
    others = unit.session.scalars(select(Case.urgency).where(Case.merged_into_id == kept.id)).all()
    ahead = Urgency.CUT_ANNOUNCED if supply_cuts.followed(unit, kept.id) else Urgency.NONE
    kept.urgency = _worst(own, ahead, *map(Urgency, others)).value


def _absorbs(event: Event, case: Case) -> bool:
    return event.type == e.CaseAbsorbed.type and event.payload["merged"] == str(case.id)


def _has_lent(unit: UnitOfWork, case: Case) -> bool:
    return unit.session.scalar(select(Loan.id).where(Loan.case_id == case.id, LOAN_IS_OUT).limit(1)) is not None
