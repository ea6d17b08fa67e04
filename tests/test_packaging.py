"""The four packages have common names: each must be ours, whole, and shipped; nothing committed may name an index."""

import os
import subprocess
import sys
import zipfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGES: Final = ("models", "services", "flows", "deployments")
LOCKS: Final = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-bench.txt",
    "deployments/setup/uv.txt",
    "deployments/setup/node.txt",
)


def files_we_installed() -> set[Path]:
    try:
        return {Path(str(file.locate())).resolve() for file in distribution("relais").files or ()}
    except PackageNotFoundError:
        return set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_regular_and_ours(package: str) -> None:
    file = import_module(package).__file__

    assert file is not None, f"{package} has lost its __init__.py: did another distribution remove it?"
    assert Path(file).resolve() == ROOT / package / "__init__.py" or Path(file).resolve() in files_we_installed()


@pytest.mark.filterwarnings("ignore")  # other distributions' metadata are not ours to mend
def test_no_other_distribution_claims_our_names() -> None:
    owners = packages_distributions()

    assert {package: set(owners.get(package, ())) - {"relais"} for package in PACKAGES} == {
        package: set() for package in PACKAGES
    }


def test_the_wheel_carries_every_file_of_the_four_packages(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)

    in_tree = {
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }
    (wheel,) = tmp_path.glob("*.whl")
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("relais-")}
    assert in_wheel == in_tree


def test_prefects_server_can_be_made_with_the_locked_fastapi(tmp_path: Path) -> None:
    code = "from prefect.server.api.server import create_app; create_app()"
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True, timeout=100
    )

    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_python_lock_pins_by_hash_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "--hash=sha256:" in text
    assert "--index" not in text
    assert "://" not in text


def test_the_node_lock_pins_by_hash_and_names_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text()

    assert '"integrity": "sha512-' in text
    assert '"resolved"' not in text
