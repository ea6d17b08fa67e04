"""Publishing a pathway: new cases follow it; open ones keep theirs, or are moved to it with their dates and clocks."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from models.cases import Case
from models.engine import IS_OPEN, Task
from models.events import CaseRepinned
from models.pathway import Pathway
from models.programmes import PathwayPublication, PathwayVersion, Person, Programme
from models.vocabulary import Stage
from services.forms import Form
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import CaseworkError, Conflict, GuardRefused, InvalidInput, InvalidInputs
from services.programme import programmes
from services.rules import casework, open_tasks, repinning, work
from services.rules.adjusting import Misfits, adjusted, settings_of
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, locked_case, note_access, require
from services.rules.published import pathway_of
from services.rules.texts.typography import french
from services.rules.titles import task_title

BUSY: Final = "quelqu’un y travaille à l’instant : recommencez"
HANDLED: Final = "Relais s’en occupe à l’instant : recommencez"
PASSING: Final = frozenset({BUSY, HANDLED})
"""Why a case stays for a moment only."""
ROUND: Final = 500
"""Open cases looked at in one slice at most."""
GIVE_WAY_S: Final = 0.005
"""Between two cases: on SQLite whoever waits for the lock gets it."""


@dataclass(frozen=True)
class TaskMove:
    """An open task and its date, before and after."""

    kind: str
    title: str
    before: datetime
    after: datetime


@dataclass(frozen=True)
class CaseMove:
    """What becomes of an open case; `stays` says in French why it keeps its pathway."""

    case_id: UUID
    number: str
    version: int
    tasks: tuple[TaskMove, ...] = ()
    stays: str = ""


@dataclass(frozen=True)
class Publication:
    """A pathway put in force: when, by whom ("" for a command), instead of which version."""

    version: int
    name: str
    at: datetime
    by: str = ""
    replaced: int | None = None


@dataclass(frozen=True)
class Standing:
    """The pathway that new cases of a programme follow, with the publications that led to it, the newest first."""

    pathway: Pathway
    history: Sequence[Publication]


@dataclass(frozen=True)
class Reach:
    """How many open cases follow another pathway; of them, how many have an open task whose delay or ladder differs."""

    following: int
    redated: int
    reminded: int


@dataclass(frozen=True)
class Moved:
    """What moving open cases came to: how many moved, which stay and why."""

    moved: int
    stay: Sequence[CaseMove]


class Overtaken(Conflict):
    """Another pathway was put in force since this one was begun."""

    retryable = False

    def __init__(self, last: Publication | None) -> None:
        """`last` is what is in force now."""
        who = last.by if last and last.by else "Quelqu’un"
        what = f"la version {last.version}" if last else "une autre version"
        super().__init__(french(f"{who} a publié {what} entre-temps : relisez ce qui changerait, puis publiez."))


class Changes(Form):
    """Values to change in the pathway in force, by the name of their setting (`tasks.triage.due.delay`: `5wd`)."""

    started_from: str = Field("", description="Empreinte du parcours que l’on a lu ; vide : celui en vigueur")
    changes: dict[str, str] = Field(default_factory=dict, description="Nouvelles valeurs, par nom de réglage")


class Publishing(Changes):
    """The same, to be put in force."""

    started_from: str = Field(min_length=1, description="Empreinte du parcours que l’on a lu")


def publish(unit: UnitOfWork, programme: Programme, pathway: Pathway, *, by_id: UUID | None = None) -> None:
    """New cases of the programme follow this pathway from now on. Raises `InvalidInput` for a number used before."""
    check_version(unit, pathway)
    replaced = programme.pathway_hash
    programmes.follow_pathway(unit, programme, pathway)
    if programme.pathway_hash != replaced:
        programme.moving_since = None  # who asked for it meant another version
        unit.session.add(
            PathwayPublication(
                programme_id=programme.id,
                pathway_hash=programme.pathway_hash,
                replaced_hash=replaced,
                at=unit.now,
                by_id=by_id,
            )
        )
        unit.session.flush()


def standing(unit: UnitOfWork, actor: Actor) -> Standing:
    """What is in force for an actor's programme, and since when."""
    programme = _programme(unit, actor)
    return Standing(pathway_of(unit, programme.pathway_hash), _history(unit, programme))


