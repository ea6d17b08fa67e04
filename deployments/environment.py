"""What child processes find in their environment: Relais's settings made absolute, and a quiet, bounded Prefect."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.foundation.settings import Settings

# Set before Prefect is imported: its defaults wait minutes for a server that hangs, start one of their own, call home.
PREFECT_EVERYWHERE: Final[Mapping[str, str]] = {
    "PREFECT_API_REQUEST_TIMEOUT": "2",
    "PREFECT_CLIENT_MAX_RETRIES": "0",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # A log line may quote an error, and an error a person: nothing of them goes to Prefect's database.
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "DO_NOT_TRACK": "1",
}


def located(settings: Settings) -> Settings:
    """The same settings with an absolute folder."""
    return settings.model_copy(update={"data_folder": settings.data_folder.absolute()})


def prefect_api(settings: Settings) -> str:
    """Prefect's API: the one that was given, or the one that `relais up` starts."""
    return settings.prefect_api_url or f"http://127.0.0.1:{settings.prefect_port}/api"


def for_children(settings: Settings) -> dict[str, str]:
    """The whole environment of a child; what the operator set for Prefect wins, except its address."""
    return {
        **PREFECT_EVERYWHERE,
        "PREFECT_HOME": str(prefect_home(settings)),
        **os.environ,
        "PREFECT_API_URL": prefect_api(settings),
        "RELAIS_DATA_FOLDER": str(settings.data_folder),
        "RELAIS_PUBLIC_URL": settings.public_url,
        "PYTHONUNBUFFERED": "1",
    }


def for_runner(settings: Settings) -> dict[str, str]:
    """Nobody waits for the runner, and Prefect on SQLite answers 503 when it is busy: let it try again."""
    patience = {"PREFECT_API_REQUEST_TIMEOUT": "10", "PREFECT_CLIENT_MAX_RETRIES": "5"}
    return {**for_children(settings), **patience}


def for_prefect_server(settings: Settings) -> dict[str, str]:
    """On the loopback only, closed to other sites' pages (CORS, CSRF), its history swept after thirty days."""
    home, port = prefect_home(settings), settings.prefect_port
    return {
        **for_children(settings),
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "P30D",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
    }


def set_for_prefect(settings: Settings) -> None:
    """Give this process the same, for commands that import Prefect themselves."""
    for name, value in PREFECT_EVERYWHERE.items():
        os.environ.setdefault(name, value)
    if settings.prefect_api_url:
        os.environ.setdefault("PREFECT_API_URL", settings.prefect_api_url)


def prefect_home(settings: Settings) -> Path:
    """Prefect's own folder, inside ours."""
    return settings.data_folder / "prefect"
