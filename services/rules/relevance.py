"""Whether a message that waits may still leave: asked of one as it leaves, and of all those that a page shows.

Both are said here, side by side, since they must agree: what a page shows as coming is what will leave.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, exists, or_, select

from models.cases import Case, Phone, Referral, Visit
from models.engine import IS_OPEN, Event, Message, Task
from models.events import ReminderDue
from models.programmes import SignInLink
from models.vocabulary import Channel, ClosureOutcome, MessageState, Party, TaskState, VisitState
from services.foundation.database import UnitOfWork
from services.rules.texts.standing import Standing, standings
from services.rules.view import meeting_to_come

SIGN_IN: Final = "sign_in"
MOVED: Final = "visit_moved"
NOBODY_READS: Final[Mapping[str, Collection[Channel]]] = {
    ClosureOutcome.DECEASED: tuple(Channel),
    ClosureOutcome.MOVED: (Channel.LETTER,),  # the address that we know is somebody else's by now
    ClosureOutcome.REHOUSED: (Channel.LETTER,),
}
"""The channels on which a household is written to no more, once its case ended so."""
Now = datetime | BindParameter[datetime]
_ALWAYS: Final = Standing()


class Suppressed(Exception):
    """The message must not leave any more; `reason` is a code for the ledger."""

    def __init__(self, reason: str) -> None:
        """`reason`: task_closed, visit_past, meeting_past, link_past, number_blocked, address_refused, news_stopped,
        nothing_new, household_gone."""
        super().__init__(reason)
        self.reason = reason


def check(unit: UnitOfWork, message: Message) -> None:
    """Raise `Suppressed` when the reason of a message about a case is gone."""
    task = unit.session.get(Task, message.task_id) if message.task_id else None
    if task is not None and (task.state != TaskState.OPEN or _waits(unit, task, message)):
        raise Suppressed("task_closed")
    if message.channel == Channel.SMS and _is_blocked(unit, message):
        raise Suppressed("number_blocked")
    if message.channel == Channel.EMAIL and _is_of_refused_address(message):
        raise Suppressed("address_refused")
    if message.text == SIGN_IN and sign_in_link(unit, message) is None:
        raise Suppressed("link_past")
    if message.party == Party.HOUSEHOLD and message.channel in NOBODY_READS.get(message.of_case.outcome or "", ()):
        raise Suppressed("household_gone")
    _check_standing(unit, message, standings().get(message.text, _ALWAYS))
    if message.text == MOVED and message.party == Party.HOUSEHOLD and _is_as_told(unit, message):
        raise Suppressed("nothing_new")


def _check_standing(unit: UnitOfWork, message: Message, text: Standing) -> None:
    referral = unit.session.get(Referral, message.referral_id) if message.referral_id else None
    if text.case and message.of_case.state not in text.case:
        raise Suppressed("task_closed")
    if text.referral and referral is not None and referral.state not in text.referral:
        raise Suppressed("task_closed")
    if text.ahead == "meeting" and meeting_to_come(unit, referral) is None:
        raise Suppressed("meeting_past")
    if text.ahead == "visit" and message.visit_id:
        visit = unit.session.get_one(Visit, message.visit_id)
        if visit.state != VisitState.PLANNED or visit.starts_at <= unit.now:
            raise Suppressed("visit_past")
    if text.tells == "going_on" and not _heard_of_the_end(unit, message):
        raise Suppressed("nothing_new")


def is_wanted(now: Now) -> ColumnElement[bool]:
    """Of messages that wait: the task of each is still to be done, somebody is there to read it, what it says is true,
    and will be in its hour.
    """
    return and_(
        or_(Message.task_id.is_(None), exists().where(Task.id == Message.task_id, IS_OPEN)),
        _is_read(),
        *(_stands(text, said) for text, said in _in_some_states()),
        _is_ahead(now),
    )


def _is_ahead(now: Now) -> ColumnElement[bool]:
    """The visit or the meeting that it tells of is not over when it leaves."""
    met = exists().where(
        Referral.id == Message.referral_id, Referral.meets_at > now, Referral.meets_at > Message.due_at
    )
    visited = exists().where(
        Visit.id == Message.visit_id,
        Visit.state == VisitState.PLANNED,
        Visit.starts_at > now,
        Visit.starts_at > Message.due_at,
    )
    return and_(
        or_(Message.text.not_in(_texts(ahead="meeting")), met),
        or_(Message.text.not_in(_texts(ahead="visit")), Message.visit_id.is_(None), visited),
    )


def _texts(**facts: str) -> list[str]:
    """Those of which the catalogue says so."""
    return [text for text, said in standings().items() if facts.items() <= dict(said).items()]


def _stands(text: str, said: Standing) -> ColumnElement[bool]:
    case = select(Case.id).where(Case.id == Message.case_id, Case.state.in_(sorted(said.case)))
    asked = Referral.id == Message.referral_id, Referral.state.in_(sorted(said.referral))
    request = select(Referral.id).where(*asked).correlate(Message).exists()
    return or_(
        Message.text != text,
        and_(
            *((case.correlate(Message).exists(),) if said.case else ()),
            *((or_(Message.referral_id.is_(None), request),) if said.referral else ()),
        ),
    )


def _is_read() -> ColumnElement[bool]:
    """Somebody of the household is there to read it, if it is for one."""
    gone = (
        select(Case.id).where(Case.id == Message.case_id, Case.outcome == outcome, Message.channel.in_(channels))
        for outcome, channels in NOBODY_READS.items()
    )
    return or_(Message.party != Party.HOUSEHOLD, and_(*(~each.correlate(Message).exists() for each in gone)))


def _in_some_states() -> Iterable[tuple[str, Standing]]:
    return ((text, said) for text, said in standings().items() if said.case or said.referral)


def sign_in_link(unit: UnitOfWork, message: Message) -> SignInLink | None:
    """The link that a sign-in mail carries, while it can still be used."""
    event = unit.session.get_one(Event, message.event_id)
    link = unit.session.get(SignInLink, UUID(event.payload["link_id"]))
    return link if is_good(unit, link) else None


def is_good(unit: UnitOfWork, link: SignInLink | None) -> bool:
    """Whether a link can still be used."""
    return link is not None and link.used_at is None and link.expires_at > unit.now


def _heard_of_the_end(unit: UnitOfWork, message: Message) -> bool:
    """Whether the last thing that its reader heard of an end, or will hear in the same mail, is that the case ended."""
    ends, waiting = _texts(tells="end"), Message.state.in_([MessageState.QUEUED, MessageState.LEASED])
    told = select(Message.text).where(
        Message.case_id == message.case_id,
        Message.party == message.party,
        Message.address == message.address,
        Message.text.in_([*ends, *_texts(tells="going_on")]),
        Message.state.not_in([MessageState.CANCELLED, MessageState.REFUSED]),
        Message.id < message.id,
        ~and_(waiting, Message.text.in_([text for text, _ in _in_some_states()])),  # true no more, as the case goes on
    )
    return unit.session.scalar(told.order_by(Message.id.desc()).limit(1)) in ends


def _is_as_told(unit: UnitOfWork, message: Message) -> bool:
    """Neither the visit's hour nor who comes was changed: nothing of what the household knows."""
    payload = unit.session.get_one(Event, message.event_id).payload
    return bool(payload.get("same_time") and payload.get("same_officer"))


def _waits(unit: UnitOfWork, task: Task, message: Message) -> bool:
    """Whether it is a step of a clock that has stopped since."""
    return task.paused_at is not None and unit.session.get_one(Event, message.event_id).type == ReminderDue.type


def _is_blocked(unit: UnitOfWork, message: Message) -> bool:
    """Since the SMS was planned somebody else answered at this number, or it wants no SMS any more."""
    query = select(Phone.id).where(
        Phone.household_id == message.of_case.household_id,
        Phone.number == message.address,
        or_(Phone.blocked_at.is_not(None), Phone.no_sms_at.is_not(None)),
    )
    return unit.session.scalar(query) is not None


def _is_of_refused_address(message: Message) -> bool:
    """Since the mail was planned the household's address refused another, or is its address no more."""
    if message.party != Party.HOUSEHOLD:
        return False
    return message.of_case.household.mail_address != message.address
