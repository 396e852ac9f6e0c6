"""Build the wheel twice from copies of the sources with other times; print both checksums.

Run as ``python tests/support/build_twice.py``; exits with 1 if the wheels differ.  ``--isolated``
lets pip fetch setuptools; otherwise that of this environment is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "specsr")


def build(folder: Path, seconds: int, environment: dict[str, str]) -> Path:
    """Return the wheel built in ``folder`` from a copy whose files all have one time."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in PARTS:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    for path in [source, *source.rglob("*")]:
        os.utime(path, (seconds, seconds))
    # as pip does it
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    _run(["-c", code, str(folder)], environment, source)
    [wheel] = folder.glob("*.whl")
    return wheel


def _run(words: list[str], environment: dict[str, str], folder: Path) -> None:
    subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def requirements() -> list[str]:
    """Return what a build of the wheel asks for."""
    found = re.search(r"^requires = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.M)
    assert found
    return json.loads(found[1])


def checksums(isolated: bool = False) -> list[str]:
    """Return the SHA-256 of two wheels, from sources of 2001 and of 2020."""
    # neither the time of the files nor the coverage of the tests matters to a build
    left_out = ("SOURCE_DATE_EPOCH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    environment = {k: v for k, v in os.environ.items() if k not in left_out}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if isolated:  # fetched once for both
            tools = str(folder / "tools")
            _run(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile",
                  "--target", tools, *requirements()], environment, folder)  # fmt: skip
            environment["PYTHONPATH"] = tools
        wheels = [build(folder / str(t), t, environment) for t in (10**9, 1_600_000_000)]
        return [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]


if __name__ == "__main__":
    found = checksums("--isolated" in sys.argv)
    print(*found, sep="\n")
    sys.exit(len(set(found)) != 1)
