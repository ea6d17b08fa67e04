"""Whether a household was called often enough, on enough days, at enough times of the day. Pure."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from models.pathway import Pathway
from models.vocabulary import BestTime

NOON: Final = 12
AFTERNOON: Final = 14
EVENING: Final = 17


def attempts_lacking(attempts: Collection[datetime], pathway: Pathway, zone: ZoneInfo) -> list[str]:
    """What calls that reached nobody lack of what the pathway asks before a household is written to, or given up."""
    local, lacking = [at.astimezone(zone) for at in attempts], []
    if len(local) < pathway.call_attempts:
        lacking.append(f"{pathway.call_attempts} appels (il y en a eu {len(local)})")
    if len({at.date() for at in local}) < pathway.call_days:
        lacking.append(f"sur {pathway.call_days} jours différents")
    if len({slot(at) for at in local}) < pathway.call_slots:
        lacking.append(f"à {pathway.call_slots} moments de la journée")
    return lacking


def slot(local: datetime) -> BestTime:
    """The time of the day of a call, in local time."""
    if local.hour < NOON:
        return BestTime.MORNING
    if local.hour < AFTERNOON:
        return BestTime.NOON
    return BestTime.AFTERNOON if local.hour < EVENING else BestTime.EVENING
