"""Keeps child processes alive and, when it stops, leaves none behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 5.0
NICENESS: Final = 10
SAID_AGAIN_S: Final = 0.5
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
LIVED_S: Final = 60.0
"""A child that lived this long did start: the next pause is the first again."""
REFUSED: Final = os.EX_CONFIG
"""How a child ends that has said why it cannot work here; at its first start that is the end of all."""
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Child:
    """A process to keep alive. `ready` is waited for before it starts; `log` takes its output instead of ours.

    One that is not `lasting` runs once, and again only if it failed. A `patient` one lets the others go first.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None
    lasting: bool = True
    patient: bool = False
    ready: Callable[[], Awaitable[object]] | None = None


@dataclass
class Supervisor:
    """The children of one command."""

    say: Callable[[str], None]
    deaths: dict[str, int] = field(default_factory=dict)
    refused: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, children: Iterable[Child]) -> None:
        """Start all at once; call from the main thread, with whose end children are told to die."""
        _adopt_orphans()
        self._tasks += [asyncio.create_task(self._keep(child)) for child in children]

    async def stop(self) -> None:
        """Ask all to end, wait five seconds, end them and whatever they had started themselves."""
        await self._let_go()
        for pid in self._alive():
            _signal(pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_S
        while alive := self._alive():
            if time.monotonic() > until:
                for pid in alive:
                    _signal(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)

    async def _let_go(self) -> None:
        """Whoever waits for an address may lose the word that it is over in the moment of a timeout of its own."""
        left = set(self._tasks)
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=SAID_AGAIN_S)

    def _alive(self) -> set[int]:
        ours = {process.pid for process in self._running.values() if process.returncode is None}
        return ours | _descendants(os.getpid())

    async def _keep(self, child: Child) -> None:
        if child.ready is not None:
            await child.ready()
        pause = FIRST_PAUSE_S
        while True:
            born = time.monotonic()
            code = await self._run(child)
            if code == 0 and not child.lasting:
                return
            if code == REFUSED and child.name not in self.deaths:
                self.refused.set()
                return
            self.deaths[child.name] = self.deaths.get(child.name, 0) + 1
            pause = FIRST_PAUSE_S if time.monotonic() - born > LIVED_S else pause
            self.say(
                f"{child.name}\u00a0: arrêt inattendu (code\u00a0{code})\u00a0; nouvel essai dans {pause:.0f}\u00a0s."
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _run(self, child: Child) -> int:
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(child.log.open("ab")) if child.log else None
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_before_it_runs(os.getpid(), niceness=NICENESS if child.patient else 0),
            )
        self._running[child.name] = process
        return await process.wait()


def _before_it_runs(parent: int, *, niceness: int) -> Callable[[], None]:
    """Ask the kernel to kill the child when its parent is gone, even by SIGKILL. Linux only; nothing elsewhere."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork

    def in_child() -> None:
        os.nice(niceness)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent died: Prefect's runner gives each flow run its own session."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _descendants(of: int) -> set[int]:
    """Living processes below this one, zombies excepted."""
    if sys.platform != "linux":
        return set()
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in {"Z", "X"}:
                    children.setdefault(int(parent), []).append(int(entry.name))
    found: set[int] = set()
    to_see = [of]
    while to_see:
        below = children.get(to_see.pop(), [])
        found.update(below)
        to_see += below
    return found


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
