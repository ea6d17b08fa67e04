"""Fixtures of the rules and the use cases."""

import pytest

from services.foundation.clock import SetClock
from services.foundation.database import Database
from tests.services.rules.situations import Office, found_office


@pytest.fixture
def office(database: Database, clock: SetClock) -> Office:
    """An office at work on Monday 6 October 2025, 10:00 in Paris: Ada coordinates, Bo visits, Karim gives alerts."""
    return found_office(database, clock)
