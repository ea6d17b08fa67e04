"""Answers to our mails: filed on the case of the mail that they answer, owned by an item, or kept apart for somebody.

A mail finds its case by the Message-ID of ours, whole: a forged one finds nothing. Words are a note for the team; what
they seem to say is a suggestion. Nothing here moves a case, but a server's word that a mail of ours will not arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, update

from models.cases import Case, Note
from models.engine import Event, IncomingMail, Message, Task
from models.events import ReplyReceived, TaskCompleted
from models.pathway import Open
from models.programmes import Membership, Organisation, Person, Programme
from models.vocabulary import Channel, IncomingKind, Party, Role, Source, Suggestion, TaskState
from services import search
from services.channels.inbox import Received
from services.channels.incoming import Incoming, read_incoming
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, GuardRefused, InvalidInput, NotFound
from services.rules import aftermath, casework, ledger
from services.rules.casework import Hand
from services.rules.policy import ENGINE, Actor, Right, case_for, check, known, locked_case, readable
from services.rules.published import pathway_of
from services.rules.ranking import READ
from services.rules.texts.labels import label

KEPT: Final = timedelta(days=90)
"""How long the head of a mail is kept, and its words when no case has them."""

MOST: Final = 200
NOTHING: Final = "(message sans texte)"
CUT: Final = "[La suite du message, trop long, n’a pas été gardée.]"
ELSEWHERE: Final = "[Envoyé d’une autre adresse que celle à laquelle nous avions écrit.]"
OTHER_ADDRESS: Final = "Un serveur signale que ce message n’a pas été remis à une adresse vers laquelle il est renvoyé."


@dataclass(frozen=True)
class Reply:
    """One answer as its reader needs it; `suggestion` is what its first words seem to say, or None."""

    mail: IncomingMail
    author: str
    text: str
    suggestion: Suggestion | None


# --- Arriving -------------------------------------------------------------------------------------------------------


def receive(unit: UnitOfWork, received: Received, *, own: str) -> IncomingMail | None:
    """Write down a mail and what follows from it; None for one that was read before. `own` is our sending address."""
    mail = read_incoming(received.content, size=received.size, own=frozenset({own.lower()}))
    known = select(IncomingMail.id).where(IncomingMail.message_id == mail.message_id)
    if unit.session.scalar(known) is not None:
        return None
    message = _answered(unit, mail)
    case = living_case(unit, message)
    row = _written(unit, mail, message, case)
    if row.kind == IncomingKind.BOUNCE and message is not None:
        _bounced(unit, row, mail, message)
    elif message is not None and case is not None:
        _filed(unit, row, mail, message)
    else:
        _kept_apart(unit, row, mail, message)
    unit.session.flush()
    return row


def _answered(unit: UnitOfWork, mail: Incoming) -> Message | None:
    """Our mail that it answers, the nearest if it names several."""
    found = unit.session.scalars(
        select(Message).where(Message.message_id.in_(mail.answers), Message.channel == Channel.EMAIL)
    ).all()
    return min(found, key=lambda each: mail.answers.index(each.message_id), default=None)


def living_case(unit: UnitOfWork, message: Message | None) -> Case | None:
    """The living case of our mail, locked; None when it was erased, or when the mail spoke of several."""
    case_id = message.case_id if message else None
    while case_id is not None:
        case = locked_case(unit, case_id)
        case_id = case.merged_into_id
        if case_id is None:
            several = message is not None and _speaks_of_several(unit, message)
            return None if case.erased_at is not None or several else case
    return None


def _speaks_of_several(unit: UnitOfWork, message: Message) -> bool:
    """Whether our mail carried messages of other cases: an answer to it may be about any, and read by one team only."""
    others = select(Message.id).where(Message.bundle_id == message.id, Message.case_id != message.case_id)
    return unit.session.scalar(others.limit(1)) is not None


def _written(unit: UnitOfWork, mail: Incoming, message: Message | None, case: Case | None) -> IncomingMail:
    kind = mail.kind
    if unit.session.scalar(select(Message.id).where(Message.message_id == mail.message_id)) is not None:
        kind = IncomingKind.LOOP  # our own mail, come back whole
    row = IncomingMail(
        message_id=mail.message_id,
        kind=kind.value,
        programme_id=message.programme_id if message else None,
        case_id=case.id if case else None,
        answered_id=message.id if message else None,
        sender=mail.sender,
        subject=mail.subject,
        status=mail.bounce.status if mail.bounce else None,
        suggestion=mail.suggestion.value if mail.suggestion else None,
        received_at=unit.now,
    )
    unit.session.add(row)
    unit.session.flush()
    return row


def _filed(unit: UnitOfWork, row: IncomingMail, mail: Incoming, message: Message) -> None:
    """On the case: somebody's words with an item, a machine's as a note that nobody has to answer."""
    if row.kind == IncomingKind.REPLY:
        file_words(unit, row, _said(mail, message), message)
    elif row.kind == IncomingKind.AUTOMATIC and mail.text:
        _note(unit, row, f"Réponse automatique : « {mail.text} »", message)


def file_words(unit: UnitOfWork, row: IncomingMail, text: str, message: Message | None) -> None:
    """An event, whose item the pathway opens; where it opens none (a closed case, an older pathway), the mail waits.

    `message`: ours, which it answers; None when the household wrote first.
    """
    case = unit.session.get_one(Case, row.case_id)
    own = message if message and message.case_id == case.id else None  # tasks and referrals of a double stay with it
    fact = ReplyReceived(
        reply_id=row.id,
        message_id=message.id if message else None,
        task_id=own.task_id if own else None,
        referral_id=own.referral_id if own else None,
    )
    hand = Hand(ENGINE, Source.MAIL, key=f"mail:{row.id}")
    row.event_id = casework.record(unit, case, fact, hand=hand).id
    row.waits = case.is_closed or not _opens_something(unit, case, fact)
    _note(unit, row, text, message)


def _opens_something(unit: UnitOfWork, case: Case, fact: ReplyReceived) -> bool:
    rule = pathway_of(unit, case.pathway_hash).rule_of(fact)
    return any(isinstance(step, Open) for step in (*rule.at_once, *rule.then))


def _note(unit: UnitOfWork, row: IncomingMail, text: str, message: Message | None) -> None:
    """For the team alone: its writer did not choose who reads it."""
    own = message if message and message.case_id == row.case_id else None
    unit.session.add(
        Note(
            case_id=row.case_id,
            event_id=row.event_id,
            referral_id=own.referral_id if own else None,
            audience="team",
            author=_author(message),
            text=text,
            at=unit.now,
        )
    )


def _author(message: Message | None) -> str:
    """Who we had written to, as an organisation or a role: what a mail says of its sender proves nothing."""
    if message is not None and message.organisation is not None and message.party != Party.HOUSEHOLD:
        return message.organisation.name
    words = label("party", message.party if message else Party.HOUSEHOLD)
    return wording.capital(words)


def _said(mail: Incoming, message: Message | None) -> str:
    """The words, then what is missing from them."""
    missing = [CUT] if mail.is_cut else []
    if mail.refused:
        named = ", ".join(mail.refused)
        missing.append(f"[Pièces jointes non reçues, à demander autrement : {named}]")
    if message is not None and mail.sender != message.address.lower():
        missing.append(ELSEWHERE)
    return "\n\n".join([mail.text or NOTHING, *missing])


def _bounced(unit: UnitOfWork, row: IncomingMail, mail: Incoming, message: Message) -> None:
    """Our mail will not arrive: refused after the fact, it and all that left with it. Nothing for a second report.

    A server that speaks of another address (a mailbox that is forwarded) proves nothing of ours: somebody reads it.
    """
    named = mail.bounce.recipients if mail.bounce else frozenset()
    if named and message.address.lower() not in named:
        if row.case_id is not None:
            file_words(unit, row, OTHER_ADDRESS, message)
        else:
            _kept_apart(unit, row, mail, message)
        return
    for each in ledger.bounce(unit, message.id, status=row.status or ""):
        aftermath.message_bounced(unit, each)


def _kept_apart(unit: UnitOfWork, row: IncomingMail, mail: Incoming, message: Message | None) -> None:
    """No case to file it on: its words stay here, and people's mails wait for somebody."""
    if row.kind in {IncomingKind.LOOP, IncomingKind.DELAY, IncomingKind.NOTICE}:
        return
    row.text = _said(mail, message) if row.kind != IncomingKind.BOUNCE else ""
    row.waits = row.kind != IncomingKind.AUTOMATIC
    row.programme_id = row.programme_id or _programme_of(unit, mail.sender)


