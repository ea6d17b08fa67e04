"""`relais up`: everything on one machine; checks, starts the processes, and ends them with itself.

The pages wait for what is imported here: SQLAlchemy and the models are the children's. The first of them, the pages,
prepares the database; whoever else opens it starts after.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final

from deployments import environment, preflight
from deployments.supervisor import Child, Supervisor
from services.foundation.settings import Settings

POLL_S: Final = 0.1
HEAD_START_S: Final = 5.0
TRIES: Final = 3
"""How often the pages may fail to start before we give up."""
PAGES: Final = "Les pages"
EVERYWHERE: Final = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


def up(settings: Settings) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP; the exit code. Raises `Setup` when it cannot start."""
    os.umask(0o077)
    settings = environment.located(settings)
    preflight.check_folder(settings.data_folder)
    with preflight.alone(settings.data_folder):
        preflight.check_ports(settings)
        return asyncio.run(_supervise(settings, processes(settings)))


def processes(settings: Settings) -> list[Child]:
    """What runs beside the supervisor, by the settings."""
    ours, logs = environment.for_children(settings), settings.data_folder / "logs"
    logs.mkdir(exist_ok=True)
    for file in logs.glob("*.log"):
        file.unlink()
    children = [
        Child(PAGES, _relais("web", "--prepare"), ours),
        Child("Le relais", _relais("relay"), ours, ready=lambda: answers(_pages(settings))),
        Child(
            "Le lanceur Prefect",
            _python("deployments.runner"),
            environment.for_runner(settings),
            log=logs / "runner.log",
            patient=True,
            ready=lambda: answers(f"{environment.prefect_api(settings)}/health"),
        ),
    ]
    for number in range(2, settings.web_processes + 1):
        more = Child(f"{PAGES} ({number})", _relais("web"), ours, ready=lambda: answers(_pages(settings)))
        children.append(more)
    if settings.catches_mail:
        children.insert(0, Child("La boîte locale", _catcher(settings), ours))
    if settings.prefect_api_url is None:
        children.append(_prefect(settings, logs))
    if settings.demonstration:
        children.append(_demonstration(settings))
    return children


def _prefect(settings: Settings, logs: Path) -> Child:
    environment.prefect_home(settings).mkdir(exist_ok=True)
    return Child(
        "Prefect",
        _python("deployments.prefect_server"),
        environment.for_prefect_server(settings),
        log=logs / "prefect.log",
        patient=True,
        ready=lambda: _pages_or_a_moment(settings),
    )


def _demonstration(settings: Settings) -> Child:
    return Child(
        "La démonstration",
        _relais("demonstrate", "--if-empty"),
        environment.for_children(settings),
        lasting=False,
        patient=True,
        ready=lambda: answers(_pages(settings)),
    )


async def answers(url: str) -> None:
    """Wait until this address answers anything but an error of its own."""
    import httpx2

    async with httpx2.AsyncClient(trust_env=False, timeout=2) as client:
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if (await client.get(url)).status_code < httpx2.codes.INTERNAL_SERVER_ERROR:
                    return
            await asyncio.sleep(POLL_S)


async def _pages_or_a_moment(settings: Settings) -> None:
    """Prefect takes seconds to import: on a small machine the pages would start half as fast."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(answers(_pages(settings)), HEAD_START_S)


async def _supervise(settings: Settings, children: list[Child]) -> int:
    stop, serving = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    supervisor = Supervisor(_say)
    supervisor.start(children)
    telling = asyncio.create_task(_tell(settings, serving))
    waits = (stop.wait(), supervisor.refused.wait(), _hopeless(supervisor, serving))
    ends = [asyncio.create_task(each) for each in waits]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, *ends):
            task.cancel()
        await supervisor.stop()
    if stop.is_set():
        return 0
    if not supervisor.refused.is_set():
        _say("Les pages ne démarrent pas\u00a0: la cause est dite ci-dessus. Relais s’arrête.")
    return 1


async def _hopeless(supervisor: Supervisor, serving: asyncio.Event) -> None:
    """Return once the pages have died several times without ever having answered."""
    while serving.is_set() or supervisor.deaths.get(PAGES, 0) < TRIES:  # noqa: ASYNC110 - two things to look at
        await asyncio.sleep(POLL_S)


async def _tell(settings: Settings, serving: asyncio.Event) -> None:
    await answers(_pages(settings))
    serving.set()
    lines = [
        "Relais est prêt (Ctrl-C pour l’arrêter).",
        f"  Pages             {settings.public_url}",
        f"  API               {settings.public_url}/api/docs",
    ]
    if settings.catches_mail:
        lines.append(f"  Boîte locale      {_url('127.0.0.1', settings.catcher_web_port)}")
    lines.append(f"  Prefect           {_prefect_page(settings)} (démarre)")
    _say("\n".join([*lines, *_accounts(settings)]))
    await answers(f"{environment.prefect_api(settings)}/health")
    _say(f"Prefect est prêt\u00a0: {_prefect_page(settings)}")


def _accounts(settings: Settings) -> list[str]:
    if not settings.demonstration:
        return []
    from deployments.demonstration import ACCOUNTS

    lines = [f"  {who:<34} {email:<34} {password}" for email, password, who in ACCOUNTS]
    return ["Comptes de démonstration\u00a0:", *lines]


def _prefect_page(settings: Settings) -> str:
    return environment.prefect_api(settings).removesuffix("/api")


def _pages(settings: Settings) -> str:
    return _url("127.0.0.1" if settings.host in EVERYWHERE else settings.host, settings.port)


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _python(*module: str) -> list[str]:
    return [sys.executable, "-m", *module]


def _relais(*command: str) -> list[str]:
    return _python("deployments.cli", *command)


def _catcher(settings: Settings) -> list[str]:
    ports = ["--smtp-port", str(settings.catcher_smtp_port), "--http-port", str(settings.catcher_web_port)]
    return _python("deployments.catcher", "--folder", str(settings.data_folder / "mailbox"), *ports)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
