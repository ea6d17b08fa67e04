"""The story of a case: events, messages and notes in one list, newest first; why each message left, and its life."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from models.cases import Note
from models.engine import Event, Message
from models.events import ReferralDelivered, ReminderDue
from models.vocabulary import Channel, MessageState
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.texts.labels import event_sentence, inside, label, message_label

KINDS: Final = {
    "alert": "alert", "case": "decision", "call": "call", "number": "change", "household": "call", "visit": "visit",
    "danger": "danger", "report": "report", "referral": "referral", "follow_up": "call", "reminder": "reminder",
    "message": "message",
}  # fmt: skip
_BY_CHANNEL: Final = {Channel.EMAIL: "message", Channel.SMS: "sms", Channel.LETTER: "letter"}
_TONES: Final = {
    MessageState.ACCEPTED: "ok", MessageState.POSTED: "ok", MessageState.REFUSED: "late", MessageState.UNKNOWN: "late",
    MessageState.CANCELLED: "plain",
}  # fmt: skip
_SILENT: Final = frozenset({ReferralDelivered.type})
_WHY_NOT: Final = {
    "task_closed": "sa raison d’être a disparu avant l’envoi",
    "visit_past": "la visite n’était plus à venir",
    "no_address": "aucune adresse n’est connue",
    "sms_not_allowed": "aucun numéro ne permet un SMS",
    "import_muted": "la demande vient d’un fichier importé sans envoi",
}


@dataclass(frozen=True)
class Chip:
    """A state in two words and its tone."""

    text: str
    tone: str


@dataclass(frozen=True)
class Entry:
    """One line of the story; `at` is local to the programme."""

    at: datetime
    kind: str
    text: str
    by: str = ""
    chip: Chip | None = None
    why: str = ""
    quote: str = ""


def of_case(unit: UnitOfWork, case_id: UUID, zone: ZoneInfo) -> list[Entry]:
    """Everything that happened to a case, newest first."""
    events = unit.session.scalars(select(Event).where(Event.case_id == case_id)).all()
    notes = unit.session.scalars(select(Note).where(Note.case_id == case_id)).all()
    messages = unit.session.scalars(select(Message).where(Message.case_id == case_id)).all()
    said: defaultdict[UUID | None, list[Note]] = defaultdict(list)
    for note in notes:
        said[note.event_id].append(note)
    told = {event.id: event for event in events}
    entries = [_event(event, said[event.id], zone) for event in events if event.type not in _SILENT]
    entries += [_note(note, zone) for note in said[None]]
    entries += [_message(message, told[message.event_id], zone) for message in messages]
    order = {id(entry): rank for rank, entry in enumerate(entries)}
    return sorted(entries, key=lambda entry: (entry.at, order[id(entry)]), reverse=True)


def _event(event: Event, notes: list[Note], zone: ZoneInfo) -> Entry:
    family = event.type.split(".")[0]
    kind = "question" if "question" in event.type else KINDS[family]
    quote = " — ".join(note.text for note in notes)
    by = next((note.author for note in notes), "")
    if event.on_behalf_of is not None:
        by = f"{by} pour le partenaire" if by else "pour le partenaire"
    return Entry(
        _local(event.occurred_at, zone), kind, event_sentence(event.type, event.payload, zone), by, quote=quote
    )


def _note(note: Note, zone: ZoneInfo) -> Entry:
    return Entry(_local(note.at, zone), "note", note.author, quote=note.text)


def _message(message: Message, cause: Event, zone: ZoneInfo) -> Entry:
    state, channel = MessageState(message.state), Channel(message.channel)
    at = _local(message.done_at or message.first_tried_at or message.created_at, zone)
    reader = label("party", message.party)
    text = f"À {reader}".replace("À le ", "Au ") + f" : {message.subject or _title(message)}"
    why = (
        inside(event_sentence(cause.type, cause.payload, zone)) if cause.type != ReminderDue.type else "relance prévue"
    )
    if message.state == MessageState.CANCELLED:
        why = f"{why} ; non envoyé : {_WHY_NOT.get(message.error or '', message.error or '')}"
    return Entry(at, _BY_CHANNEL[channel], text, chip=_life(message, state, channel, zone), why=why)


def _title(message: Message) -> str:
    return title_of(message.text)


_PLAIN: Final = {
    "household_notice": "vos informations et vos droits", "rejection": "réponse à la demande",
    "goodbye": "visite non souhaitée",
    "door_open": "la porte reste ouverte", "please_call": "appelez-nous", "visit_reminder": "rappel de la visite",
    "visit_confirmation": "confirmation de la visite", "visit_moved": "nouvelle date de visite",
    "visit_cancelled": "visite annulée", "visit_missed": "absence au rendez-vous",
    "who_will_call": "qui va vous appeler",
    "partner_accepted": "un partenaire va vous aider", "partner_done": "l’aide du partenaire est terminée",
    "closing": "fin de l’accompagnement", "alert_receipt": "accusé de réception", "new_alert": "nouvelle demande",
    "danger": "danger à prendre en charge", "reorient": "orientation à reprendre", "task_late": "échéance dépassée",
    "case_assigned": "situation confiée", "number_corrected": "nouveau numéro",
    "decide_unreachable": "ménage injoignable, à décider",
    "visit_invitation": "invitation à la visite", "visit_cancellation": "annulation de la visite",
    "visit_unreported": "visite à enregistrer", "question_asked": "question du partenaire",
    "referral_request": "demande d’aide", "referral_soft_reminder": "rappel de la demande",
    "referral_firm_reminder": "second rappel de la demande", "question_answered": "réponse à sa question",
    "referral_accepted_next": "ce qui suit son accord", "news_reminder": "demande de nouvelles",
    "referral_ended": "demande retirée ou expirée", "help_to_reach": "aide pour joindre le ménage",
    "milestone_accepted": "demande acceptée", "milestone_rejected": "demande sans suite",
    "milestone_refused": "visite non souhaitée", "milestone_unreachable": "ménage injoignable",
    "milestone_visit_planned": "visite fixée", "milestone_visit_held": "visite faite",
    "milestone_report": "rapport remis", "milestone_orientation": "partenaire sollicité",
    "milestone_partner_accepted": "partenaire d’accord", "milestone_partner_done": "aide terminée",
    "correct_number": "numéro à corriger", "correct_number_reminder": "rappel du numéro à corriger",
}  # fmt: skip


def title_of(text: str) -> str:
    """What a text of the catalogue is about, in a few words."""
    return _PLAIN.get(text, "avancement de la situation")


def _life(message: Message, state: MessageState, channel: Channel, zone: ZoneInfo) -> Chip:
    words = message_label(state, channel)
    if state is MessageState.ACCEPTED and message.done_at is not None:
        words = f"{words} à {wording.hour(_local(message.done_at, zone))}"
    return Chip(words, _TONES.get(state, "info"))


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone)
