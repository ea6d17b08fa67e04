"""Visits: planned, moved, cancelled, missed, held; and the dangers met there, told at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from models import events as e
from models.cases import Case, Visit
from models.engine import Event
from models.lifecycles import LOSSES, CaseAction, VisitAction, next_visit_state
from models.programmes import Person
from models.vocabulary import AFTER_REPORT, CaseState, Danger, Urgency, VisitState
from services.cases.notes import write_note
from services.forms import DangerForm, HeldVisit, LostVisit, PastVisit, VisitForm
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, obligations, open_tasks, pauses
from services.rules.casework import Hand
from services.rules.policy import Right, case_for, locked_case
from services.rules.presence import forget, officers, reading_calendar, roster
from services.rules.published import calendar_of
from services.rules.ranking import DANGER
from services.rules.view import absences

FARTHEST = timedelta(days=366)
"""A visit later than this is a slip of the keyboard."""
_OF_DANGERS = (e.DangerReported.type, e.DangerAcknowledged.type, e.CaseReleased.type)
_ABSENCES = frozenset({VisitState.HOUSEHOLD_ABSENT, VisitState.VISITOR_ABSENT})


def plan_visit(unit: UnitOfWork, hand: Hand, case_id: UUID, form: VisitForm) -> Visit:
    """Agree on a date; reminders and the invitation follow by themselves."""
    case = case_for(unit, hand.actor, case_id, Right.VISIT)
    _check(unit, case, form)
    if is_planned(unit, case):
        raise GuardRefused("Une visite est déjà prévue : déplacez-la.")
    _check_wanted(unit, case, form)
    _check_there(unit, case, form.starts_at, form.officer_id, form.second_officer_id)
    visit = _add(unit, case, form)
    fact = e.VisitPlanned(visit_id=visit.id, ordinal=visit.ordinal, starts_at=form.starts_at)
    casework.record(unit, case, fact, hand=hand, action=_if_before_report(case, CaseAction.PLAN_VISIT))
    return visit


def note_held_visit(unit: UnitOfWork, hand: Hand, case_id: UUID, form: PastVisit) -> Visit:
    """A visit that nobody had planned here took place: noted at its own date, and nobody is invited to the past.

    The report is due from the visit's day; a danger is told now.
    """
    case = case_for(unit, hand.actor, case_id, Right.VISIT)
    if not unit.now - FARTHEST < form.starts_at <= unit.now:
        raise InvalidInput("starts_at", "Une visite déjà faite a eu lieu avant maintenant, depuis moins d’un an.")
    _check_officer(unit, case, form)
    if is_planned(unit, case):
        raise GuardRefused("Une visite est prévue : dites plutôt ce qu’il en a été.")
    visit, then = _add(unit, case, form), replace(hand, occurred_at=form.starts_at)
    fact = e.VisitPlanned(visit_id=visit.id, ordinal=visit.ordinal, starts_at=form.starts_at, noted_after=True)
    casework.record(unit, case, fact, hand=then, action=_if_before_report(case, CaseAction.PLAN_VISIT))
    _hold(unit, then, case, visit, form)
    if form.danger is not None:
        tell_danger(unit, hand, case, form.danger)
    return visit


def _add(unit: UnitOfWork, case: Case, form: VisitForm) -> Visit:
    ordinal = (unit.session.scalar(select(func.max(Visit.ordinal)).where(Visit.case_id == case.id)) or 0) + 1
    visit = Visit(
        case_id=case.id,
        ordinal=ordinal,
        state=VisitState.PLANNED.value,
        starts_at=form.starts_at,
        ends_at=form.starts_at + timedelta(minutes=form.minutes),
        officer_id=form.officer_id,
        second_officer_id=form.second_officer_id,
        with_whom=form.with_whom,
        sequence=0,
    )
    unit.session.add(visit)
    unit.session.flush()
    return visit


def move_visit(unit: UnitOfWork, hand: Hand, case_id: UUID, form: VisitForm) -> Visit:
    """Change the date, or who comes: the same invitation, its next sequence."""
    case = case_for(unit, hand.actor, case_id, Right.VISIT)
    visit = planned_visit(unit, case)
    _check(unit, case, form)
    if form.starts_at != visit.starts_at:
        _check_wanted(unit, case, form)
    first, second = form.officer_id or visit.officer_id, form.second_officer_id or visit.second_officer_id
    _check_there(unit, case, form.starts_at, first, second)
    stood = visit.starts_at, visit.officer_id, _officers_of(visit)
    visit.state = next_visit_state(VisitState(visit.state), VisitAction.MOVE).value
    visit.starts_at = form.starts_at
    visit.ends_at = form.starts_at + timedelta(minutes=form.minutes)
    visit.officer_id, visit.second_officer_id = first, second
    visit.with_whom = form.with_whom or visit.with_whom
    _tell_moved(unit, hand, case, visit, stood)
    return visit


def relieve_officers(unit: UnitOfWork, hand: Hand, case: Case) -> None:
    """Take the planned visit from officers who can no longer make it: the case has another operator, they have left,
    or they are away that day. The visit keeps its day, they are told, and the operator is asked who comes."""
    visit = unit.session.scalars(_planned(case)).first()
    if visit is None:
        return
    stood = visit.starts_at, visit.officer_id, _officers_of(visit)
    known, day = roster(unit, case.programme_id), _day(case, visit.starts_at)
    staying = {officer.person_id for officer in officers(unit, case) if known.away(officer.person_id, day) is None}
    first, second = (each if each in staying else None for each in (visit.officer_id, visit.second_officer_id))
    if (first, second) == (visit.officer_id, visit.second_officer_id):
        return
    visit.officer_id, visit.second_officer_id = first or second, second if first else None
    _tell_moved(unit, hand, case, visit, stood)


def relieve(unit: UnitOfWork, hand: Hand, programme_id: UUID, person_id: UUID) -> None:
    """Somebody leaves: whoever must replace him at the visits that he was still to make is asked at once."""
    forget(unit, programme_id)
    for visit in to_make(unit, programme_id, person_id):
        relieve_officers(unit, hand, locked_case(unit, visit.case_id))


def to_make(unit: UnitOfWork, programme_id: UUID, person_id: UUID) -> Sequence[Visit]:
    """The visits that somebody is still to make, alone or with a colleague, in the order in which cases are locked."""
    query = (
        select(Visit)
        .join(Case, Case.id == Visit.case_id)
        .where(Case.programme_id == programme_id, Visit.state == VisitState.PLANNED, Visit.starts_at > unit.now)
        .where(or_(Visit.officer_id == person_id, Visit.second_officer_id == person_id))
        .order_by(Visit.case_id)
    )
    return unit.session.scalars(query).all()


def _officers_of(visit: Visit) -> set[UUID]:
    return {id_ for id_ in (visit.officer_id, visit.second_officer_id) if id_ is not None}


def _tell_moved(
    unit: UnitOfWork, hand: Hand, case: Case, visit: Visit, stood: tuple[datetime, UUID | None, set[UUID]]
) -> None:
    """The same invitation, its next sequence; `stood`: when the visit was, by whom, and who else."""
    starts_at, officer_id, officers = stood
    visit.sequence += 1
    unit.session.flush()
    fact = e.VisitMoved(
        visit_id=visit.id,
        ordinal=visit.ordinal,
        starts_at=visit.starts_at,
        same_time=visit.starts_at == starts_at,
        same_officer=visit.officer_id == officer_id,
        relieved=sorted(officers - _officers_of(visit)),
        without_officer=visit.officer_id is None,
    )
    casework.record(unit, case, fact, hand=hand, action=_if_before_report(case, CaseAction.MOVE_VISIT))


def lose_visit(unit: UnitOfWork, hand: Hand, case_id: UUID, form: LostVisit) -> Visit:
    """The visit did not take place: cancelled before, or somebody absent. An absence is not a cancellation."""
    case = case_for(unit, hand.actor, case_id, Right.VISIT)
    visit = planned_visit(unit, case)
    if form.state not in LOSSES:
        raise InvalidInput("state", "Dites si la visite a été annulée ou si quelqu’un était absent.")
    if form.state in _ABSENCES and unit.now < visit.starts_at:
        raise GuardRefused("Une absence se constate au rendez-vous : avant l’heure, annulez la visite.")
    event = _lose(unit, hand, visit, form)
    write_note(unit, case, hand, form.note, event=event)
    return visit


def call_off(unit: UnitOfWork, hand: Hand, case: Case, state: VisitState) -> None:
    """Cancel the visit that is planned, if one is, as the case ends or its household wants none: no other date is
    promised."""
    visit = unit.session.scalars(_planned(case)).first()
    if visit is not None:
        _lose(unit, hand, visit, LostVisit(state=state), for_good=True)


def _lose(unit: UnitOfWork, hand: Hand, visit: Visit, form: LostVisit, *, for_good: bool = False) -> Event:
    """A second visit that is lost leaves the case with its first one held."""
    case, state, reason = unit.session.get_one(Case, visit.case_id), form.state, form.reason
    visit.state = next_visit_state(VisitState(visit.state), LOSSES[state]).value
    visit.loss_reason = reason.value if reason else None
    visit.done_at = unit.now
    visit.sequence += 1
    unit.session.flush()
    fact: e.Fact
    if state in _ABSENCES:
        states = unit.session.scalars(select(Visit.state).where(Visit.case_id == case.id).order_by(Visit.ordinal)).all()
        count = absences(states)
        fact = e.VisitMissed(visit_id=visit.id, ordinal=visit.ordinal, state=state, absences=count, reason=reason)
    else:
        fact = e.VisitCancelled(visit_id=visit.id, ordinal=visit.ordinal, state=state, reason=reason, for_good=for_good)
    lost = CaseAction.LOSE_NEXT_VISIT if was_held(unit, case) else CaseAction.LOSE_VISIT
    return casework.record(unit, case, fact, hand=hand, action=_if_before_report(case, lost))


def _if_before_report(case: Case, action: CaseAction) -> CaseAction | None:
    """Once partners are at work a visit has its own life and moves the case no more."""
    return None if CaseState(case.state) in AFTER_REPORT else action


def hold_visit(unit: UnitOfWork, hand: Hand, case_id: UUID, form: HeldVisit) -> Visit:
    """The visit took place: the report is due. A danger met is told to the coordinator in the same minute."""
    case = case_for(unit, hand.actor, case_id, Right.VISIT)
    visit = planned_visit(unit, case)
    if unit.now < visit.starts_at:
        raise GuardRefused("Cette visite n’a pas encore commencé.")
    _hold(unit, hand, case, visit, form)
    if form.danger is not None:
        tell_danger(unit, hand, case, form.danger)
    return visit


def _hold(unit: UnitOfWork, hand: Hand, case: Case, visit: Visit, form: HeldVisit) -> None:
    visit.state = next_visit_state(VisitState(visit.state), VisitAction.HOLD).value
    visit.done_at = unit.now
    unit.session.flush()
    fact = e.VisitHeld(visit_id=visit.id, ordinal=visit.ordinal)
    event = casework.record(unit, case, fact, hand=hand, action=_if_before_report(case, CaseAction.HOLD_VISIT))
    for task in open_tasks.of_case(unit, case.id, pauses.REPORT):  # of a visit before: it tells of this one too
        obligations.rearm(unit, task, since=max(task.opened_at, hand.occurred_at or unit.now))
    write_note(unit, case, hand, form.note, event=event)


def report_danger(unit: UnitOfWork, hand: Hand, case_id: UUID, form: DangerForm) -> Case:
    """Tell the coordinator of a danger at once; on a case that ended it is told all the same, and stays ended."""
    case = case_for(unit, hand.actor, case_id, Right.DANGER)
    if case.erased_at is not None:
        raise GuardRefused("Plus rien ne dit où était ce ménage : il faut une nouvelle demande.")
    if case.state == CaseState.MERGED:
        raise GuardRefused("Cette situation est réunie à une autre : signalez le danger sur celle qui continue.")
    tell_danger(unit, hand, case, form.danger)
    return case


def acknowledge_danger(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """The coordination, or who is on duty for it, takes the danger in hand: the flag falls, the reminders stop."""
    case = case_for(unit, hand.actor, case_id, Right.TAKE_DANGER)
    danger = danger_told(unit, case)
    if danger is None:
        raise GuardRefused("Aucun danger n’attend d’être pris en charge.")
    case.danger = None
    casework.record(unit, case, e.DangerAcknowledged(danger=danger), hand=hand)
    return case


def danger_told(unit: UnitOfWork, case: Case) -> Danger | None:
    """The danger that nobody has taken in hand; an alert tells of one without saying which."""
    is_new = case.state == CaseState.SUBMITTED and case.urgency == Urgency.DANGER
    if case.danger is None and not is_new and not open_tasks.of_case(unit, case.id, DANGER):
        return None
    return Danger(case.danger or Danger.UNSPECIFIED)


def dangers_told(unit: UnitOfWork, case: Case) -> list[Danger]:
    """All that nobody has taken in hand, as they came; one that nobody named is there only when no other is."""
    query = select(Event.type, Event.payload).where(Event.case_id == case.id, Event.type.in_(_OF_DANGERS))
    told: dict[Danger, None] = {}
    for kind, payload in unit.session.execute(query.order_by(Event.seq)):
        if kind == e.DangerReported.type:
            told[Danger(payload["danger"])] = None
        elif payload.get("danger"):  # taken in hand, or gone back to the case that it came with
            told.clear()
    if len(told) > 1:
        told.pop(Danger.UNSPECIFIED, None)
    return list(told) or ([Danger(case.danger)] if case.danger else [])


def tell_danger(unit: UnitOfWork, hand: Hand, case: Case, danger: Danger) -> None:
    """Flag a case until somebody takes the danger in hand; one that nobody named hides none that somebody did."""
    if case.danger is None or danger is not Danger.UNSPECIFIED:
        case.danger = danger.value
    casework.record(unit, case, e.DangerReported(danger=danger), hand=hand)


def planned_visit(unit: UnitOfWork, case: Case) -> Visit:
    """The visit that is planned. Raises `GuardRefused` when there is none."""
    visit = unit.session.scalars(_planned(case)).first()
    if visit is None:
        raise GuardRefused("Aucune visite n’est prévue.")
    return visit


def to_come(unit: UnitOfWork, case: Case) -> Visit | None:
    """The planned visit whose hour is still ahead."""
    return unit.session.scalars(_planned(case).where(Visit.starts_at > unit.now)).first()


def is_planned(unit: UnitOfWork, case: Case) -> bool:
    """Whether a visit is to come."""
    return unit.session.scalar(_planned(case).limit(1)) is not None


def was_held(unit: UnitOfWork, case: Case) -> bool:
    """Whether somebody was at the household's."""
    held = select(Visit.id).where(Visit.case_id == case.id, Visit.state == VisitState.HELD).limit(1)
    return unit.session.scalar(held) is not None


