"""What a clock will do if nothing happens: projected with the functions that the tick uses. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from models.pathway import Ladder, Rung
from services.foundation.calendar import WorkingCalendar
from services.rules.clocks import UNDELIVERED, Timing, climbed_at, gives_way


class Ahead(NamedTuple):
    """A step still to come; `next` is the clock's next one, the only one that a person may skip or hasten."""

    number: int
    at: datetime
    rung: Rung
    next: bool


def ahead(number: int, at: datetime, timing: Timing, ladder: Ladder, calendar: WorkingCalendar) -> Iterator[Ahead]:
    """The steps of a clock that stands on step `number`, due at `at`, soonest first.

    A step that falls together with a later one, or gives way to it, is left out, as the tick takes the latest only. The
    wait for a delivery is none.
    """
    if number == UNDELIVERED:
        return
    first = True
    steps = [step for step in range(number, len(ladder.rungs)) if not ladder.rungs[step].off]
    for step, following in zip_longest(steps, steps[1:]):
        later = climbed_at(ladder.rungs[following], timing, calendar) if following is not None else None
        if (later is None or later > at) and not gives_way(step, at, timing, ladder, calendar):
            yield Ahead(step, at, ladder.rungs[step], first)
            first = False
        if later is not None:
            at = max(at, later)
