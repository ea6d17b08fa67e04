"""Sequences: Prefect flows that read like a checklist, one file a stage. No SQL, no SMTP, no rule."""

import os
from typing import Final

# Prefect reads these when it is first imported; whoever starts the process may have chosen otherwise.
GUARDS: Final = {
    "PREFECT_API_REQUEST_TIMEOUT": "2",  # with the defaults a hung server held a flow for three minutes
    "PREFECT_CLIENT_MAX_RETRIES": "0",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # no server of its own inside the relay
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}

for _name, _value in GUARDS.items():
    os.environ.setdefault(_name, _value)
