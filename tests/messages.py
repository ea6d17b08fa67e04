"""Messages waiting in a ledger, with the least that they hang on; and an office that notes what it hears."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from models.base import new_id
from models.engine import Event, Message
from models.vocabulary import Channel
from services.foundation.database import Database, UnitOfWork
from services.rules.ledger import Aftermath
from services.rules.relevance import Suppressed
from services.rules.rendering import Rendered
from tests.programmes import a_case, an_event


def make_message(database: Database, **given: Any) -> UUID:
    """A due e-mail to Bo about the case 2025-00001, made at the first call; `given` replaces any column."""
    with database.write("test") as unit:
        event = unit.session.scalar(select(Event)) or an_event(unit, a_case(unit, "2025-00001"), "referral.sent")
        id_ = new_id()
        usual = {
            "id": id_,
            "programme_id": event.programme_id,
            "case_id": event.case_id,
            "event_id": event.id,
            "text": "referral_request",
            "party": "partner",
            "channel": Channel.EMAIL.value,
            "address": "bo@relais.test",
            "created_at": unit.now,
            "due_at": unit.now,
            "message_id": f"<{id_}@relais.test>",
            "effect_key": str(id_),
        }
        unit.session.add(Message(**(usual | given)))
    return id_


def read_message(database: Database, message_id: UUID) -> Message:
    """The message as it stands."""
    with database.read() as unit:
        message = unit.session.get_one(Message, message_id)
        unit.session.expunge(message)  # the end of a read empties what it still holds
        return message


def change_message(database: Database, message_id: UUID, **values: Any) -> None:
    """Write columns as an accident would leave them."""
    with database.write("test") as unit:
        message = unit.session.get_one(Message, message_id)
        for name, value in values.items():
            setattr(message, name, value)


@dataclass
class Office:
    """Writes one text for all, and remembers what became of each message."""

    accepted: list[UUID] = field(default_factory=list)
    failed: list[tuple[UUID, bool]] = field(default_factory=list)
    settled: list[UUID] = field(default_factory=list)
    suppressed: str = ""

    @property
    def aftermath(self) -> Aftermath:
        """As the ledger takes it."""
        return Aftermath(self._write, self._accepted, self._failed, self._settled)

    def _write(self, _unit: UnitOfWork, _message: Message) -> Rendered:
        if self.suppressed:
            raise Suppressed(self.suppressed)
        return Rendered("Situation 2025-00001", "Bonjour,\n\nUne réponse est attendue.\n")

    def _accepted(self, _unit: UnitOfWork, message: Message) -> None:
        self.accepted.append(message.id)

    def _failed(self, unit: UnitOfWork, message: Message, *, unknown: bool) -> None:
        self.failed.append((message.id, unknown))

    def _settled(self, _unit: UnitOfWork, message: Message) -> None:
        self.settled.append(message.id)
