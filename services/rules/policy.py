"""May this person do this to that? The one module that answers, and the one that narrows every query."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Select, false, select

from models.cases import Case
from models.engine import Task
from models.programmes import AccessEntry
from models.vocabulary import Role, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, NotFound


class Right(StrEnum):
    """What can be asked of the policy."""

    READ = "read"
    TRIAGE = "triage"
    CALL = "call"
    VISIT = "visit"
    REPORT = "report"
    REFER = "refer"
    ANSWER_FOR_PARTNER = "answer_for_partner"
    CORRECT = "correct"
    DANGER = "danger"
    FOLLOW_UP = "follow_up"
    CLOSE = "close"
    REOPEN = "reopen"
    GIVE_UP = "give_up"
    NOTE = "note"
    LETTERS = "letters"
    SETTLE_MESSAGE = "settle_message"


_OPERATOR: Final = frozenset(
    {
        Right.READ,
        Right.CALL,
        Right.VISIT,
        Right.REPORT,
        Right.REFER,
        Right.ANSWER_FOR_PARTNER,
        Right.CORRECT,
        Right.DANGER,
        Right.FOLLOW_UP,
        Right.CLOSE,
        Right.REOPEN,
        Right.GIVE_UP,
        Right.NOTE,
    }
)
_GRANTS: Final[dict[Role, frozenset[Right]]] = {
    Role.COORDINATOR: frozenset(Right),
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: frozenset({Right.SETTLE_MESSAGE}),
}


@dataclass(frozen=True)
class Actor:
    """Somebody at the edge. A person acts through one membership; a link's holder has its task and nothing else."""

    kind: Literal["person", "link", "form", "engine", "import"]
    id: UUID | None
    programme_id: UUID | None = None
    role: Role | None = None
    organisation_id: UUID | None = None
    name: str = ""
    task_id: UUID | None = None
    actions: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """Kind and id, for events and logs; never a name."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


ENGINE: Final = Actor("engine", None)


def rights(actor: Actor) -> frozenset[Right]:
    """What an actor's role grants, before any case is looked at."""
    return _GRANTS.get(actor.role, frozenset()) if actor.role else frozenset()


def visible(actor: Actor) -> Select[Case]:
    """The cases that an actor may read: a query to narrow further, never to widen."""
    query = select(Case)
    if Right.READ not in rights(actor):
        return query.where(false())
    query = query.where(Case.programme_id == actor.programme_id)
    if actor.role is Role.OPERATOR:
        query = query.where(Case.operator_id == actor.organisation_id)
    return query


def case_for(unit: UnitOfWork, actor: Actor, case_id: UUID, right: Right) -> Case:
    """The case, locked for this transaction, if the actor may do this to it.

    A foreign case and a missing one answer alike (`NotFound`); a known case and a missing right is `Denied`.
    """
    query: Select[Any] = visible(actor).where(Case.id == case_id)
    case: Case | None = unit.session.scalars(query.with_for_update(of=Case)).first()
    if case is None:
        raise NotFound
    if right not in rights(actor):
        raise Denied
    return case


def require(actor: Actor, right: Right) -> None:
    """Raise `Denied` when the actor's role does not grant a right that concerns no single case."""
    if right not in rights(actor):
        raise Denied


def task_for_link(unit: UnitOfWork, actor: Actor, action: str) -> Task:
    """The open task that a link's holder may do this to, locked; `NotFound` otherwise."""
    query = select(Task).where(Task.id == actor.task_id, Task.state == TaskState.OPEN).with_for_update(of=Task)
    task = unit.session.scalars(query).first() if actor.kind == "link" and actor.task_id else None
    if task is None or action not in actor.actions:
        raise NotFound
    return task


def note_access(unit: UnitOfWork, actor: Actor, action: str, *, case_id: UUID | None, allowed: bool = True) -> None:
    """Write down who read or was refused what; kept apart from the case, twelve months."""
    unit.session.add(AccessEntry(at=unit.now, actor=actor.label, action=action, case_id=case_id, allowed=allowed))
