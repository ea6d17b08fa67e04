"""What a partner says between his yes and the end of his help; and what the household says of it afterwards."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models import events as e
from models.cases import Referral
from models.engine import IS_OPEN, Task
from models.lifecycles import LOOP_MOVES, UNANSWERED, ReferralAction
from models.vocabulary import CaseState, HoldReason, Loop, Party, ReferralState, TaskState
from services.cases import referrals as r
from services.cases.notes import write_note
from services.forms import Answer, Completion, Decline, Failure, Hold, Meeting, NoteForm, Question
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks, pauses
from services.rules.casework import Hand
from services.rules.policy import Right
from services.rules.published import pathway_of, today_of

FARTHEST_MEETING: Final = timedelta(days=183)
"""A date beyond that is a slip of the pen."""
REVIEW: Final = "review_hold"
SAID_ALREADY: Final = {
    Loop.CONFIRMED: "Le ménage a déjà dit que cette aide est venue.",
    Loop.DISPUTED: "Cette aide est déjà contestée : la coordination s’en occupe.",
    Loop.UNVERIFIABLE: "C’est déjà noté : cette aide ne peut pas être vérifiée.",
}


def acknowledge(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Answer) -> Referral:
    """The partner studies it: the answer's delay starts again, once."""
    referral, hand = r.answerer(unit, hand, referral_id, "acknowledge", form)
    r.move(referral, ReferralAction.ACKNOWLEDGE, form)
    r.extend(unit, referral)
    r.tell(unit, hand, referral, r.about(referral, e.ReferralAcknowledged), form)
    return referral


def propose(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Meeting) -> Referral:
    """The partner says when he would meet the household; before his answer, that is a yes. A later day replaces it."""
    referral, teller = r.answerer(unit, hand, referral_id, "propose", form)
    if not timedelta() < form.meets_at - unit.now <= FARTHEST_MEETING:
        raise InvalidInput("meets_at", "Choisissez un jour à venir, dans les six mois.")
    is_answer = ReferralState(referral.state) in UNANSWERED
    if is_answer:
        r.accept(unit, hand, referral_id, Answer(file_number=form.file_number, on_behalf=form.on_behalf))
    else:
        r.ask_news_later(unit, referral)
    r.move(referral, ReferralAction.PROPOSE, form)
    referral.meets_at = form.meets_at
    fact = e.MeetingProposed(**r.ids(referral), meets_at=form.meets_at, with_answer=is_answer)
    r.tell(unit, teller, referral, fact, form)
    return referral


def start(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Answer) -> Referral:
    """The partner met the household: sixty days until news from now, and his link stays the one that he has."""
    referral, hand = r.answerer(unit, hand, referral_id, "start", form)
    r.move(referral, ReferralAction.START, form)
    r.ask_news_later(unit, referral)
    r.tell(unit, hand, referral, r.about(referral, e.ReferralStarted), form)
    return referral


def hold(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Hold) -> Referral:
    """The help waits until a day; unless it waits for the partner himself, his clock waits too.

    What waits already waits until another day, or for somebody else.
    """
    referral, hand = r.answerer(unit, hand, referral_id, "hold", form)
    _check_day(unit, referral, form.until)
    r.move(referral, ReferralAction.HOLD, form)
    referral.reason, referral.check_on = form.reason.value, form.until
    casework.close(unit, open_tasks.of_referral(unit, referral.id, REVIEW), TaskState.SUPERSEDED)
    if form.reason is not HoldReason.PARTNER:
        pauses.pause(unit, _tasks(unit, referral), pauses.REFERRAL_HELD)
    elif referral.case.state != CaseState.SUSPENDED:
        pauses.resume(unit, _tasks(unit, referral))
    fact = e.ReferralHeld(**r.ids(referral), reason=form.reason, until=form.until)
    r.tell(unit, hand, referral, fact, form)
    return referral


