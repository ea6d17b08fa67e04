"""Install one lock file into `.venv`, starting from nothing but Python and pip.

Debian ships Python without venv and forbids pip to touch the system (PEP 668), so uv is first installed into
`.bootstrap/`, which pip alone can do. Run with the system's Python: `python3 -m deployments.setup.install FILE`.
"""

from __future__ import annotations  # so that an older Python reaches the sentence that names the right one

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
BOOTSTRAP: Final = ROOT / ".bootstrap"
VENV_PYTHON: Final = ROOT / ".venv" / "bin" / "python"
OLDEST: Final = (3, 11)
FIRST_TOO_NEW: Final = (3, 14)


class SetupRefused(Exception):
    """The set-up cannot go on; the message says what the person at the terminal can do."""


def succeeds(command: Sequence[str | Path]) -> bool:
    """Run a command where the project lives, its output going to the terminal; True if it ended well."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def pip_install_aside(lock: str, folder: Path) -> None:
    """Install a lock file of this folder into a folder of its own, which needs no venv and no right on the system."""
    lock_path = Path(__file__).with_name(lock)
    stamp = folder / lock
    if stamp.exists() and stamp.read_bytes() == lock_path.read_bytes():
        return
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet"]
    if not succeeds([*pip, "--upgrade", "--target", folder, "--require-hashes", "-r", lock_path]):
        raise SetupRefused(
            f"pip could not install {lock}: is pip there (apt-get install python3-pip), and the network?"
        )
    stamp.write_bytes(lock_path.read_bytes())


def check_python() -> None:
    """Raise `SetupRefused` under a Python that Relais is not made for."""
    if not OLDEST <= sys.version_info[:2] < FIRST_TOO_NEW:
        raise SetupRefused("Relais needs Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11")


def make_venv() -> None:
    """Make `.venv` with uv, unless there is one that works."""
    if VENV_PYTHON.exists() and subprocess.run([VENV_PYTHON, "-c", ""], check=False).returncode == 0:
        return
    if not succeeds([BOOTSTRAP / "bin" / "uv", "venv", "--quiet", "--clear", "--python", sys.executable, ".venv"]):
        raise SetupRefused("uv could not make .venv; its message is above.")


def install(lock: str) -> None:
    """Install what the lock file pins, and this project as it stands in the tree.

    uv takes seconds. Where it fails pip takes over: only pip reads this machine's own settings (mirror, certificates).
    """
    locked = ["--require-hashes", "-r", lock]
    project = ["--no-deps", "--no-build-isolation", "--editable", "."]
    uv: list[str | Path] = [BOOTSTRAP / "bin" / "uv", "pip", "install", "--quiet", "--python", VENV_PYTHON]
    if succeeds([*uv, *locked]) and succeeds([*uv, *project]):
        return
    print("uv could not install everything; trying again with pip, which takes about a minute.", file=sys.stderr)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", VENV_PYTHON, "install", "--quiet"]
    if not (succeeds([*pip, *locked]) and succeeds([*pip, *project])):
        raise SetupRefused(f"Neither uv nor pip could install {lock}; their messages are above.")


def main() -> None:
    """Bring `.venv` in step with the lock file named on the command line."""
    try:
        check_python()
        pip_install_aside("uv.txt", BOOTSTRAP)
        make_venv()
        install(sys.argv[1])
    except SetupRefused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
