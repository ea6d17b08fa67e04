"""Why a step of a clock comes when it does, in a few words: the moment that the pathway gives it."""

from datetime import date
from typing import NamedTuple

from models.pathway import Ladder, Rung
from services.foundation import wording
from services.rules.clocks import UNDELIVERED


class Days(NamedTuple):
    """The days from which a clock counts, as the programme's wall says them; None when they are not known any more."""

    start: date | None
    due: date | None
    today: date


def reason(ladder: Ladder, step: int, days: Days) -> str:
    """`10 jours ouvrés sans réponse depuis la remise du mardi 4 novembre`, `échéance du jeudi 26 novembre`."""
    if step == UNDELIVERED:
        return "la demande n’a pas été remise"
    rung = ladder.rungs[step]
    if rung.after is not None:
        return _after(rung, days, delivered=ladder.counts_from_delivery)
    due = f" du {_day(days.due, days)}" if days.due else ""
    if rung.before is not None and rung.before.amount:
        return f"{wording.duration(rung.before)} avant l’échéance{due}"
    if rung.every is not None:
        return f"{wording.every(rung.every)} tant que rien n’est fait"
    if rung.after_due is not None and rung.after_due.amount:
        return f"{wording.duration(rung.after_due)} après l’échéance{due}"
    return f"échéance{due}"


def _after(rung: Rung, days: Days, *, delivered: bool) -> str:
    words = wording.duration(rung.after) if rung.after else ""
    if days.start is None:
        return f"{words} sans réponse"
    start = _day(days.start, days)
    return f"{words} sans réponse depuis la remise du {start}" if delivered else f"{words} sans suite depuis le {start}"


def _day(value: date, days: Days) -> str:
    return wording.day(value, today=days.today)