def resume(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Answer) -> Referral:
    """The help goes on; the partner's date moves by the working time that it waited."""
    referral, hand = r.answerer(unit, hand, referral_id, "resume", form)
    r.move(referral, ReferralAction.RESUME, form)
    pauses.resume(unit, _tasks(unit, referral))
    r.tell(unit, hand, referral, r.about(referral, e.ReferralResumed), form)
    return referral


def confirm(unit: UnitOfWork, hand: Hand, referral_id: UUID, *, verified: bool) -> Referral:
    """The household says that the help came; or it cannot be asked any more (`verified` False)."""
    referral = _reported(unit, hand, referral_id)
    said = Loop.CONFIRMED if verified else Loop.UNVERIFIABLE
    if (Loop(referral.loop), said) not in LOOP_MOVES:
        raise GuardRefused(SAID_ALREADY[Loop(referral.loop)])
    referral.loop = said.value
    fact = e.ReferralConfirmed(**r.ids(referral), verified=verified)
    casework.record(unit, referral.case, fact, hand=hand)
    return referral


def dispute(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: NoteForm) -> Referral:
    """The household says that the help did not come: the coordinator owns it from the same instant."""
    return contest(unit, hand, _reported(unit, hand, referral_id), form.text)


def contest(unit: UnitOfWork, hand: Hand, referral: Referral, words: str) -> Referral:
    """The same by the household itself, on its page."""
    casework.check_open(referral.case)
    if (Loop(referral.loop), Loop.DISPUTED) not in LOOP_MOVES:
        raise GuardRefused(SAID_ALREADY[Loop(referral.loop)])
    referral.loop = Loop.DISPUTED.value
    event = casework.record(unit, referral.case, r.about(referral, e.ReferralDisputed), hand=hand)
    write_note(unit, referral.case, hand, words, event=event)
    return referral


def _reported(unit: UnitOfWork, hand: Hand, referral_id: UUID) -> Referral:
    referral = r.held(unit, hand.actor, referral_id, Right.FOLLOW_UP)
    if referral.state != ReferralState.COMPLETED:
        raise GuardRefused("Le partenaire n’a pas encore dit que son aide est terminée.")
    return referral


def _tasks(unit: UnitOfWork, referral: Referral) -> list[Task]:
    return [task for task in open_tasks.of_referral(unit, referral.id) if task.kind != REVIEW]


def _check_day(unit: UnitOfWork, referral: Referral, until: date) -> None:
    today = today_of(unit, referral.case.programme_id)
    most = pathway_of(unit, referral.case.pathway_hash).hold_days
    if not 0 < (until - today).days <= most:
        raise InvalidInput("until", f"Choisissez un jour à venir, dans les {most} jours.")


Say = Callable[..., Referral]
SAYS: Final[dict[str, tuple[type[Answer], Say]]] = {
    "accept": (Answer, r.accept),
    "decline": (Decline, r.decline),
    "ask": (Question, r.ask),
    "acknowledge": (Answer, acknowledge),
    "propose": (Meeting, propose),
    "start": (Answer, start),
    "report_progress": (Answer, r.report_progress),
    "hold": (Hold, hold),
    "resume": (Answer, resume),
    "complete": (Completion, r.complete),
    "fail": (Failure, r.fail),
}
"""All that a partner says of a request, by the code of its action: what it asks, and its use case."""


def waiting(unit: UnitOfWork, task: Task) -> Sequence[Task]:
    """All that waits for the partner whom this task waits for, in the same programme, the most pressing first.

    Their requests went to the one address that this one went to: its link shows them, by reference, commune and theme.
    """
    query = select(Task).where(
        Task.programme_id == task.programme_id,
        Task.organisation_id == task.organisation_id,
        Task.party == Party.PARTNER,
        IS_OPEN,
        Task.paused_at.is_(None),
        Task.referral_id.is_not(None),
    )
    return unit.session.scalars(query.order_by(Task.due_at, Task.id)).all()
