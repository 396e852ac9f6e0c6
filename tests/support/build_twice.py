"""Build the wheel twice from copies of the sources with other times; print both checksums.

Run as ``python tests/support/build_twice.py``; exits with 1 if the wheels differ.  ``--isolated``
lets pip fetch setuptools; otherwise that of this environment is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "specsr")


def build(folder: Path, seconds: int, isolated: bool) -> Path:
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
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--disable-pip-version-check",
         *([] if isolated else ["--no-build-isolation"]), "-w", folder, source],
        check=True, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    [wheel] = folder.glob("*.whl")
    return wheel


def checksums(isolated: bool = False) -> list[str]:
    """Return the SHA-256 of two wheels, from sources of 2001 and of 2020."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = [build(Path(folder) / str(t), t, isolated) for t in (10**9, 1_600_000_000)]
        return [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]


if __name__ == "__main__":
    found = checksums("--isolated" in sys.argv)
    print(*found, sep="\n")
    sys.exit(len(set(found)) != 1)
