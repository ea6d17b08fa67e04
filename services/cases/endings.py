"""The other ends of a case: conditions not met, agreement withdrawn, household given to another Slime.

Whatever a case held ends with it, in one transaction: visit called off, partners' links dead, messages not sent.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from models import events as e
from models.cases import Alert, Case, Permission
from models.engine import Message
from models.lifecycles import CaseAction
from models.programmes import Programme
from models.vocabulary import (
    AgreementMode,
    BestTime,
    Channel,
    ClosureOutcome,
    MessageState,
    Motive,
    Party,
    Tenure,
    Urgency,
    VisitState,
    WithdrawReason,
)
from services.cases import alerts, referrals, supply_cuts, visits
from services.cases.notes import joined, write_note
from services.forms import AlertForm, Disqualification, HandedOver, Transfer, Withdrawal
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, require
from services.rules.published import today_of
from services.rules.ranking import HAND_OVER
from services.rules.recipients import said_of_sms
from services.rules.texts.labels import label

TO_OTHERS = frozenset({Party.HOUSEHOLD, Party.PARTNER, Party.ALERT_GIVER})
NOTICE = "household_notice"
"""What the law owes whoever's data are kept, also once it asked to stop. Source: GDPR art. 14."""


def disqualify(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Disqualification) -> Case:
    """Stop with a household that turns out not to meet the conditions."""
    case = case_for(unit, hand.actor, case_id, Right.DISQUALIFY)
    casework.check_no_partner_asked(unit, case)
    fact = e.CaseDisqualified(reason=form.reason)
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.DISQUALIFY)
    case.outcome = form.reason.value
    write_note(unit, case, hand, form.note, event=event)
    return case


def withdraw(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Withdrawal) -> Case:
    """The household asks to stop: its agreements are revoked and every access is cut in the same transaction."""
    case = case_for(unit, hand.actor, case_id, Right.WITHDRAW)
    let_go(unit, hand, case, WithdrawReason.PERMISSION_REVOKED, visit=VisitState.CANCELLED_BY_HOUSEHOLD)
    unit.session.execute(
        update(Permission)
        .where(Permission.case_id == case.id, Permission.revoked_at.is_(None))
        .values(revoked_at=unit.now)
        .execution_options(synchronize_session="fetch")
    )
    event = casework.record(unit, case, e.CaseWithdrawn(), hand=hand, action=CaseAction.WITHDRAW)
    case.outcome = ClosureOutcome.STOPPED_BY_HOUSEHOLD.value
    write_note(unit, case, hand, joined(form.said_by, form.note), event=event)
    return case


def transfer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: Transfer) -> Case:
    """Give the household to another Slime, with its agreement; what is passed on is what `passed_on` says.

    Between two programmes of one Relais the other one finds an alert to examine; elsewhere the coordination hands it
    over, and the household and its alert giver are told once that is done (`confirm_transfer`).
    """
    case = case_for(unit, hand.actor, case_id, Right.TRANSFER)
    if not form.agreement:
        raise InvalidInput("agreement", "Sans l’accord du ménage, rien ne peut être transmis.")
    destination = _destination(unit, case, form)
    case.transferred_to = destination.public_name if destination else form.to_name
    case.transferred_phone = destination.phone if destination else form.to_phone
    let_go(unit, hand, case, WithdrawReason.CASE_ENDED, visit=VisitState.CANCELLED_BY_SERVICE)
    received = _receive(unit, case, destination) if destination else None
    fact = e.CaseTransferred(
        to_programme_id=destination.id if destination else None, received_as=received.id if received else None
    )
    event = casework.record(unit, case, fact, hand=hand, action=CaseAction.TRANSFER)
    case.outcome = ClosureOutcome.HANDLED_ELSEWHERE.value
    write_note(unit, case, hand, joined(form.to_name, form.note), event=event)
    return case


def confirm_transfer(unit: UnitOfWork, hand: Hand, case_id: UUID, form: HandedOver) -> Case:
    """The other Slime has its sheet: the household and its alert giver may be told."""
    case = case_for(unit, hand.actor, case_id, Right.TRANSFER)
    if not open_tasks.of_case(unit, case.id, HAND_OVER):
        raise GuardRefused("Cette situation n’a pas de fiche à transmettre.")
    event = casework.record(unit, case, e.CaseHandedOver(), hand=hand)
    write_note(unit, case, hand, joined(form.said_to, form.note), event=event)
    return case


def destinations(unit: UnitOfWork, actor: Actor) -> list[Programme]:
    """The other programmes of this Relais, for those who may transfer a household."""
    require(actor, Right.TRANSFER)
    query = select(Programme).where(Programme.id != actor.programme_id).order_by(Programme.name)
    return list(unit.session.scalars(query))


