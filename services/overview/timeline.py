"""The story of a case: events, messages and notes in one list, newest first; why each message left, and its life."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import defer

from models.cases import Case, Note
from models.engine import Event, Message, Obligation, Occurrence, Task
from models.events import (
    ContactChosen,
    CutAidFiled,
    CutAverted,
    CutFollowedAgain,
    CutHappened,
    CutMoved,
    CutRestored,
    CutSupplierCalled,
    FollowUpAnswered,
    FollowUpStarted,
    HouseholdAddressMended,
    HouseholdAddressRecalled,
    HouseholdAnswered,
    HouseholdCorrected,
    MatchNoted,
    ReferralDelivered,
    ReminderDue,
    ReminderSkipped,
    VisitCancelled,
    VisitMissed,
)
from models.pathway import Pathway, Send
from models.programmes import Person
from models.vocabulary import Channel, MessageState, OccurrenceState, Source
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import Conflict
from services.rules.effects import IMPORTED_PAST
from services.rules.ledger import UNWRITTEN
from services.rules.policy import Actor, Right, case_for, knows_household
from services.rules.published import pathway_of
from services.rules.relevance import is_wanted
from services.rules.texts.labels import event_sentence, fact_of, inside, label, message_label, to_party
from services.rules.texts.moments import Days, reason
from services.rules.titles import outcome_title, task_title, text_title

KINDS: Final = {
    "alert": "alert", "case": "decision", "call": "call", "number": "change", "household": "call", "visit": "visit",
    "danger": "danger", "report": "report", "referral": "referral", "follow_up": "call", "reminder": "reminder",
    "message": "message", "permission": "agreement", "loan": "loan", "diagnosis": "report", "task": "task",
    "reply": "answer", "cut": "change", "circumstances": "change",
    "findings": "report", "kit": "visit", "need": "referral", "derogation": "decision", "complaint": "alert",
    "match": "decision", "survey": "report",
}  # fmt: skip
_OF_ITS_OWN: Final = {
    FollowUpStarted.type: "decision", FollowUpAnswered.type: "answer", HouseholdAnswered.type: "answer",
    ContactChosen.type: "change", HouseholdCorrected.type: "change", HouseholdAddressMended.type: "change",
    HouseholdAddressRecalled.type: "change",
}  # fmt: skip
"""What is neither done nor said on the telephone, in a family of calls."""
_BY_CHANNEL: Final = {Channel.EMAIL: "message", Channel.SMS: "sms", Channel.LETTER: "letter"}
_TONES: Final = {
    MessageState.ACCEPTED: "ok", MessageState.POSTED: "ok", MessageState.REFUSED: "late", MessageState.UNKNOWN: "late",
    MessageState.CANCELLED: "plain",
}  # fmt: skip
_CUTS: Final = (CutMoved, CutFollowedAgain, CutSupplierCalled, CutAidFiled, CutAverted, CutHappened, CutRestored)
_IN_BRACKETS: Final = {
    **{lost.type: ("reason", "loss_reason") for lost in (VisitCancelled, VisitMissed)},
    **{cut.type: ("energy", "energy") for cut in _CUTS},
}
"""A field that may be empty and stands at the end of the line, with the kind of its words."""
_SILENT: Final = frozenset({ReferralDelivered.type, MatchNoted.type})  # who is known already is not told here
FAMILIES: Final = ("acts", "messages", "not_sent", "notes", "exchanges")
"""The views of a story beside the whole of it, in the order of the page."""
WHY_NOT: Final = {
    "number_blocked": "une autre personne répond à ce numéro",
    "closed": "l’organisme était fermé ce jour-là",
    "reply_unread": "une réponse du partenaire attendait d’être lue",
    "stale": "l’étape suivante était déjà due : elle seule est partie",
    "gives_way": "la relance suivante partait le même jour : elle seule est partie",
    "task_closed": "sa raison d’être a disparu avant l’envoi",
    "visit_past": "la visite n’était plus à venir",
    "meeting_past": "le rendez-vous n’était plus à venir",
    "nobody_comes": "personne n’est encore choisi pour cette visite",
    "nothing_new": "rien de ce que son lecteur sait n’a changé",
    "link_past": "le lien n’aurait plus rien ouvert",
    "no_address": "aucune adresse n’est connue",
    "same_reader": "la coordination, qui le lirait à sa place, l’a déjà",
    "address_refused": "l’adresse du ménage ne reçoit pas nos messages",
    "sms_not_allowed": "aucun numéro ne permet un SMS",
    "import_muted": "la demande vient d’un fichier importé sans envoi",
    "recalled": "l’envoi a été annulé dans la minute",
    "household_gone": "plus personne du ménage ne le lirait",
    "case_ended": "ce qui le faisait partir s’est arrêté avant l’envoi",
}


class Overtaken(Conflict):
    """Somebody else acted on the case while a form of it was being filled."""

    code = "overtaken"

    def __init__(self, by: str, what: str, at: datetime) -> None:
        """Sending again is enough: the next time the reader knows."""
        who = f" ({by})" if by else ""
        super().__init__(
            f"La situation a changé pendant que vous écriviez, à {wording.hour(at)} : {inside(what)}{who}. "
            "Rien n’est enregistré, ce que vous avez écrit est gardé : relisez, puis envoyez de nouveau."
        )


@dataclass(frozen=True)
class Chip:
    """A state in two words and its tone."""

    text: str
    tone: str


@dataclass(frozen=True)
class Entry:
    """One line of the story; `at` is local to the programme, `families` the views that show it, `readers` who reads its
    note: `team`, or `partner` with it.
    """

    at: datetime
    kind: str
    text: str
    by: str = ""
    chip: Chip | None = None
    why: str = ""
    quote: str = ""
    message_id: UUID | None = None
    families: frozenset[str] = frozenset({"acts"})
    readers: str = ""


def view(entries: Sequence[Entry], family: str) -> list[Entry]:
    """The entries of one view; all of them when it is none of `FAMILIES`."""
    return [each for each in entries if family not in FAMILIES or family in each.families]


def of_case(unit: UnitOfWork, actor: Actor, case: Case, zone: ZoneInfo) -> list[Entry]:
    """Everything that happened to a case, newest first. What a file told late sent nothing: a note says it once.

    Notes are read by those alone who may know the household.
    """
    case_id = case.id
    events = unit.session.scalars(_EVENTS, {"case": case_id}).all()
    may_read = knows_household(unit, actor, case)
    notes = unit.session.scalars(_NOTES_OF, {"case": case_id}).all() if may_read else ()
    messages = unit.session.scalars(_MESSAGES, {"case": case_id}).all()
    in_vain = set(unit.session.scalars(_IN_VAIN, {"case": case_id, "now": unit.now}))
    said: defaultdict[UUID | None, list[Note]] = defaultdict(list)
    for note in notes:
        said[note.event_id].append(note)
    told, names = {event.id: event for event in events}, _names(unit, events)
    words = words_of(unit, case, zone)
    spoken = {message.event_id for message in messages if message.event_id}
    entries = [_event(event, said[event.id], words, names) for event in events if not _is_silent(event, spoken)]
    entries += [_note(note, zone) for note in said[None]]
    entries += [
        _message(each, told[each.event_id], words, unit.now, in_vain=each.id in in_vain)
        for each in messages
        if each.event_id
    ]
    entries += _not_taken(unit, case_id, words)
    order = {id(entry): rank for rank, entry in enumerate(entries)}
    return sorted(entries, key=lambda entry: (entry.at, order[id(entry)]), reverse=True)


_EVENTS: Final = select(Event).where(Event.case_id == bindparam("case"))
_IN_VAIN: Final = select(Message.id).where(
    Message.case_id == bindparam("case"), Message.state == MessageState.QUEUED, ~is_wanted(bindparam("now"))
)
_NOTES_OF: Final = select(Note).where(Note.case_id == bindparam("case"))
_MESSAGES: Final = (
    select(Message)
    .where(Message.case_id == bindparam("case"), or_(Message.error.is_(None), Message.error != IMPORTED_PAST))
    .options(defer(Message.body, raiseload=True))
)


def read_before_acting(unit: UnitOfWork, actor: Actor, case_id: UUID, seen: int, zone: ZoneInfo) -> None:
    """Raise `Overtaken` when somebody else acted on a case after its event number `seen`; what clocks and the engine
    did is no reason. The case is locked first, so that nobody acts between this and what follows.
    """
    case = case_for(unit, actor, case_id, Right.READ)
    query = select(Event).where(
        Event.case_id == case_id,
        Event.seq > seen,
        Event.actor != actor.label,
        Event.source.not_in((Source.ENGINE, Source.TIMER)),
    )
    found = unit.session.scalars(query.order_by(Event.seq)).all()
    if found:
        last, words = found[-1], words_of(unit, case, zone)
        raise Overtaken(_names(unit, [last]).get(last.actor, ""), words.sentence(last), _local(last.occurred_at, zone))


def _is_silent(event: Event, spoken: Collection[UUID]) -> bool:
    """A reminder that a clock sent is told by its message, which says why; one that a person hastened says who."""
    by_clock = event.type == ReminderDue.type and not event.actor.startswith("person:")
    return event.type in _SILENT or (by_clock and event.id in spoken)


def _names(unit: UnitOfWork, events: Iterable[Event]) -> dict[str, str]:
    """Who acted, by the label that events carry; a person alone has a name to show."""
    ids = {UUID(event.actor.partition(":")[2]) for event in events if event.actor.startswith("person:")}
    people = unit.session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {f"person:{person_id}": name for person_id, name in people}


class Life(NamedTuple):
    """A clock of the case in its life of today: the kind of task that it chases, and what its days are counted from."""

    kind: str
    generation: int
    anchor_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class Words:
    """What an event is told with: the programme's clocks, the pathway's own titles, and the clocks of the case."""

    zone: ZoneInfo
    pathway: Pathway
    clocks: Mapping[str, Life]
    today: date

    def sentence(self, event: Event) -> str:
        """The line of an event."""
        if fact_of(event.type, event.payload) is None:
            return event_sentence(event.type, event.payload, self.zone)
        if event.type == ReminderDue.type and event.actor.startswith("person:"):
            return f"Envoyé sans attendre son jour : {self.said_by(event.payload['ladder'], event.payload['step'])}"
        if event.type == ReminderDue.type:
            moment = self.why(event)
            return wording.capital(moment)
        told = event_sentence(event.type, event.payload, self.zone, said=self._said(event))
        field, kind = _IN_BRACKETS.get(event.type, ("", ""))
        beside = event.payload.get(field)
        return f"{told} ({inside(label(kind, beside))})" if beside else told

    def why(self, event: Event) -> str:
        """Why a message left: what happened, or for a step of a clock what had not happened by when."""
        if event.type != ReminderDue.type or fact_of(event.type, event.payload) is None:
            return inside(self.sentence(event))
        told = event.payload
        return self.moment(told["obligation_id"], told["generation"], told["ladder"], told["step"])

    def moment(self, obligation_id: str, generation: int, ladder: str, step: int) -> str:
        """What a clock chases, and the moment of one of its steps; days only of its life of today."""
        clock = self.clocks.get(obligation_id)
        known = clock is not None and clock.generation == generation
        days = Days(
            _local(clock.anchor_at, self.zone).date() if clock and known else None,
            _local(clock.due_at, self.zone).date() if clock and known else None,
            self.today,
        )
        words = reason(self.pathway.ladders[ladder], step, days)
        return f"{inside(task_title(self.pathway, clock.kind))}, {words}" if clock else words

    def _said(self, event: Event) -> dict[str, str]:
        if event.type == ReminderSkipped.type:
            return {"ladder": self.said_by(event.payload["ladder"], event.payload["step"])}
        if not event.type.startswith("task."):
            return {}
        kind = event.payload["kind"]
        outcome = outcome_title(self.pathway, kind, event.payload.get("outcome", ""))
        title = inside(task_title(self.pathway, kind))
        return {"kind": f"{title} ({inside(outcome)})" if outcome else title}

    def said_by(self, ladder: str, step: int) -> str:
        """What a step of a clock says, in a few words."""
        rung = self.pathway.ladders[ladder].rungs[step]
        return next((text_title(each.send) for each in rung.steps if isinstance(each, Send)), "relance")


def words_of(unit: UnitOfWork, case: Case, zone: ZoneInfo) -> Words:
    """The words of one case."""
    clocks = {str(row.id): Life(*row[1:]) for row in unit.rows(_LIVES, case=case.id)}
    return Words(zone, pathway_of(unit, case.pathway_hash), clocks, _local(unit.now, zone).date())


_LIVES: Final = (
    select(Obligation.id, Task.kind, Obligation.generation, Obligation.anchor_at, Obligation.due_at)
    .join(Task, Task.id == Obligation.task_id)
    .where(Obligation.case_id == bindparam("case"))
)


def _event(event: Event, notes: list[Note], words: Words, names: Mapping[str, str]) -> Entry:
    family = event.type.split(".")[0]
    kind = "question" if "question" in event.type else _OF_ITS_OWN.get(event.type) or KINDS.get(family, "decision")
    quote = " — ".join(note.text for note in notes)
    by = next((note.author for note in notes), names.get(event.actor, ""))
    if event.on_behalf_of is not None:
        by = f"{by} pour le partenaire" if by else "pour le partenaire"
    readers = _readers(notes)
    families = frozenset({"acts", *(_NOTES[readers] if readers else ())})
    at = _local(event.occurred_at, words.zone)
    return Entry(at, kind, words.sentence(event), by, quote=quote, families=families, readers=readers)


_NOTES: Final = {"team": ("notes",), "partner": ("exchanges",)}


def _readers(notes: Sequence[Note]) -> str:
    """The widest audience of what is quoted."""
    audiences = {note.audience for note in notes}
    return "partner" if audiences - {"team"} else "team" if audiences else ""


def _note(note: Note, zone: ZoneInfo) -> Entry:
    readers = _readers([note])
    families = frozenset(_NOTES[readers])
    return Entry(_local(note.at, zone), "note", note.author, quote=note.text, families=families, readers=readers)


def _message(message: Message, cause: Event, words: Words, now: datetime, *, in_vain: bool) -> Entry:
    """`in_vain`: it waits, and the task that it is about is over."""
    zone = words.zone
    state, channel = MessageState(message.state), Channel(message.channel)
    at = _local(message.done_at or message.first_tried_at or message.created_at, zone)
    text = f"{wording.capital(to_party(message.party))} : {message.subject or text_title(message.text)}"
    why_not = f"ne partira pas : {WHY_NOT['task_closed']}" if in_vain else _why_not(message, state)
    why = f"{words.why(cause)} ; {why_not}" if why_not else words.why(cause)
    waiting = Chip("Ne partira pas", "plain") if in_vain else _waiting(message, zone, now)
    chip = waiting or _life(message, state, channel, zone)
    families = frozenset({"messages", "not_sent"} if in_vain or state in _NOT_SENT else {"messages"})
    kind = _BY_CHANNEL[channel]
    return Entry(at, kind, text, chip=chip, why=why, message_id=message.id, families=families)


_NOT_SENT: Final = frozenset({MessageState.CANCELLED, MessageState.REFUSED, MessageState.UNKNOWN})


def _why_not(message: Message, state: MessageState) -> str:
    """Why a message did not leave, or not yet; empty when it did, or waits for nothing but its hour."""
    error = message.error or ""
    code = f" (réponse {message.reply_code})" if message.reply_code else ""
    if state is MessageState.CANCELLED:
        return f"non envoyé : {WHY_NOT.get(error, error)}"
    if state is MessageState.UNKNOWN:
        return "nul ne peut dire s’il est arrivé : il ne repart pas sans preuve"
    if state is MessageState.QUEUED and message.attempts:
        return f"le serveur du destinataire a demandé d’attendre{code}"
    return _refusal(error, code) if state is MessageState.REFUSED else ""


def _refusal(error: str, code: str) -> str:
    if error.startswith("bounced"):
        return "revenu après son départ : l’adresse n’en veut pas"
    if error.startswith(UNWRITTEN):
        return "non envoyé : son texte n’a pas pu être écrit"
    return "aucune réponse pendant quatre jours" if error == "gave_up" else f"l’adresse l’a refusé{code}"


def _not_taken(unit: UnitOfWork, case_id: UUID, words: Words) -> Iterator[Entry]:
    """The steps of clocks that did not leave by themselves, each with its reason; a skipped one has its event."""
    rows = unit.session.execute(
        select(Occurrence, Obligation.ladder)
        .join(Obligation, Obligation.id == Occurrence.obligation_id)
        .where(Obligation.case_id == case_id, Occurrence.state == OccurrenceState.SUPPRESSED,
               Occurrence.reason.in_(list(WHY_NOT)))
        .order_by(Occurrence.at, Occurrence.id)
    )  # fmt: skip
    for taken, ladder in rows:
        moment = words.moment(str(taken.obligation_id), taken.generation, ladder, taken.step)
        yield Entry(
            _local(taken.at, words.zone),
            "reminder",
            wording.capital(words.said_by(ladder, taken.step)),
            chip=Chip("Non envoyé", "plain"),
            why=f"{moment} ; non envoyé : {WHY_NOT[taken.reason or '']}",
            families=frozenset({"not_sent"}),
        )


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
