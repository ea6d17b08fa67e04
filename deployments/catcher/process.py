"""Runs the mailbox: one process that receives by SMTP and shows by HTTP, until it is stopped."""

import argparse
import asyncio
import errno
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn

from deployments.catcher.pages import create_app
from deployments.catcher.smtp import Reception
from deployments.catcher.store import Mailbox

EVERY_ADDRESS: Final = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not listened on
WHY: Final = {
    errno.EADDRINUSE: "il est déjà pris. Arrêtez l’autre programme ou choisissez un autre port.",
    errno.EACCES: "le système le réserve. Choisissez un port à partir de 1024.",
    errno.EADDRNOTAVAIL: "cette adresse n’est pas celle de cette machine.",
}


class CannotListen(Exception):
    """A port that the mailbox cannot have; the text is a French sentence for the person who starts it."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        self.host, self.port = host, port
        reason = WHY.get(error.errno or 0, f"le système répond «\u00a0{error.strerror or error}\u00a0».")
        super().__init__(f"La messagerie locale ne peut pas ouvrir le port {port} sur {host}\u00a0: {reason}")


async def serve(*, folder: Path, smtp_port: int, http_port: int, host: str = "127.0.0.1") -> None:
    """Receive and show mail until cancelled; raises CannotListen, OSError or sqlite3.Error before it starts.

    The pages ask for no password: `host` is meant to stay on the loopback.
    """
    with ExitStack() as stack:
        smtp_socket = stack.enter_context(_listening(host, smtp_port))
        http_socket = stack.enter_context(_listening(host, http_port))
        reception = Reception(stack.enter_context(Mailbox(folder)))
        web = _web(reception, host)
        smtp = await asyncio.get_running_loop().create_server(reception.connection, sock=smtp_socket)
        pages = asyncio.create_task(web.serve(sockets=[http_socket]))
        try:
            await asyncio.shield(pages)
        finally:
            smtp.close()
            web.should_exit = True
            await pages


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mailbox from the command line; 0 once stopped, 1 with a sentence when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_until_stopped(options))
    except CannotListen as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"La messagerie locale ne peut pas écrire dans {options.folder}\u00a0: {error}\n")
        return 1
    return 0


async def _until_stopped(options: argparse.Namespace) -> None:
    running = asyncio.create_task(
        serve(folder=options.folder, smtp_port=options.smtp_port, http_port=options.http_port, host=options.host)
    )
    for stop in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deployments.catcher", description="Messagerie locale : reçoit le courrier et n’en envoie aucun."
    )
    parser.add_argument("--folder", type=Path, required=True, help="dossier où garder les messages")
    parser.add_argument("--smtp-port", type=int, required=True, help="port de réception (SMTP)")
    parser.add_argument("--http-port", type=int, required=True, help="port des pages (HTTP)")
    parser.add_argument("--host", default="127.0.0.1", help="adresse d’écoute, sans mot de passe (127.0.0.1)")
    return parser


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(host, port, error) from error
    with listener:
        yield listener


def _web(reception: Reception, host: str) -> uvicorn.Server:
    hosts = ["*"] if host in EVERY_ADDRESS else ["127.0.0.1", "localhost", host]
    return _Web(
        uvicorn.Config(
            create_app(reception, allowed_hosts=hosts),
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )


class _Web(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs `serve`: uvicorn would die by them before the mailbox is closed."""
        yield
