"""May this person do this to that? The one module that answers, and the one that narrows every query."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.sql.base import ExecutableOption

from models.cases import LOAN_IS_OUT, Case, Loan, Permission, Referral
from models.lifecycles import UNDER_WAY
from models.programmes import AccessEntry, Organisation
from models.vocabulary import CaseState, Contract, PermissionKind, ReferralState, Role
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
    CIRCUMSTANCES = "circumstances"  # income, size, health as yes or no
    DANGER = "danger"
    TAKE_DANGER = "take_danger"  # whoever tells a danger does not end the chase by himself. Source: domain 2.9
    FOLLOW_UP = "follow_up"
    CLOSE = "close"
    REOPEN = "reopen"
    GIVE_UP = "give_up"
    NOTE = "note"
    LETTERS = "letters"
    IMPORT = "import"  # a file of cases or of alerts, whole
    SETTLE_MESSAGE = "settle_message"
    REASSIGN = "reassign"
    DISQUALIFY = "disqualify"
    SUSPEND = "suspend"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    MERGE = "merge"
    PERMISSIONS = "permissions"
    LEND = "lend"
    CUT = "cut"  # a supply that a supplier means to cut
    TASKS = "tasks"
    REPLIES = "replies"  # what is answered to our mails
    VOID = "void"
    SEND_NOW = "send_now"
    PRESENCE = "presence"  # who else is away, works when, is on duty; when a partner is closed
    ADMINISTER = "administer"  # what the software itself could not do
    ACCESS_LOG = "access_log"  # who read what
    SETTINGS = "settings"  # what every case of the programme follows: delays, ladders, texts
    ORGANISATIONS = "organisations"  # who works with the programme, and the secret addresses of the alert givers
    TERRITORY = "territory"  # the communes in which it works


_OPERATOR: Final = frozenset(
    {
        Right.READ,
        Right.CALL,
        Right.VISIT,
        Right.REPORT,
        Right.REFER,
        Right.ANSWER_FOR_PARTNER,
        Right.CORRECT,
        Right.CIRCUMSTANCES,
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
        Right.CUT,
        Right.TASKS,
        Right.REPLIES,
        Right.VOID,
        Right.SEND_NOW,
        Right.LETTERS,  # of his own cases, under a contract that makes him post them: see `letters_of`
    }
)
KNOWN: Final = "known"
UNKNOWN: Final = "C’est à l’opérateur de le faire : sans l’accord du ménage, la coordination ne sait pas qui il est."
_OF_HOUSEHOLD: Final = frozenset({Right.CALL, Right.CORRECT, Right.CIRCUMSTANCES, Right.PERMISSIONS, Right.REPLIES})
"""What nobody does without knowing whom it is about."""
_GRANTS: Final[dict[Role, frozenset[Right]]] = {
    Role.COORDINATOR: frozenset(Right) - {Right.ADMINISTER},
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: frozenset({Right.SETTLE_MESSAGE, Right.ACCESS_LOG, Right.ADMINISTER}),
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
    only: frozenset[Right] | None = None  # an API key may do less than whoever made it

    @property
    def person_id(self) -> UUID | None:
        """Whose account it is, if it is one's."""
        return self.id if self.kind == "person" else None

    @property
    def label(self) -> str:
        """Kind and id, for events and logs; never a name."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


ENGINE: Final = Actor("engine", None)


def rights(actor: Actor) -> frozenset[Right]:
    """What an actor's role grants, before any case is looked at."""
    granted = _GRANTS.get(actor.role, frozenset()) if actor.role else frozenset()
    return granted if actor.only is None else granted & actor.only


def is_visible(actor: Actor) -> ColumnElement[bool]:
    """The condition of `visible`, for a query that reads the case beside something else: no list of all is made."""
    if Right.READ not in rights(actor):
        return false()
    of_programme = Case.programme_id == actor.programme_id
    if actor.role is Role.OPERATOR:
        return and_(of_programme, Case.operator_id == actor.organisation_id, _GOES_ON)
    return of_programme


_GOES_ON: Final = or_(
    Case.state != CaseState.WITHDRAWN,
    select(Loan.id).where(Loan.case_id == Case.id, LOAN_IS_OUT).exists(),
)
"""A household that stops is seen no more by whoever visited it, as its letter says, but for what he lent it."""


def sees_all(actor: Actor) -> bool:
    """Whether an actor sees every case of his programme: what hangs on a case is then of the programme, and the case
    itself need not be read.
    """
    return Right.READ in rights(actor) and actor.role is not Role.OPERATOR


