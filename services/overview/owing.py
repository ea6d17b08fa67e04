"""Who owes what by when: what is awaited from partners, operators and alert givers, the oldest first, and whom to call.

For an operator's manager, his own officers stand in the place of the operator: who has what, and who has too much.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select

from models.engine import Message, Obligation, Task
from models.programmes import Organisation, Person
from models.vocabulary import MessageState, Party, Role
from services import listing
from services.foundation.database import UnitOfWork
from services.listing import Filters, Page, Question
from services.rules.policy import Actor, look_up_known

OTHERS: Final = (Party.PARTNER, Party.OPERATOR, Party.ALERT_GIVER)
"""The coordination's own tasks are of its day; an operator's people see their team here."""

LAST: Final = 5
"""So many of the latest mails to one debtor are told."""


class Whom(NamedTuple):
    """Who owes: a side, its organisation, and for the reader's own team its person; each may be unknown."""

    party: str
    organisation_id: UUID | None
    person_id: UUID | None


class Share(NamedTuple):
    """How much somebody owes, how much of it late, and since when the oldest of it was to be done."""

    whom: Whom
    due: int
    late: int
    oldest: datetime


@dataclass(frozen=True)
class Debtor:
    """Somebody who owes, with all that he owes, whatever the page shows of it."""

    whom: Whom
    name: str
    phone: str
    due: int
    late: int
    oldest: datetime
    last_mail: datetime | None
    next_mail: datetime | None


@dataclass(frozen=True)
class Owed:
    """One page of what is owed, its debtors, and the next reminder of each task's own clock.

    `late` of them all; `sides`: how many each side owes, whichever is asked about.
    """

    page: Page[Task]
    debtors: dict[Whom, Debtor]
    reminders: dict[UUID, datetime]
    late: int
    sides: Counter[str]


def owed(unit: UnitOfWork, actor: Actor, filters: Filters) -> Question[Task]:
    """What others owe to the reader's side: those who owe the oldest thing first, each with all his own together."""
    asked = listing.owed(unit, actor, filters)
    asked = asked.where(Task.party.in_(OTHERS))
    oldest = func.min(Task.due_at).over(partition_by=(Task.party, Task.organisation_id, _person(actor)))
    order = (oldest, Task.party, Task.organisation_id, _person(actor), Task.due_at, Task.id)
    return Question(asked.query, order, asked.options)


def page(unit: UnitOfWork, actor: Actor, filters: Filters, number: int) -> Owed:
    """One page of it, with what is to know before calling.

    Debtors are few: counted once, in order, they tell every total, and whose things the page shows.
    """
    shares, sides = _shares(unit, actor, filters.but(party=None)), Counter[str]()
    for each in shares:
        sides[each.whom.party] += each.due
    asked = [each for each in shares if filters.party in {None, each.whom.party}]
    total = sum(each.due for each in asked)
    number = listing.nearest(number, total)
    shown, before = _reached(asked, (number - 1) * listing.PAGE)
    those = or_(false(), *(_is_whom(actor, each.whom) for each in shown))
    found = Page(owed(unit, actor, filters).where(those).rows(unit, before), number, total)
    look_up_known(unit, actor, [task.case for task in found.rows])
    debtors = {each.whom: each for each in _debtors(unit, actor, shown)}
    return Owed(found, debtors, _reminders(unit, found.rows), sum(each.late for each in asked), sides)


def _reached(shares: Sequence[Share], start: int) -> tuple[list[Share], int]:
    """Those whose things stand on the page that begins after so many, and how many of the first one's are before it."""
    begins = accumulate((each.due for each in shares), initial=0)
    end, begun = start + listing.PAGE, zip(shares, begins, strict=False)
    spans = [(each, begin) for each, begin in begun if start - each.due < begin < end]
    return [each for each, _ in spans], start - spans[0][1] if spans else 0


def whom_of(actor: Actor, task: Task) -> Whom:
    """Who owes this task, as this reader sees it."""
    return Whom(task.party, task.organisation_id, listing.owner_of(task) if _is_own(actor, task.party) else None)


def _is_own(actor: Actor, party: str) -> bool:
    return actor.role is Role.OPERATOR and party == Party.OPERATOR


def _person(actor: Actor) -> ColumnElement[UUID | None]:
    own = Task.party == (Party.OPERATOR if actor.role is Role.OPERATOR else "")
    return case((own, listing.OWNER))


