"""What a person has just sent from a page waits a minute: until then nothing of it left, and it is taken back whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select, update

from models import events as e
from models.cases import Case, Note, Referral
from models.engine import Event, Message, Obligation, Task
from models.lifecycles import UNANSWERED, UNDER_WAY, ReferralAction
from models.vocabulary import MessageState, ReferralState
from services.cases import referrals
from services.forms import Answer
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, GuardRefused, NotFound
from services.rules import casework, ledger, obligations
from services.rules.aftermath import AFTERMATH
from services.rules.casework import RECALL, Hand
from services.rules.effects import RECALLED, is_recalled
from services.rules.policy import Actor, Right, agreement_with_partner, case_for, locked_case, require, rights, sees
from services.rules.published import pathway_of

_UNSYNCED: Final = {"synchronize_session": False}


@dataclass(frozen=True)
class Held:
    """A sending that its author may still take back, until an instant. `type` is its event's."""

    event_id: UUID
    type: str
    number: str
    until: datetime


def held(unit: UnitOfWork, actor: Actor) -> list[Held]:
    """What this person sent within the minute and did not take back, the latest first."""
    mine = {"programme": actor.programme_id, "since": unit.now - RECALL, "actor": actor.label}
    found = {row.id: (row.number, _until(row.payload)) for row in unit.rows(_JUST_SENT, **mine)}
    waiting = {id_: (number, until) for id_, (number, until) in found.items() if until and until > unit.now}
    if not waiting:  # as for almost every page
        return []
    query = select(Event).where(Event.id.in_(waiting)).order_by(Event.occurred_at.desc(), Event.id.desc())
    return [
        Held(event.id, event.type, *waiting[event.id])
        for event in unit.session.scalars(query)
        if not is_recalled(unit, event)
    ]


def _until(payload: Mapping[str, Any]) -> datetime | None:
    until = payload.get("recall_until")
    return datetime.fromisoformat(until) if until else None


def recall(unit: UnitOfWork, hand: Hand, event_id: UUID) -> Case:
    """Take back what one has just sent: nothing of it leaves, and what it moved is where it was. A button pressed twice
    does it once."""
    event = unit.session.get(Event, event_id)
    if event is None or not _knows(unit, hand.actor, event):
        raise NotFound
    if event.actor != hand.actor.label or event.type not in SENDINGS:
        raise Denied
    sending = SENDINGS[event.type]
    if event.type == e.ReminderDue.type:  # a clock is locked before its case, as the tick does it
        unit.session.get(Obligation, UUID(event.payload["obligation_id"]), with_for_update=True)
    case = _locked(unit, hand.actor, event, sending.right)
    if is_recalled(unit, event):
        return case
    until = _until(event.payload)
    if until is None or until <= unit.now:
        raise GuardRefused("C’est trop tard : l’envoi est parti.")
    _call_back(unit, event)
    casework.record(unit, case, sending.undo(unit, case, event), hand=hand)
    return case


def _knows(unit: UnitOfWork, actor: Actor, event: Event) -> bool:
    """An administrator reads no case, and knows what he sent again."""
    his = event.programme_id == actor.programme_id and Right.ADMINISTER in rights(actor)
    return (his and event.type == e.MessageSentAgain.type) or sees(unit, actor, event.case_id)


def _locked(unit: UnitOfWork, actor: Actor, event: Event, right: Right) -> Case:
    if right is not Right.ADMINISTER:
        return case_for(unit, actor, event.case_id, right)
    require(actor, right)
    return locked_case(unit, event.case_id)


def _call_back(unit: UnitOfWork, event: Event) -> None:
    """Nothing was claimed yet: none of its messages is due before its minute is over."""
    waiting = (Message.event_id == event.id, Message.state == MessageState.QUEUED)
    cancelled = {"state": MessageState.CANCELLED, "error": RECALLED, "done_at": unit.now}
    unit.session.execute(update(Message).where(*waiting).values(cancelled), execution_options=_UNSYNCED)


def _referral(unit: UnitOfWork, event: Event) -> Referral:
    return referrals.lock(unit, referrals.found(unit, UUID(event.payload["referral_id"])))


