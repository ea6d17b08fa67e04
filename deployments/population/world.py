"""The time of a generated past: every case of it takes its turn at its instants, as in an office."""

import heapq
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from itertools import count
from typing import Final

Strand = Generator[datetime, None, None]
"""What somebody does over time: gives the instant at which it goes on."""

MAIL: Final = 0
CLOCK: Final = 1
PEOPLE: Final = 2
"""Who goes first at one instant: a mail that leaves, then a clock that lapses, then people."""

A_SECOND: Final = timedelta(seconds=1)


class World:
    """What is still to happen, in order; `now` is where it stands."""

    def __init__(self, now: datetime) -> None:
        """Nothing is to happen yet."""
        self.now = now
        self.milliseconds = 0  # the same, as identifiers count it
        self._ahead: list[tuple[datetime, int, int, Callable[[], None]]] = []
        self._turns = count()

    def at(self, instant: datetime, act: Callable[[], None], rank: int = PEOPLE) -> None:
        """Let something happen then."""
        heapq.heappush(self._ahead, (instant, rank, next(self._turns), act))

    def begin(self, strand: Strand) -> None:
        """Let a strand go on until its end, in its turn."""
        instant = next(strand, None)
        if instant is not None:
            self.at(max(instant, self.now + A_SECOND), lambda: self.begin(strand))

    def reach(self, until: datetime) -> None:
        """Let everything happen that is to happen by then."""
        while self._ahead and self._ahead[0][0] <= until:
            self.now, _, _, act = heapq.heappop(self._ahead)
            self.milliseconds = int(self.now.timestamp() * 1000)
            act()
        self.now = until
