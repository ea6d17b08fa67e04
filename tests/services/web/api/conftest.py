"""The programme of the API's tests."""

import pytest

from services.foundation.runtime import Runtime
from tests.services.web.api.office import Office, make_office


@pytest.fixture
def office(runtime: Runtime) -> Office:
    """A programme, its people and their keys, on each database."""
    return make_office(runtime)