def draft(unit: UnitOfWork, actor: Actor, form: Changes) -> Pathway:
    """The pathway in force with these changes, as its next version; itself when nothing changes.

    Raises `InvalidInput` with every field that is wrong, and `Overtaken` when it is not the one that was read.
    """
    programme = _programme(unit, actor)
    current = pathway_of(unit, programme.pathway_hash)
    if form.started_from not in {"", programme.pathway_hash}:
        raise Overtaken(next(iter(_history(unit, programme)), None))
    values = {each.name: each.value for each in settings_of(current)}
    changes = {name: said for name, said in form.changes.items() if values.get(name) != said}
    if not changes:
        return current
    try:
        made = adjusted(current, changes, version=_next_version(unit, current))
    except Misfits as misfits:
        raise InvalidInputs(misfits.errors) from None
    is_same = made == current.model_copy(update={"version": made.version})
    return current if is_same else made


def adjust(unit: UnitOfWork, hand: Hand, form: Publishing) -> Pathway:
    """Put the pathway in force with these changes in its place. Raises what `draft` raises."""
    require(hand.actor, Right.SETTINGS)
    locked = select(Programme).where(Programme.id == hand.actor.programme_id).with_for_update()
    programme = unit.session.scalars(locked.execution_options(populate_existing=True)).one()
    made = draft(unit, hand.actor, form)
    if made == pathway_of(unit, programme.pathway_hash):
        raise GuardRefused(french("Rien n’est changé : il n’y a rien à publier."))
    publish(unit, programme, made, by_id=hand.actor.id)
    note_access(unit, hand.actor, "pathway.published", case_id=None)
    return made


def _next_version(unit: UnitOfWork, pathway: Pathway) -> int:
    newest = select(func.max(PathwayVersion.version)).where(PathwayVersion.name == pathway.name)
    return (unit.session.scalar(newest) or pathway.version) + 1


def _programme(unit: UnitOfWork, actor: Actor) -> Programme:
    require(actor, Right.SETTINGS)
    return unit.session.get_one(Programme, actor.programme_id)


def _history(unit: UnitOfWork, programme: Programme) -> list[Publication]:
    """The newest first; the one that a programme began with was put in force by nobody."""
    row, after, before = PathwayPublication, aliased(PathwayVersion), aliased(PathwayVersion)
    query = (
        select(row.at, after.name, after.version, before.version, Person.name)
        .join(after, after.hash == row.pathway_hash)
        .join(before, before.hash == row.replaced_hash)
        .outerjoin(Person, Person.id == row.by_id)
        .where(row.programme_id == programme.id)
        .order_by(row.at.desc(), row.id.desc())
    )
    found = unit.session.execute(query).all()
    first = unit.session.get_one(PathwayVersion, programme.pathway_hash)
    if not found:
        return [Publication(first.version, first.name, first.published_at)]
    return [Publication(version, name, at, by or "", replaced) for at, name, version, replaced, by in found]


