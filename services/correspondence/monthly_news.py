"""The letter of the month to alert givers: planned once for each address, stopped and taken up again by its reader."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import insert, or_, select

from models.base import new_id
from models.cases import Alert, Case
from models.engine import Message
from models.programmes import NewsStop, Programme
from models.vocabulary import Channel, Party
from services.foundation.database import UnitOfWork
from services.rules import news
from services.rules.policy import Actor, note_access
from services.rules.published import calendar_of

STOPPED: Final = "news.stopped"
RESUMED: Final = "news.resumed"


def due(unit: UnitOfWork) -> list[UUID]:
    """The programmes whose round has come and was not made; those that never had one, to start from the next."""
    return [row.id for row in unit.rows(_ROUNDS) if row.news_at is None or row.news_at < _round(unit, row.id)]


def next_due(unit: UnitOfWork) -> datetime | None:
    """When the next round comes."""
    rounds = [news.next_round(calendar_of(unit, each.id), unit.now) for each in unit.rows(_ROUNDS)]
    return min(rounds, default=None)


_ROUNDS: Final = select(Programme.id, Programme.news_at).order_by(Programme.slug)


def addresses(unit: UnitOfWork, programme_id: UUID) -> Sequence[str]:
    """Who may have a letter this month: whose request is open, or has ended since the round before."""
    programme = unit.session.get_one(Programme, programme_id)
    if programme.news_at is None:
        return []
    query = (
        select(Alert.giver_email)
        .join(Case, Case.id == Alert.case_id)
        .where(Case.programme_id == programme_id, Alert.giver_email > "")
        .where(or_(Case.closed_at.is_(None), Case.closed_at >= programme.news_at))
    )
    return [address for address in unit.session.scalars(query.distinct().order_by(Alert.giver_email)) if address]


def plan(unit: UnitOfWork, programme_id: UUID, addresses: Collection[str]) -> int:
    """Plan the letters of some addresses that were not planned yet; how many. Nothing new, no letter."""
    calendar = calendar_of(unit, programme_id)
    keys = {address: news.key(programme_id, calendar, _round(unit, programme_id), address) for address in addresses}
    known = select(Message.effect_key).where(Message.effect_key.in_(keys.values()))
    planned = set(unit.session.scalars(known))
    wanted = {address for address in addresses if keys[address] not in planned}
    wanted -= news.stopped(unit, programme_id, wanted)
    letters = news.letters(unit, programme_id, wanted, unit.now)
    rows = []
    for address, letter in letters.items():
        message_id = new_id()
        rows.append(
            {
                "id": message_id,
                "programme_id": programme_id,
                "text": news.MONTHLY,
                "party": Party.ALERT_GIVER.value,
                "organisation_id": letter.organisation_id,
                "alert_id": letter.alert_id,
                "channel": Channel.EMAIL.value,
                "address": address,
                "created_at": unit.now,
                "due_at": calendar.next_sending_time(unit.now),
                "message_id": f"<{message_id}.{news.mark(address)[:8]}@relais>",
                "effect_key": keys[address],
            }
        )
    if rows:
        unit.session.execute(insert(Message), rows)
    return len(rows)


def end_round(unit: UnitOfWork, programme_id: UUID) -> None:
    """All that this month's round had to say is planned."""
    programme = unit.session.get_one(Programme, programme_id, with_for_update=True)
    programme.news_at = _round(unit, programme_id)


def _round(unit: UnitOfWork, programme_id: UUID) -> datetime:
    return news.last_round(calendar_of(unit, programme_id), unit.now)


def wants(unit: UnitOfWork, programme_id: UUID, address: str) -> bool:
    """Whether an address has the letter of the month."""
    return not news.stopped(unit, programme_id, [address])


def choose(unit: UnitOfWork, actor: Actor, address: str, *, wanted: bool) -> None:
    """Stop the letter of the month for an address, or take it up again; asking twice changes nothing."""
    if actor.programme_id is None or wants(unit, actor.programme_id, address) == wanted:
        return
    place = {"programme_id": actor.programme_id, "mark": news.mark(address)}
    if wanted:
        unit.session.delete(unit.session.get_one(NewsStop, place))
    else:
        unit.session.add(NewsStop(**place, stopped_at=unit.now))
    note_access(unit, actor, RESUMED if wanted else STOPPED, case_id=None)
    unit.session.flush()
