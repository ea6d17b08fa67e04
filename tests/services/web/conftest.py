"""The office that every test of the pages works in."""

import pytest

from services.foundation.runtime import Runtime
from tests.factories import Office, make_office


@pytest.fixture
def office(runtime: Runtime) -> Office:
    """The Slime of Brest."""
    return make_office(runtime)