def _destination(unit: UnitOfWork, case: Case, form: Transfer) -> Programme | None:
    if form.to_programme_id is None:
        if not form.to_name:
            raise InvalidInput("to_name", "Dites quel dispositif reprend la situation.")
        return None
    found = unit.session.get(Programme, form.to_programme_id)
    if found is None or found.id == case.programme_id:
        raise InvalidInput("to_programme_id", "Choisissez un autre dispositif de ce Relais.")
    return found


def passed_on(unit: UnitOfWork, case: Case) -> dict[str, Any]:
    """What another Slime is given of a household, named and typed as in an alert: who, where, why, what presses.

    No income, no health, no note, no diagnosis and no history.
    """
    household, dwelling = case.household, case.dwelling
    numbers = [phone.number for phone in household.own_phones]
    known = {
        "surname": household.surname,
        "first_name": household.first_name,
        "civility": household.civility,
        "phone": next(iter(numbers), None),
        "other_phone": next(iter(numbers[1:]), None),
        "best_time": BestTime(household.best_time),
        "sms_agreed": said_of_sms(unit, [case.id]).get(case.id, False),
        "email": household.mail_address,
        "language": household.language,
        "companion": household.companion,
        "guardian": household.guardian,
        "guardian_phone": household.guardian_phone,
        "street": dwelling.street,
        "complement": dwelling.complement,
        "postcode": dwelling.postcode,
        "commune_code": dwelling.commune_code,
        "tenure": Tenure(dwelling.tenure),
        "safety": dwelling.safety,
        "motives": list(dict.fromkeys(Motive(each) for alert in case.alerts for each in alert.motives))
        or [Motive.OTHER],
        "urgency": Urgency.DANGER if visits.danger_told(unit, case) else Urgency(case.urgency),
        **_cut_ahead(unit, case),
    }
    return {name: value for name, value in known.items() if value}


def _cut_ahead(unit: UnitOfWork, case: Case) -> dict[str, Any]:
    """The nearest cut; another energy's is told among the facts, since an alert tells of one."""
    today = today_of(unit, case.programme_id)
    cuts = [cut for cut in supply_cuts.told(unit, case) if cut.cut_on >= today]
    if not cuts:
        return {}
    first, *others = cuts
    said = (f"{label('energy', each.energy)} : coupure annoncée le {wording.day(each.cut_on)}." for each in others)
    return {"cut_energy": first.energy, "cut_on": first.cut_on, "free_text": " ".join(said)}


def _receive(unit: UnitOfWork, case: Case, programme: Programme) -> Case:
    """The same household as a new alert over there; whoever else asked for it here follows it there too."""
    alert, known = next(iter(case.alerts), None), passed_on(unit, case)
    if "phone" not in known:
        raise InvalidInput("agreement", "Il faut un numéro qui réponde : demandez-le avant de transmettre.")
    form = AlertForm(
        **known,
        agreement=True,
        agreement_mode=AgreementMode.ORAL,
        agreement_by=case.programme.name[:120],
        giver_name=alert.giver_name if alert else case.programme.name[:120],
        giver_email=alert.giver_email if alert else case.programme.email,
    )
    sender = Hand(Actor("import", None, programme_id=programme.id, name=case.programme.name))
    received = alerts.submit(unit, sender, form, origin="transfer")
    unit.session.add_all(
        Alert(
            case=received,
            giver_name=other.giver_name,
            giver_email=other.giver_email,
            origin="transfer",
            motives=other.motives,
            received_at=unit.now,
        )
        for other in case.alerts[1:]
    )
    return received


def let_go(unit: UnitOfWork, hand: Hand, case: Case, reason: WithdrawReason, *, visit: VisitState) -> None:
    """End what a case still holds: the planned visit, the partners' requests, the messages that did not leave yet.

    Who stops is still told what was kept of it.
    """
    visits.call_off(unit, hand, case, visit)
    for referral in casework.live_requests(unit, case):
        referrals.take_back(unit, hand, referral, reason)
    keep_back(unit, case.id, TO_OTHERS, but=NOTICE if reason is WithdrawReason.PERMISSION_REVOKED else "")


def keep_back(
    unit: UnitOfWork,
    case_id: UUID,
    readers: Collection[Party],
    *,
    channels: Collection[Channel] = tuple(Channel),
    but: str = "",
) -> None:
    """Messages that did not leave yet never will, `but` those of one text."""
    unit.session.execute(
        update(Message)
        .where(
            Message.case_id == case_id,
            Message.state == MessageState.QUEUED,
            Message.party.in_(readers),
            Message.channel.in_(channels),
            Message.text != but,
        )
        .values(state=MessageState.CANCELLED.value, error="case_ended", done_at=unit.now)
        .execution_options(synchronize_session="fetch")
    )
