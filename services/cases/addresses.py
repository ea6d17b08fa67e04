"""Addresses that refused our mail. A partner's is given anew once, and every request that waits for it leaves again; a
household's is put right or taken away, and until then nothing is written there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, Update, select, update
from sqlalchemy import case as sql_case

from models.cases import Case, Referral
from models.engine import IS_OPEN, Message, Task
from models.events import AddressMended, HouseholdAddressMended, HouseholdAddressRecalled
from models.programmes import Organisation
from models.vocabulary import Channel, ContactBy, MessageState, Party, Theme
from services.cases import visits
from services.forms import AddressForm, HouseholdAddressForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.rules import casework, obligations, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, visible
from services.rules.published import pathway_of

MEND: Final = "mend_address"
ANSWER: Final = "answer_referral"


def mend_address(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: AddressForm) -> Referral:
    """Write the partner's address and send his requests again: this one, and all that wait for the same reason.

    The same address is taken too: somebody may have mended the mailbox on the partner's side. The answer's clock
    starts when the new mail is accepted. A request on a case that somebody holds at this moment keeps its item.
    """
    referral = unit.session.get(Referral, referral_id)
    if referral is None:
        raise NotFound
    case = case_for(unit, hand.actor, referral.case_id, Right.DIRECTORY)
    if unit.session.scalars(_items(referral.partner_id).where(Task.referral_id == referral.id)).first() is None:
        raise GuardRefused("L’adresse de ce partenaire n’est pas à corriger pour cette demande.")
    _move(unit, hand, referral.partner, form.email, held=[case.id])
    return referral


def move(unit: UnitOfWork, hand: Hand, partner: Organisation, email: str | None) -> None:
    """Write a partner's address for whoever asks with the right to; his requests that wait for it leave again.

    Without an address nothing leaves: what waits goes on waiting.
    """
    if email == partner.email:
        return
    if email is None:
        partner.email = None
    else:
        _move(unit, hand, partner, email, held=[])


def _move(unit: UnitOfWork, hand: Hand, partner: Organisation, email: str, *, held: Sequence[UUID]) -> None:
    """`held`: the cases that are locked already."""
    changed, partner.email = partner.email != email, email
    for waiting in _waiting(unit, hand.actor, partner, held=held):
        _send_again(unit, hand, waiting, changed=changed)


def waiting_for(unit: UnitOfWork, actor: Actor, partner_id: UUID, *, but: Referral | None = None) -> int:
    """How many requests to a partner wait for his address, `but` one, among the cases that the actor may read."""
    readable = visible(actor).with_only_columns(Case.id)
    waiting = unit.session.scalars(_items(partner_id).where(Task.case_id.in_(readable))).all()
    return sum(but is None or item.referral_id != but.id for item in waiting)


def _items(partner_id: UUID) -> Select[Task]:
    """The open items about the address of a partner, each of one request."""
    open_items = select(Task).where(Task.kind == MEND, IS_OPEN)
    return open_items.join(Referral, Referral.id == Task.referral_id).where(Referral.partner_id == partner_id)


def _waiting(unit: UnitOfWork, actor: Actor, partner: Organisation, *, held: Sequence[UUID]) -> Sequence[Referral]:
    """The requests to send again, their cases locked.

    A case that somebody holds is passed over, never waited for: two such acts would each want the other's case.
    """
    items = unit.session.scalars(_items(partner.id)).all()
    elsewhere = {item.case_id for item in items} - set(held)
    locked = unit.session.scalars(
        visible(actor).where(Case.id.in_(elsewhere)).order_by(Case.id).with_for_update(of=Case, skip_locked=True)
    ).all()
    ours = [*held, *(other.id for other in locked)]
    waiting = _items(partner.id).where(Task.case_id.in_(ours)).with_only_columns(Task.referral_id)
    return unit.session.scalars(select(Referral).where(Referral.id.in_(waiting)).order_by(Referral.id)).all()


def _send_again(unit: UnitOfWork, hand: Hand, referral: Referral, *, changed: bool) -> None:
    fact = AddressMended(
        referral_id=referral.id,
        partner_id=referral.partner_id,
        theme=Theme(referral.need.theme),
        changed=changed,
        recall_until=casework.recall_until(unit, hand),
    )
    casework.record(unit, referral.case, fact, hand=hand)
    for task in open_tasks.of_referral(unit, referral.id, ANSWER):
        if task.provisional:  # nobody has the request yet: the watch over its delivery counts from now
            obligations.rearm(unit, task, since=unit.now)


def mend_household_address(unit: UnitOfWork, hand: Hand, case_id: UUID, form: HouseholdAddressForm) -> Case:
    """Write where a household reads its mail; what waits for its hour leaves there, and a visit to come is told there.

    The same address is taken too while it refuses: the household may have mended its mailbox.
    """
    case = _to_correct(unit, hand.actor, case_id)
    household = case.household
    if form.email == household.mail_address:
        raise InvalidInput("email", "C’est l’adresse à laquelle Relais écrit déjà.")
    changed = form.email != household.email
    household.email, household.email_refused_at = form.email, None
    until = casework.recall_until(unit, hand) if _can_be_taken_back(unit, case) else None
    waiting = unit.session.scalars(_moved(case, form.email, until or unit.now).returning(Message.id)).all()
    visit = None if waiting else visits.to_come(unit, case)
    sends = bool(waiting) or visit is not None
    fact = HouseholdAddressMended(
        changed=changed, visit_id=visit.id if visit else None, recall_until=until if sends else None
    )
    return _mended(unit, hand, case, fact)


def _can_be_taken_back(unit: UnitOfWork, case: Case) -> bool:
    """An older pathway has nobody mend what was taken back: nothing waits there, and no page offers it."""
    return set(HouseholdAddressRecalled.may_need) <= set(pathway_of(unit, case.pathway_hash).tasks)


def remove_household_address(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """No mail goes to this household any more: SMS, letters and calls do. It is asked for news by telephone."""
    case = _to_correct(unit, hand.actor, case_id)
    if case.household.email is None:
        raise GuardRefused("Ce ménage n’a pas d’adresse électronique.")
    case.household.email, case.household.email_refused_at = None, None
    if case.contact_by == ContactBy.EMAIL:
        case.contact_by = ContactBy.CALL.value
    return _mended(unit, hand, case, HouseholdAddressMended(changed=True, removed=True))


def _to_correct(unit: UnitOfWork, actor: Actor, case_id: UUID) -> Case:
    """The case, before anything of it is written; raises `GuardRefused` when it has ended."""
    case = case_for(unit, actor, case_id, Right.CORRECT)
    casework.check_open(case)
    return case


def _mended(unit: UnitOfWork, hand: Hand, case: Case, fact: HouseholdAddressMended) -> Case:
    unit.session.flush()
    casework.record(unit, case, fact, hand=hand)
    return case


def _moved(case: Case, email: str, not_before: datetime) -> Update:
    """What goes to the household and is in nobody's hands yet leaves for another address."""
    mails = Message.party == Party.HOUSEHOLD, Message.channel == Channel.EMAIL
    waiting = update(Message).where(Message.case_id == case.id, *mails, Message.state == MessageState.QUEUED)
    later = sql_case((Message.due_at < not_before, not_before), else_=Message.due_at)
    return waiting.values(address=email, due_at=later)