def _programme_of(unit: UnitOfWork, sender: str) -> UUID | None:
    """The programme that knows this address, or the only one there is; None when nobody can tell."""
    directory = select(Organisation.programme_id).where(Organisation.email == sender)
    staff = select(Membership.programme_id).join(Person).where(Person.email == sender, Membership.ended_at.is_(None))
    return only_programme(unit, directory, staff, select(Programme.id))


def only_programme(unit: UnitOfWork, *queries: Select[UUID]) -> UUID | None:
    """The one that the first of these queries which finds a single one finds."""
    for query in queries:
        found = unit.session.scalars(query.distinct().limit(2)).all()
        if len(found) == 1:
            return found[0]
    return None


# --- Being read -----------------------------------------------------------------------------------------------------


def read(unit: UnitOfWork, hand: Hand, task_id: UUID) -> Task:
    """Read, nothing to do: the item ends. Raises `GuardRefused` if it ended already."""
    task = unit.session.get(Task, task_id)
    if task is None or task.kind != READ:
        raise NotFound
    case = case_for(unit, hand.actor, task.case_id, Right.TASKS)
    unit.session.refresh(task)
    if task.state != TaskState.OPEN:
        raise GuardRefused("Cette réponse est déjà lue.")
    casework.close(unit, [task], TaskState.COMPLETED)
    casework.record(unit, case, TaskCompleted(task_id=task.id, kind=task.kind), hand=hand)
    return task


