"""The story of a case: events, messages and notes in one list, newest first; why each message left, and its life."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from models.cases import Case, Note
from models.engine import Event, Message
from models.events import ReferralDelivered, ReminderDue
from models.pathway import Pathway
from models.programmes import Person
from models.vocabulary import Channel, MessageState
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.rules.effects import IMPORTED_PAST
from services.rules.published import pathway_of
from services.rules.texts.labels import event_sentence, inside, label, message_label
from services.rules.titles import outcome_title, task_title

KINDS: Final = {
    "alert": "alert", "case": "decision", "call": "call", "number": "change", "household": "call", "visit": "visit",
    "danger": "danger", "report": "report", "referral": "referral", "follow_up": "call", "reminder": "reminder",
    "message": "message", "permission": "agreement", "loan": "loan", "diagnosis": "report", "task": "task",
    "reply": "message",
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
    "link_past": "le lien n’aurait plus rien ouvert",
    "no_address": "aucune adresse n’est connue",
    "sms_not_allowed": "aucun numéro ne permet un SMS",
    "import_muted": "la demande vient d’un fichier importé sans envoi",
    "case_ended": "ce qui le faisait partir s’est arrêté avant l’envoi",
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
    message_id: UUID | None = None


def of_case(unit: UnitOfWork, case_id: UUID, zone: ZoneInfo) -> list[Entry]:
    """Everything that happened to a case, newest first. What a file told late sent nothing: a note says it once."""
    events = unit.session.scalars(select(Event).where(Event.case_id == case_id)).all()
    notes = unit.session.scalars(select(Note).where(Note.case_id == case_id)).all()
    is_told = or_(Message.error.is_(None), Message.error != IMPORTED_PAST)
    messages = unit.session.scalars(select(Message).where(Message.case_id == case_id, is_told)).all()
    said: defaultdict[UUID | None, list[Note]] = defaultdict(list)
    for note in notes:
        said[note.event_id].append(note)
    told, names = {event.id: event for event in events}, _names(unit, events)
    words = _Words(zone, pathway_of(unit, unit.session.get_one(Case, case_id).pathway_hash))
    entries = [_event(event, said[event.id], words, names) for event in events if event.type not in _SILENT]
    entries += [_note(note, zone) for note in said[None]]
    entries += [_message(message, told[message.event_id], words, unit.now) for message in messages]
    order = {id(entry): rank for rank, entry in enumerate(entries)}
    return sorted(entries, key=lambda entry: (entry.at, order[id(entry)]), reverse=True)


def _names(unit: UnitOfWork, events: Iterable[Event]) -> dict[str, str]:
    """Who acted, by the label that events carry; a person alone has a name to show."""
    ids = {UUID(event.actor.partition(":")[2]) for event in events if event.actor.startswith("person:")}
    people = unit.session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {f"person:{person_id}": name for person_id, name in people}


@dataclass(frozen=True)
class _Words:
    """What an event is told with: the programme's clocks, and the pathway's own titles of tasks."""

    zone: ZoneInfo
    pathway: Pathway

    def sentence(self, event: Event) -> str:
        """The line of an event."""
        return event_sentence(event.type, event.payload, self.zone, said=self._task(event))

    def _task(self, event: Event) -> dict[str, str]:
        if not event.type.startswith("task."):
            return {}
        kind = event.payload["kind"]
        outcome = outcome_title(self.pathway, kind, event.payload.get("outcome", ""))
        title = inside(task_title(self.pathway, kind))
        return {"kind": f"{title} ({inside(outcome)})" if outcome else title}


def _event(event: Event, notes: list[Note], words: _Words, names: Mapping[str, str]) -> Entry:
    family = event.type.split(".")[0]
    kind = "question" if "question" in event.type else KINDS[family]
    quote = " — ".join(note.text for note in notes)
    by = next((note.author for note in notes), names.get(event.actor, ""))
    if event.on_behalf_of is not None:
        by = f"{by} pour le partenaire" if by else "pour le partenaire"
    return Entry(_local(event.occurred_at, words.zone), kind, words.sentence(event), by, quote=quote)


def _note(note: Note, zone: ZoneInfo) -> Entry:
    return Entry(_local(note.at, zone), "note", note.author, quote=note.text)


def _message(message: Message, cause: Event, words: _Words, now: datetime) -> Entry:
    zone = words.zone
    state, channel = MessageState(message.state), Channel(message.channel)
    at = _local(message.done_at or message.first_tried_at or message.created_at, zone)
    reader = label("party", message.party)
    text = f"À {reader}".replace("À le ", "Au ") + f" : {message.subject or _title(message)}"
    why = inside(words.sentence(cause)) if cause.type != ReminderDue.type else "relance prévue"
    if message.state == MessageState.CANCELLED:
        why = f"{why} ; non envoyé : {_WHY_NOT.get(message.error or '', message.error or '')}"
    chip = _waiting(message, zone, now) or _life(message, state, channel, zone)
    return Entry(at, _BY_CHANNEL[channel], text, chip=chip, why=why, message_id=message.id)


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
    "sign_in": "lien vers les coordonnées",
    "referral_ended": "demande retirée ou expirée", "help_to_reach": "aide pour joindre le ménage",
    "milestone_accepted": "demande acceptée", "milestone_rejected": "demande sans suite",
    "milestone_refused": "visite non souhaitée", "milestone_unreachable": "ménage injoignable",
    "milestone_visit_planned": "visite fixée", "milestone_visit_held": "visite faite",
    "milestone_report": "rapport remis", "milestone_orientation": "partenaire sollicité",
    "milestone_partner_accepted": "partenaire d’accord", "milestone_partner_done": "aide terminée",
    "correct_number": "numéro à corriger", "correct_number_reminder": "rappel du numéro à corriger",
    "access_ended": "accompagnement arrêté", "case_merged": "situation réunie à une autre",
    "dispute": "aide contestée par le ménage", "loan_overdue": "appareil à reprendre",
    "milestone_joined": "demande réunie à une autre",
    "milestone_transferred": "demande transmise à un autre dispositif",
    "milestone_withdrawn": "accompagnement arrêté", "permission_receipt": "accord retiré",
    "permission_revoked": "accord retiré par le ménage", "referral_recalled": "demande à oublier",
    "referral_taken": "demande prise par un autre", "transferred": "un autre service prend le relais",
    "withdrawn": "fin de l’accompagnement",
}  # fmt: skip


def title_of(text: str) -> str:
    """What a text of the catalogue is about, in a few words."""
    return _PLAIN.get(text, "avancement de la situation")


def _waiting(message: Message, zone: ZoneInfo, now: datetime) -> Chip | None:
    """When it will leave; None when it has left, or leaves when somebody prints it."""
    if message.state != MessageState.QUEUED or message.channel == Channel.LETTER or message.due_at <= now:
        return None
    due, today = _local(message.due_at, zone), _local(now, zone).date()
    when = f"à {wording.hour(due)}" if due.date() == today else wording.moment(due, zone, today=today)
    return Chip(f"{'Nouvel essai' if message.attempts else 'Partira'} {when}", "info")


def _life(message: Message, state: MessageState, channel: Channel, zone: ZoneInfo) -> Chip:
    words = message_label(state, channel)
    if state is MessageState.ACCEPTED and message.done_at is not None:
        words = f"{words} à {wording.hour(_local(message.done_at, zone))}"
    return Chip(words, _TONES.get(state, "info"))


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone)
