"""Fuzz one target of `fuzz_targets` with atheris, guided by coverage.

    pip install atheris      # CPython up to 3.13
    python tests/support/fuzz.py signal.csv -max_total_time=60
    python tests/support/fuzz.py     # lists the targets

Arguments after the target are those of libFuzzer.  Input that fails is saved as ``crash-*``.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["specsr", "yaml"]):
    from fuzz_targets import seeds, targets

MEMORY = 8 << 30
"""Limit of the address space, bytes; torch alone maps several GB."""


def main() -> None:
    """Write the valid file of a target into a corpus and run libFuzzer on it."""
    if len(sys.argv) < 2 or sys.argv[1] not in seeds():
        sys.exit(f"usage: fuzz.py TARGET [-max_total_time=60 ...]; one of {', '.join(seeds())}")
    name = sys.argv.pop(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        (corpus / "seed").write_bytes(seeds()[name])
        atheris.Setup([*sys.argv, str(corpus), "-timeout=20"], targets(Path(folder))[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
