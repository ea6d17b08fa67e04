"""Tasks in the hands of people: taken, given back, handed over, put off, done."""

from datetime import date, datetime
from uuid import UUID

from models import events as e
from models.cases import Case
from models.engine import Event, Task
from models.pathway import TaskRule
from models.vocabulary import Party, Role, TaskState
from services.cases.notes import write_note
from services.forms import HandOver, Snooze, TaskDone, TaskReturn
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from services.rules import casework, clocks, pauses
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, rights
from services.rules.presence import Reader, side, team
from services.rules.published import calendar_of, pathway_of, today_of

_PARTY_OF = {Role.COORDINATOR: Party.COORDINATOR, Role.OPERATOR: Party.OPERATOR}


def take(unit: UnitOfWork, hand: Hand, task_id: UUID) -> Task:
    """I do it: the name is shown to the others."""
    task, case = _mine(unit, hand.actor, task_id)
    if hand.actor.id is None or hand.actor.kind != "person":
        raise Denied
    task.person_id = hand.actor.id
    casework.record(unit, case, e.TaskTaken(task_id=task.id, kind=task.kind, person_id=hand.actor.id), hand=hand)
    return task


def give_back(unit: UnitOfWork, hand: Hand, task_id: UUID, form: TaskReturn) -> Task:
    """Not mine, or not now: the coordination owns the same task from now on, never with less than its own delay."""
    task, case = _mine(unit, hand.actor, task_id)
    if task.party == Party.COORDINATOR:
        raise GuardRefused("Cette tâche est déjà celle de la coordination.")
    if _is_with_partner(task):
        raise GuardRefused("Cette demande est chez un partenaire : retirez-la ou réorientez-la.")
    fact = e.TaskReturned(task_id=task.id, kind=task.kind, reason=form.reason)
    event = casework.record(unit, case, fact, hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    casework.close(unit, [task], TaskState.RETURNED)
    days = pathway_of(unit, case.pathway_hash).return_days
    soonest = calendar_of(unit, case.programme_id).due_after(unit.now, working_days=days)
    return _again(unit, case, task, event, due=max(soonest, task.due_at))


def _again(unit: UnitOfWork, case: Case, task: Task, event: Event, *, due: datetime) -> Task:
    """The same task for the coordination, with a clock of its own."""
    copied = Task(
        programme_id=task.programme_id,
        case_id=task.case_id,
        kind=task.kind,
        party=Party.COORDINATOR.value,
        alert_id=task.alert_id,
        visit_id=task.visit_id,
        loan_id=task.loan_id,
        cut_id=task.cut_id,
        ordinal=task.ordinal,
        stage=case.stage,
        opened_at=unit.now,
        due_at=due,
        effect_key=f"{event.id}:returned",
    )
    unit.session.add(copied)
    pathway = pathway_of(unit, case.pathway_hash)
    ladder = pathway.tasks["triage"].ladder if "triage" in pathway.tasks else None
    if ladder is not None:
        clocks.arm(unit, copied, ladder, pathway, key=f"{event.id}:returned:clock")
    unit.session.flush()
    return copied


def hand_over(unit: UnitOfWork, hand: Hand, task_id: UUID, form: HandOver) -> Task:
    """Give it to a colleague of the same team; its date stays."""
    task, case = _mine(unit, hand.actor, task_id)
    if form.person_id not in {each.person_id for each in colleagues(unit, task)}:
        raise InvalidInput("person_id", "Cette personne n’est pas de l’équipe qui a cette tâche.")
    task.person_id = form.person_id
    fact = e.TaskHandedOver(task_id=task.id, kind=task.kind, to_person_id=form.person_id)
    event = casework.record(unit, case, fact, hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return task


def colleagues(unit: UnitOfWork, task: Task) -> list[Reader]:
    """Those who may do a task: the coordination, or the operator's people; by name."""
    role = Role.COORDINATOR if task.party == Party.COORDINATOR else Role.OPERATOR
    return side(team(unit, task.programme_id), role, task.organisation_id)


def snooze(unit: UnitOfWork, hand: Hand, task_id: UUID, form: Snooze) -> Task:
    """No reminder before a day; twice at most, each time for a few working days. The date of the task stays."""
    task, case = _mine(unit, hand.actor, task_id)
    pathway = pathway_of(unit, case.pathway_hash)
    if task.snoozes >= pathway.snoozes:
        raise GuardRefused("Cette tâche a déjà été reportée deux fois : faites-la, rendez-la ou transmettez-la.")
    _check_snooze(unit, case, form.until, pathway.snooze_days)
    task.snoozes += 1
    pauses.snooze(unit, task, form.until)
    fact = e.TaskSnoozed(task_id=task.id, kind=task.kind, reason=form.reason, until=form.until)
    casework.record(unit, case, fact, hand=hand)
    return task


def _check_snooze(unit: UnitOfWork, case: Case, until: date, longest: int) -> None:
    calendar = calendar_of(unit, case.programme_id)
    today = today_of(unit, case.programme_id)
    if until <= today:
        raise InvalidInput("until", "Ce jour doit être à venir.")
    if calendar.working_days_between(today, until) > longest:
        raise InvalidInput("until", f"Au plus {longest} jours ouvrés.")


def complete(unit: UnitOfWork, hand: Hand, task_id: UUID, form: TaskDone) -> Task:
    """A task that the pathway defines by itself is done; the others end by the act that they ask for."""
    task, case = _mine(unit, hand.actor, task_id)
    rule = own_rule(unit, case, task)
    if rule is None:
        raise GuardRefused("Cette tâche se termine par l’action qu’elle demande.")
    outcome = form.outcome or "done"
    if rule.outcomes and outcome not in rule.outcomes:
        raise InvalidInput("outcome", "Choisissez une issue.")
    casework.close(unit, [task], TaskState.COMPLETED)
    fact = e.TaskCompleted(task_id=task.id, kind=task.kind, outcome=outcome)
    event = casework.record(unit, case, fact, hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    return task


def own_rule(unit: UnitOfWork, case: Case, task: Task) -> TaskRule | None:
    """The rule of a task that exists by the pathway alone: it has its own title there."""
    rule = pathway_of(unit, case.pathway_hash).tasks.get(task.kind)
    return rule if rule is not None and rule.title else None


def may_act(actor: Actor, task: Task) -> bool:
    """Whether an open task is one that this person may act on: the coordination any, an operator his own."""
    if Right.TASKS not in rights(actor):
        return False
    return actor.role is Role.COORDINATOR or (actor.role is not None and task.party == _PARTY_OF.get(actor.role))


def handling(unit: UnitOfWork, actor: Actor, task: Task) -> frozenset[str]:
    """What may be done with a task of the team without doing it: take, give_back, hand_over, snooze."""
    if task.party not in _PARTY_OF.values() or task.paused_at is not None or not may_act(actor, task):
        return frozenset()
    others = [each for each in colleagues(unit, task) if each.person_id != (task.person_id or actor.id)]
    pathway = pathway_of(unit, task.case.pathway_hash)
    possible = {
        "take": task.person_id != actor.id,
        "give_back": task.party != Party.COORDINATOR and not _is_with_partner(task),
        "hand_over": bool(others),
        "snooze": task.snoozes < pathway.snoozes,
    }
    return frozenset(code for code, may in possible.items() if may)


def _is_with_partner(task: Task) -> bool:
    return task.provisional or task.referral_id is not None


def _mine(unit: UnitOfWork, actor: Actor, task_id: UUID) -> tuple[Task, Case]:
    """An open task that this person may act on: the coordination any, an operator his own."""
    task = unit.session.get(Task, task_id)
    if task is None:
        raise NotFound
    case = case_for(unit, actor, task.case_id, Right.TASKS)
    unit.session.refresh(task)
    if not may_act(actor, task):
        raise Denied
    if task.state != TaskState.OPEN:
        raise GuardRefused("Cette tâche n’est plus à faire.")
    return task, case