def _prepare_again(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    """A draft as before; the permission that was given for this sending goes with it."""
    referral = _referral(unit, event)
    referrals.move(referral, ReferralAction.RECALL, Answer())
    referral.sent_at, referral.snapshot, referral.takes_over_at = None, {}, None
    permission = agreement_with_partner(unit, referral)
    if permission is not None:
        permission.revoked_at = unit.now
    return e.ReferralRecalled(**referrals.ids(referral), recalls=event.id)


def _ask_again(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    """The question waits for its answer again; the words that nobody read stay with the team."""
    referral = _referral(unit, event)
    if ReferralState(referral.state) is not ReferralState.UNDER_REVIEW:
        raise GuardRefused("Le partenaire n’attend plus cette réponse.")
    notes = update(Note).where(Note.event_id == event.id).values(audience="team")
    unit.session.execute(notes, execution_options=_UNSYNCED)
    return e.AnswerRecalled(**referrals.ids(referral), recalls=event.id)


def _not_remind(_unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    return e.ReminderRecalled(task_id=UUID(event.payload["task_id"]), kind=event.payload["kind"], recalls=event.id)


def _wait_for_its_day(unit: UnitOfWork, case: Case, event: Event) -> e.Fact:
    """The step of a clock that somebody hastened."""
    told = e.ReminderDue.model_validate(event.payload)
    clock = unit.session.get_one(Obligation, told.obligation_id)
    ladder = pathway_of(unit, case.pathway_hash).ladders[told.ladder]
    obligations.put_back(unit, clock, ladder, generation=told.generation, step=told.step)
    kind = unit.session.get_one(Task, told.task_id).kind
    return e.ReminderRecalled(task_id=told.task_id, kind=kind, recalls=event.id)


def _wait_for_its_hour(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    told = e.MessageHastened.model_validate(event.payload)
    if told.was_due_at is not None:
        ledger.put_back(unit, told.message_id, due_at=told.was_due_at, daily=told.was_daily)
    return e.HasteRecalled(message_id=told.message_id, recalls=event.id)


def _mend_again(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    """The item is open as before. The address stays as it was last written: it is the partner's sheet, no sending."""
    referral = _referral(unit, event)
    if ReferralState(referral.state) not in UNANSWERED | UNDER_WAY:
        raise GuardRefused("Cette demande est terminée : plus rien ne part.")
    return e.AddressRecalled(**referrals.ids(referral), recalls=event.id)


def _write_there_no_more(unit: UnitOfWork, case: Case, event: Event) -> e.Fact:
    """As an address that refuses: nothing leaves for it, what waits included, until somebody puts it right."""
    mended = select(Event.id).where(Event.case_id == case.id, Event.type == event.type, Event.seq > event.seq)
    if unit.session.scalar(mended.limit(1)) is not None:
        raise GuardRefused("L’adresse de ce ménage a été changée depuis.")
    case.household.email_refused_at = unit.now
    unit.session.flush()
    return e.HouseholdAddressRecalled(recalls=event.id)


def _refused_as_before(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    told = e.MessageSentAgain.model_validate(event.payload)
    before = {"state": MessageState.REFUSED, "reply_code": told.reply_code, "done_at": told.refused_at or unit.now}
    waiting = (Message.id == told.message_id, Message.state == MessageState.QUEUED)
    kept = update(Message).where(*waiting).values(before)
    unit.session.execute(kept, execution_options=_UNSYNCED)
    return e.MessageKept(message_id=told.message_id, recalls=event.id)


def _doubt_again(unit: UnitOfWork, _case: Case, event: Event) -> e.Fact:
    """Somebody checks it again: the item is open anew, on the case of each message that the mail carried."""
    told = e.MessageLost.model_validate(event.payload)
    ledger.doubt_again(unit, AFTERMATH, first_id=told.message_id, ids=told.message_ids, started_at=told.started_at)
    return e.LossRecalled(message_id=told.message_id, recalls=event.id)


class Sending(NamedTuple):
    """What may be taken back: who may, and what is moved back; the fact that says so."""

    right: Right
    undo: Callable[[UnitOfWork, Case, Event], e.Fact]


SENDINGS: Final = {
    e.ReferralSent.type: Sending(Right.REFER, _prepare_again),
    e.QuestionAnswered.type: Sending(Right.REFER, _ask_again),
    e.TaskReminded.type: Sending(Right.REFER, _not_remind),
    e.ReminderDue.type: Sending(Right.SEND_NOW, _wait_for_its_day),
    e.MessageHastened.type: Sending(Right.SEND_NOW, _wait_for_its_hour),
    e.AddressMended.type: Sending(Right.DIRECTORY, _mend_again),
    e.HouseholdAddressMended.type: Sending(Right.CORRECT, _write_there_no_more),
    e.MessageSentAgain.type: Sending(Right.ADMINISTER, _refused_as_before),
    e.MessageLost.type: Sending(Right.SETTLE_MESSAGE, _doubt_again),
}
_JUST_SENT: Final = (
    select(Event.id, Event.payload, Case.number)
    .join(Case, Case.id == Event.case_id)
    .where(
        Event.programme_id == bindparam("programme"),
        Event.occurred_at > bindparam("since"),
        Event.actor == bindparam("actor"),
        Event.type.in_(SENDINGS),
    )
)
