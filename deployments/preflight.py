"""What must be true of the machine before `relais up` starts anything; each refusal is one sentence.

The pages wait for these imports: nothing of SQLAlchemy here. What concerns the database is in `preparing`.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.foundation.errors import Setup
from services.foundation.settings import Settings

LOCK_FILE: Final = "up.lock"


def check_folder(folder: Path) -> None:
    """Make the data folder for its owner only. Raises `Setup` if it cannot be written in."""
    probe = folder / f".probe.{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise Setup(
            f"Relais ne peut pas écrire dans le dossier des données {folder} ({error.strerror})\u00a0: "
            "choisissez-en un autre avec RELAIS_DATA_FOLDER."
        ) from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold this folder for as long as the block lasts. Raises `Setup` if another `relais up` does."""
    handle = os.open(folder / LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Setup(
                f"Relais tourne déjà sur le dossier {folder}\u00a0: arrêtez-le d’abord, "
                "ou choisissez un autre dossier avec RELAIS_DATA_FOLDER."
            ) from None
        yield
    finally:
        os.close(handle)


def check_ports(settings: Settings) -> None:
    """Raise `Setup` for the first port that something else holds or that two of ours would share."""
    seen: dict[int, str] = {}
    for host, port, what, setting in _ports(settings):
        if port in seen:
            raise Setup(f"{setting} et {seen[port]} donnent le même port {port}\u00a0: changez l’un des deux.")
        seen[port] = setting
        try:
            socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
        except OSError as error:
            why = "est déjà pris" if error.errno == errno.EADDRINUSE else f"ne s’ouvre pas ({error.strerror})"
            raise Setup(
                f"Le port {port} ({what}) {why}\u00a0: arrêtez l’autre programme ou changez {setting}."
            ) from error


def _ports(settings: Settings) -> Iterator[tuple[str, int, str, str]]:
    yield settings.host, settings.port, "les pages", "RELAIS_PORT"
    if settings.catches_mail:
        yield "127.0.0.1", settings.catcher_smtp_port, "la boîte locale, SMTP", "RELAIS_CATCHER_SMTP_PORT"
        yield "127.0.0.1", settings.catcher_web_port, "la boîte locale, page", "RELAIS_CATCHER_WEB_PORT"
    if settings.prefect_api_url is None:
        yield "127.0.0.1", settings.prefect_port, "Prefect", "RELAIS_PREFECT_PORT"
