"""Free text about a case, kept apart from events so that erasure never touches them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from models.cases import Case, Note, Referral
from models.engine import Event
from services.forms import NoteForm
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


@dataclass(frozen=True)
class Said:
    """One thing said between a partner and the coordination."""

    at: datetime
    by_partner: bool
    text: str


def conversation(unit: UnitOfWork, referral: Referral) -> list[Said]:
    """What a partner and the coordination said to each other about a referral, oldest first."""
    query = select(Note, Event).join(Event, Event.id == Note.event_id)
    query = query.where(Note.referral_id == referral.id, Note.audience == "partner")
    rows = (row for row in unit.session.execute(query.order_by(Note.at, Note.id)) if not _is_held(row.Event, unit.now))
    return [
        Said(note.at, event.on_behalf_of == referral.partner_id or event.actor.startswith("link:"), note.text)
        for note, event in rows
    ]


def keep_from_partners(unit: UnitOfWork, referral: Referral) -> None:
    """What was said of a referral stays with the team: it was for another partner than the one who is asked now."""
    unit.session.execute(update(Note).where(Note.referral_id == referral.id).values(audience="team"))


def _is_held(event: Event, now: datetime) -> bool:
    """Whether whoever said it may still take it back: nobody else reads it meanwhile."""
    until = event.payload.get("recall_until")
    return until is not None and datetime.fromisoformat(until) > now


def add_note(unit: UnitOfWork, hand: Hand, case_id: UUID, form: NoteForm) -> None:
    """Write a note for the team."""
    write_note(unit, case_for(unit, hand.actor, case_id, Right.NOTE), hand, form.text)


def joined(who: str, text: str) -> str:
    """`Mme Petit (téléphone) : elle rappelle lundi`; what is not said is left out."""
    return " : ".join(part for part in (who, text) if part)


def write_note(unit: UnitOfWork, case: Case, hand: Hand, text: str, *, event: Event | None = None) -> None:
    """Attach a text to a case and, if any, to the event that it explains; nothing for an empty text.

    What is said of a referral is read by its partner too.
    """
    if not text:
        return
    referral_id = event.payload.get("referral_id") if event else None
    unit.session.add(
        Note(
            case_id=case.id,
            event_id=event.id if event else None,
            referral_id=UUID(referral_id) if referral_id else None,
            audience="partner" if referral_id else "team",
            author=hand.actor.name or "Relais",
            text=text,
            at=hand.occurred_at or unit.now,
        )
    )