def reach(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> Reach:
    """How many open cases a move to this pathway concerns."""
    following = unit.session.scalar(select(func.count()).select_from(_following(unit, programme, pathway).subquery()))
    redated, reminded = (
        unit.session.scalar(select(func.count()).select_from(query.subquery())) or 0
        for query in (
            _with_task(unit, programme, pathway, _has_other_delay),
            _with_task(unit, programme, pathway, _has_other_ladder),
        )
    )
    return Reach(following or 0, redated, reminded)


def preview_page(unit: UnitOfWork, programme: Programme, pathway: Pathway, *, number: int, size: int) -> list[CaseMove]:
    """Some of the open cases with a task whose delay differs, by number, with their dates before and after."""
    query = _with_task(unit, programme, pathway, _has_other_delay).order_by(Case.number)
    found = unit.session.scalars(query.offset((number - 1) * size).limit(size)).all()
    return [_move_of(unit, case, pathway) for case in found]


Differs = Callable[[Pathway, Pathway, str], bool]


def _following(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> Select[Case]:
    return select(Case).where(
        Case.programme_id == programme.id, Case.stage != Stage.CLOSED, Case.pathway_hash.not_in(_same(unit, pathway))
    )


def _with_task(unit: UnitOfWork, programme: Programme, pathway: Pathway, differs: Differs) -> Select[Case]:
    """The open cases that have an open task which differs from their own pathway to this one."""
    followed = unit.session.scalars(
        select(Case.pathway_hash).where(Case.programme_id == programme.id, Case.stage != Stage.CLOSED).distinct()
    ).all()
    concerned: list[ColumnElement[bool]] = [false()]
    for each in set(followed) - _same(unit, pathway):
        before = pathway_of(unit, each)
        kinds = [kind for kind in before.tasks if kind in pathway.tasks and differs(before, pathway, kind)]
        concerned.append(and_(Case.pathway_hash == each, Task.kind.in_(kinds)))
    open_task = select(Task.id).where(Task.case_id == Case.id, IS_OPEN, or_(*concerned))
    return _following(unit, programme, pathway).where(open_task.exists())


def _has_other_delay(before: Pathway, after: Pathway, kind: str) -> bool:
    return before.tasks[kind].due != after.tasks[kind].due


def _has_other_ladder(before: Pathway, after: Pathway, kind: str) -> bool:
    old, new = ([each.ladders[name] for name in each.tasks[kind].ladders] for each in (before, after))
    return old != new


def ask_to_move(unit: UnitOfWork, actor: Actor) -> int:
    """Have the relay move all open cases to the pathway in force; how many follow another."""
    programme = _programme(unit, actor)
    left = reach(unit, programme, pathway_of(unit, programme.pathway_hash)).following
    if left and programme.moving_since is None:
        programme.moving_since, programme.moved_to = unit.now, None
        unit.session.flush()
    return left


def is_moving(unit: UnitOfWork) -> bool:
    """Whether some programme's open cases wait to be moved, or to be moved further."""
    return unit.session.scalar(_moving().limit(1)) is not None


def _moving() -> Select[Programme]:
    return select(Programme).where(Programme.moving_since.is_not(None)).order_by(Programme.moving_since, Programme.id)


def carry_on(database: Database, *, budget_s: float) -> bool:
    """Move open cases of the programme that waits longest, for `budget_s` at most; False when none waits.

    In the order of their numbers, each in its own transaction and looked at once. Whoever takes over goes on after the
    last number that was written down; a case that moved twice is the same.
    """
    until = time.monotonic() + budget_s
    with database.read() as unit:
        programme = unit.session.scalars(_moving().limit(1)).first()
        if programme is None:
            return False
        programme_id, since, after = programme.id, programme.moving_since, programme.moved_to or ""
        pathway = pathway_of(unit, programme.pathway_hash)
        query = _following(unit, programme, pathway).where(Case.number > after).order_by(Case.number).limit(ROUND)
        cases = [(case.id, case.number) for case in unit.session.scalars(query)]
    again, done = [], 0
    try:
        for case_id, number in cases:
            after, done = number, done + 1  # before it moves: a case that breaks holds no other back
            if _move_alone(database, case_id, number, pathway).stays in PASSING:
                again.append((case_id, number))
            if time.monotonic() > until:
                break
            time.sleep(GIVE_WAY_S)
        for case_id, number in again:  # the engine, or whoever acted, has most likely done meanwhile
            _move_alone(database, case_id, number, pathway)
    finally:
        is_over = done == len(cases) < ROUND
        with database.write("repin_progress") as unit:
            asked = update(Programme).where(Programme.id == programme_id, Programme.moving_since == since)
            unit.session.execute(asked.values(moved_to=after, moving_since=None if is_over else since))
    return True


def move_open(database: Database, programme_id: UUID, pathway: Pathway) -> Moved:
    """Move every open case to this pathway now, each in its own transaction: one that cannot be moved holds no other
    back. Raises `Conflict` when another is in force.
    """
    with database.read() as unit:
        programme = unit.session.get_one(Programme, programme_id)
        if pathway_of(unit, programme.pathway_hash) != pathway:
            raise Overtaken(next(iter(_history(unit, programme)), None))
        cases = [(case.id, case.number) for case in open_cases(unit, programme, pathway)]
    found = [_move_alone(database, case_id, number, pathway) for case_id, number in cases]
    stay = [each for each in found if each.stays]
    return Moved(len(found) - len(stay), stay)


def _move_alone(database: Database, case_id: UUID, number: str, pathway: Pathway) -> CaseMove:
    try:
        with database.write("repin") as unit:
            return move(unit, case_id, pathway)
    except CaseworkError as refusal:
        return CaseMove(case_id, number, pathway.version, stays=refusal.sentence)
    except OperationalError:  # a deadlock or a lock that was awaited too long: somebody is at work on this case
        return CaseMove(case_id, number, pathway.version, stays=BUSY)


def check_version(unit: UnitOfWork, pathway: Pathway) -> None:
    """A name and a version say which definition a case follows: no other may have them."""
    same = _same(unit, pathway)
    known = select(PathwayVersion).where(PathwayVersion.name == pathway.name)
    others = [row.version for row in unit.session.scalars(known) if row.hash not in same]
    if pathway.version in others:
        free = max(others) + 1
        told = f"Le parcours « {pathway.name} » a déjà une version {pathway.version}, dont le contenu est autre"
        raise InvalidInput("version", f"{told} : écrivez « version: {free} » dans le fichier.")


def _same(unit: UnitOfWork, pathway: Pathway) -> set[str]:
    """The hashes under which this content is stored: an older Relais may have hashed it otherwise."""
    known = select(PathwayVersion).where(PathwayVersion.name == pathway.name, PathwayVersion.version == pathway.version)
    return {pathway.hash} | {row.hash for row in unit.session.scalars(known) if pathway_of(unit, row.hash) == pathway}


def preview(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> list[CaseMove]:
    """What moving each open case to this pathway would change. Writes nothing."""
    return [_move_of(unit, case, pathway) for case in open_cases(unit, programme, pathway)]


def open_cases(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> Sequence[Case]:
    """The open cases of a programme that follow another pathway, by number."""
    return unit.session.scalars(_following(unit, programme, pathway).order_by(Case.number)).all()


def move(unit: UnitOfWork, case_id: UUID, pathway: Pathway) -> CaseMove:
    """Pin an open case to this published pathway: its open tasks take their new dates and climb their new ladders.

    A case stays when a task that somebody has to do would be unknown, and while the engine carries out its pathway.
    """
    case = locked_case(unit, case_id)
    found = _move_of(unit, case, pathway)
    if found.stays:
        return found
    before, case.pathway_hash = pathway_of(unit, case.pathway_hash), pathway.hash
    for task in open_tasks.of_case(unit, case.id):
        repinning.repin(unit, task, before, pathway)
    fact = CaseRepinned(
        from_name=before.name,
        from_version=before.version,
        to_name=pathway.name,
        to_version=pathway.version,
        moved=len(found.tasks),
    )
    casework.record(unit, case, fact, hand=casework.engine_hand())
    return found


def _move_of(unit: UnitOfWork, case: Case, pathway: Pathway) -> CaseMove:
    before = pathway_of(unit, case.pathway_hash)
    tasks = open_tasks.of_case(unit, case.id)
    moves = [
        TaskMove(task.kind, task_title(pathway, task.kind), task.due_at, after)
        for task in tasks
        if task.kind in pathway.tasks and (after := repinning.due_under(unit, task, before, pathway)) != task.due_at
    ]
    stays = _why_it_stays(unit, case, tasks, before=before, after=pathway)
    return CaseMove(case.id, case.number, before.version, () if stays else tuple(moves), stays)


def _why_it_stays(unit: UnitOfWork, case: Case, tasks: Sequence[Task], *, before: Pathway, after: Pathway) -> str:
    if case.is_closed:
        return "elle est terminée"
    if work.unhandled(unit, [case.id]):
        return HANDLED
    unknown = [task_title(before, task.kind) for task in tasks if task.kind not in after.tasks]
    return f"le nouveau parcours n’a pas la tâche « {unknown[0]} », qui est ouverte" if unknown else ""