def to_read(unit: UnitOfWork, actor: Actor, task_id: UUID) -> tuple[Task, list[Reply]]:
    """An item and the answers that it asks to read, newest first. Raises `NotFound` for a foreign one."""
    task = unit.session.get(Task, task_id)
    if task is None or task.kind != READ:
        raise NotFound
    check(unit, actor, readable(unit, actor, task.case_id), Right.REPLIES)
    query = (
        select(IncomingMail, Note, Event)
        .join(Event, Event.id == IncomingMail.event_id)
        .join(Note, Note.event_id == Event.id)
        .where(IncomingMail.case_id == task.case_id, IncomingMail.received_at >= task.opened_at)
        .order_by(IncomingMail.received_at.desc(), IncomingMail.id.desc())
    )
    found = [
        Reply(mail, note.author, note.text, Suggestion(mail.suggestion) if mail.suggestion else None)
        for mail, note, event in unit.session.execute(query)
        if _about(unit, event) == task.referral_id and (task.closed_at is None or mail.received_at <= task.closed_at)
    ]
    return task, found


def _about(unit: UnitOfWork, event: Event) -> UUID | None:
    """The referral of an answer, as the item that was opened for it has it."""
    task_id, referral_id = event.payload.get("task_id"), event.payload.get("referral_id")
    task = unit.session.get(Task, UUID(task_id)) if task_id else None
    if task is not None:
        return task.referral_id
    return UUID(referral_id) if referral_id else None


# --- Kept apart -----------------------------------------------------------------------------------------------------


def waiting(unit: UnitOfWork, actor: Actor) -> Sequence[IncomingMail]:
    """The mails that no item asks to read: without a case, or on one that is closed; the oldest first."""
    query = select(IncomingMail).where(IncomingMail.waits, _theirs(actor))
    return unit.session.scalars(query.order_by(IncomingMail.received_at, IncomingMail.id).limit(MOST)).all()


def sealed(unit: UnitOfWork, actor: Actor, mails: Sequence[IncomingMail]) -> frozenset[UUID]:
    """Those of these mails whose sender and words are about a household that the actor may not know."""
    cases = {mail.case_id for mail in mails if mail.case_id is not None} if actor.role is Role.COORDINATOR else set()
    unknown = cases - known(unit, actor, cases) if cases else cases
    return frozenset(mail.id for mail in mails if mail.case_id in unknown)


def file_on_case(unit: UnitOfWork, hand: Hand, mail_id: UUID, number: str) -> Case:
    """Somebody knows which case a mail is about: its words become a note there, for the team."""
    row = _waiting(unit, hand.actor, mail_id)
    found = search.by_reference(unit, hand.actor, number)
    if found is None:
        raise InvalidInput("number", "Aucune situation ne se reconnaît à cette référence : écrivez-la en entier.")
    case = case_for(unit, hand.actor, found, Right.NOTE)
    if row.case_id is None:
        text = row.text or NOTHING
        unit.session.add(
            Note(case_id=case.id, audience="team", author=_known(unit, row), text=text, at=row.received_at)
        )
        row.case_id, row.programme_id, row.text = case.id, case.programme_id, ""
    _handle(unit, hand, row)
    return case


def set_aside(unit: UnitOfWork, hand: Hand, mail_id: UUID) -> IncomingMail:
    """Somebody read it: nothing is to be done."""
    row = _waiting(unit, hand.actor, mail_id)
    _handle(unit, hand, row)
    return row


def forget_old(unit: UnitOfWork) -> None:
    """Drop what is kept of a mail beside the note on its case, `KEPT` after it came, unless it waits for somebody."""
    old = and_(IncomingMail.received_at < unit.now - KEPT, IncomingMail.waits.is_(False), IncomingMail.sender != "")
    forgotten = update(IncomingMail).where(old).values(sender="", subject="", text="")
    unit.session.execute(forgotten, execution_options={"synchronize_session": False})


def _theirs(actor: Actor) -> ColumnElement[bool]:
    """Coordinators: their programme's. Administrators: those of which nobody can tell the programme."""
    if actor.role is Role.COORDINATOR:
        return IncomingMail.programme_id == actor.programme_id
    if actor.role is Role.ADMINISTRATOR:
        return IncomingMail.programme_id.is_(None)
    raise Denied


def _waiting(unit: UnitOfWork, actor: Actor, mail_id: UUID) -> IncomingMail:
    query = select(IncomingMail).where(IncomingMail.id == mail_id, _theirs(actor)).with_for_update(of=IncomingMail)
    row = unit.session.scalars(query).first()
    if row is None:
        raise NotFound
    if not row.waits:
        raise GuardRefused("Ce message est déjà traité.")
    return row


def _handle(unit: UnitOfWork, hand: Hand, row: IncomingMail) -> None:
    row.waits, row.handled_at, row.handled_by_id = False, unit.now, hand.actor.id
    unit.session.flush()


def _known(unit: UnitOfWork, row: IncomingMail) -> str:
    """The organisation that this address belongs to, or that nobody knows it."""
    query = select(Organisation.name).where(
        Organisation.email == row.sender, Organisation.programme_id == row.programme_id
    )
    return unit.session.scalars(query.order_by(Organisation.name)).first() or "Expéditeur inconnu"