def visible(actor: Actor) -> Select[Case]:
    """The cases that an actor may read: a query to narrow further, never to widen."""
    return select(Case).where(is_visible(actor))


def sees(unit: UnitOfWork, actor: Actor, case_id: UUID) -> bool:
    """Whether an actor may read a case."""
    return unit.session.scalar(select(Case.id).where(is_visible(actor), Case.id == case_id)) is not None


def readable(unit: UnitOfWork, actor: Actor, case_id: UUID, *options: ExecutableOption) -> Case:
    """A case to read, not locked. Raises `NotFound` alike for a foreign and a missing one."""
    case: Case | None = unit.session.scalars(visible(actor).where(Case.id == case_id).options(*options)).first()
    if case is None:
        raise NotFound
    return case


def is_known(actor: Actor) -> ColumnElement[bool]:
    """Whether an actor may know whose case it is: name, address, telephone, what was said and written of the household,
    its means, its documents. For a query that reads the case; beside it, `visible` says what is shown of all.

    An operator knows his own. The coordination knows all but those of an association under a subsidy, unless the
    household agreed; before triage gives it away a case is nobody's yet. Source: domain 1.3 and 6.5.
    """
    if actor.kind == "import":  # a file that is told holds the names itself
        return true()
    if actor.role is Role.OPERATOR:
        return Case.operator_id == actor.organisation_id
    if actor.role is not Role.COORDINATOR:
        return false()
    agreed = select(Permission.id).where(
        Permission.case_id == Case.id,
        Permission.kind == PermissionKind.NAME_TO_CARRIER,
        Permission.revoked_at.is_(None),
    )
    return or_(_is_ours(actor), agreed.exists())


def _is_ours(actor: Actor) -> ColumnElement[bool]:
    """Whether no association under a subsidy has the case."""
    subsidised = select(Organisation.id).where(
        Organisation.programme_id == actor.programme_id, Organisation.contract == Contract.SUBSIDY
    )
    return or_(Case.operator_id.is_(None), Case.operator_id.not_in(subsidised))


