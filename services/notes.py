"""Free text about a case, kept apart from events so that erasure never touches them."""

from uuid import UUID

from models.cases import Case, Note
from models.engine import Event
from services.forms import NoteForm
from services.foundation.database import UnitOfWork
from services.rules.casework import Hand
from services.rules.policy import Right, case_for


def add_note(unit: UnitOfWork, hand: Hand, case_id: UUID, form: NoteForm) -> None:
    """Write a note for the team."""
    write_note(unit, case_for(unit, hand.actor, case_id, Right.NOTE), hand, form.text)


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
