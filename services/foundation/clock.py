"""Business time: the only clock of due dates, quiet hours and back-off. Lease time is another one, in `database`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is for the office."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)


@dataclass
class SetClock:
    """A clock that somebody sets: stories and tests."""

    at: datetime

    def now(self) -> datetime:
        """The instant that was set, as aware UTC."""
        return self.at.astimezone(UTC)