def _planned(case: Case) -> Select[Visit]:
    return select(Visit).where(Visit.case_id == case.id, Visit.state == VisitState.PLANNED)


def _check(unit: UnitOfWork, case: Case, form: VisitForm) -> None:
    if form.starts_at <= unit.now:
        raise InvalidInput("starts_at", "La visite doit être prévue dans l’avenir.")
    if form.starts_at > unit.now + FARTHEST:
        raise InvalidInput("starts_at", "Cette date est dans plus d’un an : vérifiez l’année.")
    _check_officer(unit, case, form)


def _check_wanted(unit: UnitOfWork, case: Case, form: VisitForm) -> None:
    """Nobody visits on Christmas Day by a slip; on a Saturday that the household asks for, somebody may."""
    day = _day(case, form.starts_at)
    if form.on_closed_day or not is_closed(unit, case, day):
        return
    holiday = calendar_of(unit, case.programme_id).holiday(day)
    said = f"{wording.day(day)} ({holiday})" if holiday else wording.day(day)
    raise InvalidInput("on_closed_day", f"Le {said} est un jour fermé : le ménage veut-il bien ce jour-là ?")


def _check_there(unit: UnitOfWork, case: Case, starts_at: datetime, first: UUID | None, second: UUID | None) -> None:
    """Nobody is promised who is away that day. Source: peers 4.7."""
    known, day = roster(unit, case.programme_id), _day(case, starts_at)
    for field, person_id in (("officer_id", first), ("second_officer_id", second)):
        if person_id is not None and known.away(person_id, day) is not None:
            name = unit.session.get_one(Person, person_id).name
            said = f"Le {wording.day(day)}, {name} n’est pas là : choisissez quelqu’un d’autre, ou un autre jour."
            raise InvalidInput(field, said)


def _day(case: Case, at: datetime) -> date:
    return at.astimezone(case.programme.zone).date()


def is_closed(unit: UnitOfWork, case: Case, day: date) -> bool:
    """Whether the programme or the case's operator does not work that day."""
    return not reading_calendar(unit, case.programme_id, None, case.operator_id).is_open(day)


def _check_officer(unit: UnitOfWork, case: Case, form: VisitForm) -> None:
    known = {officer.person_id for officer in officers(unit, case)}
    for field in ("officer_id", "second_officer_id"):
        if getattr(form, field) not in {None, *known}:
            raise InvalidInput(field, "Cette personne ne travaille pas pour l’opérateur de la situation.")
    if form.second_officer_id is not None and form.second_officer_id == form.officer_id:
        raise InvalidInput("second_officer_id", "Une visite à deux demande deux personnes.")
