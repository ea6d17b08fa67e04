"""SMS that households send us: an answer to the follow-up, STOP, or words for a person to read.

An SMS answers the last one that we sent to its number; without one it is about the only open case that has the number,
and where several have it, or none, it waits for a person. It is kept under its provider's own reference: told twice, it
counts once. Words move nothing but the follow-up's own three answers and the wish to get no more SMS.
"""

import re
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import select

from models import events as e
from models.cases import Case, Household, Phone
from models.engine import IncomingMail, Message, Task
from models.programmes import Programme
from models.vocabulary import (
    AnsweredBy,
    Channel,
    ContactBy,
    FollowUpAnswer,
    IncomingKind,
    Party,
    PermissionKind,
    Source,
    Stage,
    TaskState,
)
from services.cases import agreements, follow_up
from services.cases.endings import keep_back
from services.correspondence import replies
from services.forms import Form, FreeText, PhoneNumber
from services.foundation.database import UnitOfWork
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import ENGINE
from services.rules.rendering import FOLLOW_UP_QUESTION

STOP: Final = frozenset({"stop", "arret", "arrêt", "stopsms"})
ANSWERS: Final = {
    FollowUpAnswer.BETTER: re.compile(r"1|(1\W*)?mieux\W*|1\W+"),
    FollowUpAnswer.SAME: re.compile(r"2|(2\W*)?pareil\W*|2\W+"),
    FollowUpAnswer.CALL_ME: re.compile(r"3|(3\W*)?rappelez\W?moi\W*|3\W+"),
}
"""The number, the word or both, and nothing more: "2 enfants malades" is for a person to read."""
RECENT: Final = timedelta(days=60)
"""An answer later than this is about something else."""


class ReceivedSms(Form):
    """What a provider tells of an SMS."""

    sender: PhoneNumber = Field(description="Numéro de l’expéditeur")
    text: FreeText = Field("", description="Texte")
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="Référence du message chez le fournisseur"
    )


def receive(unit: UnitOfWork, form: ReceivedSms) -> IncomingMail | None:
    """Write down an SMS and what follows from it; None for one that was told before."""
    known_as = f"sms:{form.reference}"
    if unit.session.scalar(select(IncomingMail.id).where(IncomingMail.message_id == known_as)) is not None:
        return None
    message = _answered(unit, form.sender)
    case = replies.living_case(unit, message) if message else _only_case(unit, form.sender)
    row = IncomingMail(
        message_id=known_as,
        kind=IncomingKind.REPLY.value,
        programme_id=_programme_of(unit, form.sender, message, case),
        case_id=case.id if case else None,
        answered_id=message.id if message else None,
        sender=form.sender,
        subject="SMS",
        received_at=unit.now,
    )
    unit.session.add(row)
    unit.session.flush()
    word = form.text.strip().strip(".!").lower()
    if word in STOP:
        stop(unit, form.sender)
        row.handled_at = unit.now
    elif case is None:
        row.text, row.waits = form.text or replies.NOTHING, True
    elif message is None or not _answers_follow_up(unit, case, message, word):
        replies.file_words(unit, row, form.text or replies.NOTHING, message)
    unit.session.flush()
    return row


def _answered(unit: UnitOfWork, number: str) -> Message | None:
    """The last SMS that we sent to this number."""
    query = select(Message).where(
        Message.address == number, Message.channel == Channel.SMS, Message.done_at >= unit.now - RECENT
    )
    return unit.session.scalars(query.order_by(Message.done_at.desc(), Message.id.desc()).limit(1)).first()


def _only_case(unit: UnitOfWork, number: str) -> Case | None:
    """The open case that has this number, locked, when no other has it in any programme; a wrong number is nobody's."""
    query = (
        select(Case.id)
        .join(Phone, Phone.household_id == Case.household_id)
        .where(Phone.number == number, Phone.blocked_at.is_(None), Case.stage != Stage.CLOSED)
    )
    found = unit.session.scalars(query.distinct().limit(2)).all()
    if len(found) != 1:
        return None
    locked = select(Case).where(Case.id == found[0], Case.stage != Stage.CLOSED).with_for_update(of=Case)
    return unit.session.scalars(locked).first()


def _answers_follow_up(unit: UnitOfWork, case: Case, message: Message, word: str) -> bool:
    """Whether it is one of the three answers to the question of the follow-up, asked of this very case."""
    said = next((answer for answer, written in ANSWERS.items() if written.fullmatch(word)), None)
    task = unit.session.get(Task, message.task_id) if message.task_id else None
    if said is None or task is None or task.state != TaskState.OPEN or task.case_id != case.id:
        return False
    if message.text != FOLLOW_UP_QUESTION:
        return False
    follow_up.record_answer(unit, Hand(ENGINE, Source.SMS), task, said=said, by=AnsweredBy.SMS)
    return True


def stop(unit: UnitOfWork, number: str) -> None:
    """No SMS goes to this number any more, whatever was agreed; a case that wished them is called instead."""
    phones = unit.session.scalars(select(Phone).where(Phone.number == number, Phone.no_sms_at.is_(None))).all()
    for phone in phones:
        phone.no_sms_at = unit.now
    households = {phone.household_id for phone in phones}
    cases = select(Case).where(Case.household_id.in_(households)).order_by(Case.id).with_for_update(of=Case)
    for case in unit.session.scalars(cases).all():
        keep_back(unit, case.id, (Party.HOUSEHOLD,), channels=(Channel.SMS,))
        if case.contact_by == ContactBy.SMS:
            case.contact_by = ContactBy.CALL.value
        hand = Hand(ENGINE, Source.SMS)
        phone = next(each for each in phones if each.household_id == case.household_id)
        casework.record(unit, case, e.SmsStopped(phone_id=phone.id), hand=hand)
        for permission in agreements.standing(unit, case, PermissionKind.SMS):
            permission.revoked_at = unit.now
            fact = e.PermissionRevoked(permission_id=permission.id, kind=PermissionKind.SMS)
            casework.record(unit, case, fact, hand=hand)


def _programme_of(unit: UnitOfWork, number: str, message: Message | None, case: Case | None) -> UUID | None:
    """That of our SMS or of the case; else the one that knows this number, or the only one; None: nobody can tell."""
    about = message or case
    if about is not None:
        return about.programme_id
    known = (
        select(Case.programme_id)
        .join(Household, Household.id == Case.household_id)
        .join(Phone, Phone.household_id == Household.id)
        .where(Phone.number == number)
    )
    return replies.only_programme(unit, known, select(Programme.id))
