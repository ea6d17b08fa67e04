"""May this person do this to that? The one module that answers, and the one that narrows every query."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Select, false, select

from models.cases import Case, Permission, Referral
from models.engine import Task
from models.lifecycles import UNDER_WAY
from models.programmes import AccessEntry
from models.vocabulary import PermissionKind, ReferralState, Role, TaskState
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
    DIRECTORY = "directory"  # what is written of a partner is read by every operator: coordinators write it
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
    REASSIGN = "reassign"
    DISQUALIFY = "disqualify"
    SUSPEND = "suspend"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    MERGE = "merge"
    PERMISSIONS = "permissions"
    LEND = "lend"
    TASKS = "tasks"
    VOID = "void"
    SEND_NOW = "send_now"
    PRESENCE = "presence"  # who else is away, works when, is on duty; when a partner is closed
    ADMINISTER = "administer"  # what the software itself could not do
    ORGANISATIONS = "organisations"  # the secret addresses of the alert givers


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
        Right.DISQUALIFY,
        Right.SUSPEND,
        Right.WITHDRAW,
        Right.PERMISSIONS,
        Right.LEND,
        Right.TASKS,
        Right.VOID,
        Right.SEND_NOW,
    }
)
_GRANTS: Final[dict[Role, frozenset[Right]]] = {
    Role.COORDINATOR: frozenset(Right) - {Right.ADMINISTER},
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: frozenset({Right.SETTLE_MESSAGE, Right.ADMINISTER}),
}


@dataclass(frozen=True)
class Actor:
    """Somebody at the edge. A person acts through one membership; a link's holder has its task and nothing else."""

    kind: Literal["person", "link", "form", "engine", "import", "command"]
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


def may_know_household(unit: UnitOfWork, referral: Referral) -> bool:
    """Whether the partner of a referral may read who the household is: he has taken it, and its permission stands."""
    return ReferralState(referral.state) in UNDER_WAY and agreement_with_partner(unit, referral) is not None


def agreement_with_partner(unit: UnitOfWork, referral: Referral) -> Permission | None:
    """The latest permission by which the household lets this partner know of it; None when there is none any more."""
    query = select(Permission).where(
        Permission.case_id == referral.case_id,
        Permission.kind == PermissionKind.SHARE_WITH_PARTNER,
        Permission.organisation_id == referral.partner_id,
        Permission.revoked_at.is_(None),
    )
    return unit.session.scalars(query.order_by(Permission.given_on.desc(), Permission.id.desc())).first()


def note_access(  # noqa: PLR0913 - an entry is these facts
    unit: UnitOfWork, actor: Actor, action: str, *, case_id: UUID | None, allowed: bool = True,
    reason: str | None = None,
) -> None:  # fmt: skip
    """Write down who read, was refused or put right what; kept apart from the case, twelve months."""
    unit.session.add(
        AccessEntry(at=unit.now, actor=actor.label, action=action, case_id=case_id, allowed=allowed, reason=reason)
    )
