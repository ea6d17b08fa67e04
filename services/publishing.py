"""Publishing a pathway: new cases follow it; open ones keep theirs, or are moved to it with their dates and clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from models.cases import Case
from models.engine import Task
from models.events import CaseRepinned
from models.pathway import Pathway
from models.programmes import PathwayVersion, Programme
from models.vocabulary import Stage
from services import programmes
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules import casework, pauses, repinning, work
from services.rules.published import pathway_of
from services.rules.titles import task_title


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


def publish(unit: UnitOfWork, programme: Programme, pathway: Pathway) -> None:
    """New cases of the programme follow this pathway from now on. Raises `InvalidInput` for a number used before."""
    check_version(unit, pathway)
    programmes.follow_pathway(unit, programme, pathway)


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
    query = select(Case).where(
        Case.programme_id == programme.id, Case.stage != Stage.CLOSED, Case.pathway_hash.not_in(_same(unit, pathway))
    )
    return unit.session.scalars(query.order_by(Case.number)).all()


def move(unit: UnitOfWork, case_id: UUID, pathway: Pathway) -> CaseMove:
    """Pin an open case to this published pathway: its open tasks take their new dates and climb their new ladders.

    A case stays when a task that somebody has to do would be unknown, and while the engine carries out its pathway.
    """
    case = unit.session.scalars(select(Case).where(Case.id == case_id).with_for_update(of=Case)).one()
    found = _move_of(unit, case, pathway)
    if found.stays:
        return found
    before, case.pathway_hash = pathway_of(unit, case.pathway_hash), pathway.hash
    for task in pauses.open_tasks(unit, case.id):
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
    tasks = pauses.open_tasks(unit, case.id)
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
        return "Relais s’en occupe à l’instant : recommencez"
    unknown = [task_title(before, task.kind) for task in tasks if task.kind not in after.tasks]
    return f"le nouveau parcours n’a pas la tâche « {unknown[0]} », qui est ouverte" if unknown else ""