def _is_whom(actor: Actor, whom: Whom) -> ColumnElement[bool]:
    return and_(
        Task.party == whom.party,
        Task.organisation_id.is_not_distinct_from(whom.organisation_id),
        _person(actor).is_not_distinct_from(whom.person_id),
    )


def _shares(unit: UnitOfWork, actor: Actor, filters: Filters) -> list[Share]:
    """What each owes, counted by the same question as the list and in its order."""
    whom, oldest = (Task.party, Task.organisation_id, _person(actor)), func.min(Task.due_at, type_=Task.due_at.type)
    late = func.count().filter(Task.due_at < unit.now)
    query = owed(unit, actor, filters).query.with_only_columns(*whom, func.count(), late, oldest)
    rows = unit.session.execute(query.group_by(*whom).order_by(oldest, *whom))
    return [Share(Whom(*row[:3]), *row[3:]) for row in rows]


def _debtors(unit: UnitOfWork, actor: Actor, shown: Sequence[Share]) -> list[Debtor]:
    """Those that are shown, with what is known of them."""
    organisations = _by_id(unit, Organisation, {each.whom.organisation_id for each in shown})
    people = _by_id(unit, Person, {each.whom.person_id for each in shown})
    mails = _mails(unit, actor, {each.email for each in organisations.values() if each.email})
    found = []
    for whom, due, late, oldest in shown:
        organisation = organisations.get(whom.organisation_id) if whom.organisation_id else None
        somebody = people.get(whom.person_id) if whom.person_id else None
        name = _name(actor, whom, organisation, somebody)
        last, following = mails.get(organisation.email or "", (None, None)) if organisation else (None, None)
        phone = "" if _is_own(actor, whom.party) else (organisation.phone if organisation else "") or ""
        found.append(Debtor(whom, name, phone, due, late, oldest, last, following))
    return found


Named = TypeVar("Named", Organisation, Person)


def _by_id(unit: UnitOfWork, model: type[Named], ids: set[UUID | None]) -> dict[UUID, Named]:
    wanted = [each for each in ids if each is not None]
    return {each.id: each for each in unit.session.scalars(select(model).where(model.id.in_(wanted)))}


def _name(actor: Actor, whom: Whom, organisation: Organisation | None, person: Person | None) -> str:
    if _is_own(actor, whom.party):
        return person.name if person else "Personne de l’équipe ne s’en occupe encore"
    return organisation.name if organisation else "Donneurs d’alerte sans organisation"


Mails = dict[str, tuple[datetime | None, datetime | None]]


def _mails(unit: UnitOfWork, actor: Actor, addresses: Set[str]) -> Mails:
    """By address: when the last mail was taken by its server, and when the next one leaves; each one step of an index,
    however many left before.
    """
    left = (
        select(Message.done_at)
        .where(Message.state == MessageState.ACCEPTED, Message.done_at.is_not(None))
        .order_by(Message.done_at.desc())
    )
    waits = (
        select(Message.due_at)
        .where(Message.state == MessageState.QUEUED, Message.done_at.is_(None))
        .order_by(Message.due_at)
    )

    def first(query: Select[Any], address: str) -> Any:
        own = query.where(Message.programme_id == actor.programme_id, Message.address == address)
        return unit.session.scalar(own.limit(1))

    return {address: (first(left, address), first(waits, address)) for address in addresses}


def _reminders(unit: UnitOfWork, tasks: Sequence[Task]) -> dict[UUID, datetime]:
    query = select(Obligation.task_id, Obligation.next_at).where(
        Obligation.task_id.in_([task.id for task in tasks]), Obligation.next_at.is_not(None)
    )
    found: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for task_id, at in unit.session.execute(query):
        found[task_id] += [at] if at else []
    return {task_id: min(instants) for task_id, instants in found.items()}


def history(unit: UnitOfWork, actor: Actor, organisation_id: UUID) -> list[Message]:
    """The latest mails to one organisation about the reader's cases, whatever became of them, newest first."""
    organisation = unit.session.get(Organisation, organisation_id)
    if organisation is None or not organisation.email or organisation.programme_id != actor.programme_id:
        return []
    readable = listing.cases(unit, actor).query.with_only_columns(listing.CASE_ID)
    query = select(Message).where(
        Message.programme_id == actor.programme_id,
        Message.address == organisation.email,
        Message.case_id.in_(readable),
    )
    return list(unit.session.scalars(query.order_by(Message.created_at.desc(), Message.id.desc()).limit(LAST)))