def known(unit: UnitOfWork, actor: Actor, case_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these cases whose household the actor may know: one question for a whole list."""
    query = select(Case.id).where(Case.id.in_(case_ids), Case.programme_id == actor.programme_id, is_known(actor))
    return frozenset(unit.session.scalars(query))


def knows_household(unit: UnitOfWork, actor: Actor, case: Case) -> bool:
    """The same for one case; most programmes subsidise nobody, and ask nothing more."""
    if actor.role is Role.OPERATOR:
        return case.operator_id == actor.organisation_id
    if actor.role is Role.COORDINATOR and case.operator_id not in unit.once(_subsidised, case.programme_id):
        return True
    looked_up: dict[UUID, bool] = unit.session.info.get((KNOWN, actor), {})
    return looked_up[case.id] if case.id in looked_up else case.id in known(unit, actor, [case.id])


def look_up_known(unit: UnitOfWork, actor: Actor, cases: Collection[Case]) -> None:
    """Look up at once what `knows_household` will be asked of each; for a transaction that only reads."""
    asked = [case.id for case in cases if case.operator_id in unit.once(_subsidised, case.programme_id)]
    if actor.role is Role.COORDINATOR and asked:
        found = known(unit, actor, asked)
        unit.session.info[KNOWN, actor] = {id_: id_ in found for id_ in asked}


def _subsidised(unit: UnitOfWork, programme_id: UUID) -> frozenset[UUID]:
    """The operators under a subsidy."""
    subsidised = Organisation.contract == Contract.SUBSIDY
    query = select(Organisation.id).where(Organisation.programme_id == programme_id, subsidised)
    return frozenset(unit.session.scalars(query))


def forget_contracts(unit: UnitOfWork, programme_id: UUID) -> None:
    """A contract has changed in this transaction."""
    unit.forget(_subsidised, programme_id)


def rights_on(unit: UnitOfWork, actor: Actor, case: Case) -> frozenset[Right]:
    """What an actor may do to a case that he may read: less than his role grants where he may not know whose it is."""
    granted = rights(actor)
    if granted.isdisjoint(_OF_HOUSEHOLD) or knows_household(unit, actor, case):
        return granted
    return granted - _OF_HOUSEHOLD


def letters_of(unit: UnitOfWork, actor: Actor) -> ColumnElement[bool]:
    """The cases whose letters an actor prints and posts: an envelope bears a name. Raises `Denied`.

    An association under a subsidy posts its own, whatever the household agreed to; the coordination all others.
    """
    require(actor, Right.LETTERS)
    if actor.role is not Role.OPERATOR:
        return _is_ours(actor)
    if not posts_letters(unit, actor):
        raise Denied
    return Case.operator_id == actor.organisation_id


def posts_letters(unit: UnitOfWork, actor: Actor) -> bool:
    """Whether an actor has letters to print and to post."""
    if actor.role is not Role.OPERATOR:
        return Right.LETTERS in rights(actor)
    own = unit.session.get(Organisation, actor.organisation_id) if actor.organisation_id else None
    return own is not None and own.contract == Contract.SUBSIDY and Right.LETTERS in rights(actor)


def case_for(unit: UnitOfWork, actor: Actor, case_id: UUID, right: Right) -> Case:
    """The case, locked for this transaction, if the actor may do this to it.

    A foreign case and a missing one answer alike (`NotFound`); a known case and a missing right is `Denied`, as is
    what nobody does without knowing the household.
    """
    query: Select[Any] = visible(actor).where(Case.id == case_id)
    case: Case | None = unit.session.scalars(query.with_for_update(of=Case)).first()
    if case is None:
        raise NotFound
    check(unit, actor, case, right)
    return case


def locked_case(unit: UnitOfWork, case_id: UUID) -> Case:
    """The same where nobody's right is asked: a link, a timer or the engine acts."""
    return unit.session.scalars(select(Case).where(Case.id == case_id).with_for_update(of=Case)).one()


def check(unit: UnitOfWork, actor: Actor, case: Case, right: Right) -> None:
    """Raise `Denied` when the actor may not do this to a case that he may read."""
    if right not in rights(actor):
        raise Denied
    if right in _OF_HOUSEHOLD:
        check_known(unit, actor, case)


def check_known(unit: UnitOfWork, actor: Actor, case: Case) -> None:
    """Raise `Denied` when the actor may not know whose case it is."""
    if not knows_household(unit, actor, case):
        raise Denied(UNKNOWN)


def require(actor: Actor, right: Right) -> None:
    """Raise `Denied` when the actor's role does not grant a right that concerns no single case."""
    if right not in rights(actor):
        raise Denied


def programme_of(actor: Actor, right: Right | None = None) -> UUID:
    """The programme in which somebody acts, with this right. Raises `Denied`, or `NotFound` for who acts in none."""
    if right is not None:
        require(actor, right)
    if actor.programme_id is None:
        raise NotFound
    return actor.programme_id


def may_know_household(unit: UnitOfWork, referral: Referral) -> bool:
    """Whether the partner of a referral may read who the household is: he has taken it, and its permission stands."""
    return ReferralState(referral.state) in UNDER_WAY and agreement_with_partner(unit, referral) is not None


def may_read_report(unit: UnitOfWork, referral: Referral) -> bool:
    """Whether he may read the visit's report too, which takes an agreement of its own. Source: domain 1.3 and 2.8."""
    agreement = agreement_with_partner(unit, referral, PermissionKind.REPORT_TO_PARTNER)
    return agreement is not None and may_know_household(unit, referral)


def agreement_with_partner(
    unit: UnitOfWork, referral: Referral, kind: PermissionKind = PermissionKind.SHARE_WITH_PARTNER
) -> Permission | None:
    """The latest permission by which the household lets this partner know of it; None when there is none any more."""
    query = select(Permission).where(
        Permission.case_id == referral.case_id,
        Permission.kind == kind,
        Permission.organisation_id == referral.partner_id,
        Permission.revoked_at.is_(None),
    )
    return unit.session.scalars(query.order_by(Permission.given_on.desc(), Permission.id.desc())).first()


def note_access(  # noqa: PLR0913 - an entry is these facts
    unit: UnitOfWork, actor: Actor, action: str, *, case_id: UUID | None, allowed: bool = True,
    reason: str | None = None, about: UUID | None = None,
) -> None:  # fmt: skip
    """Write down who read, was refused or put right what; kept apart from the case, twelve months. `about`: a person
    of the team whose account it concerns."""
    unit.session.add(
        AccessEntry(
            at=unit.now,
            programme_id=actor.programme_id,
            actor=actor.label,
            action=action,
            case_id=case_id,
            allowed=allowed,
            reason=reason,
            about_id=about,
        )
    )
