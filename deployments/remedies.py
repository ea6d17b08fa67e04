"""`relais events` and `relais messages`: what the software could not do by itself, put right from a terminal."""

import sys
from uuid import UUID

from deployments.accounts import programme_named
from models.vocabulary import Role
from services import administration, timeline
from services.forms import Remedy
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.texts.labels import label


def show_events(current: Runtime, *, programme: str | None = None) -> None:
    """A line for each event set aside: number, case, type, tries, error."""
    with current.database.read() as unit:
        found = administration.parked(unit, _actor(unit, programme))
        lines = [f"{each.id}\t{each.reference}\t{each.type}\t{each.attempts} essais\t{each.error}" for each in found]
    _say(lines, nothing="Aucun événement n’est mis de côté.")


def try_again(current: Runtime, event: int, reason: str, *, programme: str | None) -> None:
    """New tries for an event. Raises what the use case raises."""
    with current.database.write("retry_event") as unit:
        administration.try_again(unit, Hand(_actor(unit, programme)), event, Remedy(reason=reason))


def show_messages(current: Runtime, *, programme: str | None = None) -> None:
    """A line for each message refused or in doubt; never an address nor a text."""
    with current.database.read() as unit:
        found = administration.troubled(unit, _actor(unit, programme))
        lines = [
            "\t".join(
                (
                    str(each.id),
                    each.case.number,
                    timeline.title_of(each.text),
                    label("party", each.party),
                    label("message_state", each.state),
                    each.error or "",
                )
            )
            for each in found
        ]
    _say(lines, nothing="Aucun message n’est refusé ni à vérifier.")


def send_again(current: Runtime, message: str, reason: str, *, programme: str | None) -> None:
    """A refused message leaves once more. Raises what the use case raises."""
    try:
        message_id = UUID(message)
    except ValueError:
        raise InvalidInput("message", f"{message} n’est pas l’identifiant d’un message.") from None
    with current.database.write("resend_message") as unit:
        administration.send_again(unit, Hand(_actor(unit, programme)), message_id, Remedy(reason=reason))


def _actor(unit: UnitOfWork, slug: str | None) -> Actor:
    """Whoever has the machine's terminal administers it."""
    programme = programme_named(unit, slug)
    return Actor("command", None, programme_id=programme.id, role=Role.ADMINISTRATOR, name="Ligne de commande")


def _say(lines: list[str], *, nothing: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines or [nothing])
