"""A partner looks at his own sheet of the directory, without an account: it is right, or he says what should change.

What he proposes waits for the coordination, who sees before and after; nothing that he types changes the directory.
He is asked to look once nobody has for as long as the pathway says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select

from models.engine import Message
from models.programmes import Organisation, Programme, Service, SheetProposal
from models.vocabulary import Channel, Party
from services.forms import RequiredLine, ShortText
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.network.directory import ServiceForm, service_of, write
from services.rules import daily
from services.rules.aged_sheets import VERIFY, aged
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, note_access, require
from services.rules.published import today_of
from services.rules.texts.labels import inside, label

FIELDS: Final = {
    "name": "Nom du service",
    "themes": "Types de solution",
    "tenures": "Pour quels occupants",
    "income_classes": "Pour quels revenus",
    "conditions": "Autres conditions",
    "places": "Places disponibles",
    "full_until": "Complet jusqu’au",
    "professional_contact": "Interlocuteur des professionnels",
    "professional_phone": "Son téléphone",
    "professional_email": "Son adresse électronique",
    "household_contact": "Où et quand les ménages sont reçus",
    "household_phone": "Téléphone pour les ménages",
    "household_email": "Adresse électronique pour les ménages",
}
"""What a partner may say of his sheet, in the order of the page. His zone is drawn by the coordination."""
_KINDS: Final = {"themes": "theme", "tenures": "tenure", "income_classes": "income_class"}


class SheetForm(ServiceForm):
    """The sheet as the partner would have it."""

    said_by: RequiredLine = Field(description="Qui le dit : nom et fonction")
    note: ShortText = Field("", description="Autre chose à changer, la zone par exemple")


def ask_to_verify(unit: UnitOfWork) -> int:
    """Ask the partners whose sheets have aged to look at them, once a month each until they do; how many are asked.

    Their mail leaves with the others of its day.
    """
    return sum(_ask(unit, programme_id) for programme_id in unit.session.scalars(select(Programme.id)).all())


def _ask(unit: UnitOfWork, programme_id: UUID) -> int:
    month = today_of(unit, programme_id).strftime("%Y-%m")
    owners = {each.organisation_id: each.organisation.email for each in aged(unit, programme_id)}
    keys = {f"{VERIFY}:{id_}:{month}": (id_, address) for id_, address in owners.items() if address}
    asked = set(unit.session.scalars(select(Message.effect_key).where(Message.effect_key.in_(keys))))
    for key, (partner_id, address) in keys.items():
        if key not in asked:
            reads = daily.reads_of(unit, programme_id, address, organisation_id=partner_id)
            mail = Message(
                programme_id=programme_id,
                text=VERIFY,
                party=Party.PARTNER.value,
                organisation_id=partner_id,
                channel=Channel.EMAIL.value,
                address=address,
                daily=True,
                created_at=unit.now,
                due_at=daily.leaves_at(unit, programme_id, {reads})[reads],
                effect_key=key,
            )
            mail.message_id = f"<{mail.id}@relais>"
            unit.session.add(mail)
    return len(keys.keys() - asked)


@dataclass(frozen=True)
class Change:
    """One line of a proposal, in words."""

    field: str
    before: str
    after: str


def confirm(unit: UnitOfWork, actor: Actor, service: Service) -> None:
    """The partner says that his sheet is right: it is verified, and what he had proposed before is dropped."""
    service.verified_on = today_of(unit, actor.programme_id)
    _drop(unit, service)
    note_access(unit, actor, "sheet.confirmed", case_id=None)


def propose(unit: UnitOfWork, actor: Actor, service: Service, form: SheetForm) -> SheetProposal | None:
    """Keep what the partner would change until somebody decides; None when he changes nothing: his sheet is right.

    A later proposal takes the place of one that still waits.
    """
    now = as_said(service)
    said = {name: value for name, value in form.model_dump(mode="json", include=set(FIELDS)).items()
            if value != now[name]}  # fmt: skip
    if not said and not form.note:
        confirm(unit, actor, service)
        return None
    _drop(unit, service)
    proposal = SheetProposal(
        service_id=service.id,
        service=service,
        said_by=form.said_by,
        said=said,
        note=form.note,
        at=unit.now,
    )
    unit.session.add(proposal)
    note_access(unit, actor, "sheet.proposed", case_id=None)
    unit.session.flush()
    return proposal


def take(unit: UnitOfWork, hand: Hand, proposal_id: UUID) -> Service:
    """Write what the partner proposed; the sheet is verified by that."""
    proposal = _waiting(unit, hand.actor, proposal_id)
    service = proposal.service
    area = service.area.name if service.area else ""
    write(unit, service, ServiceForm.model_validate({**as_said(service), **proposal.said, "area": area}))
    service.verified_on = today_of(unit, hand.actor.programme_id)
    _decide(unit, hand, proposal, taken=True)
    return service


def refuse(unit: UnitOfWork, hand: Hand, proposal_id: UUID) -> Service:
    """Leave the sheet as it is."""
    proposal = _waiting(unit, hand.actor, proposal_id)
    _decide(unit, hand, proposal, taken=False)
    return proposal.service


def waiting(unit: UnitOfWork, actor: Actor, service_id: UUID | None = None) -> Sequence[SheetProposal]:
    """What partners proposed and nobody decided, the oldest first; of one sheet, or of all."""
    require(actor, Right.DIRECTORY)
    query = (
        select(SheetProposal)
        .join(Service, Service.id == SheetProposal.service_id)
        .join(Organisation, Organisation.id == Service.organisation_id)
        .where(Organisation.programme_id == actor.programme_id, SheetProposal.decided_at.is_(None))
    )
    if service_id is not None:
        query = query.where(SheetProposal.service_id == service_id)
    return unit.session.scalars(query.order_by(SheetProposal.at, SheetProposal.id)).all()


def count_waiting(unit: UnitOfWork, actor: Actor) -> int:
    """How many proposals wait for this person; none for those who do not decide."""
    query = (
        select(func.count(SheetProposal.id))
        .join(Service, Service.id == SheetProposal.service_id)
        .join(Organisation, Organisation.id == Service.organisation_id)
        .where(Organisation.programme_id == actor.programme_id, SheetProposal.decided_at.is_(None))
    )
    return unit.session.scalar(query) or 0


def changes(proposal: SheetProposal) -> list[Change]:
    """Before and after, in words, in the order of the sheet."""
    now = as_said(proposal.service)
    return [
        Change(words, told(name, now[name]), told(name, proposal.said[name]))
        for name, words in FIELDS.items()
        if name in proposal.said
    ]


def as_said(service: Service) -> dict[str, Any]:
    """What a sheet says now, as a form would."""
    found = {name: getattr(service, name) for name in FIELDS}
    return found | {"full_until": service.full_until.isoformat() if service.full_until else None}


def told(name: str, value: Any) -> str:
    """A field's value in words."""
    if value in (None, "", []):
        return "non dit" if name not in _KINDS else "tous"
    if name in _KINDS:
        return ", ".join(inside(label(_KINDS[name], code)) for code in value)
    if name == "full_until":
        day = date.fromisoformat(value)
        return f"{wording.day(day)} {day.year}"
    return wording.phone(value) if name.endswith("_phone") else str(value)


def _drop(unit: UnitOfWork, service: Service) -> None:
    old = select(SheetProposal).where(SheetProposal.service_id == service.id, SheetProposal.decided_at.is_(None))
    for proposal in unit.session.scalars(old):
        unit.session.delete(proposal)
    unit.session.flush()


def _waiting(unit: UnitOfWork, actor: Actor, proposal_id: UUID) -> SheetProposal:
    require(actor, Right.DIRECTORY)
    proposal = unit.session.get(SheetProposal, proposal_id)
    if proposal is None or service_of(unit, actor, proposal.service_id).id != proposal.service_id:
        raise NotFound
    unit.session.refresh(proposal, with_for_update=True)
    if proposal.decided_at is not None:
        raise GuardRefused("Cette proposition est déjà décidée.")
    return proposal


def _decide(unit: UnitOfWork, hand: Hand, proposal: SheetProposal, *, taken: bool) -> None:
    proposal.decided_at, proposal.taken = unit.now, taken
    proposal.decided_by_id = hand.actor.person_id
    note_access(unit, hand.actor, "sheet.taken" if taken else "sheet.refused", case_id=None)
    unit.session.flush()
