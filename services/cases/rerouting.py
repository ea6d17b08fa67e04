"""A request that goes elsewhere: to another partner, asked anew, or struck out because it should never have been."""

from uuid import UUID

from sqlalchemy import select

from models import events as e
from models.cases import Referral
from models.engine import Event
from models.lifecycles import FINAL_REFERRALS, UNANSWERED, UNDER_WAY, CaseAction, ReferralAction
from models.vocabulary import Loop, ReferralState
from services.cases import referrals as r
from services.cases.notes import write_note
from services.forms import Answer, ReferralForm, Reopening, Voiding
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, note_access

REOPENED = FINAL_REFERRALS - {ReferralState.ENTERED_IN_ERROR, ReferralState.SUPERSEDED}


def transfer(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: ReferralForm) -> Referral:
    """Ask another partner for the same need while the first still has it: he is told, and loses his access."""
    old = r.held(unit, hand.actor, referral_id, Right.REFER)
    if ReferralState(old.state) not in UNANSWERED | UNDER_WAY:
        raise GuardRefused("Cette orientation est terminée : demandez plutôt à nouveau.")
    if form.partner_id == old.partner_id:
        raise InvalidInput("partner_id", "Choisissez un autre partenaire.")
    return r.send(unit, hand, old.case_id, form.model_copy(update={"replaces_id": old.id, "also_ids": []}))


def reopen(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Reopening) -> Referral:
    """A new draft for the need of a referral that is over; the old one stays closed."""
    old = r.held(unit, hand.actor, referral_id, Right.REFER)
    case = old.case
    if ReferralState(old.state) not in REOPENED:
        raise GuardRefused("Cette orientation n’est pas terminée.")
    draft = Referral(
        case_id=case.id,
        case=case,
        need=old.need,
        partner_id=old.partner_id,
        partner=old.partner,
        replaces_id=old.id,
        kind=old.kind,
        state=ReferralState.DRAFT.value,
        loop=Loop.OPEN.value,
        brief=old.brief,
        brief_is_open=old.brief_is_open,
    )
    unit.session.add(draft)
    unit.session.flush()
    event = casework.record(unit, case, r.about(draft, e.ReferralPrepared), hand=hand, action=CaseAction.REFER)
    write_note(unit, case, hand, form.note, event=event)
    return draft


def void(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Voiding) -> Referral:
    """Strike out a referral entered in error; once it has left, by somebody else than who sent it, and it is logged."""
    referral = r.held(unit, hand.actor, referral_id, Right.VOID)
    case = referral.case
    sent = referral.sent_at is not None
    if sent and _sent_by(unit, referral) == hand.actor.label:
        raise GuardRefused("Cette demande est partie : une autre personne doit confirmer qu’elle est une erreur.")
    r.move(referral, ReferralAction.VOID, Answer())
    referral.reason, referral.outcome, referral.ended_at = form.reason.value, None, unit.now
    event = casework.record(unit, case, e.ReferralVoided(**r.ids(referral), reason=form.reason, sent=sent), hand=hand)
    write_note(unit, case, hand, form.note, event=event)
    if sent:
        note_access(unit, hand.actor, "incident", case_id=case.id)
    return referral


def _sent_by(unit: UnitOfWork, referral: Referral) -> str | None:
    sent = select(Event).where(Event.case_id == referral.case_id, Event.type == e.ReferralSent.type)
    for event in unit.session.scalars(sent.order_by(Event.seq)):
        if event.payload["referral_id"] == str(referral.id):
            return event.actor
    return None
