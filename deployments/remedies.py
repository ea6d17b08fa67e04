"""`relais events` and `relais messages`: what the software could not do by itself, put right from a terminal."""

import sys
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from deployments.accounts import programme_named
from models.programmes import Programme
from models.vocabulary import Role
from services.correspondence import webhooks
from services.forms import Remedy, ReplayForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.foundation.runtime import Runtime
from services.operations import administration
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.texts.labels import label
from services.rules.titles import text_title


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
                    each.case.number if each.case else "-",
                    text_title(each.text),
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
    message_id = _identifier("message", message)
    with current.database.write("resend_message") as unit:
        administration.send_again(unit, Hand(_actor(unit, programme)), message_id, Remedy(reason=reason))


@dataclass(frozen=True)
class Period:
    """Two days of the programme's calendar, or two instants, as typed."""

    since: str
    until: str

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Both on the programme's clocks. Raises `InvalidInput`."""
        return self._instant("since", zone), self._instant("until", zone)

    def _instant(self, name: str, zone: ZoneInfo) -> datetime:
        try:
            typed = datetime.fromisoformat(getattr(self, name))
        except ValueError:
            raise InvalidInput(name, f"{getattr(self, name)} n’est pas un jour (AAAA-MM-JJ) ni un instant.") from None
        return typed if typed.tzinfo else typed.replace(tzinfo=zone)


def show_webhooks(current: Runtime, *, programme: str | None = None) -> None:
    """A line for each software that is told: identifier, name, address, what it had and missed."""
    with current.database.read() as unit:
        lines = [
            "\t".join(
                (
                    str(each.endpoint.id),
                    each.endpoint.label,
                    each.endpoint.url,
                    "arrêté" if each.endpoint.ended_at else ", ".join(each.endpoint.types),
                    *(f"{label('webhook_state', state)}\u00a0: {count}" for state, count in each.counts.items()),
                )
            )
            for each in webhooks.endpoints(unit, _actor(unit, programme))
        ]
    _say(lines, nothing="Aucun logiciel n’est prévenu.")


def replay(current: Runtime, webhook: str, period: Period, reason: str, *, programme: str | None) -> int:
    """Tell a software the events of a period once more; says how many. Raises what the use case raises."""
    webhook_id = _identifier("webhook", webhook)
    with current.database.write("replay_webhooks") as unit:
        actor = _actor(unit, programme)
        zone = unit.session.get_one(Programme, actor.programme_id).zone
        since, until = period.instants(zone)
        form = ReplayForm(since=since, until=until, reason=reason)
        return webhooks.replay_period(unit, Hand(actor), webhook_id, form)


def _identifier(field: str, typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        raise InvalidInput(field, f"{typed} n’est pas un identifiant.") from None


def _actor(unit: UnitOfWork, slug: str | None) -> Actor:
    """Whoever has the machine's terminal administers it."""
    programme = programme_named(unit, slug)
    return Actor("command", None, programme_id=programme.id, role=Role.ADMINISTRATOR, name="Ligne de commande")


def _say(lines: list[str], *, nothing: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines or [nothing])
